"""One thing to set, and the pieces that most routers' texts are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal, TypeAlias

from homelab.plan.model import AddressRange, Plan

Topic = Literal["wildcard DNS", "DHCP range and reservations", "port forward", "DynDNS"]
DNS: Topic = "wildcard DNS"
DHCP: Topic = "DHCP range and reservations"
FORWARD: Topic = "port forward"
DYNDNS: Topic = "DynDNS"

PORTS = {"http": 80, "https": 443}
"""What the external ingress serves; a CA asks its question on the first."""

Fields: TypeAlias = Mapping[str, object]
"""One form: what its fields are called, and what belongs into them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing to set in one place."""

    topic: Topic
    where: str
    """A file, or the way through the menus."""
    text: str
    """To paste as it is, or `name: value` lines for a form; empty where there is nothing to set."""
    notes: tuple[str, ...] = ()
    """The traps: what goes wrong silently."""
    form: bool = False
    """The text is values for the fields of a form."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """A node's address, which DHCP must give to nobody else."""

    name: str
    address: IPv4Address
    mac: str
    """Its MAC address, or words that stand for it."""
    is_known: bool


def reservations(plan: Plan, macs: Mapping[str, str]) -> tuple[Reservation, ...]:
    """Every node's; what no host name holds stands as `_`, so that no text needs quotes."""
    return tuple(_reservation(node.name, node.address, macs.get(node.name)) for node in plan.nodes)


def _reservation(node: str, address: IPv4Address, mac: str | None) -> Reservation:
    name = _host_name(node)
    return Reservation(name, address, mac or f"MAC-OF-{name}", mac is not None)


def _host_name(node: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", node)


def finding_macs(found: tuple[Reservation, ...]) -> tuple[str, ...]:
    """How to find the MAC addresses that are not known; no note where all are."""
    unknown = [one for one in found if not one.is_known]
    if not unknown:
        return ()
    return (
        f"{unknown[0].mac} stands for that machine's MAC address, which is not known here: `ip -br link` shows it on "
        f"the node; `ping -c1 {unknown[0].address}; ip neigh show {unknown[0].address}` does from another machine of "
        "the LAN.",
    )


def own_address(plan: Plan) -> str:
    """Why a reservation is right for nodes with an address of their own, too."""
    if not plan.nodes:
        return "The plan lists no nodes, so nothing is reserved."
    return (
        f"Cluster nodes keep their addresses for life. Where a node ({_host_name(plan.nodes[0].name)}) has its address "
        "set on itself, it needs no reservation; the entry then only keeps DHCP from giving the address away."
    )


def dhcp_range(plan: Plan) -> AddressRange | None:
    """What DHCP may hand out; None where the plan says nothing, or nothing that lies in the LAN."""
    found = plan.network.dhcp
    return found if found and found.first in plan.network.lan and found.last in plan.network.lan else None


def nothing_to_set(plan: Plan) -> Part:
    """In place of a DHCP range that the plan does not have."""
    why = "lies outside the LAN" if plan.network.dhcp else "is not in the plan"
    note = f"The DHCP range {why} (network.dhcp), so there is nothing to set. It must never reach into "
    return Part(DHCP, "nowhere", "", (f"{note}the pool {plan.load_balancer.pool}.",))


def form(*filled: Fields) -> str:
    """The values of forms, one line for a field, an empty line between two forms."""
    return "\n\n".join("\n".join(f"{name}: {value}" for name, value in fields.items()) for fields in filled)


def asked_elsewhere(plan: Plan) -> tuple[str, ...]:
    """That the wildcard is of use only where the LAN's machines ask; no note where they ask the router."""
    network, domain = plan.network, plan.ingress.internal.domain
    if network.dns == network.gateway:
        return ()
    return (
        f"Your machines ask {network.dns} (network.dns), not the router {network.gateway}: set this on {network.dns}, "
        f"or let that server forward {domain} to the router.",
    )


def not_rebinding(allow: str) -> str:
    """That a server in between drops private addresses; `allow` is what lets them through there."""
    return f"A server that forwards such questions may drop private addresses as DNS rebinding. {allow}"


def handing_out(plan: Plan) -> tuple[str, ...]:
    """That DHCP must name the name server; no note where that is the router, which it names by itself."""
    network = plan.network
    if network.dns == network.gateway:
        return ()
    return (f"DHCP must hand out {network.dns} as the only name server.",)


def one_server(plan: Plan, name: str) -> tuple[str, ...]:
    """For a name server that is no router: whether the LAN's machines ask it, and it alone."""
    network = plan.network
    alone = "A second one beside it, such as the router or 1.1.1.1, is asked too and knows none of these names."
    if network.dns == network.gateway:
        return (
            f"The plan says that your machines ask the router {network.gateway}. Where {name} is another machine, "
            f"write its address as network.dns and let DHCP hand it out, else nobody asks it. {alone}",
        )
    return (f"Let DHCP hand out {network.dns} as the only name server. {alone}",)
