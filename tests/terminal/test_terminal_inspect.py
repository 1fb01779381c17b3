"""Looking closer, in a terminal on the lab: what it costs, what real programs say, and the same without a screen."""

from __future__ import annotations

import json
import subprocess

import pytest
from consoles import Open

from benchmarks.cluster import Home
from benchmarks.terminal import Terminal
from benchmarks.timing import TUI

pytest_plugins = ("opening",)

HOST = "whoami.internal.domain.com"
OPENING = 8000
"""Bytes at most for a view of 80x24 that comes in front."""
WIDE = 13_500
"""The same for 120x40."""


def opened(terminal: Terminal, key: str, *shown: str) -> int:
    """Bytes that a key costs until all of it is there and rests."""
    before = terminal.settled()
    terminal.send(key)
    terminal.shows(*shown)
    return terminal.settled() - before


@pytest.mark.parametrize(("columns", "lines", "most"), [(80, 24, OPENING), (120, 40, WIDE)])
def test_what_comes_in_front_costs_little_and_nothing_at_rest(
    console: Open, columns: int, lines: int, most: int
) -> None:
    terminal = console.ready(columns=columns, lines=lines)
    terminal.send("3")
    terminal.shows("▸Routes ─", "▸ whoami.internal")

    assert opened(terminal, "\r", "▸Route", "✓ ClusterIP", "✓ ipAllowList") <= most
    assert not terminal.listen(5.0), "it is asked for again, and is the same"
    assert opened(terminal, "y", "▸YAML", "kind: Ingress") <= most
    terminal.send("\x1b")
    terminal.shows("▸Route ─")
    assert opened(terminal, "e", "Events ─") <= most
    terminal.send("\x1b")
    terminal.shows("▸Route ─")
    terminal.send("2")
    terminal.shows("▸Allocations")
    assert opened(terminal, "l", "▸Logs", "Z ") <= most
    assert not terminal.listen(3.0)
    terminal.send("\x1b")
    terminal.shows("▸Allocations")


def test_the_same_without_a_screen(home: Home) -> None:
    def route(*words: str) -> subprocess.CompletedProcess[str]:
        command = [*TUI, "route", *words, "--lab"]
        return subprocess.run(command, env=home.environment, capture_output=True, text=True, check=False)

    told, facts, nobody = route(HOST.upper()), route(HOST, "--json"), route("nobody.test")

    assert (told.returncode, told.stderr) == (0, "")
    assert "✓ in its domain" in told.stdout and "✓ ipAllowList" in told.stdout
    (found,) = json.loads(facts.stdout)["routes"]
    assert [hop["kind"] for hop in found["hops"]][:3] == ["host", "address", "entry point"]
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "no route has the host" in nobody.stderr and HOST in nobody.stderr
