"""What may not be stored is refused, whatever was sent, and the lab goes on afterwards as before."""

from __future__ import annotations

import asyncio
import json
from io import BytesIO
from typing import Any, Literal

import aiohttp
import pytest
from apiserver import APPLY, JSON_PATCH, MERGE, STRATEGIC, TOKEN, Server, bare_store, config_map
from hypothesis import given, settings
from hypothesis import strategies as st

from homelab.lab.api import serving
from homelab.lab.api.bodies import LARGEST
from homelab.lab.store import Store
from homelab.ports import Raw

pytest_plugins = ("servers",)

MAPS = "/api/v1/namespaces/default/configmaps"
WEB = f"{MAPS}/web"
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "a", "uid": "u"}
TYPES = ("application/json", "application/yaml", APPLY, MERGE, STRATEGIC, JSON_PATCH)


def sent(**parts: Any) -> bytes:
    """A ConfigMap as it travels."""
    return json.dumps({**config_map("web", {"a": "1"}), **parts}).encode()


def meta(**parts: Any) -> bytes:
    """The same with odd metadata."""
    return sent(metadata={"name": "web", **parts})


async def raw(store: Store, verb: str, path: str, body: bytes, content: str) -> tuple[int, str]:
    """A request byte for byte; how it was answered."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": content}
    async with (
        serving(store, TOKEN) as url,
        aiohttp.ClientSession(headers=headers) as session,
        session.request(verb, url + path, data=BytesIO(body)) as answer,
    ):
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("body", "content", "code"),
    [
        (sent(data={"a": "x"}).replace(b'"x"', b"NaN"), "application/json", 400),
        (sent(data={"a": "x"}).replace(b'"x"', b"1e999"), "application/json", 400),
        (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: !!set {a, b}\n", "application/yaml", 400),
        (b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: .nan}\n", "application/yaml", 400),
        (
            b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: !!binary eA==}\n",
            "application/yaml",
            400,
        ),
        (meta(ownerReferences=[{}]), "application/json", 422),
        (meta(ownerReferences=["a"]), "application/json", 400),
        (meta(ownerReferences=[OWNER | {"uid": 1}]), "application/json", 400),
        (meta(ownerReferences=[OWNER | {"uid": ""}]), "application/json", 422),
        (meta(finalizers=["no slash"]), "application/json", 422),
        (meta(finalizers=[1]), "application/json", 400),
        (meta(finalizers={"a": "b"}), "application/json", 400),
        (meta(resourceVersion="7"), "application/json", 400),
        (meta(name="", generateName="No_"), "application/json", 422),
        (meta(name="", generateName="a" * 260), "application/json", 422),
        (b" " * (LARGEST + 1), "application/json", 413),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 200 + b"1" + b"}" * 200, "application/json", 400),
        (b"[" * 100_000, "application/yaml", 400),
        (b"a: &a [1]\nb: *c\n", "application/yaml", 400),
        (b"\xff\xfe", "application/json", 400),
        (sent(), "application/vnd.kubernetes.protobuf", 415),
    ],
)
async def test_what_cannot_be_stored_is_refused_and_not_stored(
    store: Store, body: bytes, content: str, code: int
) -> None:
    before = store.version

    status, said = await raw(store, "POST", MAPS, body, content)

    assert status == code, said
    assert store.version == before


async def test_half_letters_and_dates_are_stored_as_a_real_server_stores_them(store: Store) -> None:
    text = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {a: 2020-01-01}\n"
    dated, _ = await raw(store, "POST", MAPS, text, "application/yaml")
    halved, said = await raw(store, "PATCH", WEB, b'{"data": {"b": "\\ud800"}}', MERGE)

    assert (dated, halved) == (201, 200)
    assert json.loads(said)["data"] == {"a": "2020-01-01", "b": "\ufffd"}


@pytest.mark.parametrize(
    ("verb", "path", "query", "code"),
    [
        ("GET", MAPS, {"limit": "²"}, 400),
        ("GET", MAPS, {"resourceVersion": "²"}, 400),
        ("GET", MAPS, {"continue": "²"}, 400),
        ("GET", MAPS, {"watch": "1", "timeoutSeconds": "x"}, 400),
        ("GET", MAPS, {"watch": "1", "resourceVersion": "²"}, 400),
        ("GET", MAPS, {"labelSelector": "a in (b"}, 400),
        ("GET", "/api/v1/namespaces/default/pods/web:²/proxy/", {}, 400),
        ("POST", MAPS, {"fieldManager": "m" * 129}, 422),
        ("POST", MAPS, {"dryRun": "²"}, 422),
    ],
)
async def test_a_query_that_cannot_be_is_refused_in_plain_words(
    server: Server, verb: Literal["GET", "POST"], path: str, query: dict[str, str], code: int
) -> None:
    answer = await server.ask(verb, path, config_map("web") if verb == "POST" else None, **query)

    assert answer.code == code
    _plain(answer.body["message"])


@pytest.mark.parametrize(
    ("content", "patch", "code"),
    [
        (MERGE, [1], 400),
        (MERGE, {"metadata": 1}, 400),
        (MERGE, {"data": {"b": [1]}}, 400),
        (STRATEGIC, "x", 400),
        (STRATEGIC, {"metadata": {"$retainKeys": 1}}, 400),
        (STRATEGIC, {"metadata": {"$deleteFromPrimitiveList/finalizers": 1}}, 400),
        (STRATEGIC, {"metadata": {"finalizers": [], "$setElementOrder/finalizers": 1}}, 400),
        (STRATEGIC, {"metadata": {"ownerReferences": [1]}}, 400),
        (JSON_PATCH, [1], 422),
        (JSON_PATCH, [{"op": "add", "path": "/metadata/finalizers/²", "value": "a.test/b"}], 422),
        (JSON_PATCH, [{"op": "remove", "path": ["a"]}], 422),
        (JSON_PATCH, [{"op": {}, "path": "/data"}], 422),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": 1}], 400),
        (APPLY, [1], 400),
        (APPLY, {**config_map("web"), "data": [1]}, 400),
    ],
    ids=str,
)
async def test_a_patch_that_cannot_be_is_refused_in_plain_words(
    server: Server, content: str, patch: Any, code: int
) -> None:
    await server.ask("POST", MAPS, config_map("web", {"a": "1"}, finalizers=["a.test/a"]))

    answer = await server.ask(
        "PATCH", WEB, patch, content=content, **({"fieldManager": "anna"} if content == APPLY else {})
    )

    assert answer.code == code, answer.body
    _plain(answer.body["message"])


def _plain(message: str) -> None:
    """No word of the program's own language."""
    assert not any(word in message for word in ("None", "True", "{'", "['", "<class", "Error(", "object is not"))


async def test_a_secret_in_plain_that_is_no_map(server: Server) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": [1]}

    assert (await server.ask("POST", server.path("secrets"), secret)).code == 400


async def test_a_dying_object_gets_no_new_finalizer(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web", finalizers=["a.test/a"]))
    await either.ask("DELETE", path)

    added = await either.ask("PATCH", path, {"metadata": {"finalizers": ["a.test/a", "a.test/b"]}}, content=MERGE)
    ended = await either.ask("PATCH", path, {"metadata": {"finalizers": None}}, content=MERGE)

    assert (added.code, ended.code) == (422, 200)
    assert added.causes[0][2] == "metadata.finalizers"


@pytest.mark.parametrize("options", [{"dryRun": ["All"]}, None], ids=["body", "query"])
async def test_a_dry_deletion_deletes_nothing(either: Server, options: Raw | None) -> None:
    query = {} if options else {"dryRun": "All"}
    maps, web = either.path("configmaps"), either.path("configmaps", "web")
    space = f"/api/v1/namespaces/{either.namespace}"
    before = await either.ask("POST", maps, config_map("web", labels={"a": "b"}))

    one = await either.ask("DELETE", web, options, **query)
    many = await either.ask("DELETE", maps, options, labelSelector="a=b", **query)
    whole = await either.ask("DELETE", space, options, **query)

    assert (one.code, many.code, whole.code) == (200, 200, 200)
    assert (await either.ask("GET", web)).body == before.body
    assert (await either.ask("GET", space)).body["status"]["phase"] == "Active"


@pytest.mark.parametrize(
    ("options", "code"),
    [({"dryRun": "All"}, 400), ({"dryRun": ["Some"]}, 422), ({"dryRun": [1]}, 400), ({"propagationPolicy": "x"}, 422)],
)
async def test_a_deletion_that_is_not_understood_deletes_nothing(either: Server, options: Raw, code: int) -> None:
    web = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web"))

    assert (await either.ask("DELETE", web, options)).code == code
    assert (await either.ask("DELETE", either.path("configmaps"), options)).code == code
    assert (await either.ask("GET", web)).code == 200


async def test_a_token_that_is_no_text_is_a_wrong_token(store: Store) -> None:
    async with serving(store, TOKEN) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET /api/v1/secrets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \xe4\r\n\r\n")
        try:
            assert (await reader.readline()).split()[1] == b"401"
        finally:
            writer.close()


LEAVES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
)
ODD = st.sampled_from(["$patch", "$retainKeys", "$setElementOrder/ports", "$deleteFromPrimitiveList/finalizers", "²"])
KNOWN = st.sampled_from(["metadata", "name", "labels", "finalizers", "ownerReferences", "uid", "spec", "ports", "data"])
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN | ODD | st.text(max_size=3), inner),
    max_leaves=6,
)
POINTERS = st.sampled_from(["", "/metadata/finalizers/-1", "/spec/ports/²", "/spec/ports/-", "/spec/ports/1_0", "x"])
OPERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", 1]),
        "path": POINTERS | LEAVES,
        "from": POINTERS,
        "value": VALUES,
    },
)
SERVICE: Raw = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "finalizers": ["a.test/b"], "labels": {"a": "b"}, "ownerReferences": [OWNER]},
    "spec": {"ports": [{"port": 80, "targetPort": "web"}], "selector": {"a": "b"}},
}
SERVICES = "/api/v1/namespaces/default/services"


@st.composite
def damaged(draw: st.DrawFn) -> Raw:
    """A Service with anything in place of one of its parts."""
    whole = json.loads(json.dumps(SERVICE))
    inner, steps = whole, draw(st.integers(0, 3))
    while True:
        key = draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not steps or not isinstance(inner[key], dict | list) or not inner[key]:
            inner[key] = draw(VALUES)
            return dict(whole)
        inner, steps = inner[key], steps - 1


REQUESTS = st.one_of(
    st.tuples(st.just("POST"), st.just(SERVICES), st.sampled_from(TYPES[:2]), damaged()),
    st.tuples(st.just("PUT"), st.just(f"{SERVICES}/web"), st.just(TYPES[0]), damaged()),
    st.tuples(st.just("PATCH"), st.just(f"{SERVICES}/web"), st.sampled_from(TYPES[2:5]), damaged() | VALUES),
    st.tuples(
        st.just("PATCH"), st.just(f"{SERVICES}/web"), st.just(JSON_PATCH), st.lists(OPERATIONS, max_size=3) | VALUES
    ),
    st.tuples(st.just("DELETE"), st.just(f"{SERVICES}/other"), st.just(TYPES[0]), VALUES),
)


@settings(max_examples=60)
@given(requests=st.lists(REQUESTS, min_size=1, max_size=10))
def test_nothing_that_is_sent_makes_it_fail(requests: list[tuple[str, str, str, Any]]) -> None:
    asyncio.run(survives(requests))


async def survives(requests: list[tuple[str, str, str, Any]]) -> None:
    """A lab that answers each of these without a fault of its own, and can still tell what it holds."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with serving(bare_store(), TOKEN) as url, aiohttp.ClientSession(headers=headers) as session:
        await session.post(url + SERVICES, json=SERVICE)
        for verb, path, content, body in requests:
            query = {"fieldManager": "fuzz", "force": "true"} if content == APPLY else {}
            sent = json.dumps(body).encode()
            async with session.request(
                verb, url + path, params=query, data=sent, headers={"Content-Type": content}
            ) as answer:
                assert answer.status < 500, (verb, path, content, body, await answer.text())
        async with session.get(url + SERVICES) as answer:
            assert answer.status == 200
            json.loads((await answer.read()).decode())
