"""Waiting for the objects of a stage, telling what is awaited and, of what hangs, why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from homelab.ports import Cluster, Raw, Ref
from homelab.stack.progress import Awaiting, Report
from homelab.stack.readiness import Status
from homelab.stack.reasons import reasons
from homelab.stack.settle import Judge, settle
from homelab.together import either

HANGS = 4.0
"""Seconds after which an object that is still awaited is asked about: an image from the cache takes less."""
AGAIN = 10.0
"""Seconds between two looks at the same objects."""
MOST = 4
"""Objects asked about at a time; the others mostly wait for these."""


async def awaited(
    cluster: Cluster, seen: Mapping[Ref, Raw | None], judge: Judge, seconds: float, *, stage: str, report: Report
) -> None:
    """Wait until every object is ready. Raises NotSettled."""
    telling = _Telling(cluster, stage, report)
    await either(lambda: settle(cluster, seen, judge, seconds, telling.tell), telling.explain)


class _Telling:
    """What is reported of one wait."""

    def __init__(self, cluster: Cluster, stage: str, report: Report) -> None:
        self._cluster, self._stage, self._report = cluster, stage, report
        self._missing: dict[Ref, Status] = {}
        self._since: dict[Ref, float] = {}
        self._reasons: dict[Ref, tuple[str, ...]] = {}

    def tell(self, missing: Mapping[Ref, Status]) -> None:
        """What is awaited now, with what is known of it."""
        now = time.monotonic()
        self._missing = dict(missing)
        self._since = {ref: self._since.get(ref, now) for ref in missing}
        self._reasons = {ref: why for ref, why in self._reasons.items() if ref in missing}
        self._report(Awaiting(self._stage, self._missing, self._reasons))

    async def explain(self) -> None:
        """Ask about what hangs, now and then, and tell it where that is news; until it is cancelled."""
        while True:
            await asyncio.sleep(AGAIN if self._reasons else HANGS)
            late = time.monotonic() - HANGS
            hanging = [ref for ref, since in self._since.items() if since <= late][:MOST]
            found = await reasons(self._cluster, hanging)
            known = {ref: why for ref, why in found.items() if why and ref in self._missing}
            if known != self._reasons:
                self._reasons = known
                self.tell(self._missing)
