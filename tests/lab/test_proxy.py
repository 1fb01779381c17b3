"""`pods/proxy`: requests and answers pass as they are."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from apiserver import TOKEN
from multidict import CIMultiDict
from yarl import URL

from homelab.lab.api import serving
from homelab.lab.store import Store
from homelab.ports import Kind, Ref

pytest_plugins = ["servers"]

Ask = Callable[..., Awaitable[tuple[int, CIMultiDict[str], bytes]]]
PAGE = gzip.compress(b"a page")


async def answered(request: web.BaseRequest) -> web.Response:
    """A compressed page, a way on, or what was asked."""
    match request.path:
        case "/page":
            kept = {"Content-Encoding": "gzip", "ETag": '"1"', "Connection": "X-Inner", "X-Inner": "1"}
            return web.Response(body=PAGE, headers=CIMultiDict(kept))
        case "/moved":
            headers = CIMultiDict([("Location", "/page"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
            return web.Response(status=302, headers=headers)
        case "/closed":
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="home"'})
        case "/empty":
            return web.Response(headers={"Content-Length": "1234"})
    asked = "\n".join(f"{name.lower()}: {value}" for name, value in request.headers.items())
    return web.Response(text=f"{request.method} {request.raw_path}\n{asked}\n\n{await request.text()}")


@asynccontextmanager
async def pod(store: Store) -> AsyncIterator[str]:
    """Where the proxy of a pod that really listens is, below the API's address; zeros before a port are none of it."""
    runner = web.ServerRunner(web.Server(answered))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ref = Ref(Kind("v1", "Pod"), "default", "web")
    store.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": ref.name, "namespace": ref.namespace}})
    store.set_status(ref, {"podIP": "127.0.0.1"})
    try:
        yield f"/api/v1/namespaces/default/pods/web:00{runner.addresses[0][1]}/proxy"
    finally:
        await runner.cleanup()


@pytest.fixture
async def ask(store: Store) -> AsyncIterator[Ask]:
    """Asks the pod through the API: path, method, headers, body; status, headers and body as they came."""
    jar = aiohttp.DummyCookieJar()
    async with (
        pod(store) as place,
        serving(store, TOKEN) as url,
        aiohttp.ClientSession(auto_decompress=False, cookie_jar=jar) as session,
    ):

        async def asked(
            path: str, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
        ) -> tuple[int, CIMultiDict[str], bytes]:
            given = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
            where = URL(f"{url}{place}{path}", encoded=True)
            skipped = ("Accept-Encoding", "Accept", "User-Agent", "Content-Type")
            async with session.request(
                method, where, headers=given, data=body, allow_redirects=False, skip_auto_headers=skipped
            ) as answer:
                return answer.status, CIMultiDict(answer.headers), await answer.read()

        yield asked


async def test_a_compressed_page_says_that_it_is(ask: Ask) -> None:
    status, headers, body = await ask("/page", headers={"Accept-Encoding": "gzip"})

    assert (status, headers["Content-Encoding"], headers["ETag"], body) == (200, "gzip", '"1"', PAGE)
    assert "X-Inner" not in headers  # the answer names it as one of its connection's own


async def test_nobody_is_led_on_but_told_where_to_go(ask: Ask) -> None:
    status, headers, _ = await ask("/moved")

    assert (status, headers["Location"], headers.getall("Set-Cookie")) == (302, "/page", ["a=1", "b=2"])


async def test_who_has_to_log_in_is_told_how(ask: Ask) -> None:
    status, headers, _ = await ask("/closed")

    assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="home"')


async def test_a_length_without_a_body_stays(ask: Ask) -> None:
    status, headers, body = await ask("/empty", "HEAD")

    assert (status, headers["Content-Length"], body) == (200, "1234", b"")


async def test_nothing_is_added_and_the_token_stays_here(ask: Ask) -> None:
    given = {"X-Mine": "1", "Cookie": "a=1", "TE": "trailers", "Connection": "X-Inner", "X-Inner": "1"}
    _, _, body = await ask("/echo%2Fed/%C3%A9/?q=%2B+1&q=a%26b", headers=given)

    first, *headers = body.decode().rstrip().split("\n")
    assert first == "GET /echo%2Fed/%C3%A9/?q=%2B+1&q=a%26b"
    assert {line.partition(":")[0] for line in headers} == {"host", "x-mine", "cookie"}


async def test_a_body_arrives(ask: Ask) -> None:
    _, _, body = await ask("/", "POST", {"Content-Type": "text/x-mine"}, b"a body")

    assert b"content-type: text/x-mine" in body
    assert body.endswith(b"\n\na body")


async def test_cookies_of_one_caller_are_no_other_s(ask: Ask) -> None:
    await ask("/moved")

    assert b"cookie" not in (await ask("/"))[2]
