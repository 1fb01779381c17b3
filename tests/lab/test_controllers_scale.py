"""One change costs the same with many objects as with few: counted in objects read and written, not in seconds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import pytest
import yaml
from world import World, advert, balanced, deployment, obj, pool, world

from homelab.lab.controllers.kinds import POD, SERVICE
from homelab.lab.store import Store
from homelab.lab.upstream import StandIns
from homelab.ports import Kind, Raw, Ref
from homelab.stack.versions import versions

FEW, MANY = 20, 500


class Counting(Store):
    """A store that counts what it hands out."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    def get(self, ref: Ref) -> Raw | None:
        self.read += 1
        return super().get(ref)

    def all(self, kind: Kind, namespace: str | None = None) -> tuple[Raw, ...]:
        found = super().all(kind, namespace)
        self.read += len(found)
        return found

    def dependents(self, uid: str) -> tuple[Raw, ...]:
        found = super().dependents(uid)
        self.read += len(found)
        return found


@dataclass(frozen=True)
class Cost:
    """Objects read and written."""

    read: int
    written: int


Change = Callable[[World], Awaitable[None]]


async def cost(size: int, change: Change) -> Cost:
    """What a change costs beside that many Services with addresses, and as many that want none."""
    store = Counting()
    async with world(store=store) as lab:
        await lab.make(*yaml.safe_load_all(StandIns().read(versions().upstream["metallb"])))
        await lab.make(pool("home", "10.0.0.0/8"), advert(), *services(size))
        assert lab.address(f"web-{size - 1}")
        before, marks = Cost(store.read, store.version), lab.marks.count
        await change(lab)
        await lab.calm()
        marks = lab.marks.count - marks
        return Cost(store.read - before.read - marks, store.version - before.written - marks)


def services(size: int) -> Iterator[Raw]:
    for n in range(size):
        yield balanced(f"web-{n}")
        yield obj(SERVICE, f"plain-{n}", {"selector": {"app": f"x{n}"}, "ports": [{"port": 80}]})


async def new_service(lab: World) -> None:
    await lab.make(balanced("new", app="new"))
    assert lab.address("new")


async def new_plain_service(lab: World) -> None:
    await lab.make(obj(SERVICE, "new", {"selector": {"app": "new"}, "ports": [{"port": 80}]}))


async def deleted_service(lab: World) -> None:
    await lab.delete(Ref(SERVICE, "default", "web-1"))


async def new_deployment(lab: World) -> None:
    await lab.make(deployment("new", 2))
    assert len(lab.store.all(POD, "default")) == 2


async def changed_label(lab: World) -> None:
    await lab.change(
        Ref(SERVICE, "default", "web-1"), lambda old: {**old, "metadata": {**old["metadata"], "labels": {}}}
    )


@pytest.mark.parametrize("change", [new_service, new_plain_service, deleted_service, new_deployment, changed_label])
async def test_a_change_costs_the_same_with_many_services(change: Change) -> None:
    few, many = await cost(FEW, change), await cost(MANY, change)

    assert many == few
    assert many.read < 500


async def test_many_services_that_select_many_pods_come_to_rest() -> None:
    """Slices are written for many changed pods at once: written for each, they would be tens of thousands."""
    async with world() as lab:
        await lab.make(
            *(obj(SERVICE, f"web-{n}", {"selector": {"app": "web"}, "ports": [{"port": 80}]}) for n in range(50))
        )
        before = lab.store.version
        await lab.make(deployment("web", 500))

        slices = lab.store.all(Kind("discovery.k8s.io/v1", "EndpointSlice"), "default")
        assert [len(one["endpoints"]) for one in slices] == [500] * 50
        assert lab.store.version - before < 3_000
