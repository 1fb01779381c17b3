"""dnsmasq on a machine of one's own; DD-WRT and Pi-hole run it too and take the same lines. Source: dnsmasq manual."""

from __future__ import annotations

import re
from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import of_the_gateway
from homelab.plan.router.part import (
    DHCP,
    DNS,
    Part,
    Reservation,
    asked_elsewhere,
    dhcp_range,
    finding_macs,
    not_rebinding,
    nothing_to_set,
    own_address,
    reservations,
)

TITLE = "dnsmasq"

FILE = "/etc/dnsmasq.d/homelab.conf"
HOST_NAME = re.compile(r"(?!(ignore|infinite|\d+[smhdw]?)$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""What dhcp-host takes for a name: `ignore` and `12h` mean something else there, and a dot begins a domain."""

BY_NAME = "A reservation by name holds for the machine that calls itself so (`hostname` on the node shows it)."


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """One file for DNS and DHCP; what only the router can do is told in general words."""
    notes = (
        f"Then: dnsmasq --test -C {FILE} && systemctl restart dnsmasq. A reload (SIGHUP) does not read such files.",
        "/etc/dnsmasq.conf must take that folder in (conf-dir=/etc/dnsmasq.d); Debian's dnsmasq does by itself.",
        *wildcard_notes(plan),
        not_rebinding(f"With stop-dns-rebind it needs `rebind-domain-ok=/{plan.ingress.internal.domain}/`."),
        *asked_elsewhere(plan),
    )
    return (Part(DNS, FILE, "\n".join(wildcard(plan)), notes), _dhcp(plan, macs), *of_the_gateway(plan))


def wildcard(plan: Plan) -> tuple[str, ...]:
    """The domain and all below it lead to the internal ingress, and no such question goes upstream.

    Without `local`, dnsmasq from 2.86 on asks upstream for AAAA; its `no such name` makes resolvers drop the A record.
    """
    internal = plan.ingress.internal
    return (f"address=/{internal.domain}/{internal.address}", f"local=/{internal.domain}/")


def wildcard_notes(plan: Plan) -> tuple[str, ...]:
    """What both lines are for."""
    domain = plan.ingress.internal.domain
    return (
        "Both lines are needed: without `local=`, questions for AAAA go upstream, and the answer there hides "
        f"{domain}. Names of this domain in the public DNS can no longer be found from the LAN.",
    )


def hosts(plan: Plan, macs: Mapping[str, str]) -> tuple[str, ...]:
    """Values of `dhcp-host`, for every node that can be told by its MAC address or its name."""
    return tuple(_host(one) for one in reservations(plan, macs) if is_told(one))


def is_told(one: Reservation) -> bool:
    """Whether dnsmasq can tell the machine: words in place of a MAC address it would take for a host's name."""
    return one.is_known or HOST_NAME.fullmatch(one.name) is not None


def host_notes(plan: Plan, macs: Mapping[str, str]) -> tuple[str, ...]:
    """Who is reserved how, and who is left out."""
    found = reservations(plan, macs)
    untold = tuple(one for one in found if not is_told(one))
    by_name = (BY_NAME,) if any(not one.is_known and is_told(one) for one in found) else ()
    left_out = tuple(f"Left out, to be added as `{one.mac},{one.address}`: {one.name}." for one in untold)
    return (*by_name, *left_out, *finding_macs(untold), own_address(plan))


def handed_out(plan: Plan) -> tuple[str, ...]:
    """Gateway and name server as DHCP options: dnsmasq names itself as both otherwise."""
    network = plan.network
    return (f"dhcp-option=option:router,{network.gateway}", f"dhcp-option=option:dns-server,{network.dns}")


def _host(one: Reservation) -> str:
    known = (one.mac, str(one.address), one.name if HOST_NAME.fullmatch(one.name) else "")
    return ",".join(filter(None, known)) if one.is_known else f"{one.name},{one.address}"


def _dhcp(plan: Plan, macs: Mapping[str, str]) -> Part:
    found = dhcp_range(plan)
    if found is None:
        return nothing_to_set(plan)
    lines = (
        f"dhcp-range={found.first},{found.last},{plan.network.lan.netmask},12h",
        *handed_out(plan),
        *(f"dhcp-host={host}" for host in hosts(plan, macs)),
    )
    notes = (
        "These take the place of a dhcp-range that is there already. Only one DHCP server may serve the LAN: where the "
        "router does, leave this part out and set the range there.",
        *host_notes(plan, macs),
    )
    return Part(DHCP, f"{FILE}, below it", "\n".join(lines), notes)
