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
from screens.commands import COMMANDS, MOVES_HELP, PALETTE, Command, name_of, sign
from screens.widgets.definitions import definitions
from screens.widgets.lines import Line, Lines

SIGNS = (
    ("●", "live: what you see is what there is"),
    ("▲", "stale, pending or partly served: the sentence below says why"),
    ("✗", "broken or refused: the sentence says why and what to do"),
    ("○", "not there yet, or still being asked for"),
    ("▸", "where the cursor is"),
    ("▾", "there is more below"),
)
MAP = (
    *((use.value, name) for use, name in LEGEND),
    (Use.FREE.value, "free"),
    ("+4", "so many more lines look like this one"),
)


class Help(ModalScreen[None]):
    """Over whatever was in front."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q,enter", "dismiss", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._text = Lines()

    def compose(self) -> ComposeResult:
        """The text, scrolled with the arrows where it is longer than the screen."""
        with VerticalScroll():
            yield self._text
        yield Lines([((" esc", "accent"), (" back  ", "dim"), ("↑ ↓", "accent"), (" scroll", "dim"))])

    def on_resize(self, event: Resize) -> None:
        """Another width: other lines."""
        self._text.show_lines(help_lines(COMMANDS, event.size.width - 4))


def help_lines(commands: Sequence[Command], width: int) -> list[Line]:
    """The whole text."""
    return [
        (("Keys", "title"),),
        *definitions([*((key_words(one), one.help) for one in commands if one.key), *MOVES_HELP], width, "accent"),
        (),
        (("Signs", "title"),),
        *definitions(SIGNS, width, "strong"),
        (),
        (("Address map", "title"),),
        *definitions(MAP, width, "strong"),
        (),
        ((f"By name, with {sign(PALETTE)}", "title"),),
        *definitions([(name_of(one), one.help) for one in commands if not one.key], width, "accent"),
        (),
        (("Without a screen", "title"),),
        *definitions([("homelab-tui status", "the same as text, with --json as one object")], width, "accent"),
    ]


def key_words(command: Command) -> str:
    """Every key of a command."""
    return " ".join((sign(command), *command.keys))
