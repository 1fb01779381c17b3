"""Whose object is it: ours, a tool's, or somebody's. Decides what may be changed, forced and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homelab.observe.raw import dig, items, text
from homelab.ports import Raw
from homelab.stack.render import MANAGED_BY, OURS

_TOOLS = (
    ("Helm release {}", "annotations", "meta.helm.sh/release-name"),
    ("Flux Kustomization {}", "labels", "kustomize.toolkit.fluxcd.io/name"),
    ("Flux HelmRelease {}", "labels", "helm.toolkit.fluxcd.io/name"),
    ("Argo CD application {}", "labels", "argocd.argoproj.io/instance"),
    ("Argo CD {}", "annotations", "argocd.argoproj.io/tracking-id"),
    ("k3s add-on {}", "annotations", "objectset.rio.cattle.io/owner-name"),
    ("k3s add-on {}", "labels", "objectset.rio.cattle.io/hash"),
)
"""What tools write on the objects that they keep in step. Source: each tool's docs on labels and tracking."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who keeps an object."""

    name: str
    """`homelab-tui`, a tool and its release, or the field managers that wrote it."""
    tool: bool = False
    """Whether a tool would put its own state back over ours."""
    ours: bool = False
    """Whether we may change, force and delete it."""


def owner(live: Raw) -> Owner:
    """Who keeps a live object; a tool's mark counts more than our label."""
    for said, where, key in _TOOLS:
        if value := text(live, "metadata", where, key):
            return Owner(said.format(value), tool=True)
    label = labels(live).get(MANAGED_BY)
    if label == OURS:
        return Owner(OURS, ours=True)
    if label == "Helm":
        return Owner("Helm", tool=True)
    return Owner(" and ".join(_managers(live)) or "somebody else")


def labels(obj: Raw) -> Mapping[str, str]:
    """An object's labels; empty where it has none."""
    found = dig(obj, "metadata", "labels")
    return found if isinstance(found, dict) else {}


def _managers(live: Raw) -> list[str]:
    """Field managers of the main object, without those that only write status."""
    entries = items(live, "metadata", "managedFields")
    return sorted({text(entry, "manager") or "?" for entry in entries if not entry.get("subresource")})
