"""MikroTik RouterOS: commands. Source: MikroTik docs, DNS, DHCP, NAT (hairpin), Cloud."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import forward_notes, records, reflection
from homelab.plan.router.part import (
    DHCP,
    DNS,
    DYNDNS,
    FORWARD,
    PORTS,
    Part,
    asked_elsewhere,
    dhcp_range,
    finding_macs,
    not_rebinding,
    nothing_to_set,
    own_address,
    reservations,
)

TITLE = "MikroTik"

TERMINAL = "Terminal of WinBox or WebFig"


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """Commands, each told by its comment, so that it is found again."""
    return (_dns(plan), _dhcp(plan, macs), _forward(plan), *_dyndns(plan))


def _dns(plan: Plan) -> Part:
    internal = plan.ingress.internal
    lines = (
        "/ip dns set allow-remote-requests=yes",
        f"/ip dns static add name={internal.domain} type=A match-subdomain=yes address={internal.address} "
        'comment="homelab: internal ingress"',
    )
    notes = (
        "match-subdomain=yes is what makes it a wildcard; without it, only the name itself is answered.",
        "allow-remote-requests answers whoever asks: the firewall must drop port 53 from the WAN (the default one "
        "does).",
        "Questions for AAAA may still go upstream, where NXDOMAIN hides the name from some machines. Where `nslookup "
        f"-type=AAAA {internal.domain}` does not give an empty answer, a TXT record *.{internal.domain} in the "
        "public DNS makes it one.",
        not_rebinding(f"RouterOS does not; another in between must allow {internal.domain}."),
        *asked_elsewhere(plan),
    )
    return Part(DNS, TERMINAL, "\n".join(lines), notes)


def _dhcp(plan: Plan, macs: Mapping[str, str]) -> Part:
    found = dhcp_range(plan)
    if found is None:
        return nothing_to_set(plan)
    kept = reservations(plan, macs)
    lines = (
        f"/ip pool set default-dhcp ranges={found}",
        *(
            f'/ip dhcp-server lease add address={one.address} mac-address={one.mac} server=defconf comment="{one.name}"'
            for one in kept
        ),
    )
    notes = (
        "default-dhcp and defconf are the names of MikroTik's own first configuration; yours are shown by /ip pool "
        "print and /ip dhcp-server print.",
        f"The name server that DHCP hands out is set in /ip dhcp-server network: dns-server={plan.network.dns}.",
        *finding_macs(kept),
        own_address(plan),
    )
    return Part(DHCP, TERMINAL, "\n".join(lines), notes)


def _forward(plan: Plan) -> Part:
    lan, external = plan.network.lan, plan.ingress.external.address
    ports = ",".join(map(str, PORTS.values()))
    lines = (
        f"/ip firewall nat add chain=dstnat action=dst-nat dst-address-type=local dst-address=!{lan} protocol=tcp "
        f'dst-port={ports} to-addresses={external} comment="homelab: external ingress"',
        f"/ip firewall nat add chain=srcnat action=masquerade src-address={lan} dst-address={external} protocol=tcp "
        f'dst-port={ports} comment="homelab: hairpin"',
    )
    inside = reflection(plan, "The second rule (hairpin) is what brings the answers back through the router.")
    closed = (
        "The default firewall lets forwarded ports through (connection-nat-state=dstnat); one of your own needs a rule."
    )
    further = f"Where the router has other LANs beside {lan}, except its addresses there too, else WebFig is forwarded."
    return Part(FORWARD, TERMINAL, "\n".join(lines), (*forward_notes(plan), inside, closed, further))


def _dyndns(plan: Plan) -> tuple[Part, ...]:
    domain = plan.ingress.external.domain
    notes = (
        f"MikroTik keeps a name of its own up to date, shown as dns-name. Let {domain} be a CNAME of it: then it "
        "needs no A record and no other DynDNS.",
    )
    lines = ("/ip cloud set ddns-enabled=yes", "/ip cloud print")
    return (Part(DYNDNS, TERMINAL, "\n".join(lines), notes), records(plan))
