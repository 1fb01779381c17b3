"""`make bench`: every figure of docs/performance.md."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks import console, large, public, second_apply, start
from benchmarks.table import Row, lines
from benchmarks.timing import Failed

ALL = (start, second_apply, console, public, large)
"""A new benchmark is a module with `rows` and its name here."""


def rows() -> Iterator[Row]:
    """Every benchmark's figures, in turn."""
    for benchmark in ALL:
        yield from benchmark.rows()


def main() -> None:
    """Print the table, a line as soon as it is known."""
    try:
        for line in lines(rows()):
            print(line, flush=True)
    except Failed as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
