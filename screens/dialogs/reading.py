"""A long text over the view: a diff, an object as YAML."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from homelab.observe.text import clean
from screens.widgets.lines import Line, Lines
from screens.widgets.reading import Reading

STYLES = {"+": "good", "-": "bad", "@": "dim"}
"""Of the lines of a diff."""


class Read(ModalScreen[bool]):
    """Scrolled by keys; any way out leads back. The answer: whether enter was pressed, where that does more."""

    CSS_PATH = "reading.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,d", "dismiss(False)", show=False),
        Binding("enter", "go_on", show=False),
    ]

    def __init__(self, title: str, text: str, enter: str = "") -> None:
        """`enter`: what it does, in a word, where it does more than lead back."""
        super().__init__()
        self._enter = enter
        self._head, self._reading = Lines([((f" {clean(title)}", "title"),)], classes="title"), Reading()
        self._reading.show_text(lines(text))

    def compose(self) -> ComposeResult:
        """What it is, the text, and how to leave."""
        yield self._head
        yield self._reading
        more: Line = ((" enter", "accent"), (f" {self._enter} ", "dim")) if self._enter else ()
        keys = (*more, (" esc", "accent"), (" back  ", "dim"), ("↑ ↓ ← →", "accent"), (" scroll", "dim"))
        yield Lines([keys], classes="keys")

    def action_go_on(self) -> None:
        """Enter."""
        self.dismiss(bool(self._enter))

    def on_mount(self) -> None:
        """The keys are the text's."""
        self._reading.focus()


def lines(text: str) -> list[Line]:
    """Coloured as a diff; tabs and control signs are not the terminal's to act on."""
    found = (clean(line) for line in text.split("\n"))
    return [((" ", ""), (line, STYLES.get(line[:1], ""))) for line in found]
