"""The adapter for Kubernetes against a server that answers as an API server does, or as a broken one."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import web
from loopback import (
    TOKEN,
    Answer,
    Loopback,
    Stream,
    at,
    bookmark,
    certificate,
    forbidden,
    found,
    kubeconfig,
    page,
    raw,
    refusal,
    resources,
    serving,
    silence,
    status,
    tls,
)
from objects import middleware, service

from homelab.adapters import kubernetes
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.pauses import pauses
from homelab.ports import (
    Alive,
    Change,
    Changed,
    ClusterError,
    Conflict,
    Contest,
    Forbidden,
    Gone,
    Kind,
    Listed,
    Lost,
    NotFound,
    NotServed,
    Ref,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
)

SERVICE = Kind("v1", "Service")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
WEB = service("web")
AT_WEB = "/api/v1/namespaces/apps/services/web"
CORE = resources("v1", Service="services", Node="nodes!", Pod="pods")


@asynccontextmanager
async def connected(folder: Path, **options: Any) -> AsyncIterator[tuple[Loopback, KubernetesCluster]]:
    """A server that knows the core kinds, and the adapter pointed at it by a kubeconfig."""
    async with serving() as server:
        server.script("GET /api/v1", CORE)
        cluster = await KubernetesCluster.connect(kubeconfig(folder, server.url, **options))
        try:
            yield server, cluster
        finally:
            await cluster.close()


# Reading


async def test_the_version_is_asked_with_the_token_in_the_header_alone(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /version", found({"major": "1", "minor": "37", "gitVersion": "v1.37.2"}))

        assert await cluster.version() == "v1.37.2"

    (asked,) = server.asked
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in asked.url


async def test_one_object_is_given_as_it_is_and_a_missing_one_as_none(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(f"GET {AT_WEB}", found(WEB), refusal(404, "NotFound", 'services "web" not found'))

        assert await cluster.get(Ref.of(WEB)) == WEB
        assert await cluster.get(Ref.of(WEB)) is None


async def test_objects_of_the_whole_cluster_have_no_namespace_in_their_path(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /api/v1/nodes/pi", found({"kind": "Node"}))

        assert await cluster.get(Ref(Kind("v1", "Node"), None, "pi")) == {"kind": "Node"}


async def test_lists_are_read_to_the_last_page_and_name_the_kind_of_each_object(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        owned = {**WEB, "metadata": {**WEB["metadata"], "managedFields": [{"manager": "kubectl"}]}}
        server.script("GET /api/v1/services", page(owned, more="next please"), page(service("db")))

        listed = await cluster.list(SERVICE, labels="a=b", fields="metadata.name!=c")

    assert listed == (WEB, service("db"))
    first, second = (asked.query for asked in server.of("GET /api/v1/services"))
    assert first == {"labelSelector": "a=b", "fieldSelector": "metadata.name!=c", "limit": "500"}
    assert second == {**first, "continue": "next please"}


async def test_an_empty_list_of_go_s_kind_is_empty(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /api/v1/namespaces/apps/services", found({"metadata": {"resourceVersion": "1"}}))

        assert await cluster.list(SERVICE, namespace="apps") == ()


async def test_a_group_version_is_discovered_once(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /api/v1/services", page())
        server.script("GET /api/v1/pods", page())

        await asyncio.gather(*(cluster.list(Kind("v1", name)) for name in ("Service", "Pod", "Service")))

    assert len(server.of("GET /api/v1")) == 1


async def test_a_missing_kind_is_asked_for_again_until_it_is_served(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        with pytest.raises(NotServed, match=r"knows no kind Middleware \(traefik.io/v1alpha1\).*homelab-tui apply"):
            await cluster.list(MIDDLEWARE)
        server.script("GET /apis/traefik.io/v1alpha1", resources("traefik.io/v1alpha1", IngressRoute="ingressroutes"))
        with pytest.raises(NotServed):
            await cluster.list(MIDDLEWARE)
        server.script("GET /apis/traefik.io/v1alpha1", resources("traefik.io/v1alpha1", Middleware="middlewares"))
        server.script("GET /apis/traefik.io/v1alpha1/middlewares", page(middleware("basic")))

        assert await cluster.list(MIDDLEWARE) == (middleware("basic"),)


async def test_a_kind_that_is_not_served_has_no_objects(tmp_path: Path) -> None:
    async with connected(tmp_path) as (_, cluster):
        assert await cluster.get(Ref.of(middleware("basic"))) is None
        await cluster.delete(Ref.of(middleware("basic")), uid="1")


async def test_a_kind_that_was_taken_away_after_it_was_found_is_not_served(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        discovery = resources("traefik.io/v1alpha1", Middleware="middlewares")
        server.script("GET /apis/traefik.io/v1alpha1", discovery, raw("404 page not found\n", 404), discovery)
        server.script("GET /apis/traefik.io/v1alpha1/middlewares", page(), raw("404 page not found\n", 404), page())

        assert await cluster.list(MIDDLEWARE) == ()
        for _ in range(2):
            with pytest.raises(NotServed):
                await cluster.list(MIDDLEWARE)
        assert await cluster.list(MIDDLEWARE) == ()


async def test_a_pod_is_asked_through_the_api_server(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        proxy = "GET /api/v1/namespaces/homelab/pods/http:traefik-1:8080/proxy/api/http/routers"
        server.script(proxy, found([{"name": "web@kubernetes"}]))

        answer = await cluster.pod_json("homelab", "traefik-1", 8080, "/api/http/routers?per_page=100&search=a%26b")

    assert answer == [{"name": "web@kubernetes"}]
    assert server.of(proxy)[0].query == {"per_page": "100", "search": "a&b"}


# Writing


async def test_apply_is_strict_and_neither_forced_nor_dry_unless_asked(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(f"PATCH {AT_WEB}", found(at(WEB, "8")))

        assert await cluster.apply(WEB) == at(WEB, "8")
        await cluster.apply(WEB, dry_run=True)
        await cluster.apply(WEB, force=True)

    plain, dry, forced = server.of(f"PATCH {AT_WEB}")
    assert plain.query == {"fieldManager": "homelab-tui", "fieldValidation": "Strict"}
    assert dry.query == {**plain.query, "dryRun": "All"}
    assert forced.query == {**plain.query, "force": "true"}
    assert plain.headers["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(plain.body) == WEB


async def test_a_conflict_names_each_manager_with_its_field(tmp_path: Path) -> None:
    causes = [
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}" using v1', "field": field}
        for manager, field in (("kubectl-client-side-apply", ".spec.type"), ("helm", ".metadata.labels.app"))
    ]
    async with connected(tmp_path) as (server, cluster):
        message = "Apply failed with 2 conflicts"
        server.script(f"PATCH {AT_WEB}", refusal(409, "Conflict", message, causes=causes))

        with pytest.raises(Conflict, match=message) as conflict:
            await cluster.apply(WEB)

    assert conflict.value.contests == (
        Contest("kubectl-client-side-apply", ".spec.type"),
        Contest("helm", ".metadata.labels.app"),
    )


async def test_another_409_is_a_refusal_and_no_contest(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        message = 'object is being deleted: services "web" already exists'
        server.script(f"PATCH {AT_WEB}", refusal(409, "AlreadyExists", message))

        with pytest.raises(Rejected, match=message):
            await cluster.apply(WEB)


async def test_what_the_api_finds_invalid_is_told_in_its_words(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        message = ".spec.prots: field not declared in schema"
        server.script(f"PATCH {AT_WEB}", refusal(400, "BadRequest", message))

        with pytest.raises(Rejected, match=message):
            await cluster.apply(WEB)


async def test_an_object_without_its_namespace_is_not_found(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(f"PATCH {AT_WEB}", refusal(404, "NotFound", 'namespaces "apps" not found'))

        with pytest.raises(NotFound, match='namespaces "apps" not found'):
            await cluster.apply(WEB)


async def test_delete_means_this_very_object_and_first_what_hangs_on_it(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(f"DELETE {AT_WEB}", found(WEB), refusal(404, "NotFound", 'services "web" not found'))

        await cluster.delete(Ref.of(WEB), uid="uid-of-web")
        await cluster.delete(Ref.of(WEB), uid="uid-of-web")

    assert json.loads(server.of(f"DELETE {AT_WEB}")[0].body) == {
        "propagationPolicy": "Foreground",
        "preconditions": {"uid": "uid-of-web"},
    }


async def test_an_object_that_was_made_anew_is_not_deleted(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        message = "Precondition failed: UID in precondition: uid-of-web, UID in object meta: another"
        server.script(f"DELETE {AT_WEB}", refusal(409, "Conflict", message))

        with pytest.raises(Rejected, match=message):
            await cluster.delete(Ref.of(WEB), uid="uid-of-web")


# Failures


async def failure(folder: Path, answer: Answer) -> ClusterError:
    """What asking for the version ends with; its text is one line and does not hold the token."""
    async with connected(folder) as (server, cluster):
        server.script("GET /version", answer)
        with pytest.raises(ClusterError) as failed:
            await cluster.version()
    assert "\n" not in str(failed.value)
    assert TOKEN not in str(failed.value)
    return failed.value


async def test_credentials_that_are_no_longer_accepted_come_with_the_way_to_new_ones(tmp_path: Path) -> None:
    error = await failure(tmp_path, refusal(401, "Unauthorized", "Unauthorized"))

    assert isinstance(error, Unauthorized)
    assert f"does not accept the credentials in {tmp_path}/kubeconfig" in str(error)
    assert "systemctl restart k3s" in str(error)
    assert "kubeadm certs renew" in str(error)


async def test_a_missing_right_is_named(tmp_path: Path) -> None:
    error = await failure(tmp_path, forbidden("services"))

    assert isinstance(error, Forbidden)
    assert 'User "anna" cannot list resource "services" in API group "" at the cluster scope' in str(error)
    assert "grant that right" in str(error)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refusal(500, "InternalError", "failed calling webhook: connection refused"), "failed calling webhook"),
        (refusal(503, "ServiceUnavailable", "apiserver is shutting down"), "apiserver is shutting down"),
        (refusal(429, "TooManyRequests", "storage is (re)initializing"), "storage is (re)initializing"),
        (raw("<html>\n<h1>502 Bad Gateway</h1>\n", 502), "<html>"),
        (raw("", 504), "HTTP status 504"),
        (raw("\n", 599), "HTTP status 599"),
    ],
)
async def test_a_server_that_cannot_now_is_unavailable(answer: Answer, said: str, tmp_path: Path) -> None:
    error = await failure(tmp_path, answer)

    assert isinstance(error, Unavailable)
    assert "/version answered " in str(error)
    assert said in str(error)


@pytest.mark.parametrize(("code", "said"), [(418, "HTTP status 418"), (460, "HTTP status 460")])
async def test_a_status_that_no_api_server_has_is_told_by_its_number(code: int, said: str, tmp_path: Path) -> None:
    error = await failure(tmp_path, raw("", code))

    assert isinstance(error, Rejected)
    assert said in str(error)


@pytest.mark.parametrize("body", ["<html>Welcome to your router</html>", "", '{"half": ', b"\xff\xfe"])
async def test_an_answer_that_is_no_json_is_told(body: str | bytes, tmp_path: Path) -> None:
    error = await failure(tmp_path, raw(body))

    assert "did not answer with JSON; is something else at that address?" in str(error)


@pytest.mark.parametrize("body", ["[]", "null", '"ok"', "{}"])
async def test_json_of_something_else_is_told(body: str, tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        for what in ("GET /version", "GET /api/v1/services", "GET /api/v1"):
            server.script(what, raw(body))
            with pytest.raises(Unavailable, match="did not answer as a Kubernetes API does"):
                await (cluster.version() if what == "GET /version" else cluster.list(SERVICE))


async def test_a_server_that_is_not_there_is_told_with_what_to_look_at(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        await server.stop()
        with pytest.raises(Unreachable) as failed:
            await cluster.version()

    assert f"the Kubernetes API at {server.url} is not reachable" in str(failed.value)
    assert f"is the server in {tmp_path}/kubeconfig its address?" in str(failed.value)


async def test_a_server_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "ANSWER_SECONDS", 0.1)

    error = await failure(tmp_path, silence)

    assert isinstance(error, Unreachable)
    assert "no answer in time" in str(error)


async def test_an_answer_that_is_cut_is_no_answer(tmp_path: Path) -> None:
    async def cut(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"gitVersion": "v1')
        assert request.transport
        request.transport.close()
        return response

    assert isinstance(await failure(tmp_path, cut), Unreachable)


@pytest.mark.parametrize("address", ["nonsense", "https://", "http://127.0.0.1:99999", "http://homelab.invalid:6443"])
async def test_an_address_that_is_none_is_told(address: str, tmp_path: Path) -> None:
    cluster = await KubernetesCluster.connect(kubeconfig(tmp_path, address))

    with pytest.raises(Unreachable, match="is not reachable"):
        await cluster.version()
    await cluster.close()


# TLS


@asynccontextmanager
async def secured(
    folder: Path, *, expired: bool = False, trusted: bool = True
) -> AsyncIterator[tuple[Loopback, KubernetesCluster]]:
    """The same over TLS, with a certificate of its own."""
    cert, key = certificate(folder, expired=expired)
    known, _ = (cert, key) if trusted else certificate(folder, "another")
    authority: dict[str, Any] = {"certificate-authority-data": base64.b64encode(known.read_bytes()).decode()}
    async with serving(tls(cert, key)) as server:
        server.script("GET /version", found({"gitVersion": "v1.37.2"}))
        cluster = await KubernetesCluster.connect(kubeconfig(folder, server.url, **authority))
        try:
            yield server, cluster
        finally:
            await cluster.close()


async def test_a_certificate_that_the_kubeconfig_vouches_for_is_accepted(tmp_path: Path) -> None:
    async with secured(tmp_path) as (_, cluster):
        assert await cluster.version() == "v1.37.2"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"expired": True}, "certificate has expired"), ({"trusted": False}, "self-signed certificate")],
)
async def test_a_certificate_that_is_not_accepted_says_why_and_what_to_do(
    wrong: dict[str, bool], said: str, tmp_path: Path
) -> None:
    async with secured(tmp_path, **wrong) as (server, cluster):
        with pytest.raises(Unreachable) as failed:
            await cluster.version()

    assert f"the certificate of {server.url} is not accepted: {said}" in str(failed.value)
    assert "check the clock of both machines, or fetch a new kubeconfig" in str(failed.value)
    assert server.asked == []


async def test_tls_with_a_server_that_speaks_none_is_told(tmp_path: Path) -> None:
    async with serving() as server:
        cluster = await KubernetesCluster.connect(kubeconfig(tmp_path, server.url.replace("http:", "https:")))
        with pytest.raises(
            Unreachable, match=r"no TLS with https://127\.0\.0\.1:.*is the server in .* the API server's"
        ):
            await cluster.version()
        await cluster.close()


# Watching

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
