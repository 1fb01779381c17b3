"""The record of what was deployed: one ConfigMap, a line per object, so that nothing of ours is ever forgotten.

It is written before the objects of a stage are, so a cut leaves a record of too much and never of too little.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homelab.ports import Cluster, ClusterError, Kind, Outdated, Raw, Ref
from homelab.stack.order import CONFIG_MAP
from homelab.stack.render import MANAGED_BY, OURS

NAMESPACE = "homelab"
REF = Ref(CONFIG_MAP, NAMESPACE, "homelab-inventory")
_KEY = "objects"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One object and the stage that it came with."""

    stage: str
    ref: Ref


def entries(live: Raw | None) -> frozenset[Entry]:
    """What the live record names; empty when there is none. Raises ClusterError for a line that is not one of ours."""
    text = ((live or {}).get("data") or {}).get(_KEY, "")
    return frozenset(_entry(line) for line in text.splitlines() if line)


def _entry(line: str) -> Entry:
    try:
        stage, api_version, kind, namespace, name = line.split(" ")
    except ValueError:
        raise ClusterError(
            f"{REF} has a line that this program did not write: {line!r}; "
            f"take it out: kubectl -n {NAMESPACE} edit configmap {REF.name}"
        ) from None
    return Entry(stage, Ref(Kind(api_version, kind), None if namespace == "-" else namespace, name))


def _line(entry: Entry) -> str:
    ref = entry.ref
    return f"{entry.stage} {ref.kind.api_version} {ref.kind.name} {ref.namespace or '-'} {ref.name}"


def as_object(kept: Iterable[Entry], live: Raw | None) -> Raw:
    """The record as an object, based on the version that was read."""
    meta = {"name": REF.name, "namespace": REF.namespace, "labels": {MANAGED_BY: OURS}}
    if live:
        meta["resourceVersion"] = live["metadata"]["resourceVersion"]
    text = "".join(f"{line}\n" for line in sorted(map(_line, kept)))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {_KEY: text}}


async def save(cluster: Cluster, kept: frozenset[Entry], live: Raw | None) -> Raw | None:
    """Write the record unless it already says so; the live record after that. Raises ClusterError.

    It is ours alone, so a hand's edit of it is overwritten; but only if nobody wrote since it was read.
    """
    if entries(live) == kept:
        return live
    try:
        return await cluster.apply(as_object(kept, live), force=True)
    except Outdated:
        why = f"somebody else is changing the stack at this moment: {REF} is another than a moment ago"
        raise Outdated(f"{why}; wait until they are done, then run the same command again") from None
