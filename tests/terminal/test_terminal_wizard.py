"""The set-up in a real terminal: when it is there, and what goes over the line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from consoles import Open
from test_terminal_start import OURS, PROBE, distributions, with_requirements

from benchmarks.cluster import Home, lab
from benchmarks.terminal import Terminal
from benchmarks.timing import TUI, output
from tui.setting import LOOK_SECONDS

STEPS = ("Cluster", "Nodes", "Addresses", "Router", "Certificates", "Review")
BARE = [*TUI, "--lab=bare"]
FRAME = 20_000
"""Bytes of a whole step, when it comes in front."""
LETTER = 1500
"""Bytes of a letter."""
TAB, BACKSPACE, ENTER, F2 = "\t", "\x7f", "\r", "\x1bOQ"


@pytest.fixture(scope="module")
def home() -> Iterator[Home]:
    """A lab without the stack."""
    with lab(bare=True) as found:
        yield found


@pytest.fixture
def wizard(home: Home) -> Iterator[Open]:
    """Opens set-ups from their beginning."""
    with ExitStack() as stack:
        yield Open(home, stack)
    for draft in home.plan.parent.glob(".*.draft"):
        draft.unlink()


def cost(terminal: Terminal, keys: str) -> int:
    """Bytes that keys make."""
    before = terminal.settled()
    terminal.send(keys)
    terminal.next_arrival(before)
    return terminal.settled() - before


def at(terminal: Terminal, step: str) -> Terminal:
    """Go on until a step is in front, and everything on it has come to rest."""
    terminal.shows("the cluster answers")
    for passed, following in pairwise(STEPS):
        terminal.shows(f"▸ {passed}")
        terminal.settled()
        if passed == step:
            return terminal
        terminal.send(ENTER)
        terminal.shows(f"▸ {following}")
    terminal.settled()
    return terminal


def test_nothing_foreign_but_textual_is_loaded_before_the_first_paint(wizard: Open, tmp_path: Path) -> None:
    noted = tmp_path / "modules"
    probe = PROBE.format(path=str(noted), arguments=["--lab=bare"])
    terminal = wizard([sys.executable, "-c", probe])
    terminal.until(lambda: noted.exists() and noted.read_text())
    terminal.shows("▸ Cluster", "the cluster answers")
    anyway = distributions(output([sys.executable, "-c", "import sys; print(*sys.modules)"]))

    loaded = distributions(noted.read_text()) - anyway

    assert "screens.wizard.cluster" in noted.read_text().split()
    assert loaded <= with_requirements("textual") | OURS


def test_every_step_is_one_frame_and_costs_nothing_at_rest(wizard: Open) -> None:
    terminal = at(wizard(BARE), STEPS[0])
    for step in STEPS[1:]:
        assert cost(terminal, ENTER) <= FRAME, step
        terminal.shows(f"▸ {step}")
    for _ in STEPS[2:]:
        cost(terminal, "\x1b")
    terminal.shows("▸ Nodes")
    terminal.settled()

    assert not terminal.listen(1.5 * LOOK_SECONDS), "the cluster was looked at, and said what it had said before"


def test_a_letter_costs_its_lines(wizard: Open) -> None:
    terminal = at(wizard(BARE), "Addresses")
    assert cost(terminal, TAB) <= LETTER

    terminal.send(TAB * 6)
    terminal.shows("▸ Pool for MetalLB")
    costs = {repr(key): cost(terminal, key) for key in (BACKSPACE, "3", TAB, BACKSPACE, BACKSPACE, "4", "0")}
    assert "not in the pool" in terminal.text
    costs["F2"] = cost(terminal, F2)

    assert "▸ Internal ingress" in terminal.text
    assert {key: sent for key, sent in costs.items() if sent > LETTER} == {}


def test_the_terminal_is_made_small_in_the_middle_and_comes_back(wizard: Open) -> None:
    terminal = at(wizard(BARE), "Addresses")
    before = terminal.display

    terminal.resize(40, 10)
    terminal.shows("▸ Addresses", "3/6")
    terminal.settled()
    terminal.send(TAB)
    terminal.settled()
    terminal.send("\x1b[Z")
    terminal.settled()
    terminal.resize(80, 24)

    terminal.until(lambda: terminal.display == before)
