"""What the keys do and what the signs mean, made from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen

from homelab.observe.addresses import LEGEND, Use
from screens.commands import COMMANDS, name_of
from screens.widgets.definitions import definitions
from screens.widgets.lines import Line, Lines

SIGNS = (
    ("●", "live: what you see is what there is"),
    ("▲", "stale, pending or partly served: the sentence below says why"),
    ("✗", "broken or refused: the sentence says why and what to do"),
    ("○", "not there yet, or still being asked for"),
    ("▸", "where the cursor is"),
    ("▾", "there is more below; in a head: sorted by this column, the last one first"),
    ("▴", "in a head: sorted by this column"),
)
MAP = (
    *((use.value, name) for use, name in LEGEND),
    (Use.FREE.value, "free"),
    ("+4", "so many more lines look like this one"),
)
Sections = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Titles, and below each of them keys with what they do."""
SIDE = 2
"""Columns left and right of the text."""


class Help(ModalScreen[None]):
    """Over whatever was in front."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q,enter", "dismiss", show=False)]

    def __init__(self, keys: Sections, names: str) -> None:
        """`keys`: those of the view in front; `names`: the one among them that opens the palette."""
        super().__init__()
        self._pressed, self._names = keys, names
        self._text = Lines()

    def compose(self) -> ComposeResult:
        """The text, scrolled with the arrows where it is longer than the screen."""
        self._show(self.app.size.width)  # before it is painted for the first time
        with VerticalScroll():
            yield self._text
        yield Lines([((" esc", "accent"), (" back  ", "dim"), ("↑ ↓", "accent"), (" scroll", "dim"))])

    def on_resize(self, event: Resize) -> None:
        """Another width: other lines."""
        self._show(event.size.width)

    def _show(self, width: int) -> None:
        self._text.show_lines(help_lines(self._pressed, self._names, width - 2 * SIDE))


def help_lines(keys: Sections, names: str, width: int) -> list[Line]:
    """The whole text."""
    return [
        *(line for title, pairs in keys for line in (((title, "title"),), *definitions(pairs, width, "accent"), ())),
        (("Signs", "title"),),
        *definitions(SIGNS, width, "strong"),
        (),
        (("Address map", "title"),),
        *definitions(MAP, width, "strong"),
        (),
        ((f"By name, with {names}", "title"),),
        *definitions([(name_of(one), one.help) for one in COMMANDS if not (one.key or one.is_inner)], width, "accent"),
        (),
        (("Without a screen", "title"),),
        *definitions([("homelab-tui status", "the same as text, with --json as one object")], width, "accent"),
    ]
