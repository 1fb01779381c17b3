"""Printing: whatever comes from a cluster or a file is cleaned before it reaches the terminal."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Iterable

from homelab.finding import Finding
from homelab.observe.text import WIDTH, clean, shortened


def width() -> int:
    """Columns to fill: those of the terminal, or WIDTH where output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDTH


def let_go() -> None:
    """What nobody reads any more goes nowhere: Python would try to write it once more when it ends, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say(text: str = "") -> None:
    """Print lines for a person."""
    for line in text.split("\n"):
        print(clean(line))


def warn(text: str) -> None:
    """Print lines beside the result, so that it can still be piped."""
    for line in text.split("\n"):
        print(clean(line), file=sys.stderr)


def show(findings: Iterable[Finding], file: str | None = None) -> bool:
    """Print findings; whether an error is among them."""
    errors = False
    for finding in findings:
        warn(finding.text(file))
        errors |= finding.is_error
    return errors


async def ask(question: str, word: str) -> bool:
    """Whether the person typed the word; anything else, end of input too, means no."""
    print(clean(question), end=" ", flush=True)
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(sys.stdin, typed.set)  # reading at once would be deaf to Ctrl-C until a line is there
    except PermissionError:  # a file, or /dev/null: nothing to wait for
        typed.set()
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin)
    answer = sys.stdin.readline()
    if not answer:
        print()
    return answer.strip() == word


QUIET_SECONDS = 5.0
"""In a pipe, at least so long passes between two lines on what is awaited: a log needs no film."""


class Ticker:
    """One line that says what is going on: rewritten in place on a terminal, now and then a line in a pipe."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._now = ""
        self._spoken = time.monotonic()

    def set(self, text: str) -> None:
        """Show what is going on now."""
        text = clean(text)
        if text == self._now:
            return
        self._now = text
        if self._terminal:
            width = shutil.get_terminal_size().columns
            print(f"\r\x1b[K{shortened(text, width - 1)}", end="", flush=True)
        elif time.monotonic() - self._spoken > QUIET_SECONDS:
            self.line(text)

    def clear(self) -> None:
        """Take the line away, so that another may be printed."""
        if self._terminal and self._now:
            print("\r\x1b[K", end="", flush=True)
        self._now = ""

    def line(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        self._spoken = time.monotonic()
        print(clean(text), flush=True)
