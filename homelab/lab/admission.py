"""What the API server makes of an object before it stores it: a few defaults, and no to what would mislead.

There are no schemas of built-in kinds: unknown fields and wrong types in their specs are stored as they come. Checked
are names, labels, what must not change, and what would keep a workload from ever matching its own pods.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from homelab.lab.refusal import Refusal, about
from homelab.lab.resources import DEFINITION, NAMESPACE, Resource
from homelab.lab.schemas import misfits
from homelab.observe.raw import dig, items, text
from homelab.ports import Kind, Raw

SECRET = Kind("v1", "Secret")
SERVICE = Kind("v1", "Service")
POD = Kind("v1", "Pod")
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_LONGEST_VALUE = 63
_QUALIFIED = re.compile(rf"({_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?")
_ENDS = "and must start and end with an alphanumeric character"
_SAYS_LABEL = f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', {_ENDS}"
_SAYS_SUBDOMAIN = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', {_ENDS}"
)
_SAYS_SERVICE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_SAYS_VALUE = (
    f"a valid label must be an empty string or consist of at most 63 alphanumeric characters, '-', '_' or '.', {_ENDS}"
)
_SAYS_QUALIFIED = f"name part must consist of alphanumeric characters, '-', '_' or '.', {_ENDS}"
_WORKLOAD = ("spec", "template", "spec")
_PODS: Mapping[Kind, tuple[str, ...]] = {
    POD: ("spec",),
    Kind("batch/v1", "CronJob"): ("spec", "jobTemplate", *_WORKLOAD),
}
"""Where a kind keeps the specification of its pods, if not where workloads do."""
_SELECTING = ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")
_FIXED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_SELECTING, ("spec.selector",)),
    "StatefulSet": ("spec.selector", "spec.serviceName", "spec.volumeClaimTemplates", "spec.podManagementPolicy"),
    "Service": ("spec.clusterIP",),
    "Secret": ("type",),
    "Job": ("spec.selector", "spec.template"),
    "ClusterRoleBinding": ("roleRef",),
    "RoleBinding": ("roleRef",),
    "IngressClass": ("spec.controller",),
    "StorageClass": ("provisioner", "parameters"),
}
"""Fields of built-in kinds that never change. Source: the validation of each kind."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an object."""

    field: str
    what: str
    """`Required value`, `Invalid value`."""
    why: str
    value: Any = None

    @property
    def cause(self) -> Raw:
        """As a Status lists it."""
        required = self.what == "Required value"
        value = "" if required else f" {_quoted(self.value)}:"
        reason = "FieldValueRequired" if required else "FieldValueInvalid"
        return {"reason": reason, "message": f"{self.what}:{value} {self.why}", "field": self.field}


def admitted(resource: Resource, obj: Raw, old: Raw | None) -> Raw:
    """The object with defaults. Raises Refusal 422."""
    done = defaulted(resource, obj, old)
    faults = (*_name_faults(resource, done), *_label_faults(done), *_spec_faults(resource, done))
    if old:
        faults += tuple(_unlike(resource, done, old))
    causes = [fault.cause for fault in faults]
    if resource.schema:
        found = misfits(resource.schema, done)
        causes += [{"reason": reason, "message": said, "field": field} for field, reason, said in found]
    if causes:
        raise invalid(resource, done, causes)
    return done


def invalid(resource: Resource, obj: Raw, causes: list[Raw]) -> Refusal:
    """422 that lists what is wrong."""
    name = text(obj, "metadata", "name") or ""
    said = [f"{cause['field']}: {cause['message']}" for cause in causes]
    listed = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    details = about(resource, name) | {"kind": resource.kind, "causes": causes}
    return Refusal(422, "Invalid", f'{kind} "{name}" is invalid: {listed}', details)


# Defaults


def defaulted(resource: Resource, obj: Raw, old: Raw | None) -> Raw:
    """What the API server adds: protocols, which tell ports apart, a Secret's data, what was allocated before."""
    if resource.as_kind == SECRET:
        return _plain_secret(obj)
    if resource.as_kind == SERVICE:
        return _defaulted_service(obj, old)
    return _changed_at(obj, _PODS.get(resource.as_kind, _WORKLOAD), _defaulted_pod) if resource.built_in else obj


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
    return obj | {"spec": spec}


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


# Faults


def _name_faults(resource: Resource, obj: Raw) -> Iterable[Fault]:
    name = text(obj, "metadata", "name")
    if not name:
        if not text(obj, "metadata", "generateName"):
            yield Fault("metadata.name", "Required value", "name or generateName is required")
        return
    if resource.group == "rbac.authorization.k8s.io":
        if "/" in name or "%" in name or name in (".", ".."):
            yield Fault("metadata.name", "Invalid value", "may not contain '/' or '%'", name)
        return
    if resource.as_kind == SERVICE:
        rule, words, longest = "[a-z]([-a-z0-9]*[a-z0-9])?", _SAYS_SERVICE, 63
    elif resource.as_kind == NAMESPACE:
        rule, words, longest = _LABEL, _SAYS_LABEL, 63
    else:
        rule, words, longest = _SUBDOMAIN, _SAYS_SUBDOMAIN, 253
    if not re.fullmatch(rule, name):
        yield Fault("metadata.name", "Invalid value", words, name)
    if len(name) > longest:
        yield Fault("metadata.name", "Invalid value", f"must be no more than {longest} bytes", name)


def _label_faults(obj: Raw) -> Iterable[Fault]:
    meta = obj["metadata"]
    for name, value in (meta.get("labels") or {}).items():
        if not isinstance(value, str) or len(value) > _LONGEST_VALUE or not _VALUE.fullmatch(value):
            yield Fault("metadata.labels", "Invalid value", f"{_SAYS_VALUE} (label {name})", value)
    for name in (*(meta.get("labels") or ()), *(meta.get("annotations") or ())):
        if not _QUALIFIED.fullmatch(name):
            field = "metadata.labels" if name in (meta.get("labels") or ()) else "metadata.annotations"
            yield Fault(field, "Invalid value", _SAYS_QUALIFIED, name)


def _spec_faults(resource: Resource, obj: Raw) -> Iterable[Fault]:
    if resource.group == "apps" and resource.kind in _SELECTING:
        wanted = dig(obj, "spec", "selector", "matchLabels") or {}
        given = dig(obj, "spec", "template", "metadata", "labels") or {}
        if not dig(obj, "spec", "selector"):
            yield Fault("spec.selector", "Required value", "")
        elif not wanted.items() <= given.items():
            why = "`selector` does not match template `labels`"
            yield Fault("spec.template.metadata.labels", "Invalid value", why, given)
    if resource.as_kind == DEFINITION:
        yield from _definition_faults(obj)


def _definition_faults(obj: Raw) -> Iterable[Fault]:
    spec = obj.get("spec") or {}
    for path in (("group",), ("scope",), ("names", "kind"), ("names", "plural"), ("versions",)):
        if not dig(spec, *path):
            yield Fault("spec." + ".".join(path), "Required value", "")
            return
    name = f"{spec['names']['plural']}.{spec['group']}"
    if obj["metadata"]["name"] != name:
        why = f'must be spec.names.plural+"."+spec.group, that is {name}'
        yield Fault("metadata.name", "Invalid value", why, obj["metadata"]["name"])
    if sum(bool(version.get("storage")) for version in items(spec, "versions")) != 1:
        why = "must have exactly one version marked as storage version"
        yield Fault("spec.versions", "Invalid value", why, [version.get("name") for version in items(spec, "versions")])


def _unlike(resource: Resource, obj: Raw, old: Raw) -> Iterable[Fault]:
    if not resource.built_in:
        return
    for path in _FIXED.get(resource.kind, ()):
        was, now = dig(old, *path.split(".")), dig(obj, *path.split("."))
        if was and was != now and not (path == "spec.clusterIP" and dig(obj, "spec", "type") == "ExternalName"):
            yield Fault(path, "Invalid value", "field is immutable", now)


def _quoted(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
