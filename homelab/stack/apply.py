"""Bringing the stack onto a cluster: stage after stage, each applied, waited for, and cleared of what left the plan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from homelab.pauses import pauses
from homelab.ports import Cluster, Contest, NotFound, NotServed, Raw, Ref, Unavailable
from homelab.stack import inventory
from homelab.stack.compare import Live, applied, foreign, read
from homelab.stack.diff import Action, Difference
from homelab.stack.inventory import Entry
from homelab.stack.journal import Journal
from homelab.stack.order import waves
from homelab.stack.ownership import owner
from homelab.stack.progress import Awaiting, Done, Report, StageBegun, StageEnded
from homelab.stack.readiness import State, Status, status
from homelab.stack.reasons import reasons
from homelab.stack.render import Rendered
from homelab.stack.settle import NotSettled, settle
from homelab.stack.stale import prunable, stale
from homelab.together import together

STAGE_SECONDS = 600.0
"""A Pi pulls every image over a home line in less."""


class Blocked(Exception):
    """Objects that are not ours stand where ours should; nothing was written."""

    def __init__(self, differences: tuple[Difference, ...]) -> None:
        super().__init__("\n".join(f"{found.ref}: {found.note}" for found in differences))
        self.differences = differences


@dataclass(frozen=True, slots=True)
class Missing:
    """One object that did not become ready."""

    ref: Ref
    status: Status
    reasons: tuple[str, ...]
    """What its pods and events say."""


class StageFailed(Exception):
    """A stage did not become ready: time was up, or an object failed for good."""

    def __init__(self, stage: str, seconds: float, missing: tuple[Missing, ...]) -> None:
        lines = [f"stage {stage} is not ready after {seconds:.0f} s"]
        for found in missing:
            lines.append(f"  {found.ref}: {found.status.why}")
            lines += [f"    {reason}" for reason in found.reasons]
        super().__init__("\n".join(lines))
        self.missing = missing


@dataclass(slots=True)
class Applying:
    """One run over a cluster. Every step may be repeated, so a run that was cut is resumed by running again."""

    cluster: Cluster
    journal: Journal
    report: Report
    patience: float = STAGE_SECONDS
    """Seconds that a stage may take."""

    async def run(self, rendered: tuple[Rendered, ...]) -> int:
        """Apply every stage; the number of objects written. Raises Blocked, StageFailed, ClusterError."""
        self.journal.write("begin", run="apply", stages=list(dict.fromkeys(item.stage for item in rendered)))
        record = await self.cluster.get(inventory.REF)
        old = stale(inventory.entries(record), rendered)
        live = await read(self.cluster, [*(item.ref for item in rendered), *(entry.ref for entry in old)])
        left = await self._leave(rendered, live)
        wanted = [item for item in rendered if item.ref not in left]
        written = 0
        for stage, group in groupby(wanted, key=lambda item: item.stage):
            stage_old = tuple(entry for entry in old if entry.stage == stage)
            count, record = await _Stage(self, stage, tuple(group), stage_old, live).run(record)
            written += count
        self.journal.write("end", written=written)
        return written

    async def _leave(self, rendered: tuple[Rendered, ...], live: Live) -> frozenset[Ref]:
        """Objects of others that stay as they are. Raises Blocked for those that stand in the way."""
        others = [(item, obj) for item in rendered if (obj := live[item.ref]) and not owner(obj).ours]
        found = [await foreign(self.cluster, item, obj) for item, obj in others]
        if blocked := tuple(difference for difference in found if difference.action is Action.BLOCKED):
            raise Blocked(blocked)
        for difference in found:
            self.report(Done(difference.stage, difference.ref, "left alone", difference.note))
        return frozenset(difference.ref for difference in found)


class _Stage:
    """One stage of a run."""

    def __init__(
        self, run: Applying, stage: str, items: tuple[Rendered, ...], old: tuple[Entry, ...], live: Live
    ) -> None:
        self._run = run
        self._stage = stage
        self._items = items
        self._old = old
        self._live = live
        self._deadline = time.monotonic() + run.patience

    async def run(self, record: Raw | None) -> tuple[int, Raw | None]:
        """Apply, wait, prune; objects written and the record of what is deployed."""
        began = time.monotonic()
        self._run.report(StageBegun(self._stage, len(self._items)))
        self._run.journal.write("applying", stage=self._stage)
        written = 0
        for wave in waves(self._items):
            record = await self._remember(record)
            written += await self._wave(wave)
        record = await self._remember(record)
        written += await self._prune()
        record = await self._forget(record)
        self._run.journal.write("ready", stage=self._stage, written=written)
        self._run.report(StageEnded(self._stage, time.monotonic() - began))
        return written, record

    async def _wave(self, wave: tuple[Rendered, ...]) -> int:
        done = await together(partial(self._apply, item) for item in wave)
        after = {item.ref: obj for item, obj in zip(wave, done, strict=True)}
        await self._wait(after)
        return sum(self._changed(ref, obj) for ref, obj in after.items())

    def _changed(self, ref: Ref, after: Raw) -> bool:
        before = self._live[ref]
        return before is None or before["metadata"]["resourceVersion"] != after["metadata"]["resourceVersion"]

    async def _apply(self, item: Rendered) -> Raw:
        after, contests = await self._patiently(item)
        self._tell(item.ref, after, contests)
        return after

    async def _patiently(self, item: Rendered) -> tuple[Raw, tuple[Contest, ...]]:
        """Apply one object; a webhook or a kind that is just coming up is given time."""
        waits = pauses(longest=2)
        while True:
            try:
                return await applied(self._run.cluster, item.obj, self._live[item.ref])
            except (Unavailable, NotServed) as error:
                if time.monotonic() > self._deadline:
                    missing = Missing(item.ref, Status(State.PROGRESSING, str(error)), ())
                    raise StageFailed(self._stage, self._run.patience, (missing,)) from None
                self._run.report(Awaiting(self._stage, {item.ref: Status(State.PROGRESSING, str(error))}))
                await asyncio.sleep(next(waits))

    def _tell(self, ref: Ref, after: Raw, contests: tuple[Contest, ...]) -> None:
        outcome = "unchanged" if not self._changed(ref, after) else "changed" if self._live[ref] else "created"
        self._run.report(Done(self._stage, ref, outcome, contests=contests))

    async def _wait(self, after: Mapping[Ref, Raw]) -> None:
        try:
            await settle(
                self._run.cluster,
                after,
                _ready,
                max(self._deadline - time.monotonic(), 0),
                lambda missing: self._run.report(Awaiting(self._stage, dict(missing))),
            )
        except NotSettled as stuck:
            why = await reasons(self._run.cluster, stuck.missing)
            missing = tuple(Missing(ref, found, why[ref]) for ref, found in stuck.missing.items())
            self._run.journal.write("failed", stage=self._stage, missing=[str(ref) for ref in stuck.missing])
            spent = self._run.patience - max(self._deadline - time.monotonic(), 0)
            raise StageFailed(self._stage, spent, missing) from None

    async def _prune(self) -> int:
        """Remove what left the plan, if it still is ours."""
        gone = 0
        for entry in self._old:
            live = self._live[entry.ref]
            if live is None or not prunable(live):
                continue
            await self._run.cluster.delete(entry.ref, uid=live["metadata"]["uid"])
            self._run.report(Done(self._stage, entry.ref, "removed", "no longer part of the plan"))
            gone += 1
        return gone

    async def _remember(self, record: Raw | None) -> Raw | None:
        """Name in the record what is about to be made; its own namespace comes with the very first wave."""
        refs = {item.ref for item in self._items}
        elsewhere = {entry for entry in inventory.entries(record) if entry.ref not in refs}
        now = {Entry(self._stage, ref) for ref in refs}
        try:
            return await inventory.save(self._run.cluster, frozenset(elsewhere | now), record)
        except NotFound:
            return record

    async def _forget(self, record: Raw | None) -> Raw | None:
        return await inventory.save(self._run.cluster, inventory.entries(record) - set(self._old), record)


def _ready(ref: Ref, live: Raw | None) -> Status:
    return status(live) if live else Status(State.PROGRESSING, "it is not there")
