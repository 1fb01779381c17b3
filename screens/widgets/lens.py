"""How a person looks at a table: which rows, and in which order. Pure: what is shown and exported is made here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from homelab.observe.text import NOTHING, Head, Row, clean, shortened

RISING, FALLING = "▴", "▾"
INVERSE = "!"
NONE_SEEN = "no row passes the filter: esc takes it away"
"""Said where something was to be done to a row."""
MOST_SAID = 24
"""Columns of the title that a filter may take."""
SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
TIME = re.compile(r"[^0-9]*([0-9]{1,15}(?:\.[0-9]{1,9})?) ?(ms|s|min|h|d)")
"""An age or a time to come: `40 s`, `in 12 d`, `▰▰▱ 61 d`."""
CLOCK = re.compile(r" *([0-9]{1,9}):([0-9]{2}) min")
NUMBER = re.compile(r" *-?[0-9]{1,15}(?:\.[0-9]{1,9})?")
DIGITS = re.compile(r"([0-9]{1,15})")
SIGNS = "✗▲?○✓"
"""Signs of a state, the worst first."""
UNKNOWN = frozenset({"", NOTHING, "?"})
"""Cells that say nothing: they come last, whichever way a column is sorted."""

Key = tuple[int, float, tuple[str | int, ...]]


@dataclass(frozen=True, slots=True)
class Lens:
    """What a person wants to see of a table; empty: all of it, in its own order."""

    text: str = ""
    """Words that a row must have; with `!` before them, must not have all of."""
    column: str | None = None
    """Name of the column that it is sorted by."""
    falls: bool = False
    """Whether the last one comes first."""

    @property
    def words(self) -> list[str]:
        """What is looked for, in small letters."""
        return self.text.removeprefix(INVERSE).casefold().split()

    def sees(self, row: Row) -> bool:
        """Whether a row is one of those that are wanted."""
        if not (words := self.words):
            return True
        inside = "\n".join((*row.cells, *row.below)).casefold()
        return all(word in inside for word in words) is not self.text.startswith(INVERSE)

    def ordered(self, head: Head, rows: Sequence[Row]) -> tuple[Row, ...]:
        """The rows by the column; equal ones stay as they were."""
        if self.column not in head.names:
            return tuple(rows)
        at = head.names.index(self.column)
        known = [row for row in rows if row.cells[at].strip() not in UNKNOWN]
        unknown = (row for row in rows if row.cells[at].strip() in UNKNOWN)
        return (*sorted(known, key=lambda row: natural(row.cells[at]), reverse=self.falls), *unknown)

    def marked(self, head: Head) -> Head:
        """The head with a mark at the column."""
        mark = FALLING if self.falls else RISING
        names = {name: f"{name} {mark}" if name == self.column else name for name in head.names}
        return Head(tuple(names.values()), tuple(names[name] for name in head.drops))

    def said(self, shown: int, of: int) -> tuple[str, ...]:
        """The filter in the title's words."""
        return (f"/{shortened(clean(self.text), MOST_SAID)} {shown} of {of}",) if self.words else ()

    def next(self, names: Sequence[str]) -> Lens:
        """Sorted by the column behind; after the last one in the table's own order."""
        at = names.index(self.column) + 1 if self.column in names else 0
        return replace(self, column=names[at] if at < len(names) else None, falls=False)

    def turned(self, names: Sequence[str]) -> Lens:
        """The other way round."""
        return replace(self, column=self.column or names[0], falls=not self.falls)


def natural(cell: str) -> Key:
    """What a cell is sorted by: numbers and times by their size, states by their urgency, the rest as people count."""
    if found := CLOCK.fullmatch(cell):
        return 0, int(found[1]) * 60 + int(found[2]), ()
    if found := TIME.fullmatch(cell):
        return 0, float(found[1]) * SECONDS[found[2]], ()
    if NUMBER.fullmatch(cell):
        return 0, float(cell), ()
    sign = SIGNS.index(cell[0]) if cell and cell[0] in SIGNS else len(SIGNS)
    parts = DIGITS.split(cell.casefold())
    return 1, sign, tuple(int(part) if at % 2 else part for at, part in enumerate(parts))
