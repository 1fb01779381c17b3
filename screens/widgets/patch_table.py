"""A table that repaints the rows that changed and nothing else."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Blur, Focus, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from homelab.observe.text import GAP, Head, Row, clean, fitted, padded, shortened, wrapped
from screens.widgets.lines import Line, Lines, length

MARGIN = "  "
POINTER = "▸ "
BELOW = "  "
MORE = "▾"
TELLING = 3
"""Lines of the table from which on its last one may say that there are more."""
STYLE_OF_SIGN = {"✓": "good", "▲": "warn", "✗": "bad", "?": "warn", "○": "dim", "-": "dim"}
NO_HEAD = Head(("",), drops=())


class PatchTable(Lines, can_focus=True):
    """Rows under a head that stays; the cursor keeps to its row when others come and go."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "move(-1_000_000)", show=False),
        Binding("end,G", "move(1_000_000)", show=False),
    ]

    class Pointed(Message):
        """The cursor is at another row, or its row has changed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._head = NO_HEAD
        self._rows: tuple[Row, ...] = ()
        self._none = ""
        self._widths: dict[int, int] = {}
        self._drawn: dict[Row, tuple[Line, ...]] = {}
        self._starts: list[int] = []
        self._at = 0

    @property
    def pointed(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self._at] if self._rows else None

    @property
    def pointed_region(self) -> Region:
        """Where on this widget the cursor's row is seen."""
        at = self._starts[self._at] - self.scroll_offset.y if self._starts else 0
        return Region(0, at, self.size.width, 1)

    @property
    def columns(self) -> tuple[int, ...]:
        """Places of the columns that there is room for."""
        return tuple(self._widths)

    def show_rows(self, head: Head, rows: Iterable[Row], none: str = "") -> None:
        """Show these rows, or in their place a sentence; a row is the same one as before when its key is."""
        before, self._none = self.pointed, none
        self._rows = tuple(Row(tuple(map(clean, row.cells)), row.below, row.key) for row in rows)
        if head != self._head:
            self._head, self._widths = head, {}
        self._follow(before.key if before else None)
        self._draw()
        self._into_view()
        if self.pointed != before:
            self.post_message(self.Pointed())

    def _follow(self, key: str | None) -> None:
        """Put the cursor where its row is now; where that is gone, at the row in its place."""
        if self._rows and self._rows[min(self._at, len(self._rows) - 1)].key == key:
            self._at = min(self._at, len(self._rows) - 1)
            return
        found = next((at for at, row in enumerate(self._rows) if row.key == key), None)
        self._at = max(min(self._at, len(self._rows) - 1), 0) if found is None else found

    def _draw(self) -> None:
        """Make the lines anew, those of equal rows from memory; none while the pane has no place on the screen."""
        if not (width := self._width):
            self._starts, self._drawn = [], {}
            self.show_lines(())
            return
        room = max(width - len(MARGIN) - 1, 1)
        widths = fitted(self._head, [row.cells for row in self._rows], room + len(GAP))
        known = self._drawn if widths == self._widths else {}
        self._widths = widths
        self._drawn = {row: known.get(row) or drawn(row, widths, room) for row in self._rows}
        lines: list[Line] = [head_line(self._head, widths)]
        self._starts = []
        for row in self._rows:
            self._starts.append(len(lines))
            lines.extend(self._drawn[row])
        if self._none and not self._rows and self._head is not NO_HEAD:
            lines += below([self._none], "dim", room)
        self.show_lines(lines)

    @property
    def _width(self) -> int:
        """Its own, or before it is laid out its pane's: so that title and rows come in one frame."""
        pane = self.parent
        return self.size.width or (pane.content_size.width if isinstance(pane, Widget) else 0)

    def refresh_at(self, at: int) -> None:
        """Repaint one line, if it is in view; the head always is."""
        y = at if at == 0 else at - self.scroll_offset.y
        if at == 0 or 0 < y < self.size.height:
            self.refresh_row(y)

    def render_line(self, y: int) -> Strip:
        """One line of the screen: first the head, however far the rows are scrolled; last, that there are more."""
        if self._says_more and y == self.size.height - 1 and len(self.lines) > y + self.scroll_offset.y + 1:
            return self._more(y + self.scroll_offset.y)
        return self.strip(0 if y == 0 else y + self.scroll_offset.y)

    @property
    def _says_more(self) -> bool:
        """Where there is room for little else the rows count more."""
        return self.size.height >= TELLING

    def _more(self, at: int) -> Strip:
        """How many rows begin from a line on."""
        left = len(self._starts) - bisect_left(self._starts, at)
        said = Segment(f"{MARGIN}{MORE} {f'{left} ' if left else ''}more", self.styled("dim"))
        return Strip([said]).adjust_cell_length(self.size.width, self.rich_style)

    def strip(self, at: int) -> Strip:
        """A line; that of the cursor is marked by sign and colour."""
        found = super().strip(at)
        if not (self.has_focus and self._starts and at == self._starts[self._at]):
            return found
        cursor = self.styled("cursor")
        under = Style(bgcolor=cursor.bgcolor, reverse=cursor.reverse)
        marked = Strip([type(one)(one.text, (one.style or Style()) + under) for one in found])
        pointer = Strip([type(one)(POINTER, one.style) for one in marked.crop(0, 1)])
        return Strip.join([pointer, marked.crop(len(POINTER))])

    def action_move(self, by: int) -> None:
        """Move the cursor by rows."""
        if not self._starts:
            return
        before, self._at = self._at, max(0, min(self._at + by, len(self._rows) - 1))
        if before != self._at:
            self.refresh_at(self._starts[before])
            self.refresh_at(self._starts[self._at])
            self.post_message(self.Pointed())
        self._into_view()

    def action_page(self, by: int) -> None:
        """Move the cursor by as many rows as are in view."""
        self.action_move(by * max(1, self.size.height - 2))

    def _into_view(self) -> None:
        """Scroll until the cursor's row is seen with the sentences below it."""
        if not self._starts:
            return
        first = self._starts[self._at]
        last = first + len(self._drawn[self._rows[self._at]]) - 1
        top, height = self.scroll_offset.y, self.size.height
        more = 1 if self._says_more and last + 1 < len(self.lines) else 0
        if last - top >= height - more:
            top = last - height + 1 + more
        if first - top < 1:
            top = first - 1
        top = max(min(top, len(self.lines) - height), 0)
        top = self._starts[bisect_left(self._starts, min(top + 1, first))] - 1  # no row begins with its second line
        if self._at == 0:
            top = 0
        self.scroll_to(y=top, animate=False, immediate=True, force=True)  # no scrollbar is shown

    @property
    def max_scroll_y(self) -> int:
        """Below the last line too: else the first row in view might begin with its second line."""
        return len(self.lines)

    def on_resize(self, event: Resize) -> None:
        """Other widths: other columns."""
        self._draw()
        self._into_view()

    def on_focus(self, event: Focus) -> None:
        """The cursor appears."""
        self._refresh_cursor()

    def on_blur(self, event: Blur) -> None:
        """The cursor goes."""
        self._refresh_cursor()

    def _refresh_cursor(self) -> None:
        if self._starts:
            self.refresh_at(self._starts[self._at])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are; one more while nothing is known, so that the pane does not jump."""
        return max(len(self.lines), 1)


def head_line(head: Head, widths: dict[int, int]) -> Line:
    """The names of the columns that are shown."""
    return ((MARGIN + GAP.join(padded(head.names[at], width) for at, width in widths.items()).rstrip(), "head"),)


def drawn(row: Row, widths: dict[int, int], room: int) -> tuple[Line, ...]:
    """A row's lines: its cells, then the sentences below them."""
    spans = [(MARGIN, "")]
    for at, width in widths.items():
        spans.append((padded(row.cells[at], width) + GAP, STYLE_OF_SIGN.get(row.cells[at][:1], "")))
    if len(spans) > 1:  # a wider state in one row must change no other
        text, style = spans.pop()
        spans.append((shortened(text.rstrip(), len(MARGIN) + room + 1 - length(spans)), style))
    return (tuple(spans), *below(row.below, worst(row.cells), room))


def worst(cells: Sequence[str]) -> str:
    """The style of a row's state, for the sentences that explain it."""
    return STYLE_OF_SIGN[cells[-1][:1]] if is_troubled(cells) else "dim"


def is_troubled(cells: Sequence[str]) -> bool:
    """Whether a row's state, its last cell, asks for somebody to look."""
    return STYLE_OF_SIGN.get(cells[-1][:1], "") in {"warn", "bad"}


def below(sentences: Iterable[str], style: str, room: int) -> list[Line]:
    """Sentences, wrapped."""
    return [((MARGIN + part, style),) for said in sentences for part in wrapped(BELOW + said, room)]
