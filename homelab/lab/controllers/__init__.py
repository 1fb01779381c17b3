"""What makes the lab's objects do something: one file per controller, each woken by the store's changes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from homelab.lab.controllers.claims import Claims
from homelab.lab.controllers.clock import Clock
from homelab.lab.controllers.cronjobs import CronJobs
from homelab.lab.controllers.daemons import DaemonSets
from homelab.lab.controllers.deployments import Deployments, ReplicaSets
from homelab.lab.controllers.endpoints import EndpointSlices
from homelab.lab.controllers.jobs import Jobs
from homelab.lab.controllers.metallb.controller import AddressController
from homelab.lab.controllers.metallb.speakers import Speakers
from homelab.lab.controllers.pods import Pods
from homelab.lab.controllers.runner import Controller, run
from homelab.lab.controllers.services import Services
from homelab.lab.controllers.stateful import StatefulSets
from homelab.lab.store import Store, utc_now


def registry(now: Clock, programs: frozenset[str]) -> tuple[Controller, ...]:
    """Every controller, in the order of being woken by a change."""
    return (
        Services(now),
        Deployments(now),
        ReplicaSets(),
        StatefulSets(),
        DaemonSets(),
        Jobs(now),
        Claims(),
        Pods(now, programs),
        EndpointSlices(),
        AddressController(now),
        Speakers(now),
    )


async def control(
    store: Store, programs: frozenset[str] = frozenset(), more: Iterable[Controller] = (), now: Clock = utc_now
) -> None:
    """Run all controllers, and `more` after them, until cancelled.

    `programs` are the image repositories whose pods are ready only once `pods.set_ready` says so.
    """
    clockwork = CronJobs(now)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(store, (*registry(now, programs), clockwork, *more)))
        tasks.create_task(clockwork.keep_time(store))
