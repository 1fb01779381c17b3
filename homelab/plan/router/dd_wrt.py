"""DD-WRT: forms, and a box of dnsmasq lines. Source: DD-WRT wiki, DNSMasq as DHCP server."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router import dnsmasq
from homelab.plan.router.forms import dyndns, forward_notes, reflection
from homelab.plan.router.part import (
    DHCP,
    DNS,
    FORWARD,
    PORTS,
    Part,
    asked_elsewhere,
    dhcp_range,
    form,
    handing_out,
    not_rebinding,
    nothing_to_set,
)

TITLE = "DD-WRT"

BOX = "Services > Services > Additional Dnsmasq Options"


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """The box takes dnsmasq's own lines; range, forward and DynDNS have forms."""
    notes = (
        "Below the lines that are there. Save, then Apply Settings. Setup > Basic Setup must have `Use DNSMasq for "
        "DNS` on.",
        *dnsmasq.wildcard_notes(plan),
        "`No DNS Rebind` may stay on: it looks at answers from outside alone, and these are the router's own.",
        not_rebinding(f"A dnsmasq then needs `rebind-domain-ok=/{plan.ingress.internal.domain}/`."),
        *asked_elsewhere(plan),
    )
    wildcard = Part(DNS, BOX, "\n".join(dnsmasq.wildcard(plan)), notes)
    return (wildcard, *_dhcp(plan, macs), _forward(plan), *dyndns(plan, "Setup > DDNS", "Hostname"))


def _dhcp(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    found = dhcp_range(plan)
    if found is None:
        return (nothing_to_set(plan),)
    fields = {"DHCP Type": "DHCP Server", "Start IP Address": found.first, "Maximum DHCP Users": len(found)}
    where = "Setup > Basic Setup > Network Address Server Settings (DHCP)"
    count = f"DD-WRT wants a number of addresses: {len(found)} of them end at {found.last}."
    given = Part(
        DHCP, where, form(fields), (count, "`Use DNSMasq for DHCP` must be on.", *handing_out(plan)), form=True
    )
    hosts = "\n".join(f"dhcp-host={host}" for host in dnsmasq.hosts(plan, macs))
    return (given, Part(DHCP, f"{BOX}, below the wildcard", hosts, dnsmasq.host_notes(plan, macs)))


def _forward(plan: Plan) -> Part:
    filled = (
        {
            "Application": f"homelab-{name}",
            "Protocol": "TCP",
            "Port from": port,
            "IP Address": plan.ingress.external.address,
            "Port to": port,
            "Enable": "on",
        }
        for name, port in PORTS.items()
    )
    inside = reflection(
        plan, "DD-WRT sends it back inside while `Filter WAN NAT Redirection` (Security > Firewall) is off."
    )
    where = "NAT / QoS > Port Forwarding"
    return Part(FORWARD, where, form(*filled), (*forward_notes(plan), inside), form=True)
