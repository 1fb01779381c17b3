"""What a table is written to: which form, and which file."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import ModalScreen

from screens.dialogs.confirm import title as rule
from screens.dialogs.confirm import word
from screens.widgets.form import Text
from screens.widgets.lines import Line, Lines

FORMS = (("text", "txt"), ("JSON", "json"), ("CSV", "csv"))
"""Words, and how the names of their files end."""
KEYS = (("tab", "form"), ("enter", "write"), ("esc", "cancel"))


class Export(ModalScreen[tuple[str, str] | None]):
    """The answer: the form's ending, and the name of a file."""

    CSS_PATH = "exporting.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,down", "turn(1)", show=False, priority=True),
        Binding("shift+tab,up", "turn(-1)", show=False, priority=True),
        Binding("escape", "dismiss(None)", show=False),
    ]

    def __init__(self, title: str, name: str, rows: int, now: datetime) -> None:
        """`name`: what the file's begins with."""
        super().__init__()
        self._title, self._at = f"Write {title}: {rows} row{'' if rows == 1 else 's'}", 0
        self._rule, self._forms, self._keys = Lines(), Lines(), Lines([keys()])
        self._input = Text(classes="typed")
        self._input.take(f"{name.lower()}-{now.astimezone():%Y-%m-%d-%H%M%S}.{FORMS[0][1]}")

    def compose(self) -> ComposeResult:
        """Title, forms, name, keys."""
        self._show(self.app.size.width)  # before it is painted for the first time
        with Vertical():
            yield self._rule
            yield self._forms
            with Horizontal():
                yield Lines([(("   File  ", "dim"),)], classes="prompt")
                yield self._input
            yield self._keys

    def on_mount(self) -> None:
        """Typing goes to the name."""
        self._input.focus()

    def on_resize(self, event: Resize) -> None:
        """Another width: other lines."""
        self._show(event.size.width)

    def action_turn(self, by: int) -> None:
        """Another form; a name that ended like the one before ends like it."""
        before, self._at = FORMS[self._at][1], (self._at + by) % len(FORMS)
        if (name := self._input.value).endswith(f".{before}"):
            self._input.take(name.removesuffix(before) + FORMS[self._at][1])
        self._show(self.size.width)

    def on_input_submitted(self, event: Text.Submitted) -> None:
        """Write it; without a name there is nothing to write to."""
        if name := event.value.strip():
            self.dismiss((FORMS[self._at][1], name))

    def _show(self, width: int) -> None:
        self._rule.show_lines([rule(self._title, width)])
        spans = (span for at, (name, _) in enumerate(FORMS) for span in word(name, at == self._at))
        self._forms.show_lines([((" ", ""), *spans)])


def keys() -> Line:
    """What can be pressed."""
    return tuple(span for key, what in KEYS for span in ((f" {key}", "accent"), (f" {what} ", "dim")))
