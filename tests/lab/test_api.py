"""The lab's API as the product's own adapter meets it, and where it differs from a real one on purpose."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from apiserver import MERGE, PATIENCE, TOKEN, Server, bare_store, config_map, write_kubeconfig

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.api import serving
from homelab.lab.store import Store
from homelab.ports import Alive, Changed, Conflict, Gone, Kind, Listed, Lost, NotFound, NotServed, Raw, Ref, Rejected

pytest_plugins = ("servers",)

CONFIG = Kind("v1", "ConfigMap")
SERVICE = Kind("v1", "Service")
WEB = Ref(CONFIG, "default", "web")


def config(**data: str) -> Raw:
    """The ConfigMap web."""
    return config_map("web", dict(data), namespace="default") | {"apiVersion": "v1"}


async def test_the_adapter_reads_and_writes(cluster: KubernetesCluster) -> None:
    assert await cluster.version() == "v1.37.2+lab"
    assert {CONFIG, Kind("apps/v1", "Deployment")} <= await cluster.kinds()
    assert await cluster.get(WEB) is None

    made = await cluster.apply(config(a="1"))
    assert (await cluster.apply(config(a="2"), dry_run=True))["data"] == {"a": "2"}
    assert await cluster.get(WEB) == made
    assert [obj["metadata"]["name"] for obj in await cluster.list(CONFIG)] == ["web"]

    with pytest.raises(Rejected, match="UID"):
        await cluster.delete(WEB, uid="other")
    await cluster.delete(WEB, uid=made["metadata"]["uid"])
    await cluster.delete(WEB, uid=made["metadata"]["uid"])
    assert await cluster.get(WEB) is None


async def test_the_adapter_understands_refusals(cluster: KubernetesCluster, server: Server) -> None:
    await cluster.apply(config(a="1"))
    await server.apply(server.path("configmaps", "web"), config_map("web", {"b": "1"}), "otto")

    with pytest.raises(Conflict) as refused:
        await cluster.apply(config(b="2"))
    assert [(contest.manager, contest.field) for contest in refused.value.contests] == [("otto", ".data.b")]
    with pytest.raises(NotFound):
        await cluster.apply(config() | {"metadata": {"name": "web", "namespace": "nowhere"}})
    with pytest.raises(NotServed):
        await cluster.list(Kind("example.test/v1", "Gadget"))
    with pytest.raises(Rejected, match="RFC 1123"):
        await cluster.apply(config() | {"metadata": {"name": "a_b", "namespace": "default"}})


async def test_the_adapter_follows_changes_at_once(cluster: KubernetesCluster, store: Store) -> None:
    changes = cluster.watch(CONFIG)
    first = await anext(changes)
    assert first == Listed(())
    await anext(changes)
    begun = time.perf_counter()

    store.create(config(a="1"))
    assert isinstance(await anext(changes), Changed)
    took = time.perf_counter() - begun
    store.delete(WEB)
    assert isinstance(await anext(changes), Gone)
    assert took < 0.5


async def test_a_lab_that_comes_back_is_found_again(tmp_path: Path) -> None:
    async with serving(bare_store(), TOKEN) as url:
        cluster = await KubernetesCluster.connect(write_kubeconfig(tmp_path, url))
        changes = cluster.watch(CONFIG)
        assert await anext(changes) == Listed(())
        assert isinstance(await anext(changes), Alive)
    port = int(url.rpartition(":")[2])
    again = bare_store()
    again.create(config(a="1"))
    async with asyncio.timeout(PATIENCE), serving(again, TOKEN, port=port):
        seen = [await anext(changes)]
        while not isinstance(seen[-1], Listed):
            seen.append(await anext(changes))
        await cluster.close()
    assert any(isinstance(change, Lost) for change in seen)
    assert isinstance(seen[-1], Listed) and len(seen[-1].objects) == 1


async def test_a_watch_from_before_the_lab_is_told_so(server: Server) -> None:
    (event,) = [event async for event in server.watch(server.path("configmaps"), resourceVersion=1)]

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_version_of_the_future(server: Server, store: Store) -> None:
    answer = await server.ask("GET", server.path("configmaps"), resourceVersion=store.version + 10)

    assert (answer.code, answer.body["reason"]) == (504, "Timeout")


async def test_a_quiet_watch_sends_bookmarks(server: Server, monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setattr("homelab.lab.api.reading.BOOKMARK_SECONDS", 0.01)
    path = server.path("configmaps")

    async for event in server.watch(path, resourceVersion=store.version, allowWatchBookmarks="true"):
        assert event["type"] == "BOOKMARK"
        assert event["object"]["metadata"]["resourceVersion"] == str(store.version)
        break


async def test_a_kind_that_is_withdrawn_ends_its_watches(server: Server, store: Store) -> None:
    names = {"kind": "Gadget", "plural": "gadgets"}
    spec = {
        "group": "example.test",
        "scope": "Cluster",
        "names": names,
        "versions": [{"name": "v1", "served": True, "storage": True}],
    }
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    made = store.create(head | {"metadata": {"name": "gadgets.example.test"}, "spec": spec})
    store.create({"apiVersion": "example.test/v1", "kind": "Gadget", "metadata": {"name": "g"}})
    seen: list[str] = []

    async with asyncio.timeout(PATIENCE):
        async for event in server.watch("/apis/example.test/v1/gadgets"):
            if not seen:
                store.delete(Ref.of(made))
            seen.append(event["type"])

    assert seen == ["ADDED", "DELETED"]


@pytest.mark.parametrize("given", [None, "Bearer wrong", TOKEN])
async def test_without_the_token_nothing_is_told(store: Store, given: str | None) -> None:
    headers = {"Authorization": given} if given else {}
    async with serving(store, TOKEN) as url, aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/api/v1/secrets") as answer:
            assert (answer.status, (await answer.json())["reason"]) == (401, "Unauthorized")
        async with session.get(f"{url}/readyz") as answer:
            assert await answer.text() == "ok"


@pytest.mark.parametrize(
    ("verb", "path", "word"),
    [
        ("GET", "/api/v1/namespaces/default/pods/web/resize", "no size"),
        ("POST", "/api/v1/namespaces/default/pods/web/exec", "containers"),
        ("GET", "/api/v1/namespaces/default/pods/web/attach", "attach"),
        ("POST", "/api/v1/namespaces/default/pods/web/eviction", "evict"),
        ("POST", "/api/v1/namespaces/default/pods/web/portforward", "ports"),
        ("POST", "/api/v1/namespaces/default/serviceaccounts/web/token", "tokens"),
        ("GET", "/api/v1/namespaces/default/services/web/proxy", "pods only"),
        ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", "tokens"),
        ("GET", "/openapi/v2", "schemas"),
    ],
)
async def test_what_the_lab_cannot_do_it_says(server: Server, verb: str, path: str, word: str) -> None:
    answer = await server.ask(verb, path, {} if verb == "POST" else None)  # type: ignore[arg-type]

    assert (answer.code, answer.body["reason"]) == (501, "NotImplemented")
    assert word in answer.body["message"]


async def test_its_user_may_do_everything(server: Server) -> None:
    wish = {"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": wish}

    answer = await server.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)

    assert (answer.code, answer.body["status"]) == (201, {"allowed": True})


async def test_a_pod_is_asked_at_its_own_address(cluster: KubernetesCluster, store: Store) -> None:
    async def hello(request: web.BaseRequest) -> web.Response:
        return web.json_response({"path": request.path_qs, "authorization": request.headers.get("Authorization")})

    runner = web.ServerRunner(web.Server(hello))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.9", 0).start()
        pod: Raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}}
        store.create(pod | {"status": {"podIP": "127.0.0.9"}})

        found = await cluster.pod_json("default", "web", runner.addresses[0][1], "/api/raw data?a=b")
    finally:
        await runner.cleanup()

    assert found == {"path": "/api/raw%20data?a=b", "authorization": None}


async def test_a_pod_that_does_not_answer(server: Server, store: Store) -> None:
    pod: Raw = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "default"}}
    store.create(pod | {"status": {"podIP": "127.0.0.9"}})

    refused = await server.ask("GET", server.path("pods", "web:1/proxy/"))
    absent = await server.ask("GET", server.path("pods", "db:1/proxy/"))

    assert (refused.code, refused.body["reason"]) == (503, "ServiceUnavailable")
    assert refused.body["message"].startswith("error trying to reach service: ")
    assert (absent.code, absent.body["message"]) == (404, 'pods "db" not found')


async def test_replicas_are_set_through_scale(server: Server) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "none"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    path = server.path("deployments", "web", api="apis/apps/v1")
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    await server.apply(path, body, "anna")

    scaled = await server.ask("PATCH", f"{path}/scale", {"spec": {"replicas": 3}}, content=MERGE)

    assert scaled.body["spec"] == {"replicas": 3} and scaled.body["status"]["selector"] == "app=web"
    assert (await server.ask("GET", path)).body["spec"]["replicas"] == 3
    refused = await server.apply(path, body, "anna")
    assert refused.causes[0][2] == ".spec.replicas"


async def test_a_large_cluster_is_listed_quickly(cluster: KubernetesCluster, store: Store) -> None:
    spec = {"type": "ClusterIP", "selector": {"app": "web"}, "ports": [{"name": "web", "port": 80, "protocol": "TCP"}]}
    for number in range(5000):
        meta = {"name": f"web-{number}", "namespace": "default", "labels": {"app": "web"}}
        store.create({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    await cluster.list(CONFIG)
    begun = time.perf_counter()

    found = await cluster.list(SERVICE)

    assert len(found) == 5000
    assert time.perf_counter() - begun < 3


async def test_bodies_that_are_nonsense(server: Server) -> None:
    path = server.path("configmaps")
    odd: list[Any] = [[], "web", {"name": ""}]
    nonsense: list[Any] = [[], {"kind": "ConfigMap"}, config_map("a", labels=["b"])]
    nonsense += [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta} for meta in odd]
    for body in nonsense:
        assert (await server.ask("POST", path, body)).code in (400, 422)


async def test_a_watcher_who_does_not_read_is_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homelab.lab.api.reading.UNREAD_SECONDS", 0.05)
    store.create(config(a="x" * 500_000))
    async with serving(store, TOKEN) as url, asyncio.timeout(PATIENCE):
        _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]), limit=1024)
        path = b"/api/v1/configmaps?watch=1"
        writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n\r\n")
        while not store._readers:
            await asyncio.sleep(0)
        count = 0
        while store._readers:
            store.annotate(WEB, {"n": str(count := count + 1)})
            await asyncio.sleep(0.001)
        writer.close()
