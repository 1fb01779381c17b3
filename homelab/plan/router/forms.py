"""Parts that are the same for every router with forms; a kind says only what its fields are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homelab.plan.model import Plan
from homelab.plan.router.part import (
    DHCP,
    DYNDNS,
    FORWARD,
    PORTS,
    Part,
    dhcp_range,
    finding_macs,
    form,
    handing_out,
    nothing_to_set,
    own_address,
    reservations,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leases:
    """What a router calls the fields of its DHCP server."""

    range_at: str
    first: str
    last: str
    host_at: str
    mac: str
    address: str
    name: str


def leases(plan: Plan, macs: Mapping[str, str], called: Leases, *notes: str) -> tuple[Part, ...]:
    """The DHCP range, and a reservation for every node."""
    found = dhcp_range(plan)
    if found is None:
        return (nothing_to_set(plan),)
    fields = {called.first: found.first, called.last: found.last}
    return (
        Part(DHCP, called.range_at, form(fields), (*notes, *handing_out(plan)), form=True),
        *reserved(plan, macs, called),
    )


def reserved(plan: Plan, macs: Mapping[str, str], called: Leases) -> tuple[Part, ...]:
    """A reservation for every node; no part where there is none."""
    found = reservations(plan, macs)
    if not found:
        return ()
    filled = ({called.name: one.name, called.mac: one.mac, called.address: one.address} for one in found)
    return (Part(DHCP, called.host_at, form(*filled), (*finding_macs(found), own_address(plan)), form=True),)


def forward_notes(plan: Plan) -> tuple[str, ...]:
    """What is to be known of forwarding, whatever the router."""
    return (
        f"Forward these two TCP ports to {plan.ingress.external.address} and to nothing else. Never forward to the "
        "internal ingress: it is plain HTTP for the LAN, and asks nobody for a password.",
        "Port 80 is needed too: a CA asks its question there, and the ingress sends everybody else on to HTTPS.",
    )


def reflection(plan: Plan, how: str) -> str:
    """That the public name works outside, but not in the LAN without more; `how` is what this router needs for it."""
    external = plan.ingress.external
    return (
        f"From inside the LAN, *.{external.domain} leads to the router's public address. {how} Or let the LAN's name "
        f"server answer {external.domain} and all below it with {external.address}."
    )


def records(plan: Plan) -> Part:
    """What the public DNS holds: one record is kept up to date, the other is set once."""
    domain = plan.ingress.external.domain
    fields = {"Name": f"*.{domain}", "Type": "CNAME", "Target": domain}
    notes = (
        f"The A record of {domain} is your public address, kept up to date by DynDNS; the wildcard above follows it, "
        "and is set once, by hand. Not every DynDNS service can do a wildcard.",
        f"No AAAA record for {domain} unless IPv6 leads to the ingress too: Let's Encrypt asks there first. No proxy "
        "of the provider's before it.",
        "GoDaddy's API refuses most accounts (403, fewer than 10 domains): use another provider, or its DNS elsewhere.",
        "Where the router's own WAN address is private or of 100.64.0.0/10, your provider shares one address among "
        "many: no port forward reaches you. Ask for a public IPv4 address.",
    )
    return Part(DYNDNS, "at the DNS provider of your domain", form(fields), notes, form=True)


def dyndns(plan: Plan, where: str, called: str, *notes: str) -> tuple[Part, ...]:
    """The updater in the router, whose field for the name is `called`, and the records that it serves."""
    name = {called: plan.ingress.external.domain}
    given = "Service, user and password are those of your DynDNS provider."
    return (Part(DYNDNS, where, form(name), (given, *notes), form=True), records(plan))


def of_the_gateway(plan: Plan) -> tuple[Part, ...]:
    """Port forward and DynDNS in the usual words: for a name server that is no router, or for an unknown router."""
    external, router = plan.ingress.external, f"the router {plan.network.gateway}"
    filled = (
        {
            "Name": name,
            "Protocol": "TCP",
            "External port": port,
            "Internal address": external.address,
            "Internal port": port,
        }
        for name, port in PORTS.items()
    )
    inside = reflection(
        plan, "Many routers send it back inside by themselves (NAT loopback, hairpin), some have a switch, some cannot."
    )
    return (
        Part(
            FORWARD,
            f"{router}: a menu such as Port forwarding, Virtual servers or NAT",
            form(*filled),
            (*forward_notes(plan), inside),
            form=True,
        ),
        *dyndns(plan, f"{router}: a menu such as Dynamic DNS", "Hostname"),
    )
