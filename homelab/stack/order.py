"""What must be there before what, inside one stage."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from homelab.ports import Kind, Ref
from homelab.stack.render import Rendered

DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition")
NAMESPACE = Kind("v1", "Namespace")
CONFIG_MAP = Kind("v1", "ConfigMap")
SERVICE = Kind("v1", "Service")
CUSTOM = 2
"""The wave of custom resources."""


def wave(kind: Kind) -> int:
    """0: names that others need (namespaces, kinds); 1: what Kubernetes itself knows; 2: custom resources.

    Custom resources come last because their webhook is a workload of wave 1.
    """
    if kind in (DEFINITION, NAMESPACE):
        return 0
    built_in = "." not in kind.group or kind.group.endswith(".k8s.io")
    return 1 if built_in else CUSTOM


def waves(rendered: Iterable[Rendered]) -> list[tuple[Rendered, ...]]:
    """Objects of one stage in groups; all of a group may be applied at once."""
    ordered = sorted(rendered, key=lambda item: wave(item.ref.kind))
    return [tuple(group) for _, group in groupby(ordered, key=lambda item: wave(item.ref.kind))]


def removal_rank(ref: Ref) -> int:
    """The order of deleting: custom resources and Services while their controllers live, then the rest, names last."""
    if wave(ref.kind) == CUSTOM:
        return 0
    last = {SERVICE: 1, DEFINITION: 3, NAMESPACE: 4}
    return last.get(ref.kind, 2)
