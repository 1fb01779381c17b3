"""How long the program takes before it does anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.table import Row
from benchmarks.timing import TUI, typical


def rows() -> Iterator[Row]:
    """Starts that need no cluster, beside that of a bare Python. Raises Failed."""
    bare = typical([sys.executable, "-c", "pass"])
    ours = typical([*TUI, "--version"])
    yield Row("homelab-tui --version, the whole process", f"{ours * 1000:.0f} ms")
    yield Row("... / a bare Python", f"{ours / bare:.1f}")
