"""A table as a file: text for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import StringIO

from homelab.observe.text import NOTHING, Head, Row, cells, clean, table

NOTES = "NOTES"
"""The sentences below a row."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula. Source: OWASP, CSV injection."""


def exported(form: str, head: Head, rows: Sequence[Row]) -> str:
    """The table as `txt`, `json` or `csv`: every column and every row, whole."""
    return {"txt": as_text, "json": as_json, "csv": as_csv}[form](head, rows)


def as_text(head: Head, rows: Sequence[Row]) -> str:
    """As wide as it has to be."""
    widest = sum(max(map(cells, column)) + 2 for column in zip(head.names, *(row.cells for row in rows), strict=True))
    longest = max((cells(clean(said)) for row in rows for said in row.below), default=0)
    _, *lines = table("", head, rows, "no rows", max(widest, longest) + 8)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def as_json(head: Head, rows: Iterable[Row]) -> str:
    """A list of objects by the names of the columns; null where there is nothing, and the sentences as a list."""
    found = [
        {
            name: None if cell == NOTHING else clean(cell).strip()
            for name, cell in zip(head.names, row.cells, strict=True)
        }
        | {NOTES: list(map(clean, row.below))}
        for row in rows
    ]
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def as_csv(head: Head, rows: Iterable[Row]) -> str:
    """With a head; what a spreadsheet would run is text, by a quote before it."""
    written = StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow((*map(str.strip, head.names), NOTES))
    for row in rows:
        cells_ = ("" if cell == NOTHING else clean(cell).strip() for cell in row.cells)
        writer.writerow(tuple(map(harmless, (*cells_, "; ".join(map(clean, row.below))))))
    return written.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
