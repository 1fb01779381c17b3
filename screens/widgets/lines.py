"""Lines of styled text that repaint only where they changed.

A widget of Textual is repainted as a whole, which costs up to a hundred times the bytes of the line that changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

Span = tuple[str, str]
"""A text without control characters, and the name of its style: one of STYLES, or empty."""
Line = tuple[Span, ...]

STYLES = ("good", "warn", "bad", "dim", "strong", "title", "accent", "head", "cursor")


class Lines(ScrollView, can_focus=False):
    """Shows lines; shown again, it compares first and repaints those that differ."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"lines--{name}" for name in STYLES}
    DEFAULT_CSS = """
    Lines {
        height: auto; overflow-x: hidden; overflow-y: hidden; scrollbar-size: 0 0;
        & > .lines--good { color: $text-success; }
        & > .lines--warn { color: $text-warning; }
        & > .lines--bad { color: $text-error; text-style: bold; }
        & > .lines--dim { color: $foreground 55%; }
        & > .lines--strong { text-style: bold; }
        & > .lines--title { color: $primary; text-style: bold; }
        & > .lines--accent { color: $primary; }
        & > .lines--head { color: $foreground 55%; }
        & > .lines--cursor { background: $primary 25%; }
    }
    """

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = tuple(lines)
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
        for at, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh_at(at)

    def refresh_at(self, at: int) -> None:
        """Repaint one line, if it is in view."""
        y = at - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

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
        return self.get_component_rich_style(f"lines--{name}") if name else self.rich_style
