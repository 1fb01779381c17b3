"""A line to type in at the foot of a view: the table above shows what passes, letter by letter."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen

from screens.widgets.form import Text
from screens.widgets.lines import Lines


class Filter(ModalScreen[None]):
    """Enter keeps what is typed, esc takes it away."""

    CSS_PATH = "filtering.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "empty", show=False)]

    def __init__(self, text: str, tell: Callable[[str], None]) -> None:
        """`tell` is told what stands in the line, whenever that is another text."""
        super().__init__()
        self._tell = tell
        self._input = Text(classes="typed")
        self._input.take(text)

    def compose(self) -> ComposeResult:
        """Sign, line, keys."""
        with Horizontal():
            yield Lines([((" / ", "accent"),)], classes="prompt")
            yield self._input
            yield Lines(
                [((" enter", "accent"), (" keep ", "dim"), (" esc", "accent"), (" all ", "dim"))], classes="keys"
            )

    def on_mount(self) -> None:
        """Typing goes there."""
        self._input.focus()

    def on_input_changed(self, event: Text.Changed) -> None:
        """Other letters, other rows."""
        self._tell(event.value)

    def on_input_submitted(self, event: Text.Submitted) -> None:
        """It stays."""
        self.dismiss()

    def action_empty(self) -> None:
        """Every row again."""
        self._tell("")
        self.dismiss()
