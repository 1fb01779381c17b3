"""Addresses that lie in the wrong network, or where no machine can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from homelab.finding import Finding
from homelab.plan.model import AddressRange, Plan
from homelab.plan.registry import check, error, warning
from homelab.plan.rules_claims import Claim, dns_of, gateway_of, hosts_of, ingresses_of, nodes_of, shown

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""Source: RFC 1918."""
INSIDE = (*PRIVATE, IPv4Network("100.64.0.0/10"), IPv4Network("127.0.0.0/8"), IPv4Network("169.254.0.0/16"))
"""Networks that no stranger can come from; 100.64.0.0/10 is Tailscale's. Source: RFC 6598, RFC 6890."""
SMALLEST = 30
"""Longest prefix with a network and a broadcast address. Source: RFC 3021."""


@check("lan-not-private", "The LAN is no private network")
def lan_not_private(plan: Plan) -> Iterator[Finding]:
    """Whoever really owns these addresses becomes unreachable. Source: RFC 1918."""
    if not _within(plan.network.lan, PRIVATE):
        yield warning(
            "network.lan",
            f"{plan.network.lan} is no private network",
            "the machines that own these addresses on the internet cannot be reached, and the ingress may be public",
            "use a network of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, unless these addresses are really yours",
        )


@check("pool-outside-lan", "The pool is not in the LAN")
def pool_outside_lan(plan: Plan) -> Iterator[Finding]:
    """Layer 2 cannot work: nobody asks by ARP for an address of another network. Source: MetalLB docs, layer 2 mode."""
    yield from _range_outside(plan, "load_balancer.pool", "the pool", plan.load_balancer.pool)


@check("dhcp-outside-lan", "The DHCP range is not in the LAN")
def dhcp_outside_lan(plan: Plan) -> Iterator[Finding]:
    """A router hands out addresses of the LAN only, so one of the two is a slip."""
    if plan.network.dhcp:
        yield from _range_outside(plan, "network.dhcp", "the DHCP range", plan.network.dhcp)


@check("reserved-outside-lan", "A reserved range is not in the LAN")
def reserved_outside_lan(plan: Plan) -> Iterator[Finding]:
    """It reserves nothing, so what was meant is not reserved."""
    for index, reserved in enumerate(plan.network.reserved):
        yield from _range_outside(plan, f"network.reserved[{index}]", "the reserved range", reserved)


@check("gateway-outside-lan", "The gateway is not in the LAN")
def gateway_outside_lan(plan: Plan) -> Iterator[Finding]:
    """No machine of the LAN can reach it."""
    yield from _outside(plan, (gateway_of(plan),))


@check("node-outside-lan", "A node is not in the LAN")
def node_outside_lan(plan: Plan) -> Iterator[Finding]:
    """Such a node cannot announce an address of the LAN. Source: MetalLB docs, layer 2 mode."""
    yield from _outside(plan, nodes_of(plan))


@check("host-outside-lan", "A host is not in the LAN")
def host_outside_lan(plan: Plan) -> Iterator[Finding]:
    """Hosts are listed so that nothing takes their address of this LAN."""
    yield from _outside(plan, hosts_of(plan))


@check("ingress-outside-lan", "An ingress address is not in the LAN")
def ingress_outside_lan(plan: Plan) -> Iterator[Finding]:
    """Nobody in the LAN would find it."""
    yield from _outside(plan, ingresses_of(plan))


@check("ingress-outside-pool", "An ingress address is not in the pool")
def ingress_outside_pool(plan: Plan) -> Iterator[Finding]:
    """MetalLB refuses: AllocationFailed. Source: MetalLB docs, usage, requesting specific IPs."""
    pool = plan.load_balancer.pool
    for claim in ingresses_of(plan):
        if claim.address not in pool and claim.address in plan.network.lan:
            yield error(
                claim.at,
                f"{claim.address} is not in the pool {pool}",
                "the ingress asks MetalLB for this address, and MetalLB has none but the pool's",
                f"choose an address of {shown(pool)}, or widen the pool",
            )


@check("ingress-addresses-equal", "Both ingresses want the same address")
def ingress_addresses_equal(plan: Plan) -> Iterator[Finding]:
    """One of them never gets it; which one is chance. Source: MetalLB docs, usage, IP address sharing."""
    internal, external = plan.ingress.internal.address, plan.ingress.external.address
    if internal == external:
        yield error(
            "ingress.external.address",
            f"{external} is the internal ingress's address too",
            "MetalLB gives an address to one Service; with both on one, internal apps would be public",
            "choose another address of the pool for one of them",
        )


@check("edge-address", "Somebody has the LAN's network or broadcast address")
def edge_address(plan: Plan) -> Iterator[Finding]:
    """No machine can have them. Source: RFC 1122, 3.2.1.3."""
    lan = plan.network.lan
    claims = (gateway_of(plan), dns_of(plan), *hosts_of(plan), *nodes_of(plan), *ingresses_of(plan))
    for claim in claims:
        if claim.address in edges(lan):
            yield error(
                claim.at,
                f"{claim.address} of {claim.who} is the {_edge_name(lan, claim.address)} address of {lan}",
                "no machine can have this address",
                f"choose one from {lan[1]} to {lan[-2]}",
            )


@check("edge-in-range", "The pool or the DHCP range holds the LAN's network or broadcast address")
def edge_in_range(plan: Plan) -> Iterator[Finding]:
    """MetalLB would hand it out. Source: MetalLB docs, IPAddressPool, avoidBuggyIPs is off by default."""
    lan = plan.network.lan
    ranges = (
        ("load_balancer.pool", "the pool", plan.load_balancer.pool),
        ("network.dhcp", "the DHCP range", plan.network.dhcp),
    )
    for at, who, range_ in ranges:
        for edge in edges(lan):
            if range_ and edge in range_:
                yield error(
                    at,
                    f"{who} {range_} holds {edge}, the {_edge_name(lan, edge)} address of {lan}",
                    "no machine can have this address, but it would be handed out",
                    f"keep {who} between {lan[1]} and {lan[-2]}",
                )


@check("pool-cidr-edges", "The pool is written as a network, whose edges count too")
def pool_cidr_edges(plan: Plan) -> Iterator[Finding]:
    """`/28` means 16 addresses to MetalLB, not 14. Source: MetalLB docs, IPAddressPool, avoidBuggyIPs."""
    cidr = plan.load_balancer.pool.cidr
    if cidr and edges(cidr):
        first, last = edges(cidr)
        yield warning(
            "load_balancer.pool",
            f"{cidr} holds {first} and {last} too",
            "MetalLB hands out the first and last address as well, which a network written as a/n seldom means",
            f"write {cidr[1]}-{cidr[-2]}, or {first}-{last} if both are meant",
        )


@check("cluster-networks-overlap", "Pod, Service and LAN networks share addresses")
def cluster_networks_overlap(plan: Plan) -> Iterator[Finding]:
    """Packets for the one go to the other. Source: Kubernetes docs, cluster networking."""
    named = (
        ("network.lan", plan.network.lan),
        ("cluster.pods", plan.cluster.pods),
        ("cluster.services", plan.cluster.services),
    )
    given = [(at, network) for at, network in named if network]
    for (at, one), (other_at, other) in combinations(given, 2):
        if one.overlaps(other):
            yield error(
                other_at,
                f"{other} overlaps {one} of {at}",
                "packets for the one go to the other, so parts of the LAN or the cluster cannot be reached",
                "correct the slip; if the cluster really has this network, build it anew with another one",
            )


@check("trusted-over-lan", "A trusted network overlaps the LAN")
def trusted_over_lan(plan: Plan) -> Iterator[Finding]:
    """The LAN is trusted anyway, so another network was probably meant."""
    for at, trusted in _trusted(plan):
        if trusted.overlaps(plan.network.lan) and _within(trusted, INSIDE):
            yield warning(
                at,
                f"{trusted} overlaps the LAN {plan.network.lan}",
                "the LAN may use the internal ingress anyway; a VPN with the LAN's addresses cannot be routed",
                "write the VPN's or VLAN's own network, or delete the entry",
            )


@check("trusted-public", "A trusted network is public")
def trusted_public(plan: Plan) -> Iterator[Finding]:
    """With the internal ingress reachable, strangers from there would be let in; it has no passwords and no HTTPS."""
    for at, trusted in _trusted(plan):
        if not _within(trusted, INSIDE):
            yield warning(
                at,
                f"{trusted} holds public addresses",
                "a port forward to the internal ingress would publish every internal app to them, without a password",
                "write the private network of your VPN or VLAN, such as 10.8.0.0/24",
            )


@check("dns-public", "The DNS server is a public one")
def dns_public(plan: Plan) -> Iterator[Finding]:
    """It cannot be told the internal wildcard."""
    dns = plan.network.dns
    if not _within(IPv4Network(dns), INSIDE) and dns not in plan.network.lan:
        yield warning(
            "network.dns",
            f"{dns} is a public name server",
            f"it does not know *.{plan.ingress.internal.domain}, so no internal app can be found by name",
            "let the LAN ask a name server of your own, such as the router",
        )


def edges(network: IPv4Network) -> tuple[IPv4Address, ...]:
    """Network and broadcast address; a network of one or two addresses has none."""
    return (network[0], network[-1]) if network.prefixlen <= SMALLEST else ()


def _edge_name(network: IPv4Network, address: IPv4Address) -> str:
    return "network" if address == network[0] else "broadcast"


def _within(network: IPv4Network, homes: Iterable[IPv4Network]) -> bool:
    return any(network.subnet_of(home) for home in homes)


def _outside(plan: Plan, claims: Iterable[Claim]) -> Iterator[Finding]:
    lan = plan.network.lan
    for claim in claims:
        if claim.address not in lan:
            yield error(
                claim.at,
                f"{claim.address} of {claim.who} is not in the LAN {lan}",
                "machines of the LAN find by ARP only what has an address of the LAN",
                "correct the address, or network.lan",
            )


def _range_outside(plan: Plan, at: str, who: str, range_: AddressRange) -> Iterator[Finding]:
    lan = AddressRange.of(plan.network.lan)
    if range_.first not in lan or range_.last not in lan:
        inside = range_ & lan
        yield error(
            at,
            f"{who} {range_} is not in the LAN {plan.network.lan}",
            "machines of the LAN find by ARP only what has an address of the LAN",
            f"keep to {shown(inside)}" if inside else f"choose addresses of {plan.network.lan}, or correct network.lan",
        )


def _trusted(plan: Plan) -> list[tuple[str, IPv4Network]]:
    return [(f"network.trusted[{index}]", trusted) for index, trusted in enumerate(plan.network.trusted)]
