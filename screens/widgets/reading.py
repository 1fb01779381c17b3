"""Text that may be longer and wider than its place: scrolled by keys, and copied through the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.events import Blur, Focus, Resize
from textual.message import Message
from textual.strip import Strip

from screens.widgets.lines import Line, Lines, length

STEP = 8
"""Columns that one key moves the text."""
MARK = "▸"
MORE = "▾"
CUT = "…"
"""A line goes on to the right."""


class Reading(Lines, can_focus=True):
    """Lines as they are, never wrapped: they may be commands to paste. The first column is for the cursor's mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_by(-1)", show=False),
        Binding("down,j", "scroll_by(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("home,g", "scroll_by(-1_000_000)", show=False),
        Binding("end,G", "scroll_by(1_000_000)", show=False),
        Binding("left,h", "shift(-1)", show=False),
        Binding("right,l", "shift(1)", show=False),
        Binding("c", "copy", show=False),
    ]

    class Copied(Message):
        """What can be copied went to the terminal's clipboard, as far as the terminal has one."""

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._left = 0
        self._is_text = True
        self.copied = ""
        """What `c` copies; empty: nothing."""

    def show_text(self, lines: Sequence[Line], copied: str = "", *, is_text: bool = True) -> None:
        """Show these lines; `c` copies that text. `is_text`: whether it is what is read, and no word about it."""
        self.copied, self._is_text = copied, is_text
        is_longer = len(lines) != len(self.lines)
        self.show_lines(lines)
        self._waits |= is_longer  # its place stays, so no new layout paints it: what waits must not be dropped
        self._stay_inside()

    def _stay_inside(self) -> None:
        """Where the text, or its place, has become another one."""
        if self.scroll_offset.y > self._lowest:
            self._scroll(self._lowest)
        widest = max(map(length, self.lines), default=0)
        self._left = max(min(self._left, widest - self.size.width + 1), 0)

    @property
    def _lowest(self) -> int:
        return max(len(self.lines) - self.size.height, 0)

    def _scroll(self, to: int) -> None:
        self.scroll_to(y=to, animate=False, immediate=True, force=True)

    def show_at(self, line: int) -> None:
        """Scroll until this line is the first in view, as far as there are lines."""
        self._scroll(max(0, min(line, self._lowest)))

    def action_scroll_by(self, by: int) -> None:
        """Up or down."""
        self._scroll(max(0, min(self.scroll_offset.y + by, self._lowest)))

    def action_page(self, by: int) -> None:
        """By as many lines as are in view."""
        self.action_scroll_by(by * max(1, self.size.height - 1))

    def action_shift(self, by: int) -> None:
        """Left or right, where a line is wider than its place."""
        before = self._left
        self._left = max(0, self._left + by * STEP)
        self._stay_inside()
        if self._left != before:
            self.refresh()

    def action_copy(self) -> None:
        """To the clipboard of the terminal, over SSH too. Source: OSC 52; some terminals have none."""
        if self.copied:
            self.app.copy_to_clipboard(self.copied)
            self.post_message(self.Copied())

    def strip(self, at: int) -> Strip:
        """A line, from the column on to which it was moved."""
        base, width = self.rich_style, self.size.width
        line = self.lines[at] if at < len(self.lines) else ()
        found = Strip([Segment(text, self.styled(name)) for text, name in line])
        if length(line) > self._left + width > 1:
            return Strip.join(
                [found.crop(self._left, self._left + width - 1), Strip([Segment(CUT, self.styled("dim"))])]
            )
        return found.crop(self._left, self._left + width).adjust_cell_length(width, base)

    def render_line(self, y: int) -> Strip:
        """One line of the screen; the first tells of the cursor, the last that there is more."""
        if y == self.size.height - 1 > 0 and self.scroll_offset.y < self._lowest:
            left = len(self.lines) - y - self.scroll_offset.y
            said = Segment(f"  {MORE} {left} more lines", self.styled("dim"))
            return Strip([said]).adjust_cell_length(self.size.width, self.rich_style)
        found = super().render_line(y)
        if y == 0 and self.has_focus and self._is_text:
            return Strip.join([Strip([Segment(MARK, self.styled("accent"))]), found.crop(1)])
        return found

    def on_resize(self, event: Resize) -> None:
        """Another size: another part."""
        self._stay_inside()

    def on_focus(self, event: Focus) -> None:
        """The mark appears."""
        self.refresh_row(0)

    def on_blur(self, event: Blur) -> None:
        """The mark goes."""
        self.refresh_row(0)
