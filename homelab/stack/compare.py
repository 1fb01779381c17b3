"""What an apply would do to a live cluster, asked by server-side dry runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial

from homelab.observe.raw import annotation
from homelab.ports import Cluster, Conflict, Contest, NotFound, NotServed, Raw, Ref, Rejected, Unavailable
from homelab.stack import inventory
from homelab.stack.diff import Action, Difference, difference_text, drops, holds
from homelab.stack.inventory import Entry
from homelab.stack.order import DEFINITION, NAMESPACE
from homelab.stack.ownership import owner
from homelab.stack.readiness import State, status
from homelab.stack.render import DIGEST, MANAGED_BY, OURS, Rendered
from homelab.stack.stale import prunable, stale
from homelab.stack.volumes import resized
from homelab.together import together

Live = Mapping[Ref, Raw | None]


async def read(cluster: Cluster, refs: Iterable[Ref]) -> Live:
    """The live objects, None where there is none. Raises ClusterError."""
    wanted = list(refs)
    found = await together(partial(cluster.get, ref) for ref in wanted)
    return dict(zip(wanted, found, strict=True))


def is_dying(live: Raw) -> bool:
    """Whether an object is being deleted: it cannot be kept, only made anew when it is gone."""
    return bool(live["metadata"].get("deletionTimestamp"))


def spent(wished: Raw, live: Raw) -> str | None:
    """Why a Job of ours has to be made anew; None for one that can stay, and for every other kind.

    One that failed never runs again by itself, and what a Job runs cannot be changed.
    """
    if wished["kind"] != "Job" or not owner(live).ours:
        return None
    if (found := status(live)).state is State.FAILED:
        return f"it failed ({found.why}) and is made anew"
    same = annotation(live, DIGEST) == annotation(wished, DIGEST)
    return None if same else "what it runs is another, and it is made anew"


def fixed(item: Rendered, live: Raw) -> Difference | None:
    """What is wished of an object of ours, but Kubernetes never changes: said in our words before any is tried."""
    why = resized(item.obj, live)
    return Difference(item.stage, item.ref, Action.BLOCKED, note=why) if why else None


async def compare(cluster: Cluster, rendered: tuple[Rendered, ...]) -> tuple[Difference, ...]:
    """Every object with what an apply would do to it, those that would be removed last. Writes nothing."""
    known = await cluster.get(inventory.REF)
    old = stale(inventory.entries(known), rendered)
    live = await read(cluster, [*(item.ref for item in rendered), *(entry.ref for entry in old)])
    live = {ref: None if obj and is_dying(obj) else obj for ref, obj in live.items()}
    coming = _coming(rendered, live)
    found = await together(partial(difference, cluster, item, live[item.ref], coming) for item in rendered)
    removed = (_removal(entry, obj, rendered) for entry in old if (obj := live[entry.ref]) and prunable(obj))
    return (*found, *removed)


def _removal(entry: Entry, live: Raw, rendered: Iterable[Rendered]) -> Difference:
    """What goes. A Job that another takes over from was named by what it ran: that is a change, and nobody's loss."""
    text = "\n".join(f"-{line[1:]}" for line in difference_text(None, live).splitlines() if line.startswith("+"))
    if new := next((item.ref for item in rendered if _takes_over(item, entry)), None):
        return Difference(entry.stage, entry.ref, Action.CHANGE, text, f"{new} takes its place")
    return Difference(entry.stage, entry.ref, Action.REMOVE, text, "no longer part of the plan")


def _takes_over(item: Rendered, entry: Entry) -> bool:
    before, now = entry.ref, item.ref
    is_same = (item.stage, now.kind, now.namespace) == (entry.stage, before.kind, before.namespace)
    return now.kind.name == "Job" and is_same and now.name.rpartition("-")[0] == before.name.rpartition("-")[0]


async def difference(
    cluster: Cluster, item: Rendered, live: Raw | None, coming: frozenset[str] = frozenset()
) -> Difference:
    """One object's difference. What the same plan brings first cannot be asked about yet: it is new, not verified."""
    if live and not owner(live).ours:
        return await foreign(cluster, item, live)
    if live and (why := spent(item.obj, live)):
        return Difference(item.stage, item.ref, Action.CHANGE, note=why)
    if live and (blocked := fixed(item, live)):
        return blocked
    return await _asked(cluster, item, live, coming)


async def _asked(cluster: Cluster, item: Rendered, live: Raw | None, coming: frozenset[str]) -> Difference:
    if f"ns/{item.ref.namespace}" in coming:
        return Difference(
            item.stage, item.ref, Action.UNVERIFIED, await asyncio.to_thread(difference_text, None, item.obj)
        )
    try:
        after, contests = await applied(cluster, item.obj, live, dry_run=True)
    except (NotFound, NotServed, Unavailable) as error:
        if f"group/{item.ref.kind.group}" in coming:
            return Difference(
                item.stage, item.ref, Action.UNVERIFIED, await asyncio.to_thread(difference_text, None, item.obj)
            )
        return Difference(item.stage, item.ref, Action.BLOCKED, note=str(error))
    except Rejected as error:
        return Difference(item.stage, item.ref, Action.BLOCKED, note=str(error))
    text = await asyncio.to_thread(difference_text, live, after)
    action = Action.NEW if live is None else Action.CHANGE if text else Action.SAME
    return Difference(item.stage, item.ref, action, text, contests=contests)


async def foreign(cluster: Cluster, item: Rendered, live: Raw) -> Difference:
    """An object that is there and not ours: a tool's, or a namespace, is left alone; anything else stops the stage."""
    keeper = owner(live)
    if keeper.tool or item.ref.kind == NAMESPACE:
        return Difference(item.stage, item.ref, Action.THEIRS, note=f"kept by {keeper.name}")
    contests: tuple[Contest, ...] = ()
    try:
        await cluster.apply(item.obj, dry_run=True)
    except Conflict as conflict:
        contests = conflict.contests
    except (Rejected, Unavailable):
        pass  # whose it is already says enough
    fields = ", ".join(f"{contest.field} ({contest.manager})" for contest in contests)
    note = (
        f"it exists and is not ours (written by {keeper.name}{f'; in conflict: {fields}' if fields else ''}); "
        f"delete it, or hand it over (also to `homelab-tui delete`): "
        f"kubectl label --overwrite {_path(item.ref)} {MANAGED_BY}={OURS}"
    )
    return Difference(item.stage, item.ref, Action.BLOCKED, note=note, contests=contests)


def _path(ref: Ref) -> str:
    scope = f"-n {ref.namespace} " if ref.namespace else ""
    return f"{scope}{ref.kind.name.lower()} {ref.name}"


async def applied(
    cluster: Cluster, obj: Raw, live: Raw | None, *, dry_run: bool = False
) -> tuple[Raw, tuple[Contest, ...]]:
    """Server-side apply; fields that others hold are taken back only on our own object, and are named.

    An object that already holds all that is wished is not sent at all: asking costs the server as much as changing.
    Raises Conflict where the object is not ours, and every other ClusterError.
    """
    if live and not owner(live).ours:
        raise Rejected(f"{Ref.of(obj)} was made by {owner(live).name} meanwhile; run the same command again")
    if live and holds(live, obj) and not drops(live, obj):
        return live, ()
    try:
        return await cluster.apply(obj, dry_run=dry_run), ()
    except Conflict as conflict:
        if live is None:
            raise
        return await cluster.apply(obj, dry_run=dry_run, force=True), conflict.contests


def _coming(rendered: Iterable[Rendered], live: Live) -> frozenset[str]:
    """Namespaces and API groups that the plan brings and the cluster has not (`ns/x`, `group/y`), webhooks included."""
    found: set[str] = set()
    for item in rendered:
        ref, spec = item.ref, item.obj.get("spec") or {}
        if ref.kind == NAMESPACE and live[ref] is None:
            found.add(f"ns/{ref.name}")
        elif ref.kind == DEFINITION and live[ref] is None:
            found.add(f"group/{spec['group']}")
        elif ref.kind.name.endswith("WebhookConfiguration"):
            found |= _groups(item.obj)
    return frozenset(found)


def _groups(webhooks: Raw) -> set[str]:
    rules = (rule for hook in webhooks.get("webhooks") or () for rule in hook.get("rules") or ())
    return {f"group/{group}" for rule in rules for group in rule.get("apiGroups") or ()}
