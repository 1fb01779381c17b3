"""How the values of an object merge: which lists have keys, which are sets, which maps are taken whole.

Built-in kinds have no schema here, so one table says it by field name; a custom resource's own schema says it itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from homelab.lab.resources import Resource
from homelab.observe.raw import dig, strings

_KEYS: Mapping[str, tuple[str, ...]] = {
    "status.addresses": ("type",),
    "status.conditions": ("type",),
    "status.podIPs": ("ip",),
    "spec.containers": ("name",),
    "spec.ephemeralContainers": ("name",),
    "spec.initContainers": ("name",),
    "spec.hostAliases": ("ip",),
    "spec.imagePullSecrets": ("name",),
    "spec.ports": ("port", "protocol"),
    "spec.topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "spec.volumes": ("name",),
    "containers.ports": ("containerPort", "protocol"),
    "initContainers.ports": ("containerPort", "protocol"),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "metadata.ownerReferences": ("uid",),
    "webhooks": ("name",),
    "matchConditions": ("name",),
    ".secrets": ("name",),
}
"""Lists of built-in kinds, by `parent.field` or `field`. Source: x-kubernetes-list-map-keys of /openapi/v3, 1.37."""
_SETS = frozenset({"metadata.finalizers", "spec.podCIDRs"})
_WHOLE = frozenset(
    [
        "spec.selector",
        "nodeSelector",
        "scopeSelector",
        "labelSelector",
        "namespaceSelector",
        "objectSelector",
        "podSelector",
        "roleRef",
        "targetRef",
        "involvedObject",
        "related",
        "claimRef",
        "dataSource",
        "secretKeyRef",
        "configMapKeyRef",
        "fieldRef",
        "resourceFieldRef",
        "service.port",
        "backend.resource",
        "defaultBackend.resource",
        "preference",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "metadata.ownerReferences[]",
        "spec.imagePullSecrets[]",
        ".secrets[]",
    ]
)
"""Maps of built-in kinds that belong to one manager as a whole. Source: x-kubernetes-map-type atomic, 1.37."""


class Shape(Protocol):
    """How the value at one place merges."""

    @property
    def keys(self) -> Mapping[str, Any]:
        """Names of the fields that tell the items of a list apart, each with its default; empty: no such list."""

    @property
    def is_set(self) -> bool:
        """A list of scalars without order."""

    @property
    def whole(self) -> bool:
        """A map that is never merged."""

    def field(self, name: str) -> Shape:
        """The shape of a map's field."""

    def item(self) -> Shape:
        """The shape of a list's items."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A place in a built-in kind: the field and the one it is in."""

    parent: str = ""
    name: str = ""

    def _found(self, table: Mapping[str, Any] | frozenset[str]) -> str | None:
        return next((key for key in (f"{self.parent}.{self.name}", self.name) if key in table), None)

    @property
    def keys(self) -> Mapping[str, Any]:
        """By the table; a port without protocol is a TCP port."""
        found = self._found(_KEYS)
        return {key: "TCP" if key == "protocol" else None for key in _KEYS[found]} if found else {}

    @property
    def is_set(self) -> bool:
        """By the table."""
        return self._found(_SETS) is not None

    @property
    def whole(self) -> bool:
        """By the table."""
        return self._found(_WHOLE) is not None

    def field(self, name: str) -> Shape:
        """A field of this map, or of an item of this list."""
        return BuiltIn(self.name.removesuffix("[]"), name)

    def item(self) -> Shape:
        """An item, which has the list's name."""
        return BuiltIn(self.parent, f"{self.name}[]")


@dataclass(frozen=True, slots=True)
class Custom:
    """A place in a custom resource: the schema there; empty where it says nothing."""

    schema: Mapping[str, Any]
    root: bool = False

    @property
    def keys(self) -> Mapping[str, Any]:
        """`x-kubernetes-list-map-keys`, with the defaults of the items' schema."""
        if self.schema.get("x-kubernetes-list-type") != "map":
            return {}
        names = strings(self.schema, "x-kubernetes-list-map-keys")
        return {name: dig(self.schema, "items", "properties", name, "default") for name in names}

    @property
    def is_set(self) -> bool:
        """`x-kubernetes-list-type: set`."""
        return self.schema.get("x-kubernetes-list-type") == "set"

    @property
    def whole(self) -> bool:
        """`x-kubernetes-map-type: atomic`."""
        return self.schema.get("x-kubernetes-map-type") == "atomic"

    def field(self, name: str) -> Shape:
        """A property, or any other key; metadata is the same for all kinds."""
        if self.root and name == "metadata":
            return BuiltIn("", name)
        found = dig(self.schema, "properties", name) or self.schema.get("additionalProperties")
        return Custom(found if isinstance(found, dict) else {})

    def item(self) -> Shape:
        """The items' schema."""
        found = self.schema.get("items")
        return Custom(found if isinstance(found, dict) else {})


def shape(resource: Resource) -> Shape:
    """The shape of a kind's objects."""
    return BuiltIn() if resource.schema is None else Custom(resource.schema, root=True)
