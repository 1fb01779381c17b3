"""What the checks look at, and what they need to be told of the cluster."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Address, ip_address
from typing import Any

from homelab.observe.allocations import Allocation, allocations
from homelab.observe.nodes import Node, nodes
from homelab.observe.raw import items, text
from homelab.observe.snapshot import KINDS
from homelab.plan.model import Plan
from homelab.ports import Cluster, Kind, Machine, Names, Neighbourhood, NotServed, Raw, Web
from homelab.together import together

SPEAKERS = ("metallb-system", "app=metallb,component=speaker")
"""Namespace and labels of the pods that answer ARP. Source: MetalLB's manifest, DaemonSet speaker."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the cluster says of itself."""

    nodes: tuple[Node, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    speakers: frozenset[str] = frozenset()
    """Nodes on which a speaker of MetalLB's is ready."""

    def address_of(self, node: str | None) -> IPv4Address | None:
        """A node's address in the LAN."""
        return next((address for name, address in self.machines if name == node), None)

    @property
    def machines(self) -> tuple[tuple[str, IPv4Address], ...]:
        """Name and address of every node that has one by IPv4."""
        found = ((one.name, ip_address(one.address)) for one in self.nodes if one.address)
        return tuple((name, address) for name, address in found if isinstance(address, IPv4Address))


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a check may look at."""

    plan: Plan
    machine: Machine
    names: Names
    web: Web
    neighbourhood: Neighbourhood
    facts: Facts | None = None
    """None where the cluster was not asked, or did not answer."""
    trouble: str = "the cluster was not asked"
    """Why there are no facts."""
    label: str = field(default_factory=lambda: f"doctor-{secrets.token_hex(4)}")
    """A name that nobody has, so that only a wildcard answers for it, and no cache."""

    @property
    def internal_name(self) -> str:
        """One that only the internal wildcard leads anywhere."""
        return f"{self.label}.{self.plan.ingress.internal.domain}"

    @property
    def external_name(self) -> str:
        """One that only the external wildcard leads anywhere."""
        return f"{self.label}.{self.plan.ingress.external.domain}"

    @property
    def addresses(self) -> frozenset[IPv4Address]:
        """Of this machine."""
        return frozenset(way.address.ip for way in self.machine.interfaces)

    @property
    def is_node(self) -> bool:
        """Whether this machine is one of the cluster's, by the plan or by the cluster itself."""
        seen = self.facts.machines if self.facts else ()
        known = {node.address for node in self.plan.nodes} | {address for _, address in seen}
        return not known.isdisjoint(self.addresses)

    @property
    def may_announce(self) -> bool:
        """Whether this machine may be the one that answers for an address: a node, with a speaker for all we know."""
        mine = {name for name, address in (self.facts.machines if self.facts else ()) if address in self.addresses}
        return self.is_node and (not self.facts or not mine.isdisjoint(self.facts.speakers))

    @property
    def is_on_lan(self) -> bool:
        """Whether this machine has an address of the LAN, so that ARP reaches the others."""
        return any(address in self.plan.network.lan for address in self.addresses)


async def learn(cluster: Cluster) -> Facts:
    """Ask the cluster for what the checks need. Raises ClusterError."""
    namespace, labels = SPEAKERS
    kinds = [KINDS[name].kind for name in ("nodes", "services", "servicel2statuses")]
    jobs: list[Callable[[], Coroutine[Any, Any, tuple[Raw, ...]]]] = [partial(_listed, cluster, kind) for kind in kinds]
    jobs.append(partial(cluster.list, Kind("v1", "Pod"), namespace=namespace, labels=labels))
    machines, services, announcements, pods = await together(jobs)
    return Facts(
        nodes=nodes(machines),
        allocations=allocations(services, announcements, ()),
        speakers=frozenset(node for pod in pods if _is_ready(pod) and (node := text(pod, "spec", "nodeName"))),
    )


async def _listed(cluster: Cluster, kind: Kind) -> tuple[Raw, ...]:
    """None of a kind that is not there yet: MetalLB may not be deployed."""
    try:
        return await cluster.list(kind)
    except NotServed:
        return ()


def _is_ready(pod: Raw) -> bool:
    conditions = items(pod, "status", "conditions")
    leaving = text(pod, "metadata", "deletionTimestamp")
    return not leaving and any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
