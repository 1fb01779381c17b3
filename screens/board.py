"""The frame of every screen that stays: status line, panes, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import ClassVar

from textual.app import ComposeResult
from textual.css.query import QueryType
from textual.events import Resize
from textual.screen import Screen
from textual.types import CSSPathType
from textual.widget import Widget

from screens.commands import COMMANDS, Command
from screens.scene import Scene
from screens.widgets.bars import KeyLine, StatusLine
from screens.widgets.pane import Pane
from screens.widgets.patch_table import PatchTable

WIDE = 110
"""Columns from which on panes stand side by side."""
HIGH = 20
"""Lines from which on there is room for more than tables."""
TALL = 32
"""Lines from which on there is room between panes."""


class Board(Screen[None]):
    """Shows scenes while it is the one in front; unseen it costs nothing."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high"), (TALL, "-tall")]  # noqa: RUF012
    CSS_PATH: ClassVar[CSSPathType | None] = "board.tcss"

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__()
        self._command, self._scene = command, scene
        self._status = StatusLine()
        self._moved = False
        """Whether a person chose the pane that has the cursor."""

    def compose(self) -> ComposeResult:
        """Status, body, keys."""
        yield self._status
        yield from self.compose_body()
        yield KeyLine(COMMANDS, self._command.id)

    def compose_body(self) -> Iterable[Widget]:
        """What is between the first and the last line."""
        return ()

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        self._status.show(scene)
        for pane in self.query(Pane):
            pane.show(scene)
        self._keep_a_cursor()
        self.call_after_refresh(self._keep_in_view)

    def _keep_in_view(self) -> None:
        """On a low terminal, also when the pane with the cursor has got rows since it was chosen."""
        if self.max_scroll_y and isinstance(self.focused, PatchTable):
            self.scroll_to_widget(self.focused, animate=False, force=True)

    def _keep_a_cursor(self) -> None:
        """The first table with rows has it, whichever came first; one chosen by hand, as long as it has rows."""
        if self._moved and isinstance(self.focused, PatchTable) and self.focused.pointed:
            return
        if (table := next((one for one in self.query(PatchTable) if one.pointed), None)) and table is not self.focused:
            table.focus()

    def focus_next(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """The next pane, by hand."""
        self._moved = True
        return super().focus_next(selector)

    def focus_previous(self, selector: str | type[QueryType] = "*") -> Widget | None:
        """The pane before, by hand."""
        self._moved = True
        return super().focus_previous(selector)

    def on_resize(self, event: Resize) -> None:
        """Textual lays out every size that it is told, and two at once, below the help, chase each other for ever."""
        if event.size != self.app.size:
            event.prevent_default()

    def on_mount(self) -> None:
        """The first face."""
        self.show(self._scene())

    def on_screen_resume(self) -> None:
        """Something may have changed while another screen was in front."""
        if self.is_mounted:
            self.show(self._scene())


def named(path: str) -> Callable[..., object]:
    """The class of a `module:Class`, imported now."""
    module, _, name = path.partition(":")
    found: Callable[..., object] = getattr(import_module(module), name)
    return found


def pane_named(path: str) -> Pane:
    """The pane of a `module:Class`."""
    made = named(path)()
    assert isinstance(made, Pane)
    return made
