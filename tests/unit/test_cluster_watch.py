"""Watches of the adapter for Kubernetes: whatever happens to a stream, what is known becomes right again."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from adapting import MIDDLEWARE, SERVICE, WEB, connected
from loopback import (
    TOKEN,
    Loopback,
    Stream,
    at,
    bookmark,
    forbidden,
    page,
    raw,
    refusal,
    resources,
    status,
)
from objects import middleware, service

from homelab.adapters import kubernetes
from homelab.pauses import pauses
from homelab.ports import (
    Alive,
    Change,
    Changed,
    ClusterError,
    Forbidden,
    Gone,
    Kind,
    Listed,
    Lost,
    NotServed,
    Unreachable,
)

SERVICES = "/api/v1/services"


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every pause that a watch makes before it tries again, as long as it takes to blink."""
    made: list[float] = []

    def short() -> Any:
        for pause in pauses(longest=0.02):
            made.append(pause)
            yield pause

    monkeypatch.setattr(kubernetes, "pauses", short)
    return made


class Watching:
    """The changes of one watch, taken one by one."""

    def __init__(self, changes: AsyncIterator[Change]) -> None:
        self._changes = changes

    async def next(self, kind: type[Change] | None = None) -> Any:
        """The next change; with a kind, the next one of it."""
        while True:
            change = await anext(self._changes)
            if kind is None or isinstance(change, kind):
                return change

    async def lost(self) -> ClusterError:
        """What went wrong."""
        return cast("Lost", await self.next(Lost)).error


@asynccontextmanager
async def watching(folder: Path, kind: Kind = SERVICE) -> AsyncIterator[tuple[Loopback, Stream, Watching]]:
    """A watch on Services of which there is one, `web`; every request for changes is answered by one stream."""
    async with connected(folder) as (server, cluster):
        stream = Stream()
        server.script(f"GET {SERVICES}", page(at(WEB, "90"), version="100"))
        server.script(f"WATCH {SERVICES}", stream)
        async with aclosing(cast("Any", cluster.watch(kind))) as changes:
            yield server, stream, Watching(changes)


async def test_a_watch_gives_what_is_there_and_then_each_change(tmp_path: Path) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        assert await changes.next() == Listed((at(WEB, "90"),))
        assert await changes.next() == Alive()
        db = service("db")
        for version, kind, obj in (("101", "ADDED", db), ("102", "MODIFIED", WEB), ("103", "DELETED", WEB)):
            stream.send(kind, at(obj, version))

        assert await changes.next() == Changed(at(db, "101"))
        assert await changes.next() == Changed(at(WEB, "102"))
        assert await changes.next() == Gone(at(WEB, "103"))

    (asked,) = server.of(f"WATCH {SERVICES}")
    assert asked.query == {
        "resourceVersion": "100",
        "watch": "1",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "290",
    }


async def test_a_bookmark_is_a_sign_of_life_and_the_place_to_go_on_from(tmp_path: Path) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        stream.send("BOOKMARK", bookmark("Service", "180"))
        stream.end()
        assert [await changes.next() for _ in range(3)] == [Listed((at(WEB, "90"),)), Alive(), Alive()]

        again = asyncio.create_task(changes.next())
        await server.asked_for(f"WATCH {SERVICES}", 2)
        assert await again == Alive()

    assert [asked.query["resourceVersion"] for asked in server.of(f"WATCH {SERVICES}")] == ["100", "180"]
    assert len(server.of(f"GET {SERVICES}")) == 1


async def test_a_stream_that_the_server_ends_goes_on_after_the_last_change_without_a_word(tmp_path: Path) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        stream.send("MODIFIED", at(WEB, "101"))
        stream.end()
        await changes.next(Changed)
        assert await changes.next() == Alive()
        stream.send("MODIFIED", at(WEB, "102"))

        assert await changes.next() == Changed(at(WEB, "102"))

    assert [asked.query["resourceVersion"] for asked in server.of(f"WATCH {SERVICES}")] == ["100", "101"]


EXPIRED = "too old resource version: 100 (900)"


@pytest.mark.parametrize("how", ["status", "event"])
async def test_a_version_that_is_no_longer_known_means_listing_anew(
    how: str, tmp_path: Path, short_pauses: list[float]
) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        refused = refusal(410, "Expired", EXPIRED)
        broken = Stream()
        broken.send("ERROR", status(410, "Expired", EXPIRED))
        server.script(f"WATCH {SERVICES}", refused if how == "status" else broken, stream)
        server.script(f"GET {SERVICES}", page(at(WEB, "90")), page(service("db"), version="900"))

        assert await changes.next() == Listed((at(WEB, "90"),))
        assert (await changes.next(Listed)).objects == (service("db"),)
        assert await changes.next() == Alive()

    assert server.of(f"WATCH {SERVICES}")[-1].query["resourceVersion"] == "900"


async def test_a_server_that_never_knows_the_version_is_not_asked_in_a_tight_loop(
    tmp_path: Path, short_pauses: list[float]
) -> None:
    async with watching(tmp_path) as (server, _, changes):
        server.script(f"WATCH {SERVICES}", refusal(410, "Expired", EXPIRED))
        for _ in range(4):
            await changes.next(Listed)

    assert len(short_pauses) >= 3


async def test_a_server_that_hangs_up_at_once_is_not_asked_in_a_tight_loop(
    tmp_path: Path, short_pauses: list[float]
) -> None:
    async with watching(tmp_path) as (server, _, changes):
        server.script(f"WATCH {SERVICES}", raw(b""))
        for _ in range(4):
            await changes.next(Alive)

    assert len(short_pauses) >= 3


async def test_a_line_that_is_torn_is_lost_and_asked_for_again(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        stream.send("MODIFIED", at(WEB, "101"))
        stream.write(json.dumps({"type": "MODIFIED", "object": at(WEB, "102")}).encode()[:40])
        stream.end()
        await changes.next(Changed)

        assert "in the middle of a line" in str(await changes.lost())
        assert await changes.next() == Alive()

    assert server.of(f"WATCH {SERVICES}")[-1].query["resourceVersion"] == "101"


async def test_an_error_in_the_stream_is_told(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path) as (_, stream, changes):
        stream.send("ERROR", status(500, "InternalError", "etcdserver: no leader"))

        assert "watch of Service: etcdserver: no leader" in str(await changes.lost())


async def test_a_server_that_goes_and_comes_back_is_lost_and_found(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path) as (server, stream, changes):
        assert isinstance(await changes.next(), Listed)
        assert await changes.next() == Alive()

        await server.stop()
        assert isinstance(await changes.lost(), Unreachable)
        assert "is not reachable" in str(await changes.lost())

        await server.start()
        assert await changes.next(Alive) == Alive()
        stream.send("MODIFIED", at(WEB, "101"))
        assert await changes.next() == Changed(at(WEB, "101"))

    assert len(server.of(f"GET {SERVICES}")) == 1


async def test_a_server_that_is_not_there_at_first_is_waited_for(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path) as (server, _, changes):
        await server.stop()
        assert isinstance(await changes.next(), Lost)

        await server.start()
        assert await changes.next(Listed) == Listed((at(WEB, "90"),))


async def test_a_stream_that_falls_silent_is_left(
    tmp_path: Path, short_pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "SILENCE_SECONDS", 0.1)
    async with watching(tmp_path) as (_, stream, changes):
        assert isinstance(await changes.next(), Listed)
        assert await changes.next() == Alive()

        error = await changes.lost()
        await stream.over.wait()
        assert await changes.next() == Alive()

    assert isinstance(error, Unreachable)
    assert "no answer in time" in str(error)


async def test_a_missing_right_is_told_and_asked_for_again(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path) as (server, _, changes):
        server.script(f"GET {SERVICES}", forbidden("services"), page(WEB))

        assert isinstance(await changes.lost(), Forbidden)
        assert await changes.next() == Listed((WEB,))


async def test_a_kind_that_is_not_served_yet_is_waited_for(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path, MIDDLEWARE) as (server, _, changes):
        assert isinstance(await changes.lost(), NotServed)

        server.script("GET /apis/traefik.io/v1alpha1", resources("traefik.io/v1alpha1", Middleware="middlewares"))
        server.script("GET /apis/traefik.io/v1alpha1/middlewares", page(middleware("basic")))
        assert await changes.next(Listed) == Listed((middleware("basic"),))


async def test_a_kind_that_is_taken_away_is_no_longer_served(tmp_path: Path, short_pauses: list[float]) -> None:
    async with watching(tmp_path, MIDDLEWARE) as (server, stream, changes):
        discovery = "GET /apis/traefik.io/v1alpha1"
        server.script(discovery, resources("traefik.io/v1alpha1", Middleware="middlewares"))
        server.script(f"{discovery}/middlewares", page(middleware("basic")))
        server.script("WATCH /apis/traefik.io/v1alpha1/middlewares", stream, raw("404 page not found\n", 404))
        await changes.next(Alive)
        server.script(discovery, raw("404 page not found\n", 404))
        stream.end()

        for _ in range(2):
            assert isinstance(await changes.lost(), NotServed)


async def test_a_watch_that_is_left_lets_go_of_its_connection(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        stream = Stream()
        server.script(f"GET {SERVICES}", page())
        server.script(f"WATCH {SERVICES}", stream)
        async for change in cluster.watch(SERVICE):
            if change == Alive():
                break

        await stream.over.wait()


async def test_the_token_stands_in_no_address_no_error_and_no_log(
    tmp_path: Path, short_pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []
    async with watching(tmp_path) as (server, _, changes):
        server.script(f"WATCH {SERVICES}", refusal(401, "Unauthorized", "Unauthorized"), raw("", 500))
        errors += [str(await changes.lost()), str(await changes.lost())]
        await server.stop()
        errors.append(str(await changes.lost()))

    assert len(errors) == 3
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Bearer {TOKEN}"}
    assert not [text for text in (*errors, caplog.text, *(a.url for a in server.asked)) if TOKEN in text]


def test_pauses_grow_and_end_at_the_longest() -> None:
    made = [pause for pause, _ in zip(partial(pauses, longest=2.0)(), range(20), strict=False)]

    assert all(0.25 <= pause <= 2 for pause in made)
    assert all(pause >= 1 for pause in made[3:])
