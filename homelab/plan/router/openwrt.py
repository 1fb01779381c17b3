"""OpenWrt: UCI commands. Source: OpenWrt wiki, DHCP and DNS configuration; openwrt/openwrt, dnsmasq.init."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homelab.plan.model import AddressRange, Plan
from homelab.plan.router import dnsmasq
from homelab.plan.router.forms import dyndns, forward_notes, reflection
from homelab.plan.router.part import (
    DHCP,
    DNS,
    FORWARD,
    PORTS,
    Part,
    Reservation,
    asked_elsewhere,
    dhcp_range,
    not_rebinding,
    nothing_to_set,
    reservations,
)

TITLE = "OpenWrt"

SHELL = "a shell on the router (ssh root@{})"
SERVER = "dhcp.@dnsmasq[0]"


def parts(plan: Plan, macs: Mapping[str, str]) -> tuple[Part, ...]:
    """Commands that may be pasted twice: what they add, they take away first."""
    updater = "The package luci-app-ddns must be installed (System > Software)."
    return (
        _dns(plan),
        _dhcp(plan, macs),
        _forward(plan),
        *dyndns(plan, "Services > Dynamic DNS > Add new services", "Lookup Hostname", updater),
    )


def _dns(plan: Plan) -> Part:
    internal = plan.ingress.internal
    lists = {
        "address": f"/{internal.domain}/{internal.address}",
        "server": f"/{internal.domain}/",
        "rebind_domain": internal.domain,
    }
    commands = (
        *(f"uci -q del_list {SERVER}.{name}='{value}'" for name, value in lists.items()),
        *(f"uci add_list {SERVER}.{name}='{value}'" for name, value in lists.items()),
        *_ended("dhcp", "dnsmasq restart"),
    )
    notes = (
        "`server` with nothing behind the name keeps such questions from going upstream, AAAA too: the answer there "
        "would hide the name. An address of before stays in the list: `uci show dhcp` shows it.",
        not_rebinding("OpenWrt does by default; the list `rebind_domain` above lets this name through."),
        *asked_elsewhere(plan),
    )
    return Part(DNS, SHELL.format(plan.network.gateway), "\n".join(commands), notes)


def _dhcp(plan: Plan, macs: Mapping[str, str]) -> Part:
    found = dhcp_range(plan)
    if found is None:
        return nothing_to_set(plan)
    offset = int(found.first) - int(plan.network.lan.network_address)
    hosts = [one for one in reservations(plan, macs) if dnsmasq.is_told(one)]
    option = f"6,{plan.network.dns}"
    server = (f"uci -q del_list dhcp.lan.dhcp_option='{option}'", f"uci add_list dhcp.lan.dhcp_option='{option}'")
    commands = (
        f"uci set dhcp.lan.start='{offset}'",
        f"uci set dhcp.lan.limit='{len(found)}'",
        *(server if plan.network.dns != plan.network.gateway else ()),
        *(line for number, one in enumerate(hosts, 1) for line in _host(f"dhcp.homelab_node{number}", one)),
        *_ended("dhcp", "dnsmasq restart"),
    )
    notes = (_counted(found, plan, offset), *dnsmasq.host_notes(plan, macs))
    return Part(DHCP, SHELL.format(plan.network.gateway), "\n".join(commands), notes)


def _counted(found: AddressRange, plan: Plan, offset: int) -> str:
    return (
        f"start and limit are no addresses but a distance and a number: {offset} after "
        f"{plan.network.lan.network_address} is {found.first}, and {len(found)} addresses end at {found.last}. `lan` "
        f"is the network {plan.network.lan}."
    )


def _host(section: str, one: Reservation) -> Iterator[str]:
    yield f"uci set {section}=host"
    yield f"uci set {section}.name='{one.name}'"
    if one.is_known:
        yield f"uci set {section}.mac='{one.mac}'"
    yield f"uci set {section}.ip='{one.address}'"


def _forward(plan: Plan) -> Part:
    commands = (line for name, port in PORTS.items() for line in _redirect(plan, name, port))
    inside = reflection(plan, "OpenWrt sends it back inside by itself (`reflection` is on where it is not set to 0).")
    text = "\n".join((*commands, *_ended("firewall", "firewall restart")))
    return Part(FORWARD, SHELL.format(plan.network.gateway), text, (*forward_notes(plan), inside))


def _redirect(plan: Plan, name: str, port: int) -> Iterator[str]:
    section = f"firewall.homelab_{name}"
    yield f"uci set {section}=redirect"
    options = {
        "name": f"homelab-{name}",
        "target": "DNAT",
        "src": "wan",
        "src_dport": port,
        "proto": "tcp",
        "dest": "lan",
        "dest_ip": plan.ingress.external.address,
        "dest_port": port,
    }
    yield from (f"uci set {section}.{option}='{value}'" for option, value in options.items())


def _ended(package: str, service: str) -> tuple[str, str]:
    return f"uci commit {package}", f"service {service}"
