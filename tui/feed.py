"""Keeps the console told: connects, observes, and says what it learnt, for as long as the console is open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from datetime import timedelta
from typing import Protocol

from homelab.observe.live import Observer, stamp, utc_now
from homelab.observe.snapshot import Source, SourceState
from homelab.pauses import pauses
from homelab.plan.model import Plan
from homelab.ports import Cluster, ClusterError, OpenStore

FACTS_SECONDS = 2.0
"""So long the plan waits for the cluster's first facts: one that does not answer must not hide it."""
PLAN_SECONDS = 2.0
"""Between two looks at the plan's file."""


class CannotConnect(Exception):
    """The cluster cannot be talked to, or does not do what it is asked; the text says what is wrong and what to do."""


class World(Protocol):
    """Where the console's knowledge comes from."""

    def plan_mark(self) -> object:
        """Another value when the plan may be another."""

    def plan(self) -> Plan:
        """The plan; called in a thread. Raises CannotConnect with what to do."""

    def needs_setup(self) -> bool:
        """Whether there is no plan yet, or a set-up that was not finished; names of files tell it."""

    def contexts(self) -> tuple[str, ...]:
        """Names of the clusters that can be shown; called in a thread."""

    def turn(self, context: str) -> bool:
        """Use another cluster from the next connection on; whether the plan is its own. Called in a thread.

        Raises CannotConnect where that cannot be.
        """

    def guard(self, read_only: bool) -> None:
        """Whether whatever is begun from now on may write nothing."""

    def cluster(self) -> AbstractAsyncContextManager[Cluster]:
        """A connection. Raises CannotConnect with what to do."""

    def store(self, cluster: Cluster) -> OpenStore:
        """How to read Consul over that connection."""

    async def write(self, id: str, row: str) -> str:
        """Do what a command says to a row; what became of it. Raises CannotConnect with what went wrong."""

    async def ended(self) -> None:
        """Wait until this cluster is gone for good. Raises CannotConnect with what comes next."""


class Feed:
    """One for each console; `tell` gets fields of the scene that have changed."""

    def __init__(self, world: World, tell: Callable[..., None]) -> None:
        self._world = world
        self._tell = tell
        self._answered = asyncio.Event()
        self._turned, self._let_go = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Never ends by itself: what goes wrong is told, and tried again."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._read_plan())
            while True:
                observing = group.create_task(self._observe())
                await self._turned.wait()
                self._turned.clear()
                observing.cancel()
                await asyncio.wait([observing])
                self._let_go.set()

    async def turn(self) -> None:
        """Let go of the connection, and make another: nothing is told of the old one any more."""
        self._let_go.clear()
        self._turned.set()
        await self._let_go.wait()

    async def answered(self) -> None:
        """Wait for the cluster's first facts, but not for long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), FACTS_SECONDS)

    async def _read_plan(self) -> None:
        """After the first facts, since what reads YAML is slow to load; then whenever the file changes."""
        await self.answered()
        while True:
            mark = self._world.plan_mark()
            try:
                self._tell(plan=await asyncio.to_thread(self._world.plan), plan_trouble=None)
            except CannotConnect as error:
                self._tell(plan=None, plan_trouble=str(error))
            while self._world.plan_mark() == mark:
                await asyncio.sleep(PLAN_SECONDS)

    async def _observe(self) -> None:
        since: str | None = None
        for pause in pauses():
            try:
                async with self._world.cluster() as cluster:
                    since = None
                    self._tell(link=Source(SourceState.LIVE))
                    await self._follow(cluster)
            except CannotConnect as error:
                now = utc_now()
                since = since or stamp(now)
                retry = stamp(now + timedelta(seconds=pause))
                self._tell(link=Source(SourceState.FAILED, since, str(error), retry), snapshot=None)
                self._answered.set()
            await asyncio.sleep(pause)

    async def _follow(self, cluster: Cluster) -> None:
        """Tell what is observed, until the cluster is gone for good. Raises CannotConnect."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask_version(cluster))
                group.create_task(self._world.ended())
                async with aclosing(Observer(cluster, self._world.store(cluster)).follow()) as snapshots:
                    async for snapshot in snapshots:
                        self._tell(snapshot=snapshot)
                        if not snapshot.is_loading:
                            self._answered.set()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _ask_version(self, cluster: Cluster) -> None:
        for pause in pauses():
            try:
                self._tell(version=await cluster.version())
                return
            except ClusterError:  # the panes say why; here it only has to be asked again
                await asyncio.sleep(pause)
