"""Lines of styled text that repaint only where they changed.

A widget of Textual is repainted as a whole, which costs up to a hundred times the bytes of the line that changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.theme import Theme

from homelab.observe.text import cells

Span = tuple[str, str]
"""A text without control characters, and the name of its style: one of `styles`, or empty."""
Line = tuple[Span, ...]

COLORS = frozenset({"foreground", "background", "primary", "success", "warning", "error"})
"""Variables of the theme."""
FAINT = 0.24
"""How much of the background shows through what is less important."""
LIT = 0.18
"""How much of the main colour the background of the cursor has."""


def length(line: Iterable[Span]) -> int:
    """Columns."""
    return sum(cells(text) for text, _ in line)


class Lines(ScrollView, can_focus=False):
    """Shows lines; shown again, it compares first and repaints those that differ."""

    DEFAULT_CSS = "Lines { height: auto; overflow-x: hidden; overflow-y: hidden; scrollbar-size: 0 0; }"

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = tuple(lines)
        self._waits = False
        """Whether lines of ours are to be repainted and are not yet."""
        self.virtual_size = Size(0, len(self._lines))

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show these from now on; only lines that differ are sent to the terminal."""
        before, self._lines = self._lines, tuple(lines)
        if len(before) != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))
            self.refresh(layout=True)
            return
        if not (self._repaint_required or self._waits):
            super()._exchange_repaint_regions()  # Textual keeps what a new layout has painted, and would send it again
        for at, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh_at(at)

    def refresh_at(self, at: int) -> None:
        """Repaint one line, if it is in view."""
        y = at - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh_row(y)

    def refresh_row(self, y: int) -> None:
        """Repaint one line of the widget as it is on the screen."""
        self._waits = True
        self.refresh(Region(0, y, self.size.width, 1))

    def _exchange_repaint_regions(self) -> Collection[Region]:
        """Textual takes what it is about to paint."""
        self._waits = False
        return super()._exchange_repaint_regions()

    def render_line(self, y: int) -> Strip:
        """One line of the screen; Textual asks for those it needs."""
        return self.strip(y + self.scroll_offset.y)

    def strip(self, at: int) -> Strip:
        """A line, as wide as the widget."""
        base = self.rich_style
        line = self._lines[at] if at < len(self._lines) else ()
        found = [Segment(text, self.styled(name)) for text, name in line]
        return Strip(found).adjust_cell_length(self.size.width, base)

    def styled(self, name: str) -> Style:
        """The style of a name, over the widget's own."""
        if not name:
            return self.rich_style
        if (known := _STYLES.get(self.app.theme)) is None:
            known = _STYLES[self.app.theme] = styles(self.app.current_theme)
        return self.rich_style + known[name]


OF_TERMINAL: Mapping[str, Style] = {
    "good": Style(color="green"),
    "warn": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
    "dim": Style(dim=True),
    "head": Style(dim=True),
    "strong": Style(bold=True),
    "title": Style(color="cyan", bold=True),
    "accent": Style(color="cyan"),
    "cursor": Style(reverse=True),
}
"""By names that the terminal has its own colours for."""
_STYLES: dict[str, Mapping[str, Style]] = {}
"""By theme; component classes would be matched anew for each widget, time after time before the first row."""


def styles(theme: Theme) -> Mapping[str, Style]:
    """The style of every name."""
    if theme.ansi:
        return OF_TERMINAL
    found = {name: Color.parse(value) for name, value in theme.to_color_system().generate().items() if name in COLORS}
    ground = found["background"]
    dim = found["foreground"].blend(ground, FAINT)
    return {
        "good": Style(color=found["success"].rich_color),
        "warn": Style(color=found["warning"].rich_color),
        "bad": Style(color=found["error"].rich_color, bold=True),
        "dim": Style(color=dim.rich_color),
        "head": Style(color=dim.rich_color),
        "strong": Style(bold=True),
        "title": Style(color=found["primary"].rich_color, bold=True),
        "accent": Style(color=found["primary"].rich_color),
        "cursor": Style(bgcolor=ground.blend(found["primary"], LIT).rich_color),
    }
