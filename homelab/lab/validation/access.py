"""Roles and their bindings."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.lab.validation.faults import Fault, required, unsupported
from homelab.observe.raw import dig, items
from homelab.ports import Raw


def role(obj: Raw) -> Iterable[Fault]:
    """Each rule allows something."""
    for number, rule in enumerate(items(obj, "rules")):
        path = f"rules[{number}]"
        if not rule.get("verbs"):
            yield required(f"{path}.verbs")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{path}.resources", "resource rules must supply at least one resource")


def role_binding(obj: Raw) -> Iterable[Fault]:
    """A role and who has it."""
    return _binding(obj, "Role", "ClusterRole")


def cluster_role_binding(obj: Raw) -> Iterable[Fault]:
    """A role of the cluster and who has it."""
    return _binding(obj, "ClusterRole")


def _binding(obj: Raw, *kinds: str) -> Iterable[Fault]:
    kind = dig(obj, "roleRef", "kind") or ""
    if kind not in kinds:
        yield unsupported("roleRef.kind", kind, *kinds)
    if not dig(obj, "roleRef", "name"):
        yield required("roleRef.name")
    for number, subject in enumerate(items(obj, "subjects")):
        kind = subject.get("kind") or ""
        if kind not in ("ServiceAccount", "User", "Group"):
            yield unsupported(f"subjects[{number}].kind", kind, "ServiceAccount", "User", "Group")
        if not subject.get("name"):
            yield required(f"subjects[{number}].name")
