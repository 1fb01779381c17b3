"""The frame of every screen that stays: status line, panes, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.css.query import QueryType
from textual.events import DescendantFocus, Resize
from textual.geometry import Spacing
from textual.reactive import Reactive
from textual.screen import ModalScreen, Screen
from textual.types import CSSPathType
from textual.widget import Widget

from homelab.ports import Ref
from screens import tables
from screens.commands import COMMANDS, HOME, MOVES_HELP, PALETTE, ROWS, TABLES, Command, key_words, sign
from screens.messages import Wished
from screens.scene import Scene
from screens.widgets.bars import KeyLine, StatusLine
from screens.widgets.pane import Pane, TablePane
from screens.widgets.patch_table import PatchTable

WIDE = 110
"""Columns from which on panes stand side by side."""
HIGH = 20
"""Lines from which on there is room for more than tables."""
TALL = 32
"""Lines from which on there is room between panes."""
BARS = Spacing(top=1, bottom=1)
"""The first and the last line, which cover what is scrolled below them."""


class View(Screen[None]):
    """What is drawn from scenes, while it is the one in front; unseen it costs nothing."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high"), (TALL, "-tall")]  # noqa: RUF012
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)
    """Textual's own would paint the whole screen anew whenever the cursor goes elsewhere."""

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__()
        self._command, self._scene = command, scene

    @property
    def is_form(self) -> bool:
        """Whether digits are answers here, and open no other view."""
        return False

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""

    def pressed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Every key that does something here, with a sentence: under titles, what is in front first."""
        here = self.pane
        own = [one for one in COMMANDS if one.key and self._is_of(one, here)]
        rest = [one for one in COMMANDS if one.key and one not in own and self._knows(one)]
        first = [(f"Keys of {here.TITLE}", [*map(_told, own), *MOVES_HELP])] if here else []
        return [*first, ("Keys everywhere" if here else "Keys", [*map(_told, rest), *(() if here else MOVES_HELP)])]

    def _knows(self, command: Command) -> bool:
        return not command.on or any(self._is_of(command, pane) for pane in self.query(TablePane))

    def _is_of(self, command: Command, pane: TablePane | None) -> bool:
        """Whether a command does something to a pane's rows."""
        if pane is None or not command.on:
            return False
        if command.on == TABLES:
            return not (pane.STEPS and command.id in (tables.SORT, tables.TURN))
        return command.on == path_of(pane) or (command.on == ROWS and pane.shows(command.id))

    @property
    def pane(self) -> TablePane | None:
        """The one with the cursor."""
        found = self.focused.parent if isinstance(self.focused, PatchTable) else None
        return found if isinstance(found, TablePane) else None

    def allows(self, id: str) -> bool:
        """Whether the key of a command means anything now."""
        one = next((one for one in COMMANDS if one.id == id and one.on == TABLES), None)
        return one is None or (self.pane is not None and tables.allows(id, self.pane))

    def treat(self, id: str) -> None:
        """Do something to the table with the cursor, whichever rows it has."""
        if (pane := self.pane) and tables.allows(id, pane):
            tables.act(id, pane, self, self._scene())

    @property
    def names(self) -> str:
        """The key of the palette here."""
        return sign(PALETTE)

    @property
    def pointed(self) -> str | None:
        """Key of the row under the cursor."""
        row = self.focused.pointed if isinstance(self.focused, PatchTable) else None
        return row.key if row else None

    @property
    def objects(self) -> tuple[Ref, ...]:
        """Those that the row under the cursor stands for."""
        return self.pane.objects(self.pointed or "", self._scene()) if self.pane else ()

    def do(self, id: str, row: str) -> None:
        """Something that asks for nothing but the view itself."""

    def offered(self) -> list[Command]:
        """What can be done now."""
        scene = self._scene()
        return [one for one in COMMANDS if not one.is_inner and (not one.on or self._offers(one, scene))]

    def _offers(self, command: Command, scene: Scene) -> bool:
        pane = self.focused.parent if self.pointed and self.focused else None
        if scene.read_only and command.writes:
            return False
        if command.on == TABLES:
            return self.allows(command.id)
        if command.on == ROWS:
            return bool(self.pointed and self.objects and self.pane and self.pane.shows(command.id))
        return path_of(pane) == command.on

    def on_resize(self, event: Resize) -> None:
        """Textual lays out every size that it is told, and two at once, below the help, chase each other for ever."""
        if event.size != self.app.size:
            event.prevent_default()

    def _compositor_refresh(self) -> None:
        """Below a dialog, Textual would paint all of a view with every message, once anything in it has changed."""
        super()._compositor_refresh()
        if self is not self.app.screen:
            self._repaint_required = False

    def on_mount(self) -> None:
        """The first face."""
        self.show(self._scene())

    def on_screen_resume(self) -> None:
        """Something may have changed while another screen was in front."""
        if self.is_mounted:
            self.show(self._scene())


class Board(View):
    """A view of panes."""

    CSS_PATH: ClassVar[CSSPathType | None] = "board.tcss"
    SERVICE: ClassVar[str | None] = None
    """The service that is told to `follow` while the view is in front, and to `leave` when another one is.

    Such a view has much to do: its footer has that before the rest, and no other view but home."""

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__(command, scene)
        self._status, self._keys = StatusLine(), KeyLine(command.id)
        self._is_here = False
        self._moved = False
        """Whether a person chose the pane that has the cursor."""

    def compose(self) -> ComposeResult:
        """Status, body, keys."""
        yield self._status
        yield from self.compose_body()
        yield self._keys

    def compose_body(self) -> Iterable[Widget]:
        """What is between the first and the last line."""
        return ()

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        self._status.show(scene)
        for pane in self.query(Pane):
            pane.show(scene)
        self._keep_a_cursor()
        self._show_keys()
        self.call_after_refresh(self._keep_in_view)

    @on(DescendantFocus)
    @on(PatchTable.Pointed)
    def _show_keys(self) -> None:
        """Those of the row under the cursor among them."""
        self._keys.show(self.footer(), self._scene().said)

    def treat(self, id: str) -> None:
        """Other rows, other keys, another share of the lines."""
        super().treat(id)
        self.show(self._scene())

    def footer(self) -> list[Command]:
        """What the last line offers, in its order."""
        found = [one for one in self.offered() if one.key and not one.is_quiet]
        if not self.SERVICE:
            return found
        own = [one for one in found if one.on]
        return [self._command, *own, *(one for one in found if one not in own and (one is HOME or not one.screen))]

    def come(self) -> None:
        """The view is in front again: a dialog that closes is no coming."""
        if self.SERVICE:
            self.post_message(Wished(self.SERVICE, "follow"))

    def on_screen_resume(self) -> None:
        """In front, perhaps again."""
        if not self._is_here:
            self._is_here = True
            self.come()

    def on_screen_suspend(self) -> None:
        """Behind a dialog, or behind another view."""
        if not isinstance(self.app.screen, ModalScreen):
            self._is_here = False
            self.go()

    def go(self) -> None:
        """Another view is in front."""
        if self.SERVICE:
            self.post_message(Wished(self.SERVICE, "leave"))

    @on(DescendantFocus)
    @on(PatchTable.Pointed)
    def _turned(self) -> None:
        self.call_after_refresh(self._keep_in_view)

    def _keep_in_view(self) -> None:
        """On a low terminal: the pane with the cursor, and of it before all the cursor's row."""
        if self.max_scroll_y and isinstance(self.focused, PatchTable) and isinstance(self.focused.parent, Pane):
            pane = self.focused.parent
            row = self.focused.pointed_region.translate(self.focused.virtual_region.offset)
            place = pane.virtual_region.offset
            for region in (pane.virtual_region, row.translate(place)):
                self.scroll_to_region(region, spacing=BARS, animate=False, force=True, immediate=True)

    def _keep_a_cursor(self) -> None:
        """The first table with rows has it, whichever came first; one chosen by hand, as long as it has rows."""
        if self._moved and isinstance(self.focused, PatchTable) and self.focused.pointed:
            return
        if self.pane and self.pane.lens.words:  # what passes the filter may come
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


def named(path: str) -> Callable[..., Any]:
    """The class or function of a `module:name`, imported now."""
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def _told(command: Command) -> tuple[str, str]:
    return key_words(command), command.help


def path_of(found: object) -> str:
    """The `module:Class` that something was made of."""
    return f"{type(found).__module__}:{type(found).__name__}"


def pane_named(path: str) -> Pane:
    """The pane of a `module:Class`, with the keys of what can be done to its rows."""
    made: Pane = named(path)()
    for command in sorted(COMMANDS, key=lambda one: one.on != TABLES):  # esc empties a filter before it leads back
        is_shown = command.on == ROWS and isinstance(made, TablePane) and made.shows(command.id)
        if (is_shown or command.on in (TABLES, path)) and command.key:
            made._bindings.bind(command.key, f"app.run('{command.id}')", show=False)
    return made
