"""The product in front of a lab in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from apiserver import lab as served
from world import World, world

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.upstream import StandIns
from homelab.plan.file import initial, read
from homelab.plan.model import Plan
from homelab.stack.apply import Applying
from homelab.stack.compare import compare
from homelab.stack.delete import Removing
from homelab.stack.facts import facts
from homelab.stack.journal import Journal
from homelab.stack.progress import Event
from homelab.stack.render import Rendered, render


@dataclass(frozen=True)
class Deployer:
    """The product in front of the lab."""

    world: World
    cluster: KubernetesCluster
    folder: Path
    plan: Plan

    async def rendered(self) -> tuple[Rendered, ...]:
        """Every object of the plan."""
        return render(self.plan, await facts(self.cluster, self.plan), StandIns())

    async def apply(self) -> tuple[int, list[Event]]:
        """Apply everything: how much was written, and what was told."""
        told: list[Event] = []
        with Journal(self.folder / "journal") as journal:
            written = await Applying(self.cluster, journal, told.append, patience=20).run(await self.rendered())
        await self.world.calm()
        return written, told

    async def delete(self, *include: str) -> None:
        """Take the stack off."""
        with Journal(self.folder / "journal") as journal:
            await Removing(self.cluster, journal, lambda step: None, 20).run(frozenset(include))
        await self.world.calm()

    async def changes(self) -> list[str]:
        """What an apply would write."""
        found = await compare(self.cluster, await self.rendered())
        return [f"{one.ref}: {one.text}" for one in found if one.changes]


@asynccontextmanager
async def product(folder: Path) -> AsyncIterator[Deployer]:
    """A bare lab; no image is a real program's, so every pod is ready at once."""
    plan = read(initial()).plan
    assert plan
    async with world() as found, served(found.store, folder) as path:
        cluster = await KubernetesCluster.connect(path)
        try:
            yield Deployer(found, cluster, folder, plan)
        finally:
            await cluster.close()
