"""The disks of the store, which keep the size that they were made with."""

from __future__ import annotations

import re
from decimal import Decimal

from homelab.observe.raw import dig, items
from homelab.ports import Raw
from homelab.stack.ownership import owner

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([KMGTPE]i|[kMGTPE]|)")


def resized(wished: Raw, live: Raw) -> str | None:
    """Why a StatefulSet of ours cannot have disks of the size that is wished; None where there is nothing to say.

    Source: Kubernetes docs, StatefulSet, limitations: the templates of its claims can never be changed.
    """
    before, after = _size(live), _size(wished)
    if not before or not after or _bytes(before) in (None, _bytes(after)) or not owner(live).ours:
        return None
    return (
        f"its volumes were made with {before}, and store.storage says {after}: Kubernetes never changes that; "
        f"write {before} there, or make the store anew: homelab-tui backup FILE, "
        f"homelab-tui delete --include volumes, then as on a new cluster: restore FILE, apply, restore FILE"
    )


def _size(obj: Raw) -> str | None:
    """What each server's disk is to have; None for what has no disks."""
    for claim in items(obj, "spec", "volumeClaimTemplates"):
        return str(dig(claim, "spec", "resources", "requests", "storage"))
    return None


def _bytes(quantity: str) -> Decimal | None:
    """A quantity as a number: 1024Mi are 1Gi. None for a form that no disk has. Source: Kubernetes docs, Quantity."""
    if not (found := _QUANTITY.fullmatch(quantity)):
        return None
    power = " KMGTPE".index((found[2] or " ")[0].upper())
    return Decimal(found[1]) * Decimal(1024 if found[2].endswith("i") else 1000) ** power
