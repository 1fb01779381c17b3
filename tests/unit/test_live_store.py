"""Consul and the external Traefiks while they are followed: asked when something changed, and else seldom."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from loopback import Loopback, found, page, raw, resources, silence
from objects import cronjob, ingress, thing
from test_live import House, another_pod, observing
from test_observe_certificates import HOST, MARK, PUBLIC, state
from test_observe_consul import PODS, SETS, TOKEN, indexed, maker, myself, proxied

from homelab.adapters import kubernetes
from homelab.observe import live
from homelab.observe.fate import CertificateState
from homelab.observe.snapshot import Snapshot, SourceState

CORE = resources(
    "v1", Node="nodes!", Service="services", Event="events", Pod="pods", Secret="secrets", ConfigMap="configmaps"
)
BELL = proxied(0, "kv/")
SELF = proxied(0, "agent/self")
Until = Callable[[Callable[[Snapshot], Any]], Awaitable[Snapshot]]


def lock(holder: str) -> Any:
    """The issuer's lock, as Consul tells it."""
    value = b64encode(json.dumps({"holder": holder}).encode()).decode()
    return indexed([{"Key": "homelab/acme/lock", "Value": value, "Session": "abc"}])


class Bell:
    """The answer to a question that waits for a change."""

    def __init__(self) -> None:
        self.rung, self.over = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            await self.rung.wait()
        finally:
            self.over.set()
        return await indexed(["homelab/"])(request)


def answer(server: Loopback, holder: str) -> None:
    """One server that is well."""
    secret = thing("v1", "Secret", "consul-console", "homelab")
    token = {"data": {"token": b64encode(TOKEN.encode()).decode()}}
    server.script("GET /api/v1/namespaces/homelab/secrets/consul-console", found(secret | token))
    server.script(SELF, found(myself(leads=True)))
    server.script(proxied(0, "operator/autopilot/health"), found({"Servers": []}))
    server.script(proxied(0, "kv/homelab/"), lock(holder))
    server.script(proxied(0, "kv/traefik-external/"), indexed([]))


@asynccontextmanager
async def following(
    folder: Path, *bells: Any, ready: Callable[[House], None] = lambda house: None
) -> AsyncIterator[tuple[House, Until]]:
    """A cluster with one server of Consul that answers a question about changes with these, in turn."""
    async with observing(folder) as (house, observer):
        house.server.script("GET /api/v1", CORE)
        house.list("pods", page(PODS[0]))
        answer(house.server, "issuer-1")
        house.server.script(BELL, indexed(["homelab/"]), *bells)
        ready(house)
        async with aclosing(cast("Any", observer.follow())) as snapshots:

            async def until(is_so: Callable[[Snapshot], Any]) -> Snapshot:
                async for snapshot in snapshots:
                    if is_so(snapshot):
                        return cast("Snapshot", snapshot)
                raise AssertionError

            yield house, until


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked again is asked since something changed."""
    monkeypatch.setattr(live, "STORE_SECONDS", 3600)
    monkeypatch.setattr(live, "STIRRED_SECONDS", 0)
    monkeypatch.setattr(live, "BREATH_SECONDS", 0.01)


def held_by(holder: str) -> Callable[[Snapshot], bool]:
    """Whether the screen names who holds the lock."""
    return lambda now: now.consul is not None and now.consul.holder == holder


async def test_a_key_that_changes_is_shown_at_once_and_nothing_is_asked_before(tmp_path: Path) -> None:
    first, then = Bell(), Bell()
    async with following(tmp_path, first, then) as (house, until):
        await until(held_by("issuer-1"))
        await house.server.asked_for(BELL, 2)
        asked = len(house.server.of(SELF))

        answer(house.server, "issuer-2")
        first.rung.set()
        await until(held_by("issuer-2"))

        assert asked == 1
        assert {name: house.server.of(BELL)[1].query[name] for name in ("index", "wait")} == {
            "index": "7",
            "wait": "3600s",
        }


async def test_where_all_pods_go_what_was_read_stays_and_consul_has_failed(tmp_path: Path) -> None:
    async with following(tmp_path, Bell()) as (house, until):
        await until(held_by("issuer-1"))
        server = house.server
        server.script("GET /apis/apps/v1", resources("apps/v1", StatefulSet="statefulsets"))
        server.script(f"GET {SETS}", found(maker(0)))

        house.change("pods", PODS[0], kind="DELETED")
        gone = await until(lambda now: now.sources["consul"].state is SourceState.FAILED)

    assert str(gone.sources["consul"].error).startswith("no leader: 0 of 3 servers answer")
    assert gone.consul and gone.consul.working == 0
    assert gone.consul.session is None


async def test_consul_is_gone_where_only_what_needs_it_is_there(tmp_path: Path) -> None:
    async with observing(tmp_path) as (house, observer):
        house.list("cronjobs", page(cronjob()))
        missing = await observer.once()

    assert missing.sources["consul"].state is SourceState.FAILED
    assert "StatefulSet homelab/consul is gone" in str(missing.sources["consul"].error)


async def test_a_pod_that_changes_starts_a_round(tmp_path: Path) -> None:
    async with following(tmp_path, Bell()) as (house, until):
        await until(held_by("issuer-1"))
        await house.server.asked_for(BELL, 2)

        answer(house.server, "issuer-2")
        house.change("pods", PODS[0])

        await until(held_by("issuer-2"))


async def test_leaving_ends_the_question_that_waits(tmp_path: Path) -> None:
    waiting = Bell()
    async with following(tmp_path, waiting) as (house, until):
        await until(held_by("issuer-1"))
        await house.server.asked_for(BELL, 2)

    await waiting.over.wait()


LISTS = [f"GET /api/v1/namespaces/homelab/pods/http:traefik-{at}:8080/proxy/api/certificates" for at in (1, 2)]


def publishing(house: House) -> None:
    """A public host whose certificate the store and two replicas have."""
    replicas = [another_pod(f"traefik-{at}") for at in (1, 2)]
    for pod in replicas:
        pod["metadata"]["labels"] = {**pod["metadata"]["labels"], "homelab-tui/zone": "external"}
    house.list("pods", page(PODS[0], *replicas))
    house.list("cronjobs", page(cronjob()))
    house.list("ingresses", page(ingress("web", HOST, labels=PUBLIC)))
    kept = [{"Key": key, "Value": b64encode(one.data).decode()} for key, one in state().items()]
    house.server.script(proxied(0, "kv/homelab/"), indexed(kept))
    for what in LISTS:
        house.server.script(what, found([{"sans": [HOST], "certFingerprint": MARK}]))


def fares(now: Snapshot, how: CertificateState) -> bool:
    """Whether it is told so of the one certificate."""
    return [one.state for one in now.certificates] == [how]


async def test_while_the_api_hangs_certificates_stay_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def is_stale(now: Snapshot) -> bool:
        told.append(now.certificates)
        return now.sources["consul"].state is SourceState.STALE

    async with following(tmp_path, Bell(), ready=publishing) as (house, until):
        before = await until(lambda now: fares(now, CertificateState.VALID))
        monkeypatch.setattr(kubernetes, "POD_SECONDS", 0.05)
        for what in (*LISTS, SELF, f"GET {SETS}"):
            house.server.script(what, silence)

        house.change("pods", PODS[0])
        await until(is_stale)
        house.change("pods", PODS[0], "102")
        await house.server.asked_for(SELF, 3)
        house.change("ingresses", ingress("web", HOST, labels=PUBLIC))
        after = await until(lambda now: True)

    assert {*told, after.certificates} == {before.certificates}


async def test_a_replica_that_alone_is_silent_is_told_and_no_more_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(tmp_path, Bell(), ready=publishing) as (house, until):
        await until(lambda now: fares(now, CertificateState.VALID))
        monkeypatch.setattr(kubernetes, "POD_SECONDS", 0.5)
        house.server.script(LISTS[1], silence)

        house.change("pods", PODS[0])
        then = await until(lambda now: fares(now, CertificateState.PARTLY))

    assert "homelab/traefik-2 did not answer: " in str(then.certificates[0].error)
    assert then.certificates[0].served_by == 1


async def test_where_no_question_may_wait_it_is_asked_again_and_again(tmp_path: Path) -> None:
    async with following(tmp_path, raw("Permission denied", 403)) as (house, until):
        await until(held_by("issuer-1"))

        answer(house.server, "issuer-2")

        await until(held_by("issuer-2"))
