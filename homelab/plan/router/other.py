"""Any other router, in the words that most of them use."""

from __future__ import annotations

from collections.abc import Mapping

from homelab.plan.model import Plan
from homelab.plan.router.forms import Leases, leases, of_the_gateway
from homelab.plan.router.part import DNS, Part, asked_elsewhere, form, not_rebinding

TITLE = "another router"

CALLED = Leases(
    range_at="a menu such as LAN or DHCP server",
    first="First address",
    last="Last address",
    host_at="the same menu: Address reservation, Static leases",
    mac="MAC address",
    address="Address",
    name="Name",
)


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """What must be true, under the usual names."""
    internal = plan.ingress.internal
    both = (internal.domain, f"*.{internal.domain}")
    notes = (
        "Most routers of providers cannot do this. Then let a Pi-hole, an AdGuard Home or a dnsmasq be the LAN's name "
        "server: write its address as network.dns, and `homelab-tui router pi-hole` (or adguard-home, dnsmasq) says "
        "what to set.",
        "A name of its own for every app does as well, as long as you have few.",
        not_rebinding(f"Many routers (FRITZ!Box among them) have a list of names to allow: {internal.domain}."),
        *asked_elsewhere(plan),
    )
    return (
        Part(
            DNS,
            "a menu such as DNS, Local DNS or Host names",
            form(*({"Name": name, "Type": "A", "Address": internal.address} for name in both)),
            notes,
            form=True,
        ),
        *leases(plan, macs, CALLED, "Some routers ask for a number of addresses in place of the last one."),
        *of_the_gateway(plan),
    )
