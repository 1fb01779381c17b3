"""Waiting for objects, by watch: until each of them is as wanted, one has failed for good, or time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from homelab.ports import Alive, Changed, Cluster, ClusterError, Gone, Kind, Listed, Lost, NotServed, Raw, Ref
from homelab.stack.readiness import State, Status

Judge = Callable[[Ref, Raw | None], Status]
"""How far an object is; None stands for an object that is not there."""
Tell = Callable[[Mapping[Ref, Status]], None]
"""Called with what is still awaited, each time that changes."""


class NotSettled(Exception):
    """Time was up, or objects failed for good."""

    def __init__(self, missing: Mapping[Ref, Status]) -> None:
        super().__init__("; ".join(f"{ref}: {status.why}" for ref, status in missing.items()))
        self.missing = missing


async def settle(
    cluster: Cluster, seen: Mapping[Ref, Raw | None], judge: Judge, seconds: float, tell: Tell = lambda missing: None
) -> None:
    """Wait until `judge` finds every object ready. `seen` is what is known already; what is done is not asked again.

    Raises NotSettled with what is still missing.
    """
    missing = {ref: found for ref, obj in seen.items() if not (found := judge(ref, obj)).ready}
    if not missing:
        return
    waiting = _Waiting(missing, judge, tell)
    scopes = sorted({_scope(ref) for ref in missing})
    watchers = [asyncio.create_task(waiting.follow(cluster, *scope)) for scope in scopes]
    try:
        done, _ = await asyncio.wait(watchers, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for watcher in done:
            watcher.result()
        if missing:
            raise NotSettled(dict(missing))
    finally:
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)


def _scope(ref: Ref) -> tuple[Kind, str]:
    """What one watch covers."""
    return ref.kind, ref.namespace or ""


class _Waiting:
    """What is still awaited, shared by the watches that shorten it."""

    def __init__(self, missing: dict[Ref, Status], judge: Judge, tell: Tell) -> None:
        self._missing = missing
        self._last: dict[Ref, Status] = {}
        """What was last seen of objects that nobody can be asked about now."""
        self._judge = judge
        self._tell = tell
        tell(missing)

    async def follow(self, cluster: Cluster, kind: Kind, namespace: str) -> None:
        """Watch one kind in one namespace until none of its objects is awaited. Raises NotSettled for a failed one."""
        mine = {ref for ref in self._missing if _scope(ref) == (kind, namespace)}
        async for change in cluster.watch(kind, namespace=namespace or None):
            news: list[tuple[Ref, Raw | None]] = []
            match change:
                case Listed(objects):
                    now = {Ref.of(obj): obj for obj in objects}
                    news = [(ref, now.get(ref)) for ref in mine]
                case Changed(obj):
                    news = [(Ref.of(obj), obj)]
                case Gone(obj):
                    news = [(Ref.of(obj), None)]
                case Lost(NotServed()):  # with the kind all its objects are gone
                    news = [(ref, None) for ref in mine]
                case Lost(error):
                    self._blind(mine, error)
                case Alive():
                    self._sees(mine)
            self._take((ref, obj) for ref, obj in news if ref in mine)
            mine &= self._missing.keys()
            if not mine:
                return

    def _blind(self, mine: set[Ref], error: ClusterError) -> None:
        """Say that nobody can be asked, rather than repeat what was last seen."""
        for ref in mine:
            self._last.setdefault(ref, self._missing[ref])
            self._missing[ref] = Status(State.PROGRESSING, str(error))
        self._tell(self._missing)

    def _sees(self, mine: set[Ref]) -> None:
        """What was last seen holds again, until a change says otherwise."""
        known = {ref: self._last.pop(ref) for ref in mine if ref in self._last}
        if known:
            self._missing.update(known)
            self._tell(self._missing)

    def _take(self, news: Iterable[tuple[Ref, Raw | None]]) -> None:
        before = dict(self._missing)
        for ref, obj in news:
            found = self._judge(ref, obj)
            self._missing[ref] = found
            self._last.pop(ref, None)
            if found.state is State.FAILED:
                raise NotSettled({ref: found})
            if found.ready:
                del self._missing[ref]
        if self._missing != before:
            self._tell(self._missing)
