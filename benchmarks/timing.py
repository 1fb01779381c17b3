"""Running programs and timing them from outside."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

RUNS = 5

TUI = (sys.executable, "-m", "tui")


class Failed(Exception):
    """A program that was to be timed did not work; the text says which and what it said."""


def output(command: Sequence[str], stdin: str | None = None) -> str:
    """What a program prints. Raises Failed."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def seconds(command: Sequence[str], stdin: str | None = None) -> float:
    """Wall time of one run. Raises Failed."""
    began = time.perf_counter()
    output(command, stdin)
    return time.perf_counter() - began


def typical(command: Sequence[str], stdin: str | None = None, runs: int = RUNS) -> float:
    """Median wall time in seconds, after one run that does not count. Raises Failed."""
    seconds(command, stdin)
    return median(seconds(command, stdin) for _ in range(runs))
