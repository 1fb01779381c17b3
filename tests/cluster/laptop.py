"""Our program where somebody sits in front of it: at the laptop, from where the ingresses can be asked."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from household import Home

from benchmarks.terminal import Terminal

ENTER, TAB, DELETE, RIGHT, CLEAR = "\r", "\t", "\x1b[3~", "\x1b[C", "\x15"


def command(home: Home, *arguments: str) -> list[str]:
    """The command line that runs it there."""
    plan = ("--plan", str(home.folder / "homelab.yaml"))
    return [home.program, "exec", "laptop", *home.command(*arguments, *plan)]


def run(home: Home, *arguments: str, stdin: str | None = None) -> str:
    """What it prints; it has to end well."""
    done = subprocess.run(
        command(home, *arguments), env=home.environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def opened(home: Home, view: str) -> Iterator[Terminal]:
    """The console with a view in front, by its key."""
    with Terminal(command(home), home.environment, columns=120, lines=40) as terminal:
        terminal.send(view)
        yield terminal


def opens(console: Terminal, key: str, *shown: str) -> None:
    """Press a key, and wait until what it opens is there and at rest."""
    console.send(key)
    console.shows(*shown)
    console.settled()


def typed(console: Terminal, *keys: str) -> None:
    """One after the other, each when the one before has had its effect."""
    for key in keys:
        console.send(key)
        console.settled()


def answered(console: Terminal, *fields: str) -> float:
    """Type into one field after the other, then enter; when that was pressed."""
    for at, text in enumerate(fields):
        typed(console, *((TAB,) if at else ()), text)
    return console.send(ENTER)
