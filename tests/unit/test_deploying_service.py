"""The deploy as the console's service: which run it shows, which it stops, and what it may begin."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from homelab.plan.file import initial
from homelab.ports import Cluster
from homelab.stack.components import STAGES
from homelab.stack.deployment import Comparison, Deployment
from homelab.stack.journal import Journal
from homelab.stack.progress import Stopped
from homelab.stack.record import Recording, path_of, read
from tui.deploying import Deploying, log_of
from tui.feed import CannotConnect
from tui.headless.stack import InTheWay, changing
from tui.options import Options

PATIENCE = 20.0


@dataclass
class Place:
    """A home whose cluster is never asked, and what the screen is told."""

    options: Options
    told: dict[str, Any] = field(default_factory=dict)

    async def attached(self) -> Options:
        return self.options

    def plan_mark(self) -> object:
        return None

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[Cluster]:
        yield cast("Cluster", None)

    def held(self) -> tuple[int, ...]:
        return ()

    def tell(self, **fields: object) -> None:
        self.told.update(fields)

    @property
    def journal(self) -> Journal:
        assert self.options.journal
        return Journal(self.options.journal)

    @property
    def run(self) -> Deployment | None:
        """The one that is shown."""
        return cast("Deployment | None", self.told.get("deployment"))

    async def sees(self, condition: Callable[[], object]) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Nothing runs, and nothing is in the way."""

    async def compared(*_: object) -> Comparison:
        return Comparison((), ())

    monkeypatch.setattr("tui.deploying.preview", compared)
    monkeypatch.setattr("tui.deploying.SOON", 0.01)
    monkeypatch.setattr("tui.deploying.LATER", 0.01)
    (plan := tmp_path / "homelab.yaml").write_text(initial())
    (folder := tmp_path / "journal").mkdir()
    return Place(Options(plan, None, None, None, read_only=False, journal=folder))


@asynccontextmanager
async def following(place: Place) -> AsyncIterator[Deploying]:
    """A console whose screen is in front."""
    service = Deploying(place, place.tell)
    task = asyncio.create_task(service.follow())
    try:
        yield service
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def begun(at: float, pid: int) -> str:
    return json.dumps({"at": at, "event": "begin", "pid": pid, "stages": list(STAGES)}) + "\n"


def ended(at: float, ending: str = "done") -> str:
    return json.dumps({"at": at, "event": "end", "ending": ending, "error": None}) + "\n"


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A run that never comes to its first line."""
    program, begun = tmp_path / "slow", tmp_path / "begun"
    program.write_text(f"#!/bin/sh\necho $$ >> {begun}\necho begins\nexec sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    yield
    for pid in begun.read_text().split() if begun.exists() else ():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


@contextmanager
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process."""
    with subprocess.Popen(["sleep", "600"]) as found:
        try:
            yield found
        finally:
            found.kill()


# Which run is shown


async def test_a_run_that_began_earlier_by_the_clock_is_the_newer_one(place: Place) -> None:
    record = path_of(place.journal)
    record.write_text(begun(2000.0, 1) + ended(2001.0))
    async with following(place):
        await place.sees(lambda: place.run and place.run.ending == "done")

        with place.journal:
            record.write_text(begun(1000.0, os.getpid()))  # the clock went back
            await place.sees(lambda: place.run and place.run.ending is None)
            record.write_text(begun(1000.0, os.getpid()) + ended(999.0))
            await place.sees(lambda: place.run and place.run.ended == 999.0)


async def test_the_reason_of_a_run_that_was_cut_is_of_its_own_log(place: Place) -> None:
    path_of(place.journal).write_text(begun(1.0, 7))
    log_of(place.journal).write_text("homelab-tui: of another run\nprocess 6\n")
    async with following(place):
        await place.sees(lambda: place.run)
    assert place.run and (place.run.ending, place.run.error) == ("cut", None)

    log_of(place.journal).write_text("process 7\nhomelab-tui: of its own\n")
    place.told.clear()
    async with following(place):
        await place.sees(lambda: place.run)
    assert place.run
    assert place.run.error == "of its own"


async def test_what_was_compared_before_a_run_ended_is_not_shown_after_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, go_on, number = asyncio.Event(), asyncio.Event(), 0

    async def compared(*_: object) -> Comparison:
        nonlocal number
        number += 1
        mine = number
        asked.set()
        await go_on.wait()
        return Comparison((), (), trouble=f"look {mine}")

    monkeypatch.setattr("tui.deploying.preview", compared)
    shown: list[str | None] = []
    tell = place.tell

    def told(**fields: object) -> None:
        if isinstance(found := fields.get("comparison"), Comparison):
            shown.append(found.trouble)
        tell(**fields)

    monkeypatch.setattr(place, "tell", told)
    async with following(place) as service:
        comparing = asyncio.create_task(service.compare())
        await asked.wait()
        path_of(place.journal).write_text(begun(1.0, 7) + ended(2.0))
        await place.sees(lambda: place.run)
        go_on.set()
        await comparing

    assert shown == ["look 2"]


# Which run is stopped


@pytest.mark.parametrize("held", [True, False])
async def test_whoever_has_the_number_of_a_run_that_is_gone_is_left_alone(place: Place, held: bool) -> None:
    with stranger() as other:
        path_of(place.journal).write_text(begun(1.0, other.pid))
        journal = place.journal
        if held:
            journal.__enter__()
        with pytest.raises(CannotConnect, match="no run goes on"):
            await Deploying(place, place.tell).stop()
        journal.__exit__()

        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.1)


async def test_a_run_is_seen_and_stopped_before_its_first_line(place: Place, slow: None) -> None:
    path_of(place.journal).write_text(begun(1.0, 7) + ended(2.0, "failed"))
    service = Deploying(place, place.tell)
    going = asyncio.create_task(service.start())
    await place.sees(lambda: place.run and place.run.ending is None)
    assert place.run
    pid = place.run.pid

    await service.stop()

    await place.sees(lambda: place.run and place.run.ending)
    assert (place.run.pid, place.run.ending) == (pid, "stopped")
    with pytest.raises(CannotConnect, match="no run goes on"):
        await service.stop()
    for _ in range(3):  # what the record says of the run before is no news
        await asyncio.sleep(0.02)
    assert place.run.pid == pid
    going.cancel()


# What may begin


async def test_a_second_console_neither_begins_a_run_meanwhile_nor_touches_its_log(place: Place, slow: None) -> None:
    first = Deploying(place, place.tell)
    going = asyncio.create_task(first.start())
    log = log_of(place.journal)
    await place.sees(lambda: log.exists() and "begins" in log.read_text())

    with pytest.raises(CannotConnect, match="another console has begun a run"):
        async with asyncio.timeout(PATIENCE):
            await Deploying(place, lambda **_: None).start()

    assert "begins" in log.read_text()
    await first.stop()
    await place.sees(lambda: place.run and place.run.ending)
    going.cancel()


async def test_a_console_that_only_looks_begins_nothing(place: Place, slow: None) -> None:
    place.options = replace(place.options, read_only=True)

    with pytest.raises(CannotConnect, match="read-only: nothing is deployed"):
        async with asyncio.timeout(PATIENCE):
            await Deploying(place, place.tell).start()

    assert not log_of(place.journal).exists()


# What the run itself records


@pytest.mark.parametrize(
    ("error", "ending", "why"),
    [
        (Stopped(), "stopped", None),
        (asyncio.CancelledError(), "stopped", None),
        (InTheWay("servicelb"), "failed", "servicelb"),
        (RuntimeError("secret"), "failed", "a fault of homelab-tui itself: RuntimeError"),
    ],
)
async def test_a_run_that_is_broken_off_says_how(
    place: Place, error: BaseException, ending: str, why: str | None
) -> None:
    with pytest.raises(type(error)):
        async with changing(cast("Cluster", None), place.options, STAGES):
            assert (found := read(place.journal))
            assert found.ending is None  # it is seen from its first look at the cluster on
            raise error

    assert (found := read(place.journal))
    assert (found.ending, found.error) == (ending, why)


def test_an_end_that_is_written_just_before_the_lock_is_let_go_counts(tmp_path: Path) -> None:
    record = Recording(path_of(Journal(tmp_path)))
    record.begin(STAGES)

    class Leaving(Journal):
        def holder(self) -> int | None:
            record.end("done")
            return None

    assert (found := read(Leaving(tmp_path)))
    assert found.ending == "done"
