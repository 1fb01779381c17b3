"""What a benchmark found, and how it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its budget."""

    what: str
    figure: str
    budget: str = ""
    kept: bool | None = None
    """Whether the figure is within the budget; None where there is none, or no figure."""


def lines(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as a Markdown table."""
    yield "| what | figure | budget |"
    yield "|---|---|---|"
    for row in rows:
        sign = "" if row.kept is None else (" ✓" if row.kept else " ✗")
        yield f"| {row.what} | {row.figure}{sign} | {row.budget} |"


def most(what: str, figure: float, budget: float, unit: str, more: str = "") -> Row:
    """A figure that should not be above its budget; `more` is said after it."""
    return Row(what, written(figure, unit) + more, written(budget, unit), figure <= budget)


def typical_of(what: str, figures: Iterable[float], budget: float | None, unit: str) -> Row:
    """The median of several runs, which should not be above the budget, and the best of them."""
    found = sorted(figures)
    more = f" (best {written(found[0], unit)})"
    if budget is None:
        return Row(what, written(median(found), unit) + more)
    return most(what, median(found), budget, unit, more)


def share(figures: Iterable[float], part: float) -> float:
    """The figure that such a part of all does not exceed."""
    found = sorted(figures)
    return found[min(int(part * len(found)), len(found) - 1)]


def written(figure: float, unit: str) -> str:
    """A figure with as many digits as tell something."""
    digits = 0 if abs(figure) >= 10 or figure == int(figure) else 1 if unit == "ms" else 2
    return f"{figure:.{digits}f} {unit}"
