"""What the network says of a plan: no rule on the plan alone can know it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address

from homelab.finding import Finding, Severity
from homelab.observe.nodes import Node
from homelab.plan.model import Plan
from homelab.ports import Machine
from homelab.setup.model import Found
from homelab.stack.holders import in_use

POOL = "load_balancer.pool"
RADIO = "many radios do not pass on who asks for an address of the pool, and access points drop the answers"
LARGEST = 256
"""Addresses that are asked whether they answer; of a larger LAN only those of the pool are."""


def around(plan: Plan, found: Found) -> Iterator[Finding]:
    """Addresses that are wanted for the cluster, and are this machine's own or somebody else's. Pure."""
    yield from in_use(plan, found.others)
    wanted = (
        ("ingress.internal.address", plan.ingress.internal.address),
        ("ingress.external.address", plan.ingress.external.address),
    )
    own = own_addresses(found)
    for path, address in wanted:
        if address in own:
            yield _own(path, address)
        elif address in found.taken:
            yield _taken(path, f"{address}", f"its MAC address is {found.taken[address]}")
    pool = plan.load_balancer.pool
    yield from (_own(POOL, address) for address in sorted(own) if address in pool)
    if taken := sorted(address for address in found.taken if address in pool and address not in own):
        macs = ", ".join(f"{address} is at {found.taken[address]}" for address in taken[:3])
        yield _taken(POOL, ", ".join(map(str, taken)), macs)
    if plan.network.lan.num_addresses > LARGEST and len(pool) > LARGEST:
        yield _unasked(len(pool))


def own_addresses(found: Found) -> frozenset[IPv4Address]:
    """This machine's own."""
    return frozenset(one.address.ip for one in found.machine.interfaces) if found.machine else frozenset()


def _own(path: str, address: IPv4Address) -> Finding:
    why = "two would answer for one address, and this session would be the first to break"
    what = f"{address} is this very machine's own address"
    return Finding(Severity.ERROR, path, what, why, "choose addresses that no machine has")


def _taken(path: str, addresses: str, macs: str) -> Finding:
    why = f"another machine has it ({macs}), and two with one address lose each other's packets"
    what = f"{addresses} already answers on the LAN"
    return Finding(Severity.ERROR, path, what, why, "choose addresses at which nobody answers")


def _unasked(size: int) -> Finding:
    what = f"nobody is asked whether its {size} addresses are free"
    why = f"the LAN has more than {LARGEST} addresses, so only a pool of at most {LARGEST} is asked, address by address"
    fix = "choose a smaller pool; or make sure yourself that no machine has one of them"
    return Finding(Severity.WARNING, POOL, what, why, fix)


def wireless(machine: Machine, nodes: Iterable[Node]) -> Iterator[Finding]:
    """Whether this machine is a node whose LAN is a radio. Source: MetalLB docs, layer 2, Raspberry Pi over Wi-Fi."""
    addresses = {node.address: node for node in nodes}
    for way in machine.interfaces:
        if way.is_wireless and (node := addresses.get(str(way.address.ip))):
            yield Finding(
                Severity.WARNING,
                at=f"Node {node.name}",
                what=f"its LAN is Wi-Fi ({way.name})",
                why=RADIO,
                fix=f"use a cable; else let the radio hear everything: `sudo ip link set {way.name} promisc on`",
            )
