"""What an earlier plan put on the cluster and this one no longer has."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.ports import Kind, Raw, Ref
from homelab.stack.inventory import Entry
from homelab.stack.order import DEFINITION, NAMESPACE
from homelab.stack.ownership import labels, owner
from homelab.stack.render import Rendered

CLAIM = Kind("v1", "PersistentVolumeClaim")
PROTECTED = {DEFINITION: "crds", NAMESPACE: "namespaces", CLAIM: "volumes"}
"""Kinds whose removal destroys what cannot be made anew, and the word that allows it."""
KEPT_WITH = "homelab-tui/kept-with"
"""Label of what is of no use without that which the word of `--include` names, nor that without it."""
CERTIFICATE = "homelab-tui/certificate"
"""Label of Secrets that hold certificates; they are protected too (`certificates`)."""


def stale(known: Iterable[Entry], rendered: tuple[Rendered, ...]) -> tuple[Entry, ...]:
    """Entries of the rendered stages that no object stands for any more; never of a protected kind."""
    stages = {item.stage for item in rendered}
    kept = {_identity(item.ref) for item in rendered}
    gone = (entry for entry in known if entry.stage in stages and _identity(entry.ref) not in kept)
    return tuple(sorted(entry for entry in gone if entry.ref.kind not in PROTECTED))


def _identity(ref: Ref) -> tuple[str, str, str | None, str]:
    """An object without the version of its API group: a manifest that moves to a newer one means the same object."""
    return ref.kind.group, ref.kind.name, ref.namespace, ref.name


def prunable(live: Raw) -> bool:
    """Whether an object that left the plan may go with it: ours, and no certificate."""
    return owner(live).ours and CERTIFICATE not in labels(live)
