"""The files of users on the cluster: reading, following and writing them, and taking a change back."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from homelab.access.files import HOME, KEY, as_read, data_of, files, secrets_of
from homelab.access.htpasswd import Unfit, changes, check, edited, hashes, touched
from homelab.access.model import Clash, Edit, UserFile, Verb
from homelab.observe.allocations import Allocation
from homelab.observe.snapshot import KINDS
from homelab.ports import (
    Alive,
    Cluster,
    ClusterError,
    Exists,
    Forbidden,
    Kind,
    Lost,
    NotFound,
    NotServed,
    Outdated,
    Passwords,
    Raw,
    Ref,
)
from homelab.stack.journal import Journal
from homelab.together import together

COST = 10
"""Of bcrypt, where nobody says another."""
SECRET = Kind("v1", "Secret")
MIDDLEWARE, INGRESS, ROUTE = (KINDS[name].kind for name in ("middlewares", "ingresses", "ingressroutes"))
LEADS = (MIDDLEWARE, INGRESS, ROUTE)
"""What says which files there are, and what they open."""
AGAIN_SECONDS = 3.0
"""Until it is tried again to read what could not be read."""
TRIES = 5
"""At writing, while others change what is no user, such as a label."""
DONE = {Verb.ADD: "was added", Verb.PASSWORD: "has a new password", Verb.REMOVE: "was removed"}


class NotSaved(Exception):
    """Nothing was written; the text says why and what to do."""


class Clashed(Exception):
    """Nothing was written, since somebody else changed the file: a person has to choose."""

    def __init__(self, clash: Clash, now: UserFile) -> None:
        """`now` is the file as they left it: the same edit saved on it merges, on `overwriting(...)` overwrites."""
        super().__init__("; ".join(clash.theirs))
        self.clash, self.now = clash, now


@dataclass(frozen=True, slots=True)
class Saved:
    """A change that is on the cluster."""

    before: UserFile
    now: UserFile
    what: str
    """`anna was added`: for telling, and for the journal."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The files at one moment, or why they cannot be read."""

    files: tuple[UserFile, ...] | None
    """As last known; None while they never were."""
    trouble: str | None = None
    """None while this is live."""


async def read(cluster: Cluster, held: Iterable[Allocation] = ()) -> tuple[UserFile, ...]:
    """The files as they are now. Raises ClusterError."""
    middlewares, ingresses, routes = await together(partial(_listed, cluster, kind) for kind in LEADS)
    places = sorted({HOME, *secrets_of(middlewares)})
    found = dict(zip(places, await together(partial(_read, cluster, place) for place in places), strict=True))
    hidden = {place: one for place, one in found.items() if isinstance(one, Forbidden)}
    if HOME in hidden:
        raise hidden[HOME]
    secrets = {place: one for place, one in found.items() if isinstance(one, dict)}
    known = files(middlewares, ingresses, secrets, held, routes)
    return tuple(replace(one, refusal=str(hidden[one.secret])) if one.secret in hidden else one for one in known)


async def _read(cluster: Cluster, place: str) -> Raw | Forbidden | None:
    """Who may not read one namespace may read the others."""
    try:
        return await cluster.get(_ref(place))
    except Forbidden as error:
        return error


async def _listed(cluster: Cluster, kind: Kind) -> tuple[Raw, ...]:
    try:
        return await cluster.list(kind)
    except NotServed:  # before the first deploy
        return ()


def _ref(place: str) -> Ref:
    space, _, name = place.partition("/")
    return Ref(SECRET, space, name)


async def live(cluster: Cluster, held: Callable[[], Iterable[Allocation]]) -> AsyncGenerator[Reading, None]:
    """The files now, and again whenever something changes, for ever. A ClusterError arrives as trouble."""
    following, known = _Following(cluster), None
    try:
        following.follow(None)
        while True:
            try:
                await following.news()
                known = await read(cluster, held())
                for file in known:
                    following.follow(file.secret)
                yield Reading(known, following.trouble)
            except ClusterError as error:
                yield Reading(known, str(error))
                with suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_SECONDS):
                        await following.news(keep=True)
                following.wake()
    finally:
        following.close()


class _Following:
    """Knows when to read again: Middlewares, Ingresses and the Secrets found so far are watched for changes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._tasks: dict[str | None, list[asyncio.Task[None]]] = {}
        self._news = asyncio.Event()
        self._lost: dict[Ref | Kind, str] = {}

    @property
    def trouble(self) -> str | None:
        """Why what was read may be old; None while it cannot be."""
        return next(iter(self._lost.values()), None)

    async def news(self, *, keep: bool = False) -> None:
        """Wait for a change; it counts as seen unless it is kept."""
        await self._news.wait()
        if not keep:
            self._news.clear()

    def wake(self) -> None:
        """As if something had changed."""
        self._news.set()

    def follow(self, place: str | None) -> None:
        """Watch a Secret, once; None: what leads to them."""
        if place not in self._tasks:
            wanted = [_ref(place)] if place else [*LEADS]
            self._tasks[place] = [asyncio.create_task(self._watch(one)) for one in wanted]

    async def _watch(self, what: Ref | Kind) -> None:
        if isinstance(what, Ref):
            stream = self._cluster.watch(what.kind, namespace=what.namespace, fields=f"metadata.name={what.name}")
        else:
            stream = self._cluster.watch(what)
        async for change in stream:
            if isinstance(change, Alive) and what not in self._lost:
                continue
            self._lost.pop(what, None)
            is_told = isinstance(what, Ref) and what != _ref(HOME) and Forbidden  # by the file's refusal
            if isinstance(change, Lost) and not isinstance(change.error, is_told or NotServed):
                self._lost[what] = str(change.error)
            self._news.set()

    def close(self) -> None:
        """Watch no more."""
        for task in (one for tasks in self._tasks.values() for one in tasks):
            task.cancel()


async def save(cluster: Cluster, passwords: Passwords, file: UserFile, edit: Edit, *, cost: int = COST) -> Saved:
    """Write an edit of a file that was read; makes the Secret where there is none.

    Raises Unfit (htpasswd), Clashed, NotSaved, ClusterError.
    """
    check(file.content, edit)
    needs_hash = edit.verb in (Verb.ADD, Verb.PASSWORD)
    hashed = await passwords.hash(edit.password or "", cost) if needs_hash else ""
    done = f"is now called {edit.name}" if edit.verb is Verb.RENAME else DONE[edit.verb]

    def clashes(now: UserFile) -> Exception:
        return Clashed(clash_of(file, now, edit), now)

    return await _write(cluster, file, edited(file.content, edit, hashed), f"{edit.user} {done}", clashes)


def about(edit: Edit) -> str:
    """Whom an edit is about, for the journal."""
    return f"{edit.user}, now {edit.name}" if edit.verb is Verb.RENAME else edit.user


@asynccontextmanager
async def journaled(journal: Journal, file: str, verb: str, about: str) -> AsyncIterator[None]:
    """A line before a file is written in the block, and one after. `about`: a user, or where an import is from."""
    said = {"file": file, "verb": verb, "about": about}
    await asyncio.to_thread(journal.write, "users", **said)
    try:
        yield
    except (Clashed, NotSaved, Unfit):  # of whatever else nobody knows whether it was written
        await asyncio.to_thread(journal.write, "users-refused", **said)
        raise
    await asyncio.to_thread(journal.write, "users-written", **said)


async def put(cluster: Cluster, file: UserFile, content: bytes, what: str) -> Saved:
    """Write another content of a file that was read, such as an import's. Raises NotSaved, ClusterError."""
    if not hashes(content):
        raise NotSaved(f"nothing was written: no user would be left in {file.secret}, and Traefik answers 404 then")

    def clashes(now: UserFile) -> Exception:
        theirs = "; ".join(clash_sentences(file, now))
        return NotSaved(f"nothing was written, since Secret {file.secret} has changed: {theirs}; look, and try again")

    return await _write(cluster, file, content, what, clashes)


async def undo(cluster: Cluster, saved: Saved) -> Saved:
    """Write back what was there before a change. Raises NotSaved where the file has changed since, ClusterError."""
    if not saved.before.users:
        raise NotSaved("the first user stays: without one Traefik answers 404 in place of asking for a password")
    return await put(cluster, saved.now, saved.before.content, f"taken back: {saved.what}")


def overwriting(file: UserFile, now: UserFile) -> UserFile:
    """What to save an edit on when theirs is to be overwritten: the file as it was read, at the version of theirs."""
    return replace(now, content=file.content, users=file.users, notes=file.notes)


def clash_of(file: UserFile, now: UserFile, edit: Edit) -> Clash:
    """What a person has to choose by, when a file that was read is another one now. Pure."""
    concerned = touched(file.content, now.content) & {edit.user, edit.name}
    return Clash(edit, clash_sentences(file, now), not concerned and now.version is not None and _fits(now, edit))


def _fits(now: UserFile, edit: Edit) -> bool:
    try:
        check(now.content, edit)
    except Unfit:
        return False
    return True


def clash_sentences(file: UserFile, now: UserFile) -> tuple[str, ...]:
    """What somebody changed since a file was read. Pure."""
    if file.version and not now.version:
        return (f"Secret {file.secret} was deleted",)
    return changes(file.content, now.content)


async def _write(
    cluster: Cluster, file: UserFile, content: bytes, what: str, clashes: Callable[[UserFile], Exception]
) -> Saved:
    """Replace exactly what was seen: the same version, or at least the same bytes. Raises what `clashes` makes."""
    for _ in range(TRIES):
        secret = await cluster.get(_ref(file.secret))
        now = as_read(file, secret)
        if now.refusal:
            raise NotSaved(now.refusal)
        is_known = now.version == file.version or (now.content == file.content and bool(now.version))
        if not is_known:
            raise clashes(now)
        with suppress(Exists, Outdated, _GoneMeanwhile):
            written = await _put(cluster, file.secret, secret, content)
            return Saved(replace(file, version=now.version), as_read(file, written), what)
    raise NotSaved(f"Secret {file.secret} is changed all the time by somebody else; try again later")


class _GoneMeanwhile(Exception):
    """It was there a moment ago."""


async def _put(cluster: Cluster, place: str, secret: Raw | None, content: bytes) -> Raw:
    """Raises Exists, Outdated, _GoneMeanwhile, NotSaved, ClusterError."""
    data = {next(iter(data_of(secret)), KEY): b64encode(content).decode()}
    ref = _ref(place)
    try:
        if secret:
            return await cluster.replace({**secret, "data": data})
        metadata = {"namespace": ref.namespace, "name": ref.name}
        return await cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})
    except NotFound:
        if secret:
            raise _GoneMeanwhile from None
        why = f"there is no namespace {ref.namespace}, so no Secret {place} can be made; homelab-tui apply brings it"
        raise NotSaved(why) from None
    except Forbidden as error:
        if "being terminated" in str(error):  # Source: Kubernetes, NamespaceLifecycle admission
            raise NotSaved(f"namespace {ref.namespace} is being deleted, so Secret {place} cannot be made") from None
        raise
