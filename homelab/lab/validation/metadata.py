"""Names, labels, annotations, finalizers and owners; and what of an object never changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from homelab.lab.resources import NAMESPACE, Resource
from homelab.lab.validation.faults import (
    Fault,
    dns_label,
    invalid,
    labels,
    qualified,
    required,
    service_name,
    subdomain,
)
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Kind, Raw

_MOST = 256 * 1024
"""Bytes of all annotations together. Source: Kubernetes, TotalAnnotationSizeLimitB."""
_STANDARD = ("foregroundDeletion", "orphan", "kubernetes")
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


def metadata(resource: Resource, obj: Raw) -> Iterable[Fault]:
    """What all kinds have."""
    meta = obj["metadata"]
    yield from _name(resource, meta)
    yield from labels("metadata.labels", meta.get("labels"))
    notes = meta.get("annotations") or {}
    for name in notes:
        yield from qualified("metadata.annotations", name.lower())
    if sum(len(name) + len(value) for name, value in notes.items()) > _MOST:
        yield Fault("metadata.annotations", "FieldValueTooLong", f"Too long: may not be more than {_MOST} bytes")
    for number, finalizer in enumerate(strings(meta, "finalizers")):
        if "/" not in finalizer and finalizer not in _STANDARD:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid(f"metadata.finalizers[{number}]", finalizer, why)
        yield from qualified("metadata.finalizers", finalizer)
    yield from _owners(meta)


def unlike(resource: Resource, obj: Raw, old: Raw) -> Iterable[Fault]:
    """What never changes, but would."""
    for path in _FIXED.get(resource.kind, ()):
        was, now = dig(old, *path.split(".")), dig(obj, *path.split("."))
        if was and was != now and not (path == "spec.clusterIP" and dig(obj, "spec", "type") == "ExternalName"):
            yield invalid(path, now, "field is immutable")


def _name(resource: Resource, meta: Raw) -> Iterable[Fault]:
    name, prefix = text(meta, "name"), text(meta, "generateName")
    if not name and not prefix:
        yield required("metadata.name", "name or generateName is required")
    if resource.group == "rbac.authorization.k8s.io":
        if name and ("/" in name or "%" in name or name in (".", "..")):
            yield invalid("metadata.name", name, "may not contain '/' or '%'")
        return
    rule: Callable[[str, str], Iterable[Fault]] = subdomain
    if resource.as_kind == Kind("v1", "Service"):
        rule = service_name
    elif resource.as_kind == NAMESPACE:
        rule = dns_label
    if prefix:
        yield from rule("metadata.generateName", prefix.removesuffix("-"))
    if name and rule is dns_label and "." in name:
        yield invalid("metadata.name", name, "must not contain dots")
    elif name:
        yield from rule("metadata.name", name)


def _owners(meta: Raw) -> Iterable[Fault]:
    links = items(meta, "ownerReferences")
    for number, link in enumerate(links):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not link.get(field):
                yield required(f"metadata.ownerReferences[{number}].{field}", "must not be empty")
    ruling = [link for link in links if link.get("controller")]
    if len(ruling) > 1:
        first, second = (f"{link.get('kind')}/{link.get('name')}" for link in ruling[:2])
        why = "Only one reference can have Controller set to true. "
        yield invalid("metadata.ownerReferences", links, f'{why}Found "true" in references for {first} and {second}')
