"""What the API server makes of an object before it stores it: a few defaults, and no to what is wrong.

Types and unknown fields were seen to before, by `typed`; values: `validation`, and `schemas` of custom resources.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from homelab.lab.refusal import Refusal, about
from homelab.lab.resources import Resource
from homelab.lab.schemas import completed, misfits
from homelab.lab.validation import faults
from homelab.lab.validation.faults import Fault
from homelab.observe.raw import dig, items, text
from homelab.ports import Kind, Raw

SECRET = Kind("v1", "Secret")
SERVICE = Kind("v1", "Service")
POD = Kind("v1", "Pod")
POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy")
_WORKLOAD = ("spec", "template", "spec")
_PODS: Mapping[Kind, tuple[str, ...]] = {
    POD: ("spec",),
    Kind("batch/v1", "CronJob"): ("spec", "jobTemplate", *_WORKLOAD),
}
"""Where a kind keeps the specification of its pods, if not where workloads do."""


def admitted(resource: Resource, obj: Raw, old: Raw | None) -> Raw:
    """The object, which was read by `decoded`, with defaults. Raises Refusal 422."""
    done = defaulted(resource, obj, old)
    found = [*faults(resource, done, old), *(misfits(resource.schema, done) if resource.schema else ())]
    if found:
        raise invalid(resource, done, found)
    return done


def invalid(resource: Resource, obj: Raw, wrong: Iterable[Fault]) -> Refusal:
    """422 that lists what is wrong."""
    causes = [fault.cause for fault in wrong]
    name = text(obj, "metadata", "name") or ""
    said = [f"{cause['field']}: {cause['message']}" for cause in causes]
    listed = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = about(resource, name) | {"kind": resource.kind, "causes": causes}
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


# Defaults


def defaulted(resource: Resource, obj: Raw, old: Raw | None) -> Raw:
    """What the API server adds: protocols, which tell ports apart, what was allocated before, and what is derived."""
    if resource.as_kind == SECRET:
        return _plain_secret(obj)
    if resource.as_kind == SERVICE:
        return _defaulted_service(obj, old)
    if resource.as_kind == POLICY:
        return _defaulted_policy(obj)
    if resource.schema:
        return completed(resource.schema, obj)  # type: ignore[no-any-return]
    return _changed_at(obj, _PODS.get(resource.as_kind, _WORKLOAD), _defaulted_pod)


def _plain_secret(obj: Raw) -> Raw:
    written = {
        key: base64.b64encode(str(value).encode()).decode() for key, value in (obj.get("stringData") or {}).items()
    }
    rest = {key: value for key, value in obj.items() if key != "stringData"}
    data = {**(obj.get("data") or {}), **written}
    return {"type": "Opaque"} | rest | ({"data": data} if data else {})


def _defaulted_service(obj: Raw, old: Raw | None) -> Raw:
    spec = {"type": "ClusterIP"} | (obj.get("spec") or {})
    if "ports" in spec:
        spec["ports"] = [_with_protocol(port) for port in items(spec, "ports")]
    was = dig(old, "spec") or {}
    if spec["type"] != "ExternalName" and was.get("type") != "ExternalName":
        spec |= {key: was[key] for key in ("clusterIP", "clusterIPs") if key in was and not spec.get(key)}
    return obj | {"spec": _of_type(spec, was) if was else spec}


def _of_type(spec: Raw, was: Raw) -> Raw:
    """Without what only the type before had, unless it was changed too."""
    kind, lost = spec["type"], []
    if kind == "ExternalName":
        lost += ["clusterIP", "clusterIPs"]
    if kind not in ("NodePort", "LoadBalancer"):
        lost += ["externalTrafficPolicy"]
        if _node_ports(spec) == _node_ports(was):
            ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in items(spec, "ports")]
            spec = spec | ({"ports": ports} if ports else {})
    if kind != "LoadBalancer":
        lost += ["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"]
    if kind == was.get("type"):
        return spec
    return {key: value for key, value in spec.items() if key not in lost or value != was.get(key)}


def _node_ports(spec: Raw) -> list[Any]:
    return [port.get("nodePort") for port in items(spec, "ports")]


def _defaulted_policy(obj: Raw) -> Raw:
    spec = {"podSelector": {}} | (obj.get("spec") or {})
    for direction in ("ingress", "egress"):
        if direction in spec:
            spec[direction] = [
                rule | ({"ports": [_with_protocol(port) for port in items(rule, "ports")]} if "ports" in rule else {})
                for rule in items(spec, direction)
            ]
    kinds = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    return obj | {"spec": spec | {"policyTypes": spec.get("policyTypes") or kinds}}


def _with_protocol(port: Raw) -> Raw:
    return port if "protocol" in port else port | {"protocol": "TCP"}


def _changed_at(obj: Raw, path: tuple[str, ...], change: Callable[[Raw], Raw]) -> Raw:
    """The object with the map at the end of the path changed, if it is there."""
    if not path:
        return change(obj)
    inner = obj.get(path[0])
    return obj | {path[0]: _changed_at(inner, path[1:], change)} if isinstance(inner, dict) else obj


def _defaulted_pod(spec: Raw) -> Raw:
    return spec | {
        key: [_defaulted_container(container) for container in items(spec, key)]
        for key in ("containers", "initContainers")
        if key in spec
    }


def _defaulted_container(container: Raw) -> Raw:
    if "ports" not in container:
        return container
    return container | {"ports": [_with_protocol(port) for port in items(container, "ports")]}
