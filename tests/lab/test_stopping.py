"""A deploy that a person stops: what is under way is finished, nothing new begins, and the next one goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from deployers import Deployer, product

from homelab.lab.controllers.kinds import POD
from homelab.ports import Ref
from homelab.stack.apply import Applying
from homelab.stack.journal import Journal
from homelab.stack.progress import Awaiting, Done, Event, StageBegun, StageEnded, Stopped

SOON = 5.0
"""Seconds; a stage may take far more."""


@pytest.fixture
async def deployer(tmp_path: Path) -> AsyncIterator[Deployer]:
    async with product(tmp_path) as found:
        yield found


async def stopped_when(deployer: Deployer, moment: Callable[[Event], bool]) -> list[Event]:
    """Apply, and stop at the first event of which it is true; what was told."""
    told: list[Event] = []
    stop = asyncio.Event()

    def report(event: Event) -> None:
        told.append(event)
        if moment(event):
            stop.set()

    with Journal(deployer.folder / "journal") as journal, pytest.raises(Stopped):
        await Applying(deployer.cluster, journal, report, stop=stop).run(await deployer.rendered())
    return told


async def test_what_is_under_way_is_finished_and_the_next_run_goes_on(deployer: Deployer) -> None:
    told = await stopped_when(deployer, lambda event: isinstance(event, Done) and event.stage == "internal")

    begun = [event.stage for event in told if isinstance(event, StageBegun)]
    ended = [event.stage for event in told if isinstance(event, StageEnded)]
    assert (begun, ended) == (["load-balancer", "routing", "internal"], ["load-balancer", "routing"])
    rendered = {item.ref for item in await deployer.rendered() if item.stage == "internal"}
    made = {ref for ref in rendered if deployer.world.store.get(ref)}
    assert made == {event.ref for event in told if isinstance(event, Done) and event.stage == "internal"}
    assert made < rendered

    journal = Journal(deployer.folder / "journal")
    assert json.loads(journal.path.read_text().splitlines()[-1])["event"] == "stopped"
    cut = journal.cut()
    assert cut and (cut.stage, cut.how) == ("internal", "stopped")

    await deployer.apply()
    assert await deployer.changes() == []
    assert journal.cut() is None


async def test_a_wait_says_why_it_takes_so_long_and_ends_at_once(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homelab.stack.awaiting.HANGS", 0.05)
    for name in ("master1", "node1", "node2"):
        await deployer.world.node_ready(name, False)

    async with asyncio.timeout(SOON):
        told = await stopped_when(deployer, lambda event: isinstance(event, Awaiting) and bool(event.reasons))

    last = told[-1]
    assert isinstance(last, Awaiting)
    (ref, *_) = last.reasons
    assert ref in last.missing
    assert "finds no node" in last.reasons[ref][0]
    assert deployer.world.store.all(POD)
    assert isinstance(ref, Ref)


async def test_a_step_that_is_under_way_may_end(deployer: Deployer) -> None:
    stop, done = asyncio.Event(), asyncio.Event()

    async def step() -> int:
        stop.set()
        await asyncio.sleep(0.05)
        done.set()
        return 0

    with Journal(deployer.folder / "journal") as journal, pytest.raises(Stopped):
        run = Applying(deployer.cluster, journal, lambda event: None, {"load-balancer": step}, stop=stop)
        await run.run(await deployer.rendered())

    assert done.is_set()
