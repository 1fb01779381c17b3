"""The deploy by keys, in a bare lab: it outlives its console, another one shows it, and a stopped one goes on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from consoles import Open

from benchmarks.cluster import Home, lab
from benchmarks.terminal import PATIENCE, Terminal
from homelab.stack.components import STAGES
from homelab.stack.deployment import Deployment
from homelab.stack.journal import Journal
from homelab.stack.record import read

RIGHT, ENTER = "\x1b[C", "\r"
ENOUGH = 5
"""Stages in which the run is held; a busy machine may let one slip."""


@pytest.fixture
def bare() -> Iterator[Home]:
    """A lab without the stack."""
    with lab(bare=True) as found:
        yield found


@pytest.fixture
def console(bare: Home) -> Iterator[Open]:
    """Opens consoles, which are closed in the end."""
    with ExitStack() as stack:
        yield Open(bare, stack)


def run_of(home: Home) -> Deployment | None:
    """What the record tells."""
    return read(Journal(home.folder / "homelab-tui" / "lab" / "journal"))


def stage_of(run: Deployment | None) -> str | None:
    """Where it is."""
    return next((one.stage for one in run.stages if one.state == "applying"), None) if run else None


@contextmanager
def held(home: Home, *known: str, after: int = 0) -> Iterator[tuple[int, str] | None]:
    """The run after that process stands still in a stage that is none of these; None when it has ended before."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        run = run_of(home)
        if run and run.pid != after and run.ending:
            yield None
            return
        if run and run.pid != after and stage_of(run) not in (None, *known):
            with suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGSTOP)
                try:
                    if (stage := stage_of(run_of(home))) and stage not in known:
                        yield run.pid, stage
                        return
                finally:
                    with suppress(ProcessLookupError):
                        os.kill(run.pid, signal.SIGCONT)
        time.sleep(0.002)  # a stage of the lab takes ten times as long
    raise AssertionError("no run came to another stage")


def view(console: Open) -> Terminal:
    """A console that shows the deploy."""
    terminal = console()
    terminal.shows("1 home")
    terminal.send("6")
    return terminal


def begin(console: Open) -> Terminal:
    """Start the run by keys."""
    terminal = view(console)
    terminal.shows("67 new", "a apply")
    terminal.send("a")
    terminal.shows("Bring the plan onto the cluster?", "▸ Cancel")
    terminal.send(RIGHT + ENTER)
    return terminal


def test_it_outlives_the_console_in_every_stage_and_is_seen_by_the_next(bare: Home, console: Open) -> None:
    terminal, seen, dropped = begin(console), list[str](), list[Terminal]()
    while True:
        with held(bare, *seen) as caught:
            if caught is None:
                break
            pid, stage = caught
            seen.append(stage)
            terminal.shows("● under way", f"{STAGES.index(stage)} of {len(STAGES)} stages")
            terminal.hang_up()
            dropped.append(terminal)
            assert Path(f"/proc/{pid}").exists()
            terminal = console()
            terminal.shows("▸6 deploy", "● under way", f"{STAGES.index(stage)} of {len(STAGES)} stages")

    terminal.shows("✓ Deployed in", "8 of 8 stages", "whoami.internal.domain.com")
    assert len(seen) >= ENOUGH, seen
    assert all(one.ended() == 0 for one in dropped)
    assert (bare.folder / "homelab-tui/lab/journal/record.jsonl").stat().st_mode & 0o777 == 0o600
    assert (bare.folder / "homelab-tui/lab/journal/deploy.log").stat().st_mode & 0o777 == 0o600
    terminal.send("c")
    terminal.shows("67 as wished", "nothing to deploy")


def go_on(terminal: Terminal) -> None:
    """Start the next run by keys."""
    terminal.send(ENTER)
    terminal.shows("Bring the plan onto the cluster?")
    terminal.send(RIGHT + ENTER)


def test_one_that_did_not_come_to_its_end_goes_on_by_key(bare: Home, console: Open) -> None:
    terminal = begin(console)
    with held(bare) as caught:
        assert caught
        first, stage = caught
        terminal.shows("● under way", "x stop")
        terminal.send("x")
        terminal.shows("Stop the deploy?", "▸ Cancel")
        terminal.send(RIGHT + ENTER)
        terminal.shows("stopping before the next step")
    assert ended_as(terminal, bare, "stopped")

    go_on(terminal)
    with held(bare, stage, after=first) as caught:
        assert caught
        second, _ = caught
        terminal.shows("● under way")
        os.kill(second, signal.SIGKILL)
    assert ended_as(terminal, bare, "cut")

    go_on(terminal)
    terminal.shows("✓ Deployed in", "8 of 8 stages")
    terminal.send("c")
    terminal.shows("67 as wished", "nothing to deploy")
    terminal.send("q")
    assert terminal.ended() == 0


def ended_as(terminal: Terminal, home: Home, ending: str) -> bool:
    """Whether the record says so, once the screen does."""
    terminal.shows(f"The deploy was {ending}", "enter goes on")
    run = run_of(home)
    return run is not None and run.ending == ending
