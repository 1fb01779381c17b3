"""Putting an app on show, changing it and taking it off.

Looked at by a dry run first, written with a journal line before and after, nothing of anybody else's touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from homelab.access.around import INGRESS
from homelab.access.expose import APP, app_of, exposed, ingresses, normal, reference
from homelab.access.model import App
from homelab.observe.raw import full_name, name
from homelab.pauses import pauses
from homelab.ports import Cluster, Conflict, Exists, NotFound, Outdated, Raw, Ref, Rejected
from homelab.stack.compare import applied, difference, is_dying, read
from homelab.stack.diff import Action, Difference, as_text
from homelab.stack.journal import Journal
from homelab.stack.render import MANAGED_BY, OURS, Rendered
from homelab.stack.renewal import Unfit, fit, renew
from homelab.together import together

STAGE = "apps"
GONE_SECONDS = 20.0
"""In which a deleted Ingress is gone, unless a finalizer of somebody's holds it."""
SOON = "the issuer looks every ten minutes by itself"


async def preview(cluster: Cluster, app: App, before: App | None = None) -> tuple[Difference, ...]:
    """What applying would change, asked by server-side dry runs; BLOCKED ones say why it would be refused.

    Writes nothing. Raises ClusterError, of which Outdated and Exists as `publish`.
    """
    wished, live, left = await _met(cluster, app, before)
    asked = (partial(difference, cluster, Rendered(STAGE, app.key, one), live[Ref.of(one)]) for one in wished)
    return (*await together(asked), *(_removal(one) for one in left))


def _removal(live: Raw) -> Difference:
    text = "\n".join(f"-{line}" for line in as_text(live).splitlines())
    return Difference(STAGE, Ref.of(live), Action.REMOVE, text, "the app leaves this zone")


def as_diff(differences: Iterable[Difference]) -> str:
    """The same as text: for `Exposure.changes`, and for the command line."""
    return "\n".join(line for one in differences for line in _lines(one))


def _lines(one: Difference) -> Iterable[str]:
    yield f"{one.ref}: {one.action}{f': {one.note}' if one.note else ''}"
    yield from (f"    takes {contest.field} back from {contest.manager}" for contest in one.contests)
    yield from (f"    {line}" for line in one.text.splitlines())


async def _met(
    cluster: Cluster, app: App, before: App | None
) -> tuple[tuple[Raw, ...], Mapping[Ref, Raw | None], list[Raw]]:
    """What is wished, what is there of it, and what is there beyond.

    Raises Rejected, Outdated, Exists, ClusterError.
    """
    _editable(before)
    wished = ingresses(app)
    if before is None:
        live = await read(cluster, [Ref.of(one) for one in wished])
        if taken := [one for one in live.values() if one and app_of(one)]:
            raise Exists(f"Ingress {full_name(taken[0])} is on show already, as an app of ours; edit that one")
        return wished, live, []
    found = {Ref.of(one): one for one in await _of_app(cluster, before)}
    _same(before, tuple(found.values()))
    wanted = [Ref.of(one) for one in wished]
    others = await read(cluster, [ref for ref in wanted if ref not in found])
    left = [one for ref, one in found.items() if ref not in wanted]
    return wished, {**others, **found}, left


def _editable(before: App | None) -> None:
    if before and before.refusal:
        raise Rejected(before.refusal)


def _same(before: App, found: tuple[Raw, ...]) -> None:
    """Raises Outdated where the app is another one than was read; what only others have written is no matter."""
    now = next(iter(exposed(found)), None)
    if now is None:
        raise Outdated(f"{before.key} was taken off meanwhile, by somebody else; look again")
    if _essence(now) == _essence(before):
        return
    writers = sorted({one["manager"] for each in found for one in each["metadata"].get("managedFields") or ()})
    by = f" (it was written by {', '.join(writers)})" if writers else ""
    raise Outdated(f"{before.key} was changed since it was read{by}; look at it again before you change it")


def _essence(app: App) -> tuple[App, frozenset[str]]:
    """What an edit goes by: how often its Ingresses were written is no part of it, nor how a Middleware is spelt."""
    auth = reference(app.auth) if app.auth else None
    return replace(app, version={}, auth=auth), frozenset(app.version)


async def _of_app(cluster: Cluster, app: App) -> tuple[Raw, ...]:
    labels = f"{MANAGED_BY}={OURS},{APP}={app.name or app.service}"
    named = await cluster.list(INGRESS, namespace=app.namespace, labels=labels)
    found = await read(cluster, map(Ref.of, named))  # one by one they say also who wrote them
    return tuple(one for one in found.values() if one and app_of(one) and not is_dying(one))


async def publish(cluster: Cluster, journal: Journal, app: App, before: App | None = None) -> App:
    """Apply it, and delete the Ingresses of zones that it has left; the app as it is on the cluster then.

    Everything is tried by a dry run before anything is written. The journal is inside its `with`. Raises Rejected where
    it may not be edited, Outdated where somebody changed it since `before` was read, Exists where a new one is there
    already, Conflict naming other managers, every other ClusterError, NotKept.
    """
    app = normal(app)
    wished, live, left = await _met(cluster, app, before)
    for one in wished:
        await _apply(cluster, one, live[Ref.of(one)], dry_run=True)
    await asyncio.to_thread(journal.write, "exposing", app=app.key, hosts=dict(app.hosts), auth=app.auth)
    made = [await _apply(cluster, one, live[Ref.of(one)]) for one in wished]
    for one in left:
        await cluster.delete(Ref.of(one), uid=one["metadata"]["uid"])
    await asyncio.to_thread(journal.write, "exposed", app=app.key)
    (now,) = exposed(made)
    return replace(now, auth=app.auth)


async def _apply(cluster: Cluster, wished: Raw, live: Raw | None, *, dry_run: bool = False) -> Raw:
    """Only on top of what was read: somebody else's change in between is not overwritten."""
    version = {"resourceVersion": live["metadata"]["resourceVersion"]} if live else {}
    try:
        found, _ = await applied(cluster, {**wished, "metadata": wished["metadata"] | version}, live, dry_run=dry_run)
    except Conflict as conflict:
        held = ", ".join(f"{one.field} by {one.manager}" for one in conflict.contests)
        raise Conflict(f"{Ref.of(wished)} is held by others: {held or conflict}", conflict.contests) from None
    return found


async def order(cluster: Cluster, journal: Journal, app: App, before: App | None = None) -> str | None:
    """Have the issuer look at once where the app brought a new public host; what became of that, one sentence.

    It orders what has no certificate yet and renews nothing, so that no CA is asked twice for the same. None where
    there is nothing to order. Raises ClusterError only where the cluster cannot be asked, NotKept.
    """
    host = normal(app).hosts.get("external")
    if host is None or (before and before.hosts.get("external") == host):
        return None
    try:
        await fit(cluster, [host])
        run = await renew(cluster, journal, ())
    except (Unfit, NotFound, Rejected) as error:
        return f"no certificate was asked for now: {error}; {SOON}"
    return f"{run} was started and orders the certificate of {host}"


async def withdraw(cluster: Cluster, journal: Journal, app: App) -> tuple[str, ...]:
    """Delete its Ingresses and wait until nothing is left of it; what was deleted, and what stays for a while.

    Raises Rejected for an app of somebody else, NotFound, every other ClusterError, NotKept.
    """
    if app.foreign:
        raise Rejected(f"{app.key} is not ours to withdraw: {app.refusal}")
    found = await _of_app(cluster, app)
    if not found:
        raise NotFound(f"nothing of {app.key} is on show any more")
    await asyncio.to_thread(journal.write, "hiding", app=app.key, ingresses=[name(one) for one in found])
    await together(partial(cluster.delete, Ref.of(one), uid=one["metadata"]["uid"]) for one in found)
    await _until_gone(cluster, app)
    await asyncio.to_thread(journal.write, "hidden", app=app.key)
    host = app.hosts.get("external")
    stays = [f"the certificate of {host} stays in the store; the issuer forgets it 30 days from now"] if host else []
    return (*(f"{Ref.of(one)} is deleted" for one in found), *stays)


async def _until_gone(cluster: Cluster, app: App) -> None:
    """Nothing is left. Raises Rejected naming what a finalizer holds."""
    waits, waited = pauses(longest=2), 0.0
    labels = f"{APP}={app.name or app.service}"
    while left := await cluster.list(INGRESS, namespace=app.namespace, labels=labels):
        if waited >= GONE_SECONDS:
            held = ", ".join(str(Ref.of(one)) for one in left)
            raise Rejected(f"{held} was deleted and does not go: look at its metadata.finalizers")
        pause = next(waits)
        await asyncio.sleep(pause)
        waited += pause
