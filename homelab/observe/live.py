"""Keeping a snapshot up to date: Kubernetes objects by watch, the Traefiks' own answers by asking them.

What is known stays known while a source is lost: its facts are shown on, and the source says since when they are stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from homelab.observe.asking import ask
from homelab.observe.certificates import CERTIFICATES, listed
from homelab.observe.certificates import Listed as Certified
from homelab.observe.configuration import wanted
from homelab.observe.consul import SET
from homelab.observe.issuer import issuer
from homelab.observe.once import Latest
from homelab.observe.raw import full_name, moment, text
from homelab.observe.snapshot import (
    CONSUL,
    ISSUER,
    KINDS,
    SOURCES,
    TRAEFIK,
    TRAEFIK_NAMESPACE,
    Snapshot,
    Source,
    SourceState,
    World,
    on_show,
    snapshot,
)
from homelab.observe.store import Asked, Store
from homelab.observe.taking import API_PORT, NOT_READY, Taking, Took
from homelab.observe.traefik import Replica, TraefikAnswer, replicas
from homelab.ports import (
    Alive,
    Change,
    Changed,
    Cluster,
    ClusterError,
    Forbidden,
    Gone,
    Listed,
    Lost,
    NotServed,
    OpenStore,
    Raw,
    Ref,
    Unauthorized,
    Unreachable,
)
from homelab.together import either, together

FRESH_SECONDS = 6.0
"""After a change of an Ingress, until a Traefik that lacks it is wrong: it gathers changes for two of them."""
ASK_SECONDS = 2.0
"""Between two rounds of asking the Traefiks; they take a change in after about as long themselves."""
STORE_SECONDS = 15.0
"""Between two rounds of asking Consul, and the external Traefiks for their certificates, while nothing is heard of: a
key, or an object of STIRRING, that changes starts one at once."""
STIRRED_SECONDS = 15.0
"""After such a change, in which the rounds are as close as those of the Traefiks: they are taking it in."""
BREATH_SECONDS = 0.5
"""Between two rounds at least: changes come in bursts."""
STIRRING = frozenset({"pods", "ingresses", "configmaps"})
"""Sources whose changes are followed by others in the store and in what the replicas serve."""
AGE_SECONDS = 60.0
"""Between two snapshots at most: a certificate comes nearer its end though nothing changes."""
COSTLY = 0.02
"""Seconds that a snapshot may take before it is paid for with a pause as long: with thousands of objects, changes that
come in a stream are taken together, and half of a core stays free."""

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of snapshots."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """RFC 3339, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Observer:
    """Looks at one cluster, once or for as long as wanted."""

    def __init__(self, cluster: Cluster, open_store: OpenStore, now: Now = utc_now) -> None:
        self._cluster = cluster
        self._store = Store(cluster, open_store)
        self._now = now
        self._objects: dict[str, dict[Ref, Raw]] = {}
        self._answers: tuple[TraefikAnswer, ...] = ()
        self._apps = Latest(on_show)
        self._fresh: dict[str, float] = {}
        self._asked: Asked | None = None
        self._certified: tuple[Certified, ...] = ()
        self._taking = Taking(cluster)
        self._took: tuple[Took, ...] = ()
        loading = Source(SourceState.LOADING)
        self._sources: dict[str, Source] = {name: loading for name in SOURCES}
        self._news = asyncio.Event()
        self._heard_of_pods = asyncio.Event()
        self._stirred = asyncio.Event()
        self._stirred_until = 0.0

    async def once(self) -> Snapshot:
        """Ask for everything and say what was answered. Raises ClusterError when nothing was."""
        refused = await together(partial(self._list, name) for name in KINDS)
        if (error := refused[0]) and all(refused):
            raise error
        await together((self._ask, self._ask_store))
        return self._snapshot()()

    async def follow(self) -> AsyncGenerator[Snapshot, None]:
        """A snapshot whenever something changed; the first ones are partial: sources that have not answered say so.

        Made in a thread: keys are answered meanwhile, however many objects there are.
        """
        work = {asyncio.create_task(self._watch(name)) for name in KINDS}
        work |= {asyncio.create_task(self._keep_asking()), asyncio.create_task(self._keep_asking_store())}
        try:
            while True:
                await self._heard(work)
                began = monotonic()
                yield await asyncio.to_thread(self._snapshot())
                if (cost := monotonic() - began) > COSTLY:
                    await asyncio.sleep(cost)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _heard(self, work: set[asyncio.Task[None]]) -> None:
        """Wait for news; a task that ends does so by a fault of ours, which must not be swallowed."""
        news = asyncio.create_task(self._news.wait())
        try:
            done, _ = await asyncio.wait({news, *work}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        for task in done - {news}:
            task.result()
        self._news.clear()

    def _snapshot(self) -> Callable[[], Snapshot]:
        """What makes a snapshot of what is known now, wherever it is run."""
        objects = {name: tuple(known.values()) for name, known in self._objects.items()}
        consul, values = (self._asked.consul, self._asked.values) if self._asked else (None, None)
        world = World(objects, self._answers, tuple(self._fresh), consul, values, self._certified, self._took)
        return partial(snapshot, world, dict(self._sources), stamp(self._now()), self._apps)

    async def _list(self, name: str) -> ClusterError | None:
        """Take one source in; the error when it could not be read. Raises what no other source could mend either."""
        watched = KINDS[name]
        try:
            objects = await self._cluster.list(
                watched.kind, namespace=watched.namespace, labels=watched.labels, fields=watched.fields
            )
        except (Unreachable, Unauthorized):
            raise
        except ClusterError as error:
            self._take(name, Lost(error))
            return error
        self._take(name, Listed(objects))
        return None

    async def _watch(self, name: str) -> None:
        watched = KINDS[name]
        changes = self._cluster.watch(
            watched.kind, namespace=watched.namespace, labels=watched.labels, fields=watched.fields
        )
        async with aclosing(changes):  # type: ignore[type-var]  # a generator, though the port promises less
            async for change in changes:
                self._take(name, change)

    def _take(self, name: str, change: Change) -> None:
        """Bring one change into what is known."""
        match change:
            case Listed(objects):
                self._objects[name] = {Ref.of(obj): obj for obj in objects}
                if name == "ingresses":
                    self._await(*(obj for obj in objects if self._is_young(obj)))
                self._news.set()
            case Changed(obj):
                self._objects[name][Ref.of(obj)] = obj
                if name == "ingresses":
                    self._await(obj)
                self._news.set()
            case Gone(obj):
                self._objects[name].pop(Ref.of(obj), None)
                self._news.set()
            case Alive() | Lost():
                pass
        self._say(name, *self._health(name, change), retry_in=change.retry_in if isinstance(change, Lost) else 0)
        if name == "pods":
            self._heard_of_pods.set()
        if name in STIRRING and isinstance(change, Changed | Gone):
            self._stir()
        if name in {"cronjobs", "jobs", "pods"}:
            self._say(ISSUER, *self._issuer_health())

    def _await(self, *ingresses: Raw) -> None:
        """Give the Traefiks their time to take them in."""
        self._fresh |= {full_name(obj): monotonic() + FRESH_SECONDS for obj in ingresses}

    def _is_young(self, obj: Raw) -> bool:
        made = moment(text(obj, "metadata", "creationTimestamp"))
        return made is not None and self._now() - made < timedelta(seconds=FRESH_SECONDS)

    def _stir(self) -> None:
        """What the store and the external Traefiks say may be another thing now."""
        self._stirred_until = monotonic() + STIRRED_SECONDS
        self._stirred.set()

    def _health(self, name: str, change: Change) -> tuple[SourceState, str | None]:
        if not isinstance(change, Lost):
            return SourceState.LIVE, None
        error = str(change.error)
        match change.error:
            case NotServed():
                self._objects[name] = {}
                return SourceState.ABSENT, error
            case Forbidden() | Unauthorized():
                return SourceState.FAILED, error
        return (SourceState.STALE if name in self._objects else SourceState.FAILED), error

    def _say(self, name: str, state: SourceState, error: str | None, *, retry_in: float = 0) -> None:
        """Note a source's health, since when, and when it is tried again; only a change is news."""
        before, now = self._sources[name], self._now()
        since = before.since if before.state == state else stamp(now)
        retry = stamp(now + timedelta(seconds=retry_in)) if retry_in else None
        source = Source(state, since, error, retry)
        if source != before or retry != before.retry:
            self._sources[name] = source
            self._news.set()
        if name == TRAEFIK and state != before.state:
            self._stirred.set()  # what cut off the Traefiks may have cut off the store

    async def _keep_asking(self) -> None:
        await self._heard_of_pods.wait()
        while True:
            await self._ask()
            self._settle()
            await asyncio.sleep(ASK_SECONDS)

    def _settle(self) -> None:
        """What the Traefiks had the time to take in is fresh no more."""
        over = [name for name, until in self._fresh.items() if until < monotonic()]
        for name in over:
            del self._fresh[name]
            self._news.set()

    async def _ask(self) -> None:
        """Ask every Traefik for its routers; one that is not ready is not asked, but stays among the answers."""
        if "pods" not in self._objects:
            self._say(TRAEFIK, SourceState.FAILED, f"their pods are not known: {self._sources['pods'].error}")
            return
        found = replicas(self._objects["pods"].values())
        answers = tuple(await together(partial(self._answer, replica) for replica in found))
        if answers != self._answers:
            self._answers = answers
            self._news.set()
        self._say(TRAEFIK, *_traefik_health(answers))

    async def _keep_asking_store(self) -> None:
        await self._heard_of_pods.wait()
        told = monotonic()
        while True:
            self._stirred.clear()
            await self._ask_store()
            self._say(ISSUER, *self._issuer_health())
            if monotonic() - told > AGE_SECONDS:
                told = monotonic()
                self._news.set()
            await asyncio.sleep(BREATH_SECONDS)
            rest = ASK_SECONDS if monotonic() < self._stirred_until else STORE_SECONDS
            await either(partial(self._store.change, rest), self._stirred.wait)

    async def _ask_store(self) -> None:
        """Ask Consul, and the external Traefiks for what they serve of it."""
        if "pods" not in self._objects:
            self._say(CONSUL, SourceState.FAILED, f"its pods are not known: {self._sources['pods'].error}")
            return
        pods = tuple(self._objects["pods"].values())
        external = [one for one in replicas(pods) if one.zone == "external"]
        heard = await together(partial(self._certificates, replica) for replica in external)
        took = await self._taking.ask(external, wanted(self._objects.get("configmaps", {}).values()))
        asked = await self._store.ask(pods)  # after the replicas: what cuts them off cuts it off as well
        certified = recalled(self._certified, heard) if asked and asked.is_away else tuple(heard)
        known = remembered(self._asked, asked)
        if known and known.values != (
            self._asked.values if self._asked else None
        ):  # also at first: an order may be under way
            self._stirred_until = monotonic() + STIRRED_SECONDS
        if (known, certified, took) != (self._asked, self._certified, self._took):
            self._asked, self._certified, self._took = known, certified, took
            self._news.set()
        self._say(CONSUL, *_consul_health(asked, known, needed=bool(self._objects.get("cronjobs"))))

    async def _certificates(self, replica: Replica) -> Certified:
        if not replica.ready:
            return Certified(replica.pod, None, NOT_READY)
        namespace, _, pod = replica.pod.partition("/")
        try:
            return listed(replica.pod, await self._cluster.pod_json(namespace, pod, API_PORT, CERTIFICATES))
        except ClusterError as error:
            return Certified(replica.pod, None, str(error))

    def _issuer_health(self) -> tuple[SourceState, str | None]:
        """Whether it runs as it should; not known before its CronJob is."""
        if "cronjobs" not in self._objects:
            source = self._sources["cronjobs"]
            return source.state, source.error
        jobs, pods = (self._objects.get(kind, {}).values() for kind in ("jobs", "pods"))
        found = issuer(self._objects["cronjobs"].values(), jobs, pods)
        if found is None:
            return SourceState.ABSENT, "there is no issuer of certificates; homelab-tui apply brings it"
        trouble = found.trouble(self._now())
        return (SourceState.FAILED, trouble) if trouble else (SourceState.LIVE, None)

    async def _answer(self, replica: Replica) -> TraefikAnswer:
        try:
            return await ask(self._cluster, replica)
        except Unreachable as error:  # it says nothing of this Traefik: what it said last stands
            before = {answer.pod: answer.routers for answer in self._answers}
            return TraefikAnswer(replica.pod, replica.zone, before.get(replica.pod), str(error))


def _traefik_health(answers: tuple[TraefikAnswer, ...]) -> tuple[SourceState, str | None]:
    errors = [f"{answer.pod}: {answer.error}" for answer in answers if answer.error]
    if not answers:
        return SourceState.ABSENT, "there is no Traefik of ours; homelab-tui apply brings them"
    if not errors:
        return SourceState.LIVE, None
    if all(answer.error == NOT_READY for answer in answers):
        return SourceState.FAILED, f"{'; '.join(errors)}; see kubectl -n {TRAEFIK_NAMESPACE} describe pods"
    known = any(answer.routers is not None for answer in answers)
    return (SourceState.STALE if known else SourceState.FAILED), "; ".join(errors)


def remembered(before: Asked | None, asked: Asked | None) -> Asked | None:
    """What is known after a round: keys that cannot be read stay as they were, servers only if nobody was reached."""
    if before is None or asked is None or asked.values is not None:
        return asked
    return before if asked.is_away else replace(asked, values=before.values)


def recalled(before: Iterable[Certified], heard: Iterable[Certified]) -> tuple[Certified, ...]:
    """What is known of replicas after a round that reached nobody: who did not answer is as it was."""
    known = {one.pod: one for one in before}
    return tuple(known.get(one.pod, one) if one.error not in {None, NOT_READY} else one for one in heard)


def _consul_health(asked: Asked | None, known: Asked | None, *, needed: bool) -> tuple[SourceState, str | None]:
    """Whether it can be read; `needed` is it as soon as there is an issuer, which comes after it."""
    if asked is None and needed:
        return SourceState.FAILED, f"{SET} is gone, and no certificate is renewed; homelab-tui apply brings it back"
    if asked is None:
        return SourceState.ABSENT, "there is no Consul; homelab-tui apply brings it"
    if asked.values is not None:
        return SourceState.LIVE, None
    runs = asked.is_away or any(one.node for one in asked.consul.servers)
    stale = runs and known is not None and known.values is not None
    return (SourceState.STALE if stale else SourceState.FAILED), asked.consul.error
