"""UniFi gateways: forms. Source: home-operations/external-dns-unifi-webhook 58 and 77 (no wildcard)."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import Leases, dyndns, forward_notes, leases, reflection
from homelab.plan.router.part import DNS, FORWARD, PORTS, Part, form, not_rebinding

TITLE = "UniFi"

CALLED = Leases(
    range_at="Settings > Networks > your LAN > DHCP Range",
    first="Start",
    last="Stop",
    host_at="Client Devices > the node > Settings > Fixed IP Address",
    mac="The device with MAC address",
    address="Fixed IP Address",
    name="Name",
)
RECORDS = "Settings > Policy Engine > DNS (in older versions: Settings > Routing > DNS)"
SAMPLE = "whoami"
"""The app that comes with the stack."""


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """Questions are handed on to a name server that can do wildcards, where the plan has one; else host by host."""
    network = plan.network
    can = network.dns != network.gateway and network.dns.is_private
    unlike = "A fixed address must be of this network; it may lie outside the range."
    return (
        _handed_on(plan) if can else _by_host(plan),
        *leases(plan, macs, CALLED, unlike),
        _forward(plan),
        *dyndns(plan, "Settings > Internet > your WAN > Dynamic DNS", "Hostname"),
    )


def _handed_on(plan: Plan) -> Part:
    dns, domain = plan.network.dns, plan.ingress.internal.domain
    fields = {"Type": "Forward Domain", "Domain Name": domain, "DNS Server": dns}
    notes = (
        f"UniFi refuses `*`. The plan's name server {dns} can hold the wildcard: `homelab-tui router pi-hole` (or "
        "adguard-home, dnsmasq) says what to set there. This entry hands on what the gateway itself is asked.",
        f"{dns} must answer such names itself: where it asks the gateway for them, the question goes in circles.",
        not_rebinding(f"Machines that ask {dns} themselves do not meet that."),
    )
    return Part(DNS, RECORDS, form(fields), notes, form=True)


def _by_host(plan: Plan) -> Part:
    internal = plan.ingress.internal
    names = (internal.domain, f"{SAMPLE}.{internal.domain}")
    notes = (
        f"UniFi refuses `*`, and the plan has no name server that could do it: network.dns is {plan.network.dns}. So "
        f"every app needs a record of its own; {SAMPLE} is the sample app's.",
        "A Pi-hole, an AdGuard Home or a dnsmasq in the LAN spares that: write its address as network.dns, and run "
        "this again for the entry (Forward Domain) that hands such names on to it.",
    )
    records = form(*({"Type": "Host (A)", "Domain Name": name, "IP Address": internal.address} for name in names))
    return Part(DNS, RECORDS, records, notes, form=True)


def _forward(plan: Plan) -> Part:
    filled = (
        {
            "Name": f"homelab-{name}",
            "WAN Port": port,
            "Forward IP Address": plan.ingress.external.address,
            "Forward Port": port,
            "Protocol": "TCP",
        }
        for name, port in PORTS.items()
    )
    where = "Settings > Policy Engine > Port Forwarding (older: Settings > Security > Port Forwarding)"
    inside = reflection(plan, "UniFi gateways send it back inside by themselves.")
    return Part(FORWARD, where, form(*filled), (*forward_notes(plan), inside), form=True)
