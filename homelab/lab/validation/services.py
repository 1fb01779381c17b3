"""Services, EndpointSlices and Endpoints. The lab's network is IPv4 only."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from homelab.lab.controllers.services import NETWORK, NODE_PORTS
from homelab.lab.validation.faults import (
    Fault,
    address,
    dns_label,
    duplicate,
    forbidden,
    invalid,
    labels,
    network,
    one_of,
    port,
    required,
    subdomain,
    unsupported,
)
from homelab.observe.raw import items, strings, text
from homelab.ports import Raw

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_OUTSIDE = ("LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_NOT_FOR_US = {
    "loopback": "may not be in the loopback range (127.0.0.0/8, ::1/128)",
    "link_local": "may not be in the link-local range (169.254.0.0/16, fe80::/10)",
    "multicast": "may not be in the multicast range (224.0.0.0/4, ff00::/8)",
    "unspecified": "may not be unspecified (0.0.0.0 or ::)",
}


def service(obj: Raw) -> Iterable[Fault]:
    """Ports, addresses, and which field goes with which type."""
    spec = obj.get("spec") or {}
    kind = text(spec, "type") or "ClusterIP"
    headless = text(spec, "clusterIP") == "None"
    if kind not in _TYPES:
        yield unsupported("spec.type", kind, *_TYPES)
    if kind == "ExternalName":
        if name := text(spec, "externalName"):
            yield from subdomain("spec.externalName", name.removesuffix("."))
        else:
            yield required("spec.externalName")
    else:
        if not spec.get("ports") and not headless:
            yield required("spec.ports")
        yield from _addresses(spec)
    if headless and kind in _OUTSIDE:
        yield invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    yield from _ports(items(spec, "ports"), kind)
    yield from labels("spec.selector", spec.get("selector"))
    yield from one_of("spec.sessionAffinity", spec.get("sessionAffinity"), "ClientIP", "None")
    yield from one_of("spec.internalTrafficPolicy", spec.get("internalTrafficPolicy"), "Cluster", "Local")
    yield from _reach(spec, kind)


def endpoint_slice(obj: Raw) -> Iterable[Fault]:
    """Addresses of one kind, and ports."""
    kind = obj.get("addressType")
    if not kind:
        yield required("addressType")
    yield from one_of("addressType", kind, "FQDN", "IPv4", "IPv6")
    for number, endpoint in enumerate(items(obj, "endpoints")):
        path = f"endpoints[{number}].addresses"
        if not endpoint.get("addresses"):
            yield required(path)
        for place, one in enumerate(endpoint.get("addresses") or ()):
            yield from (subdomain if kind == "FQDN" else address)(f"{path}[{place}]", one)
    for number, one in enumerate(items(obj, "ports")):
        path = f"ports[{number}]"
        yield from one_of(f"{path}.protocol", one.get("protocol"), *_PROTOCOLS)
        if name := text(one, "name"):
            yield from dns_label(f"{path}.name", name)


def endpoints(obj: Raw) -> Iterable[Fault]:
    """Addresses and ports."""
    for number, subset in enumerate(items(obj, "subsets")):
        path = f"subsets[{number}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            yield required(path, "must specify `addresses` or `notReadyAddresses`")
        for field in ("addresses", "notReadyAddresses"):
            for place, one in enumerate(items(subset, field)):
                yield from address(f"{path}.{field}[{place}].ip", one.get("ip") or "")
        for place, one in enumerate(items(subset, "ports")):
            yield from port(f"{path}.ports[{place}].port", one.get("port"))
            yield from one_of(f"{path}.ports[{place}].protocol", one.get("protocol"), *_PROTOCOLS)


def _ports(found: list[Raw], kind: str) -> Iterable[Fault]:
    names: set[Any] = set()
    taken: set[Any] = set()
    for number, one in enumerate(found):
        path, name, protocol = f"spec.ports[{number}]", text(one, "name"), one.get("protocol") or "TCP"
        if name:
            yield from dns_label(f"{path}.name", name)
            if name in names:
                yield duplicate(f"{path}.name", name)
        elif len(found) > 1:
            yield required(f"{path}.name")
        yield from port(f"{path}.port", one.get("port"))
        yield from one_of(f"{path}.protocol", protocol, *_PROTOCOLS)
        yield from port(f"{path}.targetPort", one.get("targetPort") or one.get("port"))
        if (one.get("port"), protocol) in taken:
            shown = {"Name": "", "Protocol": protocol, "AppProtocol": None, "Port": one.get("port")}
            yield duplicate(path, {**shown, "TargetPort": 0, "NodePort": 0})
        yield from _node_port(f"{path}.nodePort", one.get("nodePort"), kind)
        if one.get("nodePort") and ("node", one["nodePort"], protocol) in taken:
            yield invalid(f"{path}.nodePort", one["nodePort"], "provided port is already allocated")
        names.add(name)
        taken |= {(one.get("port"), protocol), ("node", one.get("nodePort"), protocol)}


def _node_port(field: str, value: int | None, kind: str) -> Iterable[Fault]:
    if value and kind not in _OUTSIDE:
        yield forbidden(field, f"may not be used when `type` is '{kind}'")
    elif value and value not in NODE_PORTS:
        span = f"{NODE_PORTS[0]}-{NODE_PORTS[-1]}"
        yield invalid(field, value, f"provided port is not in the valid range. The range of valid ports is {span}")


def _addresses(spec: Raw) -> Iterable[Fault]:
    policy, families = text(spec, "ipFamilyPolicy"), strings(spec, "ipFamilies")
    yield from one_of("spec.ipFamilyPolicy", policy, "PreferDualStack", "RequireDualStack", "SingleStack")
    if policy == "RequireDualStack":
        yield invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
    elif len(families) > 1 and policy in (None, "SingleStack"):
        why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"
        yield invalid("spec.ipFamilyPolicy", "SingleStack", why)
    else:
        for number, family in enumerate(families):
            yield from one_of(f"spec.ipFamilies[{number}]", family, "IPv4", "IPv6")
            if family == "IPv6":
                yield invalid(f"spec.ipFamilies[{number}]", family, "not configured on this cluster")
    one, every = text(spec, "clusterIP"), list(strings(spec, "clusterIPs"))
    if every and not one:
        yield invalid("spec.clusterIPs", every, "must be empty when `clusterIP` is not specified")
    elif every and every[0] != one:
        yield invalid("spec.clusterIPs", every, "first value must match `clusterIP`")
    elif one and one != "None":
        yield from _cluster_address(one)


def _cluster_address(one: str) -> Iterable[Fault]:
    wrong = tuple(address("spec.clusterIPs[0]", one))
    yield from wrong
    if wrong:
        return
    if isinstance(ip_address(one), IPv6Address):
        yield invalid("spec.clusterIPs[0]", [one], "IPv6 is not configured on this cluster")
    elif IPv4Address(one) not in NETWORK:
        why = f"the provided IP ({one}) is not in the valid range. The range of valid IPs is {NETWORK}"
        yield invalid("spec.clusterIPs", [one], f"failed to allocate IP {one}: {why}")


def _reach(spec: Raw, kind: str) -> Iterable[Fault]:
    """From outside the cluster."""
    policy, balanced = spec.get("externalTrafficPolicy"), kind == "LoadBalancer"
    if kind in _OUTSIDE or spec.get("externalIPs"):
        yield from one_of("spec.externalTrafficPolicy", policy, "Cluster", "Local")
    elif policy:
        yield invalid("spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
    for field, shown in (
        ("loadBalancerSourceRanges", "LoadBalancerSourceRanges"),
        ("loadBalancerClass", "loadBalancerClass"),
        ("allocateLoadBalancerNodePorts", "allocateLoadBalancerNodePorts"),
    ):
        if spec.get(field) not in (None, "", []) and not balanced:
            yield forbidden(f"spec.{shown}", "may only be used when `type` is 'LoadBalancer'")
    for number, one in enumerate(strings(spec, "loadBalancerSourceRanges") if balanced else ()):
        yield from network(f"spec.LoadBalancerSourceRanges[{number}]", one.strip())
    if (check := spec.get("healthCheckNodePort")) and not (balanced and policy == "Local"):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid("spec.healthCheckNodePort", check, why)
    for number, one in enumerate(strings(spec, "externalIPs")):
        yield from _outer_address(f"spec.externalIPs[{number}]", one)


def _outer_address(field: str, one: str) -> Iterable[Fault]:
    wrong = tuple(address(field, one))
    yield from wrong
    for what, why in _NOT_FOR_US.items() if not wrong else ():
        if getattr(ip_address(one), f"is_{what}"):
            yield invalid(field, one, why)
