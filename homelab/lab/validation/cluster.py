"""Nodes, claims of storage, leases, and what else belongs to the cluster as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable

from homelab.lab.validation.faults import (
    Fault,
    at_least,
    forbidden,
    invalid,
    network,
    one_of,
    qualified,
    required,
    unsupported,
)
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ACCESS = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_HIGHEST = 1_000_000_000


def node(obj: Raw) -> Iterable[Fault]:
    """Pod network and taints."""
    networks = strings(obj, "spec", "podCIDRs") or strings({"one": [dig(obj, "spec", "podCIDR")]}, "one")
    for number, one in enumerate(networks):
        yield from network(f"spec.podCIDRs[{number}]", one)
    for number, taint in enumerate(items(obj, "spec", "taints")):
        path = f"metadata.taints[{number}]"
        yield from qualified(f"{path}.key", taint.get("key") or "")
        if taint.get("effect") not in _EFFECTS:
            yield unsupported(f"{path}.effect", taint.get("effect") or "", *_EFFECTS)


def claim(obj: Raw) -> Iterable[Fault]:
    """How much storage, and who may use it at the same time."""
    modes, size = strings(obj, "spec", "accessModes"), dig(obj, "spec", "resources", "requests", "storage")
    if not modes:
        yield required("spec.accessModes", "at least 1 access mode is required")
    for mode in modes:
        yield from one_of("spec.accessModes", mode, *_ACCESS)
    if size is None:
        yield required("spec.resources[storage]")
    elif not re.search("[1-9]", size) or size.startswith("-"):
        yield invalid("spec.resources[storage]", size, "must be greater than zero")


def lease(obj: Raw) -> Iterable[Fault]:
    """It lasts some time."""
    lasts = dig(obj, "spec", "leaseDurationSeconds")
    if lasts is not None and lasts <= 0:
        yield invalid("spec.leaseDurationSeconds", lasts, "must be greater than 0")
    yield from at_least(obj.get("spec"), "spec", "leaseTransitions")


def disruption_budget(obj: Raw) -> Iterable[Fault]:
    """One bound."""
    spec = obj.get("spec") or {}
    if None not in (spec.get("minAvailable"), spec.get("maxUnavailable")):
        yield invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    yield from at_least(spec, "spec", "minAvailable", "maxUnavailable")


def priority_class(obj: Raw) -> Iterable[Fault]:
    """The highest are the system's."""
    if (obj.get("value") or 0) > _HIGHEST and not obj["metadata"].get("name", "").startswith("system-"):
        yield forbidden("value", f"maximum allowed value of a user defined priority is {_HIGHEST}")


def storage_class(obj: Raw) -> Iterable[Fault]:
    """Who provides, and what becomes of it."""
    if not text(obj, "provisioner"):
        yield required("provisioner")
    yield from one_of("reclaimPolicy", obj.get("reclaimPolicy"), "Delete", "Retain")
    yield from one_of("volumeBindingMode", obj.get("volumeBindingMode"), "Immediate", "WaitForFirstConsumer")
