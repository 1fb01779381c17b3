"""Two owners for one address: who in the plan holds which, and which pairs may not meet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import combinations

from homelab.finding import Finding
from homelab.plan.model import AddressRange, Plan
from homelab.plan.registry import check, error, warning


@dataclass(frozen=True, slots=True)
class Claim:
    """Somebody who holds one address."""

    at: str
    """Key in the plan."""
    who: str
    """`node node1`, `the gateway`, ..."""
    address: IPv4Address


def gateway_of(plan: Plan) -> Claim:
    """The router."""
    return Claim("network.gateway", "the gateway", plan.network.gateway)


def dns_of(plan: Plan) -> Claim:
    """The resolver."""
    return Claim("network.dns", "the DNS server", plan.network.dns)


def nodes_of(plan: Plan) -> tuple[Claim, ...]:
    """Every node."""
    return tuple(Claim(f"nodes.{node.name}.address", f"node {node.name}", node.address) for node in plan.nodes)


def hosts_of(plan: Plan) -> tuple[Claim, ...]:
    """Every host."""
    return tuple(Claim(f"network.hosts.{host.name}", f"host {host.name}", host.address) for host in plan.network.hosts)


def ingresses_of(plan: Plan) -> tuple[Claim, ...]:
    """Both ingresses."""
    zones = (("internal", plan.ingress.internal), ("external", plan.ingress.external))
    return tuple(Claim(f"ingress.{zone}.address", f"the {zone} ingress", ingress.address) for zone, ingress in zones)


@check("pool-over-dhcp", "The pool and the router's DHCP range share addresses")
def pool_over_dhcp(plan: Plan) -> Iterator[Finding]:
    """Sooner or later a phone gets the ingress's address. Source: MetalLB docs, layer 2 configuration; metallb#306."""
    pool, dhcp = plan.load_balancer.pool, plan.network.dhcp
    if dhcp and (shared := pool & dhcp):
        yield error(
            "load_balancer.pool",
            f"{shown(shared)} is also in the router's DHCP range {dhcp}",
            "two owners for one address: sooner or later a phone gets the ingress's",
            f"{moved(pool, dhcp, 'the pool')}, or move the DHCP range in the router and in the plan",
        )


@check("pool-over-reserved", "The pool reaches into a reserved range")
def pool_over_reserved(plan: Plan) -> Iterator[Finding]:
    """Reserved addresses belong to machines that MetalLB knows nothing of."""
    pool = plan.load_balancer.pool
    for reserved in plan.network.reserved:
        if shared := pool & reserved:
            yield error(
                "load_balancer.pool",
                f"{shown(shared)} is also in the reserved range {reserved}",
                "reserved addresses are kept for machines that MetalLB knows nothing of",
                f"{moved(pool, reserved, 'the pool')}, or shorten the reserved range",
            )


@check("pool-over-node", "A node's address is in the pool")
def pool_over_node(plan: Plan) -> Iterator[Finding]:
    """MetalLB does not refuse it. Source: MetalLB release notes 0.15.1; metallb#1397."""
    yield from _in_pool(plan, nodes_of(plan))


@check("pool-over-host", "A host's address is in the pool")
def pool_over_host(plan: Plan) -> Iterator[Finding]:
    """MetalLB hands out what it was given, without asking whether somebody answers there."""
    yield from _in_pool(plan, hosts_of(plan))


@check("pool-over-gateway", "The gateway's address is in the pool")
def pool_over_gateway(plan: Plan) -> Iterator[Finding]:
    """A Service that gets the router's address cuts the LAN off the internet."""
    yield from _in_pool(plan, (gateway_of(plan),))


@check("pool-over-dns", "The DNS server's address is in the pool")
def pool_over_dns(plan: Plan) -> Iterator[Finding]:
    """Right where the DNS server is a Service of this cluster, such as Pi-hole; wrong for every other machine."""
    pool, dns = plan.load_balancer.pool, plan.network.dns
    if dns in pool and dns != plan.network.gateway:
        yield warning(
            "network.dns",
            f"the DNS server {dns} is in the pool {pool}",
            "MetalLB may give its address to another Service, and then no name resolves",
            "shorten the pool; leave it if the DNS server is a Service of this cluster that asks for this address",
        )


@check("dhcp-over-reserved", "The DHCP range reaches into a reserved range")
def dhcp_over_reserved(plan: Plan) -> Iterator[Finding]:
    """The router may hand out what is kept for somebody else."""
    dhcp = plan.network.dhcp
    for at, reserved in _reserved(plan):
        if dhcp and (shared := dhcp & reserved):
            yield error(
                at,
                f"{shown(shared)} is also in the router's DHCP range {dhcp}",
                "the router may hand out an address that is kept for another machine",
                f"{moved(reserved, dhcp, 'the reserved range')}, or move the DHCP range in the router and in the plan",
            )


@check("dhcp-over-node", "A node's address is in the DHCP range")
def dhcp_over_node(plan: Plan) -> Iterator[Finding]:
    """A warning, since many routers hold reservations inside the range and then it is safe."""
    yield from _in_dhcp(plan, nodes_of(plan))


@check("dhcp-over-host", "A host's or the DNS server's address is in the DHCP range")
def dhcp_over_host(plan: Plan) -> Iterator[Finding]:
    """A warning, since many routers hold reservations inside the range and then it is safe."""
    dns = () if plan.network.dns == plan.network.gateway else (dns_of(plan),)
    yield from _in_dhcp(plan, (*hosts_of(plan), *dns))


@check("dhcp-over-gateway", "The gateway's address is in the DHCP range")
def dhcp_over_gateway(plan: Plan) -> Iterator[Finding]:
    """A machine that gets the router's address cuts the LAN off the internet."""
    dhcp, gateway = plan.network.dhcp, plan.network.gateway
    if dhcp and gateway in dhcp:
        yield error(
            "network.dhcp",
            f"the gateway {gateway} is in the DHCP range {dhcp}",
            "a machine that gets the router's address cuts the LAN off the internet",
            moved(dhcp, AddressRange(gateway, gateway), "the DHCP range"),
        )


@check("address-twice", "Two machines have the same address")
def address_twice(plan: Plan) -> Iterator[Finding]:
    """Nodes, hosts and the gateway are different machines; the DNS server may be any of them but a node."""
    for one, other in combinations((gateway_of(plan), *hosts_of(plan), *nodes_of(plan)), 2):
        if one.address == other.address:
            yield error(
                other.at,
                f"{other.who} has the address {other.address} of {one.who}",
                "two machines with one address lose each other's packets; one machine needs one name only",
                f"correct the address of one, or delete {other.at.removesuffix('.address')} if they are one machine",
            )


@check("dns-on-node", "The DNS server is a node of the cluster")
def dns_on_node(plan: Plan) -> Iterator[Finding]:
    """It works, until that node is rebooted."""
    for node in nodes_of(plan):
        if node.address == plan.network.dns:
            yield warning(
                "network.dns",
                f"{node.who} is the LAN's DNS server",
                "while that node is down no name in the LAN resolves, and the cluster cannot pull images to recover",
                "let the router or a machine outside the cluster answer names",
            )


@check("reserved-twice", "Two reserved ranges share addresses")
def reserved_twice(plan: Plan) -> Iterator[Finding]:
    """Harmless, but one of them is probably a slip."""
    for (_, one), (at, other) in combinations(_reserved(plan), 2):
        if shared := one & other:
            yield warning(
                at,
                f"{shown(shared)} is reserved twice, by {one} and {other}",
                "nothing breaks, but one of the two is probably not what was meant",
                "correct one of them, or write both as one range",
            )


@check("dhcp-unknown", "The router's DHCP range is not in the plan")
def dhcp_unknown(plan: Plan) -> Iterator[Finding]:
    """The commonest cause of two owners for one address goes unseen."""
    if plan.network.dhcp is None:
        yield warning(
            "network.dhcp",
            "no DHCP range is given",
            "whether the router hands out addresses of the pool cannot be seen",
            "look the range up in the router and write it; leave it out if nothing in this LAN hands out addresses",
        )


def shown(shared: AddressRange) -> str:
    """A range for a sentence; one address is written once."""
    return str(shared) if len(shared) > 1 else str(shared.first)


def moved(range_: AddressRange, other: AddressRange, what: str) -> str:
    """How to shorten a range so that it ends before, or begins after, another one."""
    if range_.first < other.first:
        return f"end {what} at {other.first - 1}"
    if range_.last > other.last:
        return f"begin {what} at {other.last + 1}"
    return f"move {what} out of {shown(other)}"


def _in_pool(plan: Plan, claims: Iterable[Claim]) -> Iterator[Finding]:
    pool = plan.load_balancer.pool
    for claim in claims:
        if claim.address in pool:
            shorter = moved(pool, AddressRange(claim.address, claim.address), "the pool")
            yield error(
                "load_balancer.pool",
                f"{claim.address} of {claim.who} is in the pool {pool}",
                "MetalLB hands out what it was given, and then two machines answer for one address",
                f"{shorter}, or give {claim.who} another address",
            )


def _in_dhcp(plan: Plan, claims: Iterable[Claim]) -> Iterator[Finding]:
    dhcp = plan.network.dhcp
    for claim in claims:
        if dhcp and claim.address in dhcp:
            yield warning(
                claim.at,
                f"{claim.address} of {claim.who} is in the router's DHCP range {dhcp}",
                "the router may hand it to another machine, unless it holds a reservation for this one",
                "move the address out of the range, or make a reservation in the router",
            )


def _reserved(plan: Plan) -> list[tuple[str, AddressRange]]:
    return [(f"network.reserved[{index}]", reserved) for index, reserved in enumerate(plan.network.reserved)]
