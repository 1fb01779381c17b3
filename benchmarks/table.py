"""What a benchmark found, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its budget."""

    what: str
    figure: str
    budget: str = ""


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield "| what | figure | budget |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {row.what} | {row.figure} | {row.budget} |"
