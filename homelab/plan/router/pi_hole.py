"""Pi-hole v6: dnsmasq lines as one setting. Source: pi-hole/FTL, config.c (misc.dnsmasq_lines, dhcp.hosts)."""

from __future__ import annotations

import json
from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router import dnsmasq
from homelab.plan.router.forms import of_the_gateway
from homelab.plan.router.part import DHCP, DNS, Part, dhcp_range, not_rebinding, nothing_to_set, one_server

TITLE = "Pi-hole v6"

SHELL = "a shell on the Pi-hole"
LINES = "misc.dnsmasq_lines"


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """DNS and DHCP by Pi-hole's own command; the router does the rest."""
    return (*_dns(plan), _dhcp(plan, macs), *of_the_gateway(plan))


def _dns(plan: Plan) -> tuple[Part, ...]:
    lines = dnsmasq.wildcard(plan)
    notes = (
        f"The list is set as a whole: `pihole-FTL --config {LINES}` shows yours first; add its lines to these.",
        "Files in /etc/dnsmasq.d, as recipes for Pi-hole v5 have them, are not read any more (misc.etc_dnsmasq_d is "
        "off), and nothing says so. Local DNS records (dns.hosts) know no wildcard.",
        *dnsmasq.wildcard_notes(plan),
        not_rebinding(f"Where the router asks the Pi-hole, allow {plan.ingress.internal.domain} there."),
        *one_server(plan, "the Pi-hole"),
    )
    contained = (
        "In a container the environment is the only way: what it sets is read-only for the command and the web "
        "interface. Lines are separated by semicolons.",
    )
    return (
        Part(DNS, f"{SHELL}, as root", f"pihole-FTL --config {LINES} '{json.dumps(lines)}'", notes),
        Part(DNS, "or, in a container, its environment", f"FTLCONF_misc_dnsmasq_lines={';'.join(lines)}", contained),
    )


def _dhcp(plan: Plan, macs: Mapping[str, str]) -> Part:
    found = dhcp_range(plan)
    if found is None:
        return nothing_to_set(plan)
    settings: dict[str, object] = {
        "start": found.first,
        "end": found.last,
        "router": plan.network.gateway,
        "netmask": plan.network.lan.netmask,
        "hosts": f"'{json.dumps(dnsmasq.hosts(plan, macs))}'",
    }
    notes = (
        "Only where the Pi-hole is the DHCP server: it becomes one with `pihole-FTL --config dhcp.active true`, after "
        "the router's own DHCP server is off. Where the router serves DHCP, set range and reservations there.",
        "dhcp.hosts is set as a whole: `pihole-FTL --config dhcp.hosts` shows yours first.",
        *dnsmasq.host_notes(plan, macs),
    )
    commands = (f"pihole-FTL --config dhcp.{key} {value}" for key, value in settings.items())
    return Part(DHCP, f"{SHELL}, as root", "\n".join(commands), notes)
