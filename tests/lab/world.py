"""A store with every controller at work, and the objects that tests put into it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import yaml

from homelab.lab.controllers import control
from homelab.lab.controllers.kinds import EVENT, NODE, POD, SERVICE
from homelab.lab.seed import seed
from homelab.lab.store import Event, Store
from homelab.lab.upstream import StandIns
from homelab.observe.raw import dig, items, text
from homelab.plan.file import initial, read
from homelab.ports import Kind, Raw, Ref
from homelab.stack.versions import versions

T = TypeVar("T")
POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
ADVERT = Kind("metallb.io/v1beta1", "L2Advertisement")
L2_STATUS = Kind("metallb.io/v1beta1", "ServiceL2Status")
METALLB = "metallb-system"
MARK = Ref(Kind("v1", "ConfigMap"), "default", "mark")
ROUNDS = 100
"""Far more than any chain of effects is long."""


@dataclass
class Marks:
    """The last of the controllers: what it has seen, all others have."""

    kinds: frozenset[Kind] = frozenset({MARK.kind})
    seen: int = 0
    """Version of the last mark."""
    count: int = 0

    def reconcile(self, store: Store, event: Event) -> None:
        """Take note."""
        self.seen = event.version


@dataclass(frozen=True)
class World:
    """What a test does to the cluster, and what it sees there."""

    store: Store
    marks: Marks = field(default_factory=Marks)

    async def calm(self) -> None:
        """Until nothing changes any more: all is seen that was written before the mark, and nothing was after it."""
        for _ in range(ROUNDS):
            written = self._mark()
            while self.marks.seen < written:
                await asyncio.sleep(0)
            if self.store.version == written:
                return
        raise AssertionError("the controllers never come to rest")

    def _mark(self) -> int:
        self.marks.count += 1
        mark = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": MARK.name, "namespace": MARK.namespace}}
        write = self.store.update if self.store.get(MARK) else self.store.create
        write({**mark, "data": {"count": str(self.marks.count)}})
        return self.store.version

    async def make(self, *objects: Raw) -> None:
        """Put objects there, and wait until they have had their effect."""
        for obj in objects:
            self.store.create(obj)
        await self.calm()

    async def change(self, ref: Ref, change: Callable[[Raw], Raw]) -> None:
        """Replace an object by what is made of it, and wait."""
        self.store.update(change(self.get(ref)))
        await self.calm()

    async def delete(self, ref: Ref) -> None:
        """Delete an object and wait."""
        self.store.delete(ref)
        await self.calm()

    def get(self, ref: Ref) -> Raw:
        """An object that must be there."""
        found = self.store.get(ref)
        assert found, ref
        return found

    def pods(self, namespace: str = "default") -> list[Raw]:
        """The pods of a namespace by name."""
        return sorted(self.store.all(POD, namespace), key=lambda pod: str(pod["metadata"]["name"]))

    def address(self, name: str, namespace: str = "default") -> str | None:
        """The address that a Service has."""
        found = items(self.get(Ref(SERVICE, namespace, name)), "status", "loadBalancer", "ingress")
        return text(found[0], "ip") if found else None

    def announcer(self, name: str, namespace: str = "default") -> str | None:
        """The node that announces a Service; there must not be two."""
        about = (namespace, name)
        every = [dig(one, "status") for one in self.store.all(L2_STATUS)]
        found = [one["node"] for one in every if (one["serviceNamespace"], one["serviceName"]) == about]
        assert len(found) <= 1
        return found[0] if found else None

    def said(self, name: str, reason: str) -> list[str]:
        """What events of one reason say about an object."""
        every = [event for event in self.store.all(EVENT) if event["involvedObject"]["name"] == name]
        return [event["message"] for event in every if event["reason"] == reason]

    async def node_ready(self, name: str, ready: bool) -> None:
        """Lose a node, or have it back."""

        def changed(node: Raw) -> Raw:
            others = [one for one in items(node, "status", "conditions") if one["type"] != "Ready"]
            told = {"type": "Ready", "status": "True" if ready else "Unknown", "reason": "x", "message": ""}
            return {**node, "status": {**node["status"], "conditions": [*others, told]}}

        await self.change(Ref(NODE, None, name), changed)


@asynccontextmanager
async def world(programs: frozenset[str] = frozenset(), store: Store | None = None) -> AsyncIterator[World]:
    """The article's nodes and nothing on them, save what is in a given store."""
    plan = read(initial()).plan
    assert plan
    found = World(store or Store())
    seed(found.store, plan)
    running = asyncio.create_task(control(found.store, programs, [found.marks]))
    try:
        await found.calm()
        yield found
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def with_metallb(*addresses: str) -> AsyncIterator[World]:
    """MetalLB is up, with one pool `home`; and two pods `app=echo` are there to be announced."""
    async with world() as found:
        await found.make(*yaml.safe_load_all(StandIns().read(versions().upstream["metallb"])))
        if addresses:
            await found.make(pool("home", *addresses))
        await found.make(advert(), deployment("echo", 2))
        yield found


def obj(kind: Kind, name: str, spec: Raw, namespace: str = "default", **meta: Any) -> Raw:
    """An object of any kind."""
    named = {"name": name, "namespace": namespace, **meta}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": named, "spec": spec}


def pool(name: str, *addresses: str, **spec: Any) -> Raw:
    """An IPAddressPool."""
    return obj(POOL, name, {"addresses": list(addresses), **spec}, METALLB)


def advert(**spec: Any) -> Raw:
    """An L2Advertisement for all pools, unless it says otherwise."""
    return obj(ADVERT, "all", spec, METALLB)


def template(app: str, image: str = "example/app:1", **spec: Any) -> Raw:
    """A pod template with one container."""
    container = {"name": "app", "image": image, "ports": [{"name": "web", "containerPort": 8080}]}
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container], **spec}}


def deployment(name: str, replicas: int, image: str = "example/app:1") -> Raw:
    """A Deployment whose pods are `app=NAME`."""
    chosen = {"matchLabels": {"app": name}}
    spec = {"replicas": replicas, "selector": chosen, "template": template(name, image)}
    return obj(Kind("apps/v1", "Deployment"), name, spec)


def balanced(name: str, app: str = "echo", port: int = 80, notes: Raw | None = None, **spec: Any) -> Raw:
    """A Service of type LoadBalancer."""
    ports = [{"port": port, "targetPort": "web"}]
    whole = {"type": "LoadBalancer", "selector": {"app": app}, "ports": ports, **spec}
    return obj(SERVICE, name, whole, annotations=notes or {})
