"""What the issuer's lock guards, with the lab's Consul and the issuer's own rights there."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import certificates
import pytest
from certificates import HOST
from loopback import certificate, serving
from programs import challenge, decisions, issuer, kube, lineage, loader, locking

from homelab.lab.consul.access import Access
from homelab.lab.consul.cluster import Cluster, Member
from homelab.lab.consul.serving import serving as consul
from homelab.stack.access import POLICIES

SERVER = "https://acme.example.test/dir"
RENEWED = "session/renew/"


@dataclass(frozen=True)
class Watched(loader.Consul):
    """Notes what it is asked, and by whom."""

    asked: list[str] = field(default_factory=list)
    twice: threading.Event = field(default_factory=threading.Event)
    """Set when a session has been renewed twice."""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        said = super().ask(method, path, body)
        self.asked.append(path)
        if sum(one.startswith(RENEWED) for one in self.asked) > 1:
            self.twice.set()
        return said


@dataclass(frozen=True)
class Place:
    """A Consul of one server."""

    cluster: Cluster
    client: Watched


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    access = Access("management", enabled=True, default="deny")
    access.write_policy({"name": "issuer", "rules": json.dumps(POLICIES["issuer"])}, 1)
    token = access.write_token({"policies": [{"name": "issuer"}]}, 1).secret
    cluster = Cluster(access)
    async with consul(cluster, Member("one", "127.0.0.1", "2026-01-01T00:00:00Z"), 0) as port:
        yield Place(cluster, Watched(f"http://127.0.0.1:{port}", token))


def taken(place: Place) -> locking.Lock:
    """The lock, in hand."""
    lock = locking.Lock(place.client)
    assert lock.take("issuer-1")
    return lock


def working(place: Place, api: str, folder: Path) -> issuer.Run:
    """A run with the lock in hand; its folder is also that of its service account."""
    settings = issuer.Settings(SERVER, "cloud.example.test", "homelab", "homelab", "a=b", state=folder)
    return issuer.Run(settings, place.client, kube.Kubernetes(api, "homelab", "homelab", folder), taken(place))


async def test_a_lock_is_kept_as_long_as_the_work_lasts_and_its_loss_is_noticed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = await asyncio.to_thread(taken, place)
    monkeypatch.setattr(lock._ended, "wait", lambda seconds: threading.Event().wait(seconds / 100))

    keeping = asyncio.create_task(asyncio.to_thread(lock.keep))
    assert await asyncio.to_thread(place.client.twice.wait, 20)
    assert lock.held
    await asyncio.to_thread(place.client.ask, "PUT", f"session/destroy/{lock.session}")
    await asyncio.wait_for(keeping, 20)

    assert not lock.held


async def test_certificate_key_lineage_and_state_are_written_at_once(place: Place, tmp_path: Path) -> None:
    found = lineage.examined(certificates.lineage(tmp_path), HOST)
    run = await asyncio.to_thread(working, place, "http://127.0.0.1:1", tmp_path)

    await asyncio.to_thread(run.publish, decisions.State(HOST, SERVER), found, "lineage")

    written = {key.rpartition("/")[2]: pair.modified for key, pair in place.cluster.pairs.now.items() if HOST in key}
    assert written.keys() == {"certFile", "keyFile", "lineage", "state"}
    assert len({*written.values()}) == 1


async def test_nothing_is_ordered_before_the_way_to_the_challenge_is_open(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenge, "PORT", 0)
    certificate(tmp_path, "ca")
    (tmp_path / "token").write_text("token")
    async with serving() as without_pods:
        run = await asyncio.to_thread(working, place, without_pods.url, tmp_path)

        await asyncio.to_thread(run.fetch, {HOST: decisions.State(HOST, SERVER)})

    state = decisions.State.parse(place.cluster.pairs.now[f"{run.home}{HOST}/state"].value)
    assert state
    assert state.error_class == "challenge-route"
    assert state.error and "no replica of the external Traefik is ready" in state.error
