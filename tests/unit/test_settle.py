"""Waiting for objects by watch, over the true adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from loopback import (
    Answer,
    Loopback,
    Stream,
    at,
    kubeconfig,
    page,
    raw,
    refusal,
    resources,
    serving,
)
from objects import load_balancer, meta

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.ports import Raw, Ref
from homelab.stack.readiness import READY, State, Status, status
from homelab.stack.settle import NotSettled, settle

JOBS = "/apis/batch/v1/namespaces/homelab/jobs"
SERVICES = "/api/v1/namespaces/homelab/services"
LONG = 25.0
"""Seconds that no test here comes near."""


def job(name: str, condition: str | None = None, message: str = "") -> Raw:
    """A Job that runs, or ended as its condition says."""
    conditions = [{"type": condition, "status": "True", "message": message}] if condition else []
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": meta(name, "homelab", resourceVersion="1"),
        "status": {"conditions": conditions},
    }


def judge(ref: Ref, obj: Raw | None) -> Status:
    return status(obj) if obj else Status(State.PROGRESSING, "it is not there")


def seen(*objects: Raw) -> dict[Ref, Raw | None]:
    return {Ref.of(obj): obj for obj in objects}


@asynccontextmanager
async def connected(folder: Path, jobs: Answer) -> AsyncIterator[tuple[Loopback, KubernetesCluster, Stream]]:
    """A server with these jobs, and the stream of their changes."""
    async with serving() as server:
        stream = Stream()
        server.script("GET /apis/batch/v1", resources("batch/v1", Job="jobs"))
        server.script("GET /api/v1", resources("v1", Service="services"))
        server.script(f"GET {JOBS}", jobs)
        server.script(f"WATCH {JOBS}", stream)
        cluster = await KubernetesCluster.connect(kubeconfig(folder, server.url))
        try:
            yield server, cluster, stream
        finally:
            await cluster.close()


async def test_what_is_ready_is_not_asked_for(tmp_path: Path) -> None:
    async with connected(tmp_path, page()) as (server, cluster, _):
        await settle(cluster, seen(job("a", "Complete")), judge, LONG)
        await settle(cluster, {}, judge, LONG)

    assert server.asked == []


async def test_what_became_ready_in_the_meantime_needs_no_change(tmp_path: Path) -> None:
    async with connected(tmp_path, page(job("a", "Complete"))) as (_, cluster, _):
        await settle(cluster, seen(job("a")), judge, LONG)


async def test_an_object_becomes_ready_by_a_change(tmp_path: Path) -> None:
    told: list[list[str]] = []

    def tell(missing: Mapping[Ref, Status]) -> None:
        told.append([f"{ref.name}: {status.why}" for ref, status in missing.items()])

    async with connected(tmp_path, page(job("a"), job("b"))) as (server, cluster, stream):
        waiting = asyncio.create_task(settle(cluster, seen(job("a"), job("b")), judge, LONG, tell))
        await server.asked_for(f"WATCH {JOBS}")
        stream.send("MODIFIED", at(job("stranger", "Failed"), "101"))
        stream.send("MODIFIED", at(job("a", "Complete"), "102"))
        stream.send("MODIFIED", at(job("b"), "103"))
        stream.send("MODIFIED", at(job("b", "Complete"), "104"))
        await waiting
        await stream.over.wait()

    assert told == [["a: it has not completed", "b: it has not completed"], ["b: it has not completed"], []]


async def test_a_kind_in_one_namespace_is_watched_once_for_all_its_objects(tmp_path: Path) -> None:
    async with connected(tmp_path, page(job("a", "Complete"), job("b", "Complete"))) as (server, cluster, _):
        given = load_balancer("web", "192.168.1.20")
        server.script(f"GET {SERVICES}", page(given))
        await settle(cluster, seen(job("a"), job("b"), load_balancer("web")), judge, LONG)

    assert len(server.of(f"GET {JOBS}")) == len(server.of(f"GET {SERVICES}")) == 1


async def test_an_object_that_failed_ends_the_waiting_for_all(tmp_path: Path) -> None:
    async with connected(tmp_path, page(job("a"), job("b"))) as (_, cluster, stream):
        stream.send("MODIFIED", at(job("b", "Failed", "Job has reached the backoff limit"), "101"))
        with pytest.raises(NotSettled) as failed:
            await settle(cluster, seen(job("a"), job("b")), judge, LONG)
        await stream.over.wait()

    assert failed.value.missing == {Ref.of(job("b")): Status(State.FAILED, "Job has reached the backoff limit")}
    assert str(failed.value) == "Job homelab/b: Job has reached the backoff limit"


async def test_when_time_is_up_what_is_missing_is_named(tmp_path: Path) -> None:
    web = load_balancer("web", wanted="192.168.1.20")
    async with connected(tmp_path, page(job("a"))) as (server, cluster, _):
        server.script(f"GET {SERVICES}", page(web))
        server.script(f"WATCH {SERVICES}", Stream())
        with pytest.raises(NotSettled) as late:
            await settle(cluster, seen(job("a"), web), judge, 0.1)

    assert {ref.name: status.why for ref, status in late.value.missing.items()} == {
        "a": "it has not completed",
        "web": "it has no address yet (wanted 192.168.1.20)",
    }


async def test_objects_are_waited_for_until_they_are_gone(tmp_path: Path) -> None:
    def gone(ref: Ref, obj: Raw | None) -> Status:
        return Status(State.PROGRESSING, "it is still there") if obj else READY

    async with connected(tmp_path, page(job("b"))) as (_, cluster, stream):
        stream.send("DELETED", at(job("b"), "101"))
        await settle(cluster, seen(job("a"), job("b")), gone, LONG)


async def test_a_server_that_is_away_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    away = refusal(503, "ServiceUnavailable", "apiserver not ready")
    async with connected(tmp_path, away) as (server, cluster, _):
        server.script(f"GET {JOBS}", away, page(job("a", "Complete")))

        await settle(cluster, seen(job("a")), judge, LONG)

    assert len(server.of(f"GET {JOBS}")) == 2


async def test_while_nobody_can_be_asked_that_is_what_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    def tell(missing: Mapping[Ref, Status]) -> None:
        told.extend(status.why for status in missing.values())

    async with connected(tmp_path, page(job("a"))) as (server, cluster, first):
        back = Stream()
        server.script(f"WATCH {JOBS}", first, refusal(503, "ServiceUnavailable", "apiserver not ready"), back)
        waiting = asyncio.create_task(settle(cluster, seen(job("a")), judge, LONG, tell))
        await server.asked_for(f"WATCH {JOBS}")
        first.end()
        await server.asked_for(f"WATCH {JOBS}", 3)
        back.send("MODIFIED", at(job("a", "Complete"), "101"))
        await waiting

    assert [("apiserver not ready" in why, why == "it has not completed") for why in told] == [
        (False, True),
        (True, False),
        (False, True),
    ]


async def test_objects_of_a_kind_that_is_gone_are_gone(tmp_path: Path) -> None:
    def gone(ref: Ref, obj: Raw | None) -> Status:
        return Status(State.PROGRESSING, "it is still there") if obj else READY

    async with connected(tmp_path, page()) as (server, cluster, _):
        server.script("GET /apis/batch/v1", raw("404 page not found\n", 404))

        await settle(cluster, seen(job("a")), gone, LONG)


async def test_waiting_that_is_cancelled_lets_go_of_its_watch(tmp_path: Path) -> None:
    async with connected(tmp_path, page(job("a"))) as (server, cluster, stream):
        waiting = asyncio.create_task(settle(cluster, seen(job("a")), judge, LONG))
        await server.asked_for(f"WATCH {JOBS}")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await stream.over.wait()
