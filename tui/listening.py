"""Listening to the containers behind one row: what they say is kept up to a limit, and told a few times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import takewhile
from time import monotonic

from homelab.observe.behind import Container, containers
from homelab.observe.inspection import Inspection
from homelab.observe.raw import name, text
from homelab.observe.tail import Tail
from homelab.ports import Cluster, ClusterError, NotFound, Raw

TELL_SECONDS = 0.25
"""Between two looks at a log on the screen: however fast it is, the line is not flooded."""


class Listening:
    """As long as its tasks run; `tell` gets the scene's `inspection`."""

    def __init__(self, token: str, tail: Tail, previous: bool, tell: Callable[..., None]) -> None:
        self._token, self._tail, self._previous, self._tell = token, tail, previous, tell
        self._tasks: dict[Container, asyncio.Task[None]] = {}
        self._heard: dict[Container, float] = {}
        """When each said something last."""
        self._troubles: dict[Container | None, str] = {}
        self._news = asyncio.Event()
        self._labels: dict[Container, str] = {}
        """What stands before the lines of each; nothing while there is only one."""

    async def listen(self, cluster: Cluster, pods: Sequence[Raw], group: asyncio.TaskGroup) -> None:
        """To those that are there now; to one whose words have ended, again, unless that was its end."""
        found = [one for one in containers(pods) if not self._previous or one.restarts]
        self._labels |= labels(found) if len({*found, *self._labels}) > 1 else {}
        self._troubles.pop(None, None)
        for gone in [one for one in self._tasks if one not in found]:
            self._tasks.pop(gone).cancel()
            self._troubles.pop(gone, None)
        ended = {name(pod) for pod in pods if text(pod, "status", "phase") in {"Succeeded", "Failed"}}
        for one in found:
            task = self._tasks.get(one)
            if task is None or (task.done() and not self._previous and one.pod not in ended):
                self._tasks[one] = group.create_task(self._to(cluster, one, self._tail.most_lines // len(found)))
        self._news.set()

    async def _to(self, cluster: Cluster, one: Container, share: int) -> None:
        """To one of them; what it said before counts no more lines than its share."""
        label = self._labels.get(one, "")
        before = self._heard.get(one)
        self._heard[one] = monotonic()
        pieces = cluster.logs(
            one.namespace,
            one.pod,
            one.name,
            tail=None if before else max(share, 1),
            since=int(monotonic() - before) + 1 if before else None,
            previous=self._previous,
        )
        try:
            async for piece in pieces:
                self._heard[one] = monotonic()
                self._tail.take(label, piece)
                self.note(one, None)
                await asyncio.sleep(0)  # keys come first, however fast it speaks
        except NotFound:
            pass  # the pod went meanwhile
        except ClusterError as error:
            self.note(one, str(error))
        self._tail.end(label)
        self._news.set()

    def note(self, one: Container | None, trouble: str | None) -> None:
        """Something was heard, or why nothing was."""
        if trouble is None:
            self._troubles.pop(one, None)
        else:
            self._troubles[one] = trouble
        self._news.set()

    async def keep_telling(self) -> None:
        """At once, then not too often."""
        while True:
            await self._news.wait()
            self._news.clear()
            told = "; ".join(dict.fromkeys(self._troubles.values())) or None
            names = tuple(sorted(one.label for one in self._tasks))
            self._tell(inspection=Inspection(self._token, self._tail.lines, self._tail.gone, None, names, told))
            await asyncio.sleep(TELL_SECONDS)


def labels(found: Sequence[Container]) -> dict[Container, str]:
    """Names of several, without what all of them begin with: `…x7k2p`."""
    names = [one.label for one in found]
    same = "".join(a for a, b in takewhile(lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False)))
    cut = same.rfind("-") + 1 if len(names) > 1 else 0
    return {one: f"…{one.label[cut:]}" if cut else one.label for one in found}
