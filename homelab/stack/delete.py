"""Taking the stack off a cluster: stages in reverse, Services before MetalLB, and nothing of anybody else's."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from homelab.ports import Cluster, Kind, NotServed, Raw, Ref
from homelab.stack import inventory, network
from homelab.stack.access import SECRET
from homelab.stack.apply import STAGE_SECONDS, StageFailed, until_gone
from homelab.stack.compare import Live, read
from homelab.stack.components import STAGES
from homelab.stack.inventory import Entry
from homelab.stack.journal import Journal
from homelab.stack.order import CONFIG_MAP, DEFINITION, NAMESPACE, SERVICE, removal_rank
from homelab.stack.ownership import labels, owner
from homelab.stack.progress import Done, Report, StageBegun, StageEnded
from homelab.stack.render import MANAGED_BY, OURS, STAGE
from homelab.stack.stale import CERTIFICATE, CLAIM, KEPT_WITH, PROTECTED
from homelab.together import together

UNRECORDED = (
    (NAMESPACE, f"{MANAGED_BY}={OURS}"),
    (DEFINITION, f"{MANAGED_BY}={OURS}"),
    (CLAIM, f"{MANAGED_BY}={OURS}"),
    (SECRET, CERTIFICATE),
    (CONFIG_MAP, network.LABEL),
)
"""Kinds of which we may have objects that the record does not name, with the label that they carry."""
GIVEN_BY_METALLB = "metallb.io/ip-allocated-from-pool"
DERIVED = {"Event", "Endpoints", "EndpointSlice", "Lease", "PodMetrics"}
"""Kinds that Kubernetes writes by itself and nobody would miss."""
GIVEN = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
"""What every namespace has."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One object that stays, and why."""

    entry: Entry
    why: str


@dataclass(frozen=True, slots=True)
class Removal:
    """What would go and what would stay."""

    gone: tuple[tuple[Entry, str], ...]
    """Entries with the uid of what they stand for, in the order of removal."""
    kept: tuple[Kept, ...]
    forgotten: frozenset[Entry]
    """Entries whose object is no longer there, or no longer ours."""
    record: Raw | None
    """The live record of what was deployed."""


async def survey(cluster: Cluster, include: frozenset[str]) -> Removal:
    """What a removal would do. Writes nothing. Raises ClusterError."""
    record = await cluster.get(inventory.REF)
    known = inventory.entries(record) | await _named(cluster)
    live = await read(cluster, [entry.ref for entry in known])
    asked = [ref for ref, obj in live.items() if obj and PROTECTED.get(ref.kind) in include]
    others = await _of_others(cluster, asked)
    addressed = await _addressed(cluster)
    held = others | {entry.ref: addressed for entry in known if addressed and entry.stage == STAGES[0]}
    return decide(known, live, held, include, record)


async def _addressed(cluster: Cluster) -> str:
    """Services of others with an address from our MetalLB: without it they lose it, and deleting them would hang."""
    services = await cluster.list(SERVICE)
    given = [obj for obj in services if GIVEN_BY_METALLB in (obj["metadata"].get("annotations") or {})]
    return ", ".join(str(Ref.of(obj)) for obj in _foreign(given))


async def _named(cluster: Cluster) -> set[Entry]:
    """What is ours and not in the record: made by a cut first run before it could write one, or by what we deployed."""
    found: set[Entry] = set()
    for kind, label in UNRECORDED:
        for obj in await cluster.list(kind, labels=label):
            found.add(Entry(labels(obj).get(STAGE, STAGES[0]), Ref.of(obj)))
    return found


async def _of_others(cluster: Cluster, refs: Iterable[Ref]) -> dict[Ref, str]:
    """For a kind or a namespace: what of others would go down with it."""
    kinds = [ref for ref in refs if ref.kind == DEFINITION]
    spaces = [ref for ref in refs if ref.kind == NAMESPACE]
    definitions = await together(partial(_objects_of_kind, cluster, ref) for ref in kinds)
    contents = await together(partial(_objects_in, cluster, ref) for ref in spaces)
    found = dict(zip([*kinds, *spaces], [*definitions, *contents], strict=True))
    return {ref: ", ".join(str(Ref.of(obj)) for obj in held[:5]) for ref, held in found.items() if held}


async def _objects_of_kind(cluster: Cluster, definition: Ref) -> list[Raw]:
    live = await cluster.get(definition)
    if live is None:
        return []
    spec = live["spec"]
    served = next((entry["name"] for entry in spec["versions"] if entry["served"]), None)
    if served is None:
        return []
    try:
        return _foreign(await cluster.list(Kind(f"{spec['group']}/{served}", spec["names"]["kind"])))
    except NotServed:
        return []


async def _objects_in(cluster: Cluster, namespace: Ref) -> list[Raw]:
    """What of others is in a namespace, of whatever kind the cluster knows."""
    one_version = {(kind.group, kind.name): kind for kind in await cluster.kinds() if kind.name not in DERIVED}
    lists = await together(partial(_listed, cluster, kind, namespace.name) for kind in sorted(one_version.values()))
    found = _foreign(obj for objects in lists for obj in objects)
    return [obj for obj in found if (obj["kind"], obj["metadata"]["name"]) not in GIVEN]


async def _listed(cluster: Cluster, kind: Kind, namespace: str) -> tuple[Raw, ...]:
    try:
        return await cluster.list(kind, namespace=namespace)
    except NotServed:  # taken away since it was asked for
        return ()


def _foreign(objects: Iterable[Raw]) -> list[Raw]:
    """Objects that somebody made; those with an owner were derived from another object and follow it."""
    return [obj for obj in objects if not owner(obj).ours and not obj["metadata"].get("ownerReferences")]


def decide(
    known: Iterable[Entry], live: Live, others: Mapping[Ref, str], include: frozenset[str], record: Raw | None
) -> Removal:
    """What goes, in which order, and what stays. Pure."""
    gone: list[tuple[Entry, str]] = []
    kept: list[Kept] = []
    forgotten: set[Entry] = set()
    for entry in sorted(known):
        obj = live[entry.ref]
        if obj is None or not owner(obj).ours:
            forgotten.add(entry)
        elif why := _stays(entry, obj, others, include):
            kept.append(Kept(entry, why))
        else:
            gone.append((entry, obj["metadata"]["uid"]))
    held = _around(kept, (entry for entry, _ in gone))
    going = [item for item in gone if item[0] not in held]
    going.sort(key=lambda item: _order(item[0]))
    stay = sorted((*kept, *(Kept(entry, why) for entry, why in held.items())), key=lambda found: found.entry)
    return Removal(tuple(going), tuple(stay), frozenset(forgotten), record)


def _around(kept: Iterable[Kept], gone: Iterable[Entry]) -> dict[Entry, str]:
    """Namespaces that would take something with them that is to stay, and what that is."""
    inside = {found.entry.ref.namespace: str(found.entry.ref) for found in kept}
    spaces = (entry for entry in gone if entry.ref.kind == NAMESPACE and entry.ref.name in inside)
    return {entry: f"holds {inside[entry.ref.name]}, which stays" for entry in spaces}


def _order(entry: Entry) -> tuple[int, int, Entry]:
    """Stages backwards; within one, what needs a controller before the controller."""
    stage = STAGES.index(entry.stage) if entry.stage in STAGES else len(STAGES)  # of a newer version: on top of ours
    return -stage, removal_rank(entry.ref), entry


def _stays(entry: Entry, obj: Raw, others: Mapping[Ref, str], include: frozenset[str]) -> str | None:
    found = labels(obj)
    word = "certificates" if CERTIFICATE in found else found.get(KEPT_WITH) or PROTECTED.get(entry.ref.kind)
    if word and word not in include:
        return f"kept without --include {word}"
    if held := others.get(entry.ref):
        return f"needed by objects of others: {held}"
    return None


@dataclass(slots=True)
class Removing:
    """One removal from a cluster; may be repeated, so one that was cut is resumed by running again."""

    cluster: Cluster
    journal: Journal
    report: Report
    patience: float = STAGE_SECONDS
    """Seconds that a stage may take."""

    async def run(self, include: frozenset[str]) -> Removal:
        """Delete stage by stage, each waited for; what was left in the end. Raises StageFailed, ClusterError.

        Before each stage the cluster is asked anew: what others have made since then counts.
        """
        self.journal.write("begin", run="delete")
        done: set[str] = set()
        while True:
            removal = await survey(self.cluster, include)
            stage = next((entry.stage for entry, _ in removal.gone if entry.stage not in done), None)
            if stage is None:
                break
            done.add(stage)
            await self._stage(stage, removal)
        if not removal.kept and not removal.gone:
            await self._drop(removal.record)
        self.journal.write("end")
        return removal

    async def _stage(self, stage: str, removal: Removal) -> None:
        items, began = [item for item in removal.gone if item[0].stage == stage], time.monotonic()
        record, known = removal.record, inventory.entries(removal.record) - removal.forgotten
        self.report(StageBegun(stage, len(items)))
        self.journal.write("removing", stage=stage)
        for _, wave in groupby(items, key=lambda item: removal_rank(item[0].ref)):
            going = dict(wave)
            if any(entry.ref == _HOME for entry in going):
                await self._drop(record)
                record = None
            await self._wave(stage, going)
            known -= going.keys()
            record = await inventory.save(self.cluster, known, record) if record else None
        self.report(StageEnded(stage, time.monotonic() - began))

    async def _wave(self, stage: str, going: Mapping[Entry, str]) -> None:
        await together(partial(self.cluster.delete, entry.ref, uid=uid) for entry, uid in going.items())
        objects = {entry.ref: {"metadata": {"uid": uid}} for entry, uid in going.items()}
        try:
            await until_gone(self.cluster, stage, objects, self.patience, self.report)
        except StageFailed as failed:
            self.journal.write("failed", stage=stage, missing=[str(found.ref) for found in failed.missing])
            raise
        for ref in objects:
            self.report(Done(stage, ref, "removed"))

    async def _drop(self, record: Raw | None) -> None:
        """Delete the record itself."""
        if record:
            await self.cluster.delete(inventory.REF, uid=record["metadata"]["uid"])


_HOME = Ref(NAMESPACE, None, inventory.NAMESPACE)
