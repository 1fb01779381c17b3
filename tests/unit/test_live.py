"""A snapshot that stays up to date: the observer over the true adapter, and a small world that a server tells of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from loopback import (
    Answer,
    Loopback,
    Stream,
    at,
    forbidden,
    found,
    kubeconfig,
    page,
    raw,
    refusal,
    resources,
    serving,
)
from objects import endpoint, endpoints, ingress, l2_status, load_balancer, meta, middleware, node, router, service

from homelab.adapters import kubernetes
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.observe import live
from homelab.observe.live import Observer
from homelab.observe.snapshot import CONSUL, ISSUER, KINDS, SOURCES, TRAEFIK, Snapshot, SourceState
from homelab.observe.verdict import RouteState
from homelab.pauses import pauses
from homelab.ports import Forbidden, Raw, Unauthorized, Unreachable
from tui.wiring import store

LB = load_balancer("traefik-internal", "192.168.1.20", wanted="192.168.1.20", zone="internal")
WEB = service("web")
POD: Raw = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": meta(
        "traefik-1", "homelab", labels={"app.kubernetes.io/name": "traefik", "homelab-tui/zone": "internal"}
    ),
    "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
}
PATHS = {
    "nodes": "/api/v1/nodes",
    "services": "/api/v1/services",
    "servicel2statuses": "/apis/metallb.io/v1beta1/servicel2statuses",
    "events": "/api/v1/events",
    "ingresses": "/apis/networking.k8s.io/v1/ingresses",
    "endpointslices": "/apis/discovery.k8s.io/v1/endpointslices",
    "middlewares": "/apis/traefik.io/v1alpha1/middlewares",
    "ingressroutes": "/apis/traefik.io/v1alpha1/ingressroutes",
    "pods": "/api/v1/namespaces/homelab/pods",
    "configmaps": "/api/v1/namespaces/homelab/configmaps",
    "cronjobs": "/apis/batch/v1/namespaces/homelab/cronjobs",
    "jobs": "/apis/batch/v1/namespaces/homelab/jobs",
}
WORLD: dict[str, list[Raw]] = {
    "nodes": [node("master1", control_plane="")],
    "services": [LB, WEB],
    "servicel2statuses": [l2_status(LB, "node1")],
    "events": [],
    "ingresses": [ingress("web", "web.home.test")],
    "endpointslices": [endpoints(WEB, endpoint("10.42.0.7"))],
    "middlewares": [middleware("basic", basicAuth={"secret": "users"})],
    "ingressroutes": [],
    "pods": [POD],
    "configmaps": [],
    "cronjobs": [],
    "jobs": [],
}
ROUTERS = [router("apps-web-web-home-test@kubernetes", 'Host("web.home.test") && PathPrefix("/")')]
TRAEFIK_S = "GET /api/v1/namespaces/homelab/pods/http:traefik-1:8080/proxy/api/http/routers"
OURS = "app.kubernetes.io/name in (traefik,consul,issuer)"
NONE = (CONSUL, ISSUER)
NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


def another_pod(name: str, *, ready: bool = True) -> Raw:
    """A second Traefik."""
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {**POD, "metadata": {**POD["metadata"], "name": name}, "status": {**POD["status"], "conditions": conditions}}


class House:
    """A server that tells of the world, with a stream of changes for each source."""

    def __init__(self, server: Loopback) -> None:
        self.server = server
        self.streams = {name: Stream() for name in KINDS}
        core = resources("v1", Node="nodes!", Service="services", Event="events", Pod="pods", ConfigMap="configmaps")
        server.script("GET /api/v1", core)
        for name, watched in KINDS.items():
            if "/" in watched.kind.api_version:
                self.serve(name)
            self.list(name, page(*WORLD[name]))
            server.script(f"WATCH {PATHS[name]}", self.streams[name])
        server.script(TRAEFIK_S, found(ROUTERS))

    def serve(self, name: str) -> None:
        version = KINDS[name].kind.api_version
        alike = {one: watched.kind.name for one, watched in KINDS.items() if watched.kind.api_version == version}
        plurals = {kind: PATHS[one].rpartition("/")[2] for one, kind in alike.items()}
        self.server.script(f"GET /apis/{version}", resources(version, **plurals))

    def hide(self, name: str) -> None:
        """As before its CustomResourceDefinition is there."""
        self.server.script(f"GET /apis/{KINDS[name].kind.api_version}", raw("404 page not found\n", 404))

    def list(self, name: str, *answers: Answer) -> None:
        self.server.script(f"GET {PATHS[name]}", *answers)

    def change(self, name: str, obj: Raw, version: str = "101", kind: str = "MODIFIED") -> None:
        self.streams[name].send(kind, at(obj, version))


@asynccontextmanager
async def observing(folder: Path, now: live.Now = lambda: NOW) -> AsyncIterator[tuple[House, Observer]]:
    async with serving() as server:
        house = House(server)
        cluster = await KubernetesCluster.connect(kubeconfig(folder, server.url))
        try:
            yield house, Observer(cluster, store(cluster), now)
        finally:
            await cluster.close()


def states(snapshot: Snapshot) -> dict[str, SourceState]:
    """The sources that are not live, but for those of the certificates: this world has none."""
    there = {name: source.state for name, source in snapshot.sources.items() if name not in NONE}
    return {name: state for name, state in there.items() if state is not SourceState.LIVE}


# Once


async def test_once_tells_everything_that_is_live(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        snapshot = await observer.once()

    assert states(snapshot) == {}
    assert set(snapshot.sources) == set(SOURCES)
    assert snapshot.taken == "2026-11-23T05:00:00.000Z"
    assert [node.name for node in snapshot.nodes] == ["master1"]
    assert [(str(one.address), one.announced_by) for one in snapshot.allocations] == [("192.168.1.20", "node1")]
    assert [(route.host, route.state) for route in snapshot.routes] == [("web.home.test", RouteState.SERVED)]
    assert house.server.of(f"GET {PATHS['pods']}")[0].query["labelSelector"] == OURS
    assert house.server.of(f"GET {PATHS['events']}")[0].query["fieldSelector"] == "involvedObject.kind=Service"
    assert not [asked for asked in house.server.asked if asked.what.startswith("WATCH")]


async def test_a_missing_right_fails_one_source_and_the_rest_works(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("nodes", forbidden("nodes"))

        snapshot = await observer.once()

    assert states(snapshot) == {"nodes": SourceState.FAILED}
    assert 'User "anna" cannot list resource "nodes"' in str(snapshot.sources["nodes"].error)
    assert snapshot.nodes == ()
    assert [route.state for route in snapshot.routes] == [RouteState.SERVED]


async def test_a_kind_that_cannot_be_listed_now_fails_one_source_and_the_rest_works(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("nodes", refusal(500, "InternalError", "etcdserver: request timed out"))

        snapshot = await observer.once()

    assert states(snapshot) == {"nodes": SourceState.FAILED}
    assert "etcdserver: request timed out" in str(snapshot.sources["nodes"].error)
    assert len(snapshot.allocations) == 1


async def test_a_bare_cluster_has_neither_metallb_s_nor_traefik_s_kinds(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.hide("servicel2statuses")
        house.hide("middlewares")
        house.list("pods", page())

        snapshot = await observer.once()

    absent = ("servicel2statuses", "middlewares", "ingressroutes", TRAEFIK)
    assert states(snapshot) == {name: SourceState.ABSENT for name in absent}
    assert all("homelab-tui apply" in str(snapshot.sources[name].error) for name in absent)
    assert [str(one.address) for one in snapshot.allocations] == ["192.168.1.20"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (raw("Internal Server Error", 500), "answered 500: Internal Server Error"),
        (raw("<html>"), "did not answer with JSON"),
        (found({"routers": []}), "did not answer with a list of routers"),
        (found([1, None]), "did not answer with a list of routers"),
        (refusal(503, "ServiceUnavailable", "error trying to reach service: dial tcp: i/o timeout"), "i/o timeout"),
    ],
)
async def test_a_traefik_that_does_not_answer_is_told_as_its_source(answer: Answer, said: str, tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.server.script(TRAEFIK_S, answer)

        snapshot = await observer.once()

    assert states(snapshot) == {TRAEFIK: SourceState.FAILED}
    assert str(snapshot.sources[TRAEFIK].error).startswith("homelab/traefik-1: ")
    assert said in str(snapshot.sources[TRAEFIK].error)
    assert [route.state for route in snapshot.routes] == [RouteState.UNKNOWN]


async def test_of_two_traefiks_one_that_does_not_answer_is_named(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("pods", page(POD, another_pod("traefik-2")))

        snapshot = await observer.once()

    assert states(snapshot) == {TRAEFIK: SourceState.STALE}
    assert str(snapshot.sources[TRAEFIK].error).startswith("homelab/traefik-2: ")


async def test_a_traefik_that_is_not_ready_is_not_asked_but_named(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("pods", page(POD, another_pod("traefik-2", ready=False)))

        snapshot = await observer.once()

    (route,) = snapshot.routes
    assert (route.state, route.served_by, route.asked) == (RouteState.PARTLY, 1, 2)
    assert "homelab/traefik-2 did not answer: it is not ready" in str(route.error)
    assert states(snapshot) == {TRAEFIK: SourceState.STALE}
    assert snapshot.sources[TRAEFIK].error == "homelab/traefik-2: it is not ready"
    assert not [asked for asked in house.server.asked if "traefik-2" in asked.url]


async def test_where_no_traefik_is_ready_the_pods_to_look_at_are_named(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("pods", page(another_pod("traefik-1", ready=False)))

        snapshot = await observer.once()

    assert states(snapshot) == {TRAEFIK: SourceState.FAILED}
    said = "homelab/traefik-1: it is not ready; see kubectl -n homelab describe pods"
    assert snapshot.sources[TRAEFIK].error == said
    assert [route.state for route in snapshot.routes] == [RouteState.UNKNOWN]


async def test_only_the_pods_of_our_own_namespace_are_followed(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        await until(whole)
        await house.server.asked_for(f"WATCH {PATHS['pods']}")

        assert house.server.of(f"WATCH {PATHS['pods']}")[0].query["labelSelector"] == OURS


async def test_without_the_right_to_see_pods_nobody_says_that_there_is_no_traefik(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("pods", forbidden("pods"))

        snapshot = await observer.once()

    assert states(snapshot) == {"pods": SourceState.FAILED, TRAEFIK: SourceState.FAILED}
    assert 'cannot list resource "pods"' in str(snapshot.sources[TRAEFIK].error)


async def test_when_nothing_can_be_asked_there_is_no_snapshot(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("events", refusal(401, "Unauthorized", "Unauthorized"))
        with pytest.raises(Unauthorized):
            await observer.once()

        await house.server.stop()
        with pytest.raises(Unreachable):
            await observer.once()


async def test_when_every_source_is_refused_there_is_no_snapshot(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        for name in KINDS:
            house.list(name, forbidden(name))

        with pytest.raises(Forbidden, match="cannot list resource"):
            await observer.once()


# For as long as wanted


@asynccontextmanager
async def following(observer: Observer) -> AsyncIterator[Callable[[Callable[[Snapshot], Any]], Any]]:
    """Gives `until(is_so)`: the first snapshot of which that holds."""
    async with aclosing(cast("Any", observer.follow())) as snapshots:

        async def until(is_so: Callable[[Snapshot], Any]) -> Snapshot:
            async for snapshot in snapshots:
                if is_so(snapshot):
                    return cast("Snapshot", snapshot)
            raise AssertionError

        yield until


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses between two tries."""
    monkeypatch.setattr(kubernetes, "pauses", partial(pauses, longest=0.05))
    monkeypatch.setattr(live, "ASK_SECONDS", 0.05)


def anything(snapshot: Snapshot) -> bool:
    """What is known so far."""
    return True


def whole(snapshot: Snapshot) -> bool:
    """Every source has answered."""
    return not snapshot.is_loading


async def test_a_snapshot_is_whole_once_every_source_has_answered_and_not_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ASK_SECONDS", 3600)
    async with observing(tmp_path) as (_, observer), following(observer) as until:
        partial = await until(anything)
        first = await until(whole)

    assert SourceState.LOADING in states(partial).values()
    assert states(first) == {}
    assert (len(first.nodes), len(first.allocations), len(first.routes)) == (1, 1, 1)


async def test_a_change_in_the_cluster_gives_another_snapshot(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        await until(whole)

        house.change("servicel2statuses", l2_status(LB, "node1"), kind="DELETED")
        house.change("servicel2statuses", l2_status(LB, "node2"), "102", kind="ADDED")
        moved = await until(lambda now: now.allocations[0].announced_by == "node2")
        house.change("nodes", node("node2", "192.168.1.56"), kind="ADDED")
        grown = await until(lambda now: len(now.nodes) == 2)

    assert states(moved) == states(grown) == {}


async def test_a_traefik_is_asked_again_and_again(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        await until(lambda now: whole(now) and now.routes[0].state is RouteState.SERVED)

        house.server.script(TRAEFIK_S, raw("", 500))
        broken = await until(lambda now: now.sources[TRAEFIK].state is SourceState.FAILED)
        house.server.script(TRAEFIK_S, found(ROUTERS))
        mended = await until(lambda now: now.sources[TRAEFIK].state is SourceState.LIVE)

    assert "homelab/traefik-1: " in str(broken.sources[TRAEFIK].error)
    assert [route.state for route in mended.routes] == [RouteState.SERVED]


async def test_a_new_ingress_is_awaited_and_missing_only_when_the_traefiks_had_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state(snapshot: Snapshot) -> RouteState | None:
        return next((route.state for route in snapshot.routes if route.host == "new.home.test"), None)

    monkeypatch.setattr(live, "FRESH_SECONDS", 0.2)
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        await until(whole)

        house.change("ingresses", ingress("new", "new.home.test"), kind="ADDED")

        assert state(await until(state)) is RouteState.AWAITED
        await until(lambda now: state(now) is RouteState.MISSING)


async def test_an_ingress_made_just_before_the_first_look_is_awaited_too(tmp_path: Path) -> None:
    young, old = ingress("young", "young.home.test"), ingress("old", "old.home.test")
    young["metadata"]["creationTimestamp"] = live.stamp(live.utc_now())
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    async with observing(tmp_path) as (house, observer):
        house.list("ingresses", page(young, old))
        async with following(observer) as until:
            first = await until(whole)

    found = {route.host: route.state for route in first.routes}
    assert found["young.home.test"] is RouteState.AWAITED
    assert found["old.home.test"] is RouteState.MISSING


async def test_a_missing_right_is_told_with_the_first_snapshot(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        house.list("events", forbidden("events"))

        first = await until(whole)

        house.list("events", page())
        await until(lambda now: states(now) == {})

    assert states(first) == {"events": SourceState.FAILED}


async def test_a_right_that_is_taken_away_fails_the_source_and_what_was_known_stays(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        await until(whole)

        house.server.script(f"WATCH {PATHS['nodes']}", forbidden("nodes"))
        house.streams["nodes"].end()
        then = await until(lambda now: "nodes" in states(now))

    assert states(then) == {"nodes": SourceState.FAILED}
    assert [node.name for node in then.nodes] == ["master1"]


async def test_another_error_of_a_source_that_has_failed_changes_nothing_about_since_when(tmp_path: Path) -> None:
    clock = [NOW]
    async with observing(tmp_path, lambda: clock[-1]) as (house, observer), following(observer) as until:
        house.server.script(TRAEFIK_S, raw("first", 500))
        await until(lambda now: "first" in str(now.sources[TRAEFIK].error))
        clock.append(NOW.replace(minute=9))
        house.server.script(TRAEFIK_S, raw("second", 503))
        then = await until(lambda now: "second" in str(now.sources[TRAEFIK].error))

    assert (then.taken, then.sources[TRAEFIK].since) == (live.stamp(clock[-1]), live.stamp(NOW))


async def test_kinds_that_come_with_a_deploy_are_seen_without_a_restart(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer), following(observer) as until:
        house.hide("servicel2statuses")
        first = await until(whole)

        house.serve("servicel2statuses")
        then = await until(lambda now: states(now) == {})

    assert states(first) == {"servicel2statuses": SourceState.ABSENT}
    assert [(one.announced_by) for one in then.allocations] == ["node1"]


async def test_while_the_server_is_away_what_was_known_stays_and_is_called_stale(tmp_path: Path) -> None:
    at_first, gone, back = (NOW.replace(minute=minute) for minute in (1, 2, 3))
    clock = [at_first]
    async with observing(tmp_path, lambda: clock[-1]) as (house, observer), following(observer) as until:
        await until(whole)
        clock.append(gone)
        await house.server.stop()
        away = await until(lambda now: set(states(now)) == {*KINDS, TRAEFIK})
        clock.append(back)
        await house.server.start()
        again = await until(lambda now: states(now) == {})

    lost = [source for name, source in away.sources.items() if name not in NONE]
    assert {source.state for source in lost} == {SourceState.STALE}
    assert {source.since for source in lost} == {live.stamp(gone)}
    assert [route.state for route in away.routes] == [RouteState.SERVED]
    assert "is not reachable" in str(away.sources["nodes"].error)
    assert [node.name for node in away.nodes] == ["master1"]
    assert [one.announced_by for one in away.allocations] == ["node1"]
    assert {again.sources[name].since for name in (*KINDS, TRAEFIK)} == {live.stamp(back)}
    assert [route.state for route in again.routes] == [RouteState.SERVED]


async def test_a_watch_that_is_left_leaves_nothing_open(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        async with following(observer) as until:
            await until(whole)
            for name in KINDS:
                await house.server.asked_for(f"WATCH {PATHS[name]}")

        for stream in house.streams.values():
            await stream.over.wait()
