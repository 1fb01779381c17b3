"""The adapter for Kubernetes against a server that answers as an API server does, or as a broken one."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from adapting import AT_WEB, MIDDLEWARE, SERVICE, WEB, connected
from aiohttp import web
from loopback import (
    TOKEN,
    Answer,
    Loopback,
    at,
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
    tls,
)
from objects import middleware, service

from homelab.adapters import kubernetes
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.ports import (
    ClusterError,
    Conflict,
    Contest,
    Forbidden,
    Kind,
    NotFound,
    NotServed,
    Ref,
    Rejected,
    Unauthorized,
    Unavailable,
    Unreachable,
)

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


async def test_every_kind_that_lives_in_namespaces_is_told_though_one_api_is_ill(tmp_path: Path) -> None:
    groups = [
        {"name": "apps", "versions": [{"groupVersion": "apps/v1"}]},
        {"name": "metrics", "versions": [{"groupVersion": "metrics/v1"}]},
    ]
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /apis", found({"kind": "APIGroupList", "groups": groups}))
        server.script("GET /apis/apps/v1", resources("apps/v1", Deployment="deployments"))
        server.script("GET /apis/metrics/v1", raw("service unavailable\n", 503))
        kinds = await cluster.kinds()

    assert kinds == {SERVICE, Kind("v1", "Pod"), Kind("apps/v1", "Deployment")}


async def test_a_kind_that_is_just_coming_up_is_not_served_yet(tmp_path: Path) -> None:
    """Between Established and the first answer the path itself is unknown, and a plain 404 says so."""
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /apis/traefik.io/v1alpha1", resources("traefik.io/v1alpha1", Middleware="middlewares"))
        path = "/apis/traefik.io/v1alpha1/namespaces/apps/middlewares/basic"
        server.script(f"PATCH {path}", raw("404 page not found\n", 404))

        with pytest.raises(NotServed):
            await cluster.apply(middleware("basic"))


async def test_a_pod_is_asked_through_the_api_server(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        proxy = "GET /api/v1/namespaces/homelab/pods/http:traefik-1:8080/proxy/api/http/routers"
        server.script(proxy, found([{"name": "web@kubernetes"}]))

        answer = await cluster.pod_json("homelab", "traefik-1", 8080, "/api/http/routers?per_page=100&search=a%26b")

    assert answer == [{"name": "web@kubernetes"}]
    assert server.of(proxy)[0].query == {"per_page": "100", "search": "a&b"}


async def test_another_connection_to_a_pod_is_another_spelling_of_its_port(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        proxy = "GET /api/v1/namespaces/homelab/pods/http:consul-0:{}8500/proxy/ping"
        for zeros in ("", "00"):
            server.script(proxy.format(zeros), found(zeros))

        said = [await cluster.ask_pod("homelab", "consul-0", 8500, "/ping", connection=one) for one in (0, 2)]

    assert [answer.body for answer in said] == [b'""', b'"00"']


async def test_what_a_pod_says_again_is_not_read_again(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        proxy = "GET /api/v1/namespaces/homelab/pods/http:traefik-1:8080/proxy/api/http/routers"
        server.script(proxy, *[found([{"name": name}]) for name in ("web", "web", "new", "web")])

        said = [await cluster.pod_json("homelab", "traefik-1", 8080, "/api/http/routers") for _ in range(4)]

    assert [one[0]["name"] for one in said] == ["web", "web", "new", "web"]
    assert said[0] is said[1] is not said[3]


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


async def test_who_waits_for_the_same_silence_waits_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "ANSWER_SECONDS", 0.2)
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /api/v1", *[silence] * 3)

        asked = [cluster.list(Kind("v1", name)) for name in ("Service", "Pod", "Node")]
        found = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(error) for error in found] == [Unreachable] * 3
    assert len(server.asked) == 1


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


async def test_http_where_https_is_spoken_is_told_with_the_line_to_mend(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /version", raw("Client sent an HTTP request to an HTTPS server.\n", 400))
        with pytest.raises(Unreachable) as told:
            await cluster.version()

    assert f"the server in {tmp_path}/kubeconfig must begin with https://" in str(told.value)


async def test_tls_with_a_server_that_speaks_none_is_told(tmp_path: Path) -> None:
    async with serving() as server:
        cluster = await KubernetesCluster.connect(kubeconfig(tmp_path, server.url.replace("http:", "https:")))
        with pytest.raises(
            Unreachable, match=r"no TLS with https://127\.0\.0\.1:.*is the server in .* the API server's"
        ):
            await cluster.version()
        await cluster.close()
