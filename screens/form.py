"""What every form has: lines on top, fields and parts between, the hint and the keys below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer, Vertical
from textual.events import DescendantFocus, Resize
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input

from homelab.setup.fields import Field
from screens.board import HIGH, TALL, View
from screens.scene import Said, Scene
from screens.widgets import hints
from screens.widgets.bars import said
from screens.widgets.form import Entry
from screens.widgets.lines import Line, Lines, Span
from screens.widgets.patch_table import PatchTable
from screens.widgets.reading import Reading

HINT, TALL_HINT, LOW_HINT = 3, 5, 1
"""Lines of the hint, on an ordinary terminal, on a tall and on a low one: always as many, so that nothing jumps."""


class Fields(ScrollableContainer, can_focus=False, inherit_bindings=False):
    """What does not fit is scrolled by the cursor alone: arrows go from field to field on every terminal."""


class Form(View):
    """A view to fill in; its file says which fields and parts there are, and what is said of them."""

    SERVICE: ClassVar[str]
    """Is told what is answered."""
    AUTO_FOCUS: ClassVar[str | None] = ""
    CSS_PATH: ClassVar[CSSPathType | None] = "form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", show=False),
        Binding("escape", "go_back", show=False),
        Binding("f2", "suggest", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def compose(self) -> ComposeResult:
        """Top, fields, parts, hint."""
        self._top, self._hint, self._foot = Lines(classes="top"), Lines(classes="hint"), Lines(classes="foot")
        self._entries = [Entry(self.SERVICE, field) for field in self.fields]
        self._note: Span | None = None
        """What became of the last key, until the next."""
        yield self._top
        with Fields(classes="form"):
            yield from self._entries
            yield from self.compose_parts()
        with Vertical(classes="bottom"):
            yield self._hint
            yield self._foot

    @property
    def fields(self) -> Sequence[Field]:
        """What is asked here."""
        return ()

    @property
    def is_form(self) -> bool:
        """Digits are answers here."""
        return True

    @property
    def names(self) -> str:
        """Colons are text in fields."""
        return "ctrl+p"

    def compose_parts(self) -> Iterable[Widget]:
        """What is below the fields."""
        return ()

    def sentences(self, scene: Scene) -> Sequence[Span]:
        """The hint, the most important first."""
        return ()

    def keys(self, width: int) -> Line:
        """What can be pressed."""
        return ()

    def suggestion(self, path: str) -> str | None:
        """What F2 takes for a field: None where there is nothing else than what stands there."""
        return None

    # Drawing

    @on(DescendantFocus)
    @on(PatchTable.Pointed)
    def _turned(self) -> None:
        self._note = None
        self._show_hint(self._scene())

    @on(Reading.Copied)
    def _told_of_copy(self) -> None:
        self._say(hints.COPIED)

    def _say(self, note: Span) -> None:
        """What became of a key: in the place of the help, until the cursor moves."""
        self._note = note
        self._show_hint(self._scene())

    def _show_hint(self, scene: Scene) -> None:
        width, height = self.size
        rows = TALL_HINT if height >= TALL else HINT if height >= HIGH else LOW_HINT
        self._hint.show_lines([hints.rule(width), *hints.block(self.sentences(scene), rows, width)])
        self._foot.show_lines(self._feet(scene.said, width))

    def _feet(self, told: Said | None, width: int) -> list[Line]:
        return said(told, width) if told else [self.keys(width)]

    @property
    def _entry(self) -> Entry | None:
        """The one with the cursor."""
        return next((one for one in self._entries if one.control is self.focused), None)

    def on_mount(self) -> None:
        """The first face, and again when every part is there."""
        super().on_mount()
        self.call_after_refresh(lambda: self.show(self._scene()))

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        super().on_resize(event)
        self.call_after_refresh(lambda: self.show(self._scene()))

    # Doing

    @on(Input.Submitted)
    def action_go_on(self) -> None:
        """All that was typed before is judged."""
        self._go_on()

    def _go_on(self) -> None:
        """What enter does."""

    def action_go_back(self) -> None:
        """What escape does."""

    def action_suggest(self) -> None:
        """Take what is proposed for the field."""
        if (entry := self._entry) and (proposed := self.suggestion(entry.field.path)) is not None:
            entry.control.take(proposed)
