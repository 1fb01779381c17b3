"""What an earlier plan put on the cluster and this one no longer has."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.ports import Kind, Ref
from homelab.stack.inventory import Entry
from homelab.stack.order import DEFINITION, NAMESPACE
from homelab.stack.render import Rendered

CLAIM = Kind("v1", "PersistentVolumeClaim")
PROTECTED = {DEFINITION: "crds", NAMESPACE: "namespaces", CLAIM: "volumes"}
"""Kinds whose removal destroys what cannot be made anew, and the word that allows it."""
CERTIFICATE = "homelab-tui/certificate"
"""Label of Secrets that hold certificates; they are protected too (`certificates`)."""


def stale(known: Iterable[Entry], rendered: tuple[Rendered, ...]) -> tuple[Entry, ...]:
    """Entries of the rendered stages that no object stands for any more; never of a protected kind."""
    stages = {item.stage for item in rendered}
    refs: set[Ref] = {item.ref for item in rendered}
    return tuple(sorted(e for e in known if e.stage in stages and e.ref not in refs and e.ref.kind not in PROTECTED))
