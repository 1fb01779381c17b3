"""Everything that can be done now, by name: typed letters choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input

from homelab.observe.text import cells, padded, shortened
from screens.commands import STEPS, Command, name_of, sign
from screens.widgets.lines import Line, Lines, Span, length

NONE = "No command has that in its name."
KEYS: tuple[tuple[str, str], ...] = (("↑ ↓", "choose"), ("enter", "do it"), ("esc", "back"))
MOST = 14
"""Commands in view."""
GAP = "  "
MARK = "   "
KEY = 6
"""Columns of a key: `ctrl+r` is the longest."""


class Palette(ModalScreen[str | None]):
    """Over the lower part of a view. The answer: the id of a command."""

    CSS_PATH = "palette.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down,tab", "move(1)", show=False),
        Binding("escape,ctrl+p", "dismiss(None)", show=False),
    ]

    def __init__(self, commands: Sequence[Command], typed: str = "") -> None:
        super().__init__()
        self._commands, self._at = list(commands), 0
        self._input = Input(typed, compact=True, select_on_focus=False)
        self._input.cursor_blink = False
        self._list, self._keys = Lines(), Lines([keys()])
        self._show()  # before it is painted for the first time

    def add(self, commands: Sequence[Command]) -> None:
        """Further ones, below the others."""
        self._commands += commands
        if self.is_attached:
            self._show()

    def compose(self) -> ComposeResult:
        """A line to type in, the list, the keys."""
        with Vertical():
            with Horizontal():
                yield Lines([((" : ", "accent"),)], classes="prompt")
                yield self._input
            yield self._list
            yield self._keys

    def on_mount(self) -> None:
        """Typing goes there."""
        self._input.focus()

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other letters, other commands."""
        self._at = 0
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do what is marked."""
        if found := matching(self._commands, self._input.value):
            self.dismiss(found[self._at].id)

    def action_move(self, by: int) -> None:
        """The next one, or the one before."""
        if found := matching(self._commands, self._input.value):
            self._at = (self._at + by) % len(found)
            self._show()

    def _show(self) -> None:
        width, height = self.app.size
        rows = max(min(MOST, height - 3, len(self._commands)), 1)
        found = matching(self._commands, self._input.value)
        self._list.show_lines(listed(found, self._at, rows, width))


def matching(commands: Sequence[Command], typed: str) -> list[Command]:
    """Those with every typed word in name or help; those with all in the name first."""
    words = typed.lower().split()
    found = [one for one in commands if all(word in f"{name_of(one)} {one.help}".lower() for word in words)]
    return sorted(found, key=lambda one: not all(word in name_of(one).lower() for word in words))


def listed(found: Sequence[Command], at: int, rows: int, width: int) -> list[Line]:
    """So many lines, those around the marked one; always as many, so that nothing jumps."""
    if not found:
        return [((f"   {NONE}", "dim"),), *([()] * (rows - 1))]
    first = max(0, min(at - rows + 1, len(found) - rows))
    shown = [line(one, number == at, width) for number, one in enumerate(found)][first : first + rows]
    return [*shown, *([()] * (rows - len(shown)))]


def line(command: Command, here: bool, width: int) -> Line:
    """Mark, name, key, and as much of the sentence as there is room for."""
    room = max(map(cells, map(name_of, STEPS)))
    key = shortened(sign(command), KEY)
    name: list[Span] = [(padded(name_of(command), room), "strong"), (f"{GAP}{padded(key, KEY)}", "accent")]
    left = width - len(MARK) - length(name) - len(GAP) - 1
    told = f"{GAP}{shortened(command.help, left)}" if left > 0 else ""
    if here:
        whole = f"{''.join(text for text, _ in name)}{told}"
        return ((" ▸ ", "accent"), (padded(whole, width - len(MARK)), "cursor"))
    return ((MARK, ""), *name, (told, "dim"))


def keys() -> Line:
    """What can be pressed."""
    return tuple(span for key, what in KEYS for span in ((f" {key}", "accent"), (f" {what} ", "dim")))
