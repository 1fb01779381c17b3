"""OPNsense: forms. Source: OPNsense docs, Unbound DNS, Dnsmasq, NAT, NAT reflection; opnsense/core 4049, 5161."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import Leases, dyndns, forward_notes, leases, reflection
from homelab.plan.router.part import DNS, FORWARD, PORTS, Part, asked_elsewhere, form, not_rebinding

TITLE = "OPNsense"

CALLED = Leases(
    range_at="Services > Dnsmasq DNS & DHCP > DHCP ranges",
    first="Start address",
    last="End address",
    host_at="Services > Dnsmasq DNS & DHCP > Hosts",
    mac="Hardware addresses",
    address="IP addresses",
    name="Host",
)


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """Unbound's override with `*`, and a NAT rule for each port."""
    older = "Where Kea serves the LAN, the same values belong into Services > Kea DHCP > Subnets and Reservations."
    updater = "The plugin os-ddclient must be installed (System > Firmware > Plugins)."
    return (
        _dns(plan),
        *leases(plan, macs, CALLED, older),
        _forward(plan),
        *dyndns(plan, "Services > Dynamic DNS", "Hostname(s)", updater),
    )


def _dns(plan: Plan) -> Part:
    internal = plan.ingress.internal
    fields = {"Host": "*", "Domain": internal.domain, "Type": "A", "IP address": internal.address}
    notes = (
        f"`*` covers {internal.domain} itself too. Apply is a button of its own.",
        f"{internal.domain} must not be the firewall's own domain (System > Settings > General): Unbound may then not "
        "start.",
        not_rebinding(
            "OPNsense does while its DNS rebind checks are on, though not to its own overrides; what it forwards is "
            f"let through by Services > Unbound DNS > Advanced > Private Domains: {internal.domain}."
        ),
        *asked_elsewhere(plan),
    )
    return Part(DNS, "Services > Unbound DNS > Overrides > Hosts", form(fields), notes, form=True)


def _forward(plan: Plan) -> Part:
    filled = (
        {
            "Interface": "WAN",
            "Version": "IPv4",
            "Protocol": "TCP",
            "Destination Address": "WAN address",
            "Destination Port": port,
            "Redirect Target IP": plan.ingress.external.address,
            "Redirect Target Port": port,
            "NAT Reflection": "Enable",
            "Firewall rule": "Pass",
        }
        for port in PORTS.values()
    )
    inside = reflection(
        plan,
        "Reflection is off by default, and alone it does not do: Firewall > Settings > Advanced > Automatic outbound "
        "NAT for Reflection must be on too, since your machines and the ingress share one network.",
    )
    rule = "Without a firewall rule (Pass, or Register rule) the packets are redirected, then dropped."
    where = "Firewall > NAT > Destination NAT (Port Forward); in older versions: Firewall > NAT > Port Forward"
    return Part(FORWARD, where, form(*filled), (*forward_notes(plan), rule, inside), form=True)
