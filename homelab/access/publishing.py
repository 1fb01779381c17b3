"""Putting an app on show, changing it and taking it off.

Looked at by a dry run first, written with a journal line before and after, nothing of anybody else's touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial

from homelab.access.around import INGRESS, MIDDLEWARE
from homelab.access.expose import APP, app_of, exposed, ingresses, normal, reference
from homelab.access.model import App
from homelab.access.refusing import held
from homelab.observe.raw import full_name, name
from homelab.pauses import pauses
from homelab.ports import Cluster, Conflict, Exists, Forbidden, NotFound, NotServed, Outdated, Raw, Ref, Rejected
from homelab.stack.compare import applied, difference, is_dying, read
from homelab.stack.diff import MANAGER, Action, Difference, as_text
from homelab.stack.journal import Journal
from homelab.stack.render import MANAGED_BY, OURS, Rendered
from homelab.stack.renewal import Unfit, fit, renew
from homelab.together import together

STAGE = "apps"
GONE_SECONDS = 20.0
"""In which a deleted Ingress is gone, unless a finalizer of somebody's holds it."""
TRIES = 5
"""At writing what was made, while others, such as a controller, write into it too."""
SOON = "the issuer looks every ten minutes by itself"


async def on_show(cluster: Cluster) -> tuple[App, ...]:
    """Every app that is on show now, whoever made it. Raises ClusterError where the Ingresses may not be read."""
    found = await cluster.list(INGRESS)
    try:
        return exposed(found, await cluster.list(MIDDLEWARE))
    except (NotServed, Forbidden):  # they only tell how a password's Middleware is spelt
        return exposed(found)


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
        _staying(live.values())
        if taken := [one for one in live.values() if one and app_of(one)]:
            raise Exists(f"Ingress {full_name(taken[0])} is on show already, as an app of ours; edit that one")
        return wished, live, []
    found = {Ref.of(one): one for one in await _of_app(cluster, before) if not is_dying(one)}
    _same(before, found.values())
    wanted = [Ref.of(one) for one in wished]
    others = await read(cluster, [ref for ref in wanted if ref not in found])
    _staying(others.values())
    left = [one for ref, one in found.items() if ref not in wanted]
    return wished, {**others, **found}, left


def _staying(live: Iterable[Raw | None]) -> None:
    """Raises Rejected where one is being deleted: what is written into it goes with it."""
    if dying := next((one for one in live if one and is_dying(one)), None):
        raise Rejected(held(dying))


def _editable(before: App | None) -> None:
    if before and before.refusal:
        raise Rejected(before.refusal)


def _same(before: App, found: Collection[Raw], done: str = "read") -> None:
    """Raises Outdated where the app is another one than was read; what only others have written is no matter."""
    now = next(iter(exposed(found)), None)
    if now is None:
        raise Outdated(f"{before.key} was taken off meanwhile, by somebody else; look again")
    if _essence(now) == _essence(before):
        return
    writers = sorted({one["manager"] for each in found for one in each["metadata"].get("managedFields") or ()})
    by = f" (it was written by {', '.join(writers)})" if writers else ""
    raise Outdated(f"{before.key} was changed since it was {done}{by}; look at it again before you change it")


def _essence(app: App) -> tuple[App, frozenset[str]]:
    """What an edit goes by: how often its Ingresses were written is no part of it, nor how a Middleware is spelt."""
    auth = reference(app.auth) if app.auth else None
    return replace(app, version={}, auth=auth), frozenset(app.version)


async def _of_app(cluster: Cluster, app: App) -> tuple[Raw, ...]:
    """Its Ingresses, those too that are being deleted."""
    found = await read(cluster, map(Ref.of, await _named(cluster, app)))  # one by one they say also who wrote them
    return tuple(one for one in found.values() if one and app_of(one))


async def _named(cluster: Cluster, app: App) -> tuple[Raw, ...]:
    labels = f"{MANAGED_BY}={OURS},{APP}={app.name or app.service}"
    return await cluster.list(INGRESS, namespace=app.namespace, labels=labels)


async def publish(cluster: Cluster, journal: Journal, app: App, before: App | None = None) -> App:
    """Apply it, and delete the Ingresses of zones that it has left; the app as it is on the cluster then.

    Everything is tried by a dry run before anything is written. The journal is inside its `with`. Raises Rejected where
    it may not be edited, Outdated where somebody changed it since `before` was read, or at the same time, Exists where
    a new one is there already, Conflict naming other managers, every other ClusterError, NotKept.
    """
    app = normal(app)
    wished, live, left = await _met(cluster, app, before)
    for one in wished:
        await _applied(cluster, one, live[Ref.of(one)], dry_run=True)
    await asyncio.to_thread(journal.write, "exposing", app=app.key, hosts=dict(app.hosts), auth=app.auth)
    found = await _written(cluster, app, wished, live)
    for one in left:
        await cluster.delete(Ref.of(one), uid=one["metadata"]["uid"])
    await asyncio.to_thread(journal.write, "exposed", app=app.key)
    (meant,) = exposed(wished)
    kept = [one for ref, one in found.items() if ref not in map(Ref.of, left)]
    _same(meant, kept, "written")
    (now,) = exposed(kept)
    return replace(now, auth=app.auth)


async def _written(
    cluster: Cluster, app: App, wished: Collection[Raw], live: Mapping[Ref, Raw | None]
) -> Mapping[Ref, Raw]:
    """The app's Ingresses after what is wished was written; what was made is taken back where others were in the way.

    What is there is written before what is new. Raises Outdated, Exists, every other ClusterError.
    """
    made: list[Raw] = []
    try:
        for one in sorted(wished, key=lambda one: live[Ref.of(one)] is None):
            made += await _put(cluster, one, live[Ref.of(one)])
        found = {Ref.of(one): one for one in await _of_app(cluster, app) if not is_dying(one)}
        if not {Ref.of(one) for one in wished} <= found.keys():
            raise Outdated(f"{app.key} was taken off meanwhile, by somebody else; look again")
    except Rejected:
        await together(partial(cluster.delete, Ref.of(one), uid=one["metadata"]["uid"]) for one in made)
        raise
    return found


async def _put(cluster: Cluster, wished: Raw, live: Raw | None) -> tuple[Raw, ...]:
    """What was made new. Raises Outdated, Exists where somebody else wrote, made or deleted it since it was read."""
    try:
        if live is None:
            return (await _made(cluster, wished),)
        if (booked := _as_applied(live)) != live:  # a run was cut between its two writes
            live = await cluster.replace(booked)
        await _applied(cluster, wished, live)
    except (Outdated, Exists) as error:
        what = "was made" if isinstance(error, Exists) else "was changed or deleted"
        raise type(error)(f"{Ref.of(wished)} {what} by somebody else meanwhile; look at it again") from None
    return ()


async def _applied(cluster: Cluster, wished: Raw, live: Raw | None, *, dry_run: bool = False) -> None:
    """Only on top of what was read: somebody else's change in between is not overwritten.

    By its version alone, an object that is gone would be made anew. Source: Kubernetes, apiserver, patch handler.
    """
    based_on = {key: live["metadata"][key] for key in ("uid", "resourceVersion")} if live else {}
    try:
        await applied(cluster, {**wished, "metadata": wished["metadata"] | based_on}, live, dry_run=dry_run)
    except Conflict as conflict:
        if {one.manager for one in conflict.contests} == {MANAGER}:  # our own name: somebody was first with a new one
            raise Exists(f"{Ref.of(wished)} was made by somebody else meanwhile; look at it again") from None
        holders = ", ".join(f"{one.field} by {one.manager}" for one in conflict.contests)
        raise Conflict(f"{Ref.of(wished)} is held by others: {holders or conflict}", conflict.contests) from None


async def _made(cluster: Cluster, wished: Raw) -> Raw:
    """A new one: an apply would go on top of what somebody made a moment ago, by the same name of a writer.

    It is written down as applied, so that the next apply can take fields away. Source: Kubernetes documentation,
    server-side apply, upgrading from client-side apply.
    """
    made = await cluster.create(wished)
    live: Raw | None = made
    for _ in range(TRIES):
        if live is None or live["metadata"]["uid"] != made["metadata"]["uid"]:
            break
        try:
            return await cluster.replace(_as_applied(live))
        except (Outdated, NotFound):
            live = await cluster.get(Ref.of(made))
    raise Outdated(f"{Ref.of(made)} was changed as soon as it was made")


def _as_applied(made: Raw) -> Raw:
    """What we made, as if it had been applied."""
    books = made["metadata"].get("managedFields") or ()
    ours = (MANAGER, "Update")
    anew = [book | {"operation": "Apply"} if (book["manager"], book["operation"]) == ours else book for book in books]
    return {**made, "metadata": made["metadata"] | {"managedFields": anew}}


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

    Raises Rejected for an app of somebody else, and where a finalizer holds it, Outdated where somebody else puts it on
    show at the same time, NotFound, every other ClusterError, NotKept.
    """
    if app.foreign:
        raise Rejected(f"{app.key} is not ours to withdraw: {app.refusal}")
    found = await _of_app(cluster, app)
    if not found:
        raise NotFound(f"nothing of {app.key} is on show any more")
    await asyncio.to_thread(journal.write, "hiding", app=app.key, ingresses=[name(one) for one in found])
    await together(partial(cluster.delete, Ref.of(one), uid=one["metadata"]["uid"]) for one in found)
    await _until_gone(cluster, app, {one["metadata"]["uid"] for one in found})
    await asyncio.to_thread(journal.write, "hidden", app=app.key)
    host = app.hosts.get("external")
    stays = [f"the certificate of {host} stays in the store; the issuer forgets it 30 days from now"] if host else []
    return (*(f"{Ref.of(one)} is deleted" for one in found), *stays)


async def _until_gone(cluster: Cluster, app: App, deleted: Collection[str]) -> None:
    """Nothing is left of what had these uids. Raises Rejected naming what a finalizer holds, Outdated for new ones."""
    waits, waited = pauses(longest=2), 0.0
    while left := await _named(cluster, app):
        if new := [one for one in left if one["metadata"]["uid"] not in deleted]:
            raise Outdated(f"Ingress {full_name(new[0])} was made by somebody else meanwhile; withdraw {app.key} again")
        if waited >= GONE_SECONDS:
            raise Rejected("; ".join(map(held, left)))
        pause = next(waits)
        await asyncio.sleep(pause)
        waited += pause
