"""AdGuard Home: forms for DNS and DHCP. Source: AdGuard Home wiki, configuration; its issues 4865, 6573."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import Leases, leases, of_the_gateway
from homelab.plan.router.part import DNS, Part, form, not_rebinding, one_server

TITLE = "AdGuard Home"

CALLED = Leases(
    range_at="Settings > DHCP settings > DHCP IPv4 settings",
    first="Range of IP addresses, start",
    last="Range of IP addresses, end",
    host_at="Settings > DHCP settings > DHCP static leases > Add static lease",
    mac="MAC address",
    address="IP address",
    name="Hostname",
)


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """Two rewrites, DHCP where AdGuard Home serves it; the router does the rest."""
    internal = plan.ingress.internal
    both = (internal.domain, f"*.{internal.domain}")
    notes = (
        f"Two rewrites: *.{internal.domain} alone does not answer for {internal.domain} itself.",
        f"The local domain of AdGuard Home's DHCP server (dhcp.local_domain_name) must not be {internal.domain} or "
        "above it: rewrites below that are passed over.",
        not_rebinding(f"Where the router asks AdGuard Home, allow {internal.domain} there."),
        *one_server(plan, "AdGuard Home"),
    )
    rewrites = form(*({"Domain": name, "Answer": internal.address} for name in both))
    only = (
        "Only where AdGuard Home is the DHCP server, and after the router's own is off. Where the router serves DHCP, "
        f"set range and reservations there. Gateway IP is {plan.network.gateway}, Subnet mask "
        f"{plan.network.lan.netmask}."
    )
    return (
        Part(DNS, "Filters > DNS rewrites > Add DNS rewrite", rewrites, notes, form=True),
        *leases(plan, macs, CALLED, only),
        *of_the_gateway(plan),
    )
