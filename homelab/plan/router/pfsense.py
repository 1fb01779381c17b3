"""pfSense: lines for Unbound, and forms. Source: Netgate docs, DNS Resolver, DHCP, port forwards, NAT reflection."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import Leases, dyndns, forward_notes, leases, reflection
from homelab.plan.router.part import DNS, FORWARD, PORTS, Part, asked_elsewhere, form, not_rebinding

TITLE = "pfSense"

CALLED = Leases(
    range_at="Services > DHCP Server > LAN > Address Pool Range",
    first="From",
    last="To",
    host_at="Services > DHCP Server > LAN > Add Static Mapping",
    mac="MAC Address",
    address="IP Address",
    name="Hostname",
)


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """The resolver's own lines, and a NAT rule for each port."""
    outside = "Reserved addresses must lie outside this range."
    return (
        _dns(plan),
        *leases(plan, macs, CALLED, outside),
        _forward(plan),
        *dyndns(plan, "Services > Dynamic DNS > Add", "Hostname"),
    )


def _dns(plan: Plan) -> Part:
    internal = plan.ingress.internal
    lines = (
        "server:",
        f'local-zone: "{internal.domain}." redirect',
        f'local-data: "{internal.domain}. IN A {internal.address}"',
    )
    notes = (
        "Below what stands there; `server:` need not be repeated where it is the last section. Host Overrides know no "
        "wildcard.",
        f"`redirect` answers for {internal.domain} and all below it; Host Overrides of such names are then errors for "
        "Unbound.",
        not_rebinding(
            "pfSense does by default, though not to these lines; what it forwards is let through by "
            f'`private-domain: "{internal.domain}"` below `server:`.'
        ),
        *asked_elsewhere(plan),
    )
    where = "Services > DNS Resolver > General Settings > Custom options"
    return Part(DNS, where, "\n".join(lines), notes)


def _forward(plan: Plan) -> Part:
    filled = (
        {
            "Interface": "WAN",
            "Address Family": "IPv4",
            "Protocol": "TCP",
            "Destination": "WAN address",
            "Destination port range": f"{port} to {port}",
            "Redirect target IP": plan.ingress.external.address,
            "Redirect target port": port,
            "NAT reflection": "Enable (Pure NAT)",
            "Filter rule association": "Add associated filter rule",
        }
        for port in PORTS.values()
    )
    inside = reflection(
        plan,
        "Reflection is off by default, and alone it does not do: System > Advanced > Firewall & NAT > Enable "
        "automatic outbound NAT for Reflection must be on too, since your machines and the ingress share one network.",
    )
    where = "Firewall > NAT > Port Forward"
    return Part(FORWARD, where, form(*filled), (*forward_notes(plan), inside), form=True)
