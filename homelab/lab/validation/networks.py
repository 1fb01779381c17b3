"""NetworkPolicies: what they select, who may come in and go out. The lab stores them and enforces none."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from homelab.lab.validation.faults import Fault, forbidden, invalid, network, port, required, unsupported
from homelab.lab.validation.workloads import selector
from homelab.observe.raw import items, strings
from homelab.ports import Raw

_DIRECTIONS = ("Ingress", "Egress")
_PROTOCOLS = ("TCP", "UDP", "SCTP")


def network_policy(obj: Raw) -> Iterable[Fault]:
    """Pods, rules and directions."""
    spec = obj.get("spec") or {}
    yield from selector("spec.podSelector", spec.get("podSelector") or {})
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(items(spec, direction)):
            path = f"spec.{direction}[{number}]"
            for place, one in enumerate(items(rule, "ports")):
                yield from _port(f"{path}.ports[{place}]", one)
            for place, one in enumerate(items(rule, peers)):
                yield from _peer(f"{path}.{peers}[{place}]", one)
    kinds = strings(spec, "policyTypes")
    if len(kinds) > len(_DIRECTIONS):
        yield invalid("spec.policyTypes", list(kinds), "may not specify more than two policyTypes")
        return
    for number, kind in enumerate(kinds):
        if kind not in _DIRECTIONS:
            yield unsupported(f"spec.policyTypes[{number}]", kind, *_DIRECTIONS)


def _port(path: str, one: Raw) -> Iterable[Fault]:
    if one.get("protocol") not in _PROTOCOLS:
        yield unsupported(f"{path}.protocol", one.get("protocol"), *_PROTOCOLS)
    first, last = one.get("port"), one.get("endPort")
    if first is not None:
        yield from port(f"{path}.port", first)
    if last is not None:
        yield from _last_port(f"{path}.endPort", first, last)


def _last_port(path: str, first: Any, last: int) -> Iterable[Fault]:
    if first is None:
        yield invalid(path, last, "may not be specified when `port` is not specified")
    elif isinstance(first, str):
        yield invalid(path, last, "may not be specified when `port` is non-numeric")
    else:
        if last < first:
            yield invalid(path, last, "must be greater than or equal to `port`")
        yield from port(path, last)


def _peer(path: str, one: Raw) -> Iterable[Fault]:
    if not one:
        yield required(path, "must specify a peer")
    if "ipBlock" in one and len(one) > 1:
        yield forbidden(path, "may not specify both ipBlock and another peer")
    for name in ("podSelector", "namespaceSelector"):
        yield from selector(f"{path}.{name}", one.get(name) or {})
    if "ipBlock" in one:
        yield from _block(f"{path}.ipBlock", one["ipBlock"])


def _block(path: str, block: Raw) -> Iterable[Fault]:
    if not (written := block.get("cidr")):
        yield required(f"{path}.cidr")
        return
    wrong = tuple(_network(f"{path}.cidr", written))
    yield from wrong
    if wrong:
        return
    whole = ip_network(written)
    for number, part in enumerate(strings(block, "except")):
        below = f"{path}.except[{number}]"
        wrong = tuple(_network(below, part))
        yield from wrong
        if not wrong and not _within(ip_network(part), whole):
            yield invalid(below, part, "must be a strict subset of `cidr`")


def _network(path: str, written: str) -> Iterable[Fault]:
    wrong = tuple(network(path, written))
    yield from wrong
    try:
        ip_network(written)
    except ValueError:
        if not wrong:
            yield invalid(path, written, "must not have bits set beyond the prefix length")


def _within(part: IPv4Network | IPv6Network, whole: IPv4Network | IPv6Network) -> bool:
    if part.version != whole.version or part.prefixlen <= whole.prefixlen:
        return False
    return part.network_address in whole
