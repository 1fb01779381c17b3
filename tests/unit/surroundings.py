"""A home's network on paper: who answers what, for checks that need no packet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, Literal

from objects import article_plan, l2_status, load_balancer, node

from homelab.doctor.examine import examine
from homelab.doctor.result import Result
from homelab.doctor.world import Facts, World
from homelab.observe.allocations import allocations
from homelab.observe.nodes import nodes
from homelab.ports import Interface, Machine, NamesError, Reply, WebError

PLAN = article_plan()
LABEL = "doctor-1"
ROUTER = "192.168.1.1"
OWN_MAC = "02:00:00:00:00:6e"
MACS = {"192.168.1.1": "02:00:00:00:00:01", "192.168.1.50": "02:00:00:00:00:50", "192.168.1.55": "02:00:00:00:00:55"}
"""The gateway, master1 and node1."""


Addresses = dict[tuple[str, str, str | None], tuple[str, ...]]
"""By name, family and the server that is asked; None is this machine's resolver."""


@dataclass
class Told:
    """Names: what is in no table has no address, and silent servers do not answer."""

    known: Addresses = field(default_factory=dict)
    silent: Collection[str | None] = ()
    denies: bool = False
    """Whether a question without an answer gets "no such name"."""
    label: str | None = None
    """What any other first label is taken for, as a wildcard does."""

    async def addresses(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> tuple[str, ...]:
        if server in self.silent:
            raise NamesError(f"{server or 'this machine'} did not answer")
        found = name.split(".", 1)
        asked = f"{self.label}.{found[1]}" if self.label and found[0].startswith("doctor-") else name
        return self.known.get((asked, family, server), ())

    async def denied(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> bool:
        return self.denies and not await self.addresses(name, family, server)


@dataclass
class Answering:
    """Web servers: by URL and address; nobody else answers."""

    known: Mapping[tuple[str, str], Reply] = field(default_factory=dict)

    async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
        if found := self.known.get((url, str(address))):
            return found
        raise WebError(f"{address} did not answer")


@dataclass
class Around:
    """Neighbours by address; the laptop's or another machine's."""

    known: Mapping[str, str]
    own: str = "192.168.1.110"
    resolvers: tuple[str, ...] = (ROUTER,)

    def machine(self) -> Machine:
        way = Interface("eth0", IPv4Interface(f"{self.own}/24"), OWN_MAC, is_wireless=False)
        return Machine("laptop", (way,), IPv4Address(ROUTER), self.resolvers)

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        return {one: self.known[str(one)] for one in addresses if str(one) in self.known and str(one) != self.own}


def facts(announcer: str | None = "node1", *, speakers: Collection[str] = ("master1", "node1")) -> Facts:
    """A cluster of two, whose internal ingress is announced by one of them."""
    service = load_balancer("traefik-internal", "192.168.1.20", zone="internal")
    statuses = [l2_status(service, announcer)] if announcer else []
    found = nodes([node("master1", "192.168.1.50"), node("node1", "192.168.1.55")])
    return Facts(found, allocations([service], statuses, []), frozenset(speakers))


def world(**parts: Any) -> World:
    """The article's home, seen from a laptop, with these parts of it; nobody answers anything by default."""
    plan, around = parts.pop("plan", PLAN), parts.pop("around", Around({}))
    given: dict[str, Any] = {"names": Told(), "web": Answering(), "label": LABEL, **parts}
    return World(plan, around.machine(), neighbourhood=around, **given)


async def said(id: str, **parts: Any) -> Result:
    """What one check says of that home."""
    (found,) = [result async for result in examine(world(**parts), [id])]
    assert found.id == id
    assert found.title
    return found
