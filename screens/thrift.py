"""What stands on the terminal already is not sent again.

Textual paints a whole view twice or thrice while it comes in front, and all that is below a dialog with it. Over a slow
line that is seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip


class Shown:
    """The lines of the terminal as they were sent last."""

    def __init__(self) -> None:
        self._lines: dict[int, Strip] = {}

    def forget(self) -> None:
        """The terminal may show something else now."""
        self._lines.clear()

    def left(self, update: CompositorUpdate, width: int) -> CompositorUpdate | None:
        """What of an update is not there yet; None where it is all there. It is taken to be sent now."""
        if isinstance(update, LayoutUpdate) and (update.region.x, update.region.width) == (0, width):
            lines = {y: Strip.join(line) for y, line in enumerate(update.strips, update.region.y)}
            return _of({y: strip for y, line in lines.items() if (strip := self._new(y, line))}, width)
        if isinstance(update, ChopsUpdate):
            update.spans = [span for span in update.spans if self._is_news(update, *span, width)]
            return update if update.spans else None
        self.forget()
        return update

    def _new(self, y: int, line: Strip) -> Strip | None:
        """The line, if it is another one than before."""
        strip = line.simplify()
        if self._lines.get(y) == strip:
            return None
        self._lines[y] = strip
        return strip

    def _is_news(self, update: ChopsUpdate, y: int, start: int, end: int, width: int) -> bool:
        pieces: Sequence[Strip | None] = list(update.chops[y].values())
        whole = [piece for piece in pieces if piece is not None]
        if (start, end) == (0, width) and len(whole) == len(pieces):
            return self._new(y, Strip.join(whole)) is not None
        self._lines.pop(y, None)  # a part of it is painted: what the rest is like is not looked up
        return True


def _of(lines: dict[int, Strip], width: int) -> CompositorUpdate | None:
    """Whole lines, by their number."""
    if not lines:
        return None
    chops = [{0: lines[y]} if y in lines else {} for y in range(max(lines) + 1)]
    return ChopsUpdate(chops, [(y, 0, width) for y in lines], [[width]] * len(chops))
