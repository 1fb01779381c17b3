"""Bringing the stack onto a cluster: stage after stage, each applied, waited for, and cleared of what left the plan."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from homelab.pauses import pauses
from homelab.ports import Cluster, Contest, NotFound, NotServed, Raw, Ref, StoreDenied, StoreError, Unavailable
from homelab.stack import inventory
from homelab.stack.awaiting import awaited
from homelab.stack.compare import Live, applied, fixed, foreign, is_dying, read, spent
from homelab.stack.diff import Action, Difference
from homelab.stack.inventory import Entry
from homelab.stack.journal import Journal
from homelab.stack.made import completed
from homelab.stack.order import CUSTOM, DEFINITION, NAMESPACE, wave, waves
from homelab.stack.ownership import owner
from homelab.stack.progress import Awaiting, Done, Report, StageBegun, StageEnded, Stopped
from homelab.stack.readiness import State, Status, gone, status
from homelab.stack.reasons import reasons
from homelab.stack.render import Rendered
from homelab.stack.settle import NotSettled
from homelab.stack.stale import prunable, stale
from homelab.together import either, together

STAGE_SECONDS = 600.0
"""A Pi pulls every image over a home line in less."""


DENIED_SECONDS = 30.0
"""A leader that was just elected knows its own tokens in less."""
GRACE_SECONDS = 5.0
"""So long the end of a stage may go on when the run is to stop: it is many requests in one."""
Step = Callable[[], Awaitable[int]]
"""Brings about what must be true at the end of a stage, however often it is called; how much it wrote.

Raises StoreError, ClusterError.
"""


class Blocked(Exception):
    """Objects stand in the way: not ours, or not as they can be changed; nothing was written."""

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


async def stage_failed(cluster: Cluster, stage: str, seconds: float, stuck: NotSettled) -> StageFailed:
    """The failure, with what the cluster says of each object that is missing."""
    why = await reasons(cluster, stuck.missing)
    return StageFailed(stage, seconds, tuple(Missing(ref, found, why[ref]) for ref, found in stuck.missing.items()))


async def until_gone(cluster: Cluster, stage: str, objects: Mapping[Ref, Raw], seconds: float, report: Report) -> None:
    """Wait until none of these objects is there any more; others of the same name do not count. Raises StageFailed."""
    uids = {ref: obj["metadata"]["uid"] for ref, obj in objects.items()}
    try:
        await awaited(cluster, objects, lambda ref, obj: gone(obj, uids[ref]), seconds, stage=stage, report=report)
    except NotSettled as stuck:
        raise await stage_failed(cluster, stage, seconds, stuck) from None


@dataclass(slots=True)
class Applying:
    """One run over a cluster. Every step may be repeated, so a run that was cut is resumed by running again."""

    cluster: Cluster
    journal: Journal
    report: Report
    steps: Mapping[str, Step] = field(default_factory=dict)
    """What ends a stage when its objects are ready, by stage."""
    patience: float = STAGE_SECONDS
    """Seconds that a stage may take."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the run is to end: what is under way is finished, nothing new begins, and no wait goes on."""
    written: int = field(init=False, default=0)
    """Objects written so far. From the first on, what was read at the beginning is read again before it is used."""

    async def run(self, rendered: tuple[Rendered, ...]) -> int:
        """Apply every stage; the number of objects written. Raises Blocked, StageFailed, Stopped, ClusterError."""
        await self._stand(rendered)
        record = await self.cluster.get(inventory.REF)
        old = stale(inventory.entries(record), rendered)
        live = await self._outlive(rendered, [*(item.ref for item in rendered), *(entry.ref for entry in old)])
        left = await self._leave(rendered, live)
        self.journal.write("begin", run="apply", stages=list(dict.fromkeys(item.stage for item in rendered)))
        wanted = [item for item in rendered if item.ref not in left]
        try:
            await self._stages(wanted, old, live, record)
        except Stopped:
            self.journal.write("stopped", written=self.written)
            raise
        self.journal.write("end", written=self.written)
        return self.written

    async def _stages(self, wanted: list[Rendered], old: tuple[Entry, ...], live: Live, record: Raw | None) -> None:
        for stage, group in groupby(wanted, key=lambda item: item.stage):
            stage_old = tuple(entry for entry in old if entry.stage == stage)
            record = await _Stage(self, stage, tuple(group), stage_old, live).run(record)

    def go_on(self) -> None:
        """Raises Stopped when nothing new may begin."""
        if self.stop.is_set():
            raise Stopped

    async def unless_stopped(self, waiting: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Wait for something, but no longer than until the run is to stop. Raises Stopped."""
        await either(waiting, self.stop.wait)
        self.go_on()

    async def _stand(self, rendered: tuple[Rendered, ...]) -> None:
        """Refuse stages whose namespaces or kinds come from an earlier one that is not there. Raises Blocked."""
        own = {item.ref for item in rendered if item.ref.kind == NAMESPACE}
        spaces = {inventory.NAMESPACE, *(item.ref.namespace for item in rendered if item.ref.namespace)}
        live = await read(self.cluster, {Ref(NAMESPACE, None, name) for name in spaces} - own)
        missing = {str(ref) for ref, obj in live.items() if obj is None}
        brought = {item.obj["spec"]["group"] for item in rendered if item.ref.kind == DEFINITION}
        custom = {item.ref.kind for item in rendered if wave(item.ref.kind) == CUSTOM}
        if foreign_kinds := {kind for kind in custom if kind.group not in brought}:
            missing |= {f"kind {kind}" for kind in foreign_kinds - await self.cluster.kinds()}
        if missing:
            note = f"needs {', '.join(sorted(missing))}, which an earlier stage brings: apply that stage first, or all"
            raise Blocked((Difference(rendered[0].stage, rendered[0].ref, Action.BLOCKED, note=note),))

    async def _outlive(self, rendered: tuple[Rendered, ...], refs: list[Ref]) -> Live:
        """The live objects, once those that are to be made anew are gone: what is being deleted, and spent Jobs."""
        live = await read(self.cluster, refs)
        over = {item.ref for item in rendered if (obj := live[item.ref]) and spent(item.obj, obj)}
        dying = {ref: obj for ref, obj in live.items() if obj and (is_dying(obj) or ref in over)}
        for ref in over:
            await self.cluster.delete(ref, uid=dying[ref]["metadata"]["uid"])
        if not dying:
            return live
        stage = rendered[0].stage
        await self.unless_stopped(lambda: until_gone(self.cluster, stage, dying, self.patience, self.report))
        return await read(self.cluster, refs)

    async def _leave(self, rendered: tuple[Rendered, ...], live: Live) -> frozenset[Ref]:
        """Objects of others that stay as they are. Raises Blocked for those that stand in the way."""
        others = [(item, obj) for item in rendered if (obj := live[item.ref]) and not owner(obj).ours]
        found = [await foreign(self.cluster, item, obj) for item, obj in others]
        stuck = [difference for item in rendered if (obj := live[item.ref]) and (difference := fixed(item, obj))]
        if blocked := tuple(difference for difference in (*found, *stuck) if difference.action is Action.BLOCKED):
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
        self._began = time.monotonic()
        self._deadline = self._began + run.patience

    async def run(self, record: Raw | None) -> Raw | None:
        """Apply, wait, prune; the record of what is deployed."""
        self._run.go_on()
        self._run.report(StageBegun(self._stage, len(self._items)))
        self._run.journal.write("applying", stage=self._stage)
        for group in waves(self._items):
            record = await self._remember(record)
            await self._wave(group)
        await self._step()
        record = await self._remember(record)
        await self._prune()
        record = await self._forget(record)
        self._run.journal.write("ready", stage=self._stage, written=self._run.written)
        self._run.report(StageEnded(self._stage, self._passed()))
        return record

    def _passed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._began

    async def _step(self) -> None:
        """What the objects alone do not bring about; tried again while the stage has time. Raises StageFailed."""
        if not (step := self._run.steps.get(self._stage)):
            return
        waits, began = pauses(longest=2), time.monotonic()
        while True:
            try:
                await self._run.unless_stopped(partial(self._ended, step))
                return
            except (StoreError, Unavailable) as error:
                missing = Missing(self._items[-1].ref, Status(State.PROGRESSING, str(error)), ())
                limit = (
                    min(self._deadline, began + DENIED_SECONDS) if isinstance(error, StoreDenied) else self._deadline
                )
                if time.monotonic() > limit:
                    raise StageFailed(self._stage, self._passed(), (missing,)) from None
                self._run.report(Awaiting(self._stage, {missing.ref: missing.status}))
                await self._run.unless_stopped(partial(asyncio.sleep, next(waits)))

    async def _ended(self, step: Step) -> None:
        """One try of a step; when the run is to stop it is given time to end."""
        trying = asyncio.ensure_future(step())
        try:
            self._run.written += await asyncio.shield(trying)
        except asyncio.CancelledError:
            await asyncio.wait({trying}, timeout=GRACE_SECONDS)
            trying.cancel()
            await asyncio.gather(trying, return_exceptions=True)
            raise

    async def _wave(self, group: tuple[Rendered, ...]) -> None:
        self._run.go_on()
        if self._run.written:
            self._live = {**self._live, **await read(self._run.cluster, [item.ref for item in group])}
        done = await together(partial(self._unless_stopped, item) for item in group)
        after = {item.ref: obj for item, obj in zip(group, done, strict=True) if obj}
        self._run.written += sum(self._changed(ref, obj) for ref, obj in after.items())
        self._run.go_on()
        await self._run.unless_stopped(partial(self._wait, after))

    async def _unless_stopped(self, item: Rendered) -> Raw | None:
        """Apply one object; None where the run is to stop first, which ends no other one's request."""
        try:
            self._run.go_on()
            return await self._apply(item)
        except Stopped:
            return None

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
                return await self._applied(item, self._live[item.ref])
            except (Unavailable, NotServed) as error:
                if time.monotonic() > self._deadline:
                    missing = Missing(item.ref, Status(State.PROGRESSING, str(error)), ())
                    raise StageFailed(self._stage, self._passed(), (missing,)) from None
                self._run.report(Awaiting(self._stage, {item.ref: Status(State.PROGRESSING, str(error))}))
                await self._run.unless_stopped(partial(asyncio.sleep, next(waits)))

    async def _applied(self, item: Rendered, live: Raw | None) -> tuple[Raw, tuple[Contest, ...]]:
        """Apply one object, and make what a Secret lacks. Raises Exists, Outdated when somebody was faster."""
        whole = completed(item.obj, item.made, live) if item.made and (live is None or owner(live).ours) else None
        if whole is None:
            return await applied(self._run.cluster, item.obj, live)
        if live is None:
            return await self._run.cluster.create(whole), ()
        return await applied(self._run.cluster, item.obj, await self._run.cluster.replace(whole))

    def _tell(self, ref: Ref, after: Raw, contests: tuple[Contest, ...]) -> None:
        outcome = "unchanged" if not self._changed(ref, after) else "changed" if self._live[ref] else "created"
        self._run.report(Done(self._stage, ref, outcome, contests=contests))

    async def _wait(self, after: Mapping[Ref, Raw]) -> None:
        try:
            left = max(self._deadline - time.monotonic(), 0)
            await awaited(self._run.cluster, after, ready, left, stage=self._stage, report=self._run.report)
        except NotSettled as stuck:
            self._run.journal.write("failed", stage=self._stage, missing=[str(ref) for ref in stuck.missing])
            raise await stage_failed(self._run.cluster, self._stage, self._passed(), stuck) from None

    async def _prune(self) -> None:
        """Remove what left the plan, if it still is ours."""
        for entry in self._old:
            live = self._live[entry.ref]
            if live is None or not prunable(live):
                continue
            self._run.go_on()
            await self._run.cluster.delete(entry.ref, uid=live["metadata"]["uid"])
            self._run.report(Done(self._stage, entry.ref, "removed", "no longer part of the plan"))
            self._run.written += 1

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


def ready(ref: Ref, live: Raw | None) -> Status:
    """How an object that was applied fares; one that is gone will not become ready any more."""
    return status(live) if live else Status(State.FAILED, "somebody deleted it meanwhile; run the same command again")
