"""`pods/proxy`: what a pod answers, through the API server."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, MultiMapping
from yarl import URL

from homelab.lab.api.asked import Asked
from homelab.lab.refusal import Refusal, bad_request, not_found, not_implemented
from homelab.lab.store import Store
from homelab.observe.raw import items, number, text
from homelab.ports import Raw, Ref

Proxy = Callable[[Raw, int, str, web.BaseRequest], Awaitable[web.StreamResponse]]
"""Pod, port, path with query, request."""
_TO_PROXIES = frozenset(("proxy-authenticate", "proxy-authorization"))
_HOP = _TO_PROXIES | {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
"""Of one connection. Source: RFC 9110, 7.6.1."""
_OURS = _HOP | {"authorization", "content-length", "expect", "host"}
"""Of the request: what is for this server alone."""
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""What the client library would add where nothing was sent."""


async def proxied(store: Store, asked: Asked, proxy: Proxy) -> web.StreamResponse:
    """The answer of `pods/[http:]NAME[:PORT]/proxy/PATH`. Raises Refusal 404, 503."""
    scheme, name, port = _target(asked.place.ref.name)
    if scheme == "https":
        raise not_implemented("the lab's pods/proxy speaks HTTP only")
    place = asked.place
    pod = store.get(Ref(place.resource.as_kind, place.namespace, name))
    if not pod:
        raise not_found(place.resource, name)
    raw = asked.request.rel_url.raw_query_string
    query = f"?{raw}" if raw else ""
    return await proxy(pod, port or _first_port(pod), f"/{place.rest}{query}", asked.request)


def _target(name: str) -> tuple[str, str, int]:
    """Source: k8s.io/apimachinery/pkg/util/net, SplitSchemeNamePort."""
    scheme, pod, port = {1: ("", name, "0"), 2: ("", *name.split(":")), 3: tuple(name.split(":"))}.get(
        len(name.split(":")), ("", "", "")
    )
    if not pod or scheme not in ("", "http", "https") or not re.fullmatch("0*[0-9]{1,5}", port):
        raise bad_request(f'invalid pod request "{name}"')
    return scheme, pod, int(port)


def _first_port(pod: Raw) -> int:
    ports = (port for container in items(pod, "spec", "containers") for port in items(container, "ports"))
    return next((found for port in ports if (found := number(port, "containerPort"))), 80)


Where = Callable[[Raw, int], tuple[str, int] | None]
"""Where a port of a pod really is; None: nowhere."""


def at_its_address(pod: Raw, port: int) -> tuple[str, int] | None:
    """A pod that listens on its own address."""
    address = text(pod, "status", "podIP")
    return (address, port) if address else None


@asynccontextmanager
async def over_http(where: Where = at_its_address) -> AsyncIterator[Proxy]:
    """Ask the pod where it listens."""
    patience, jar = aiohttp.ClientTimeout(total=30), aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        auto_decompress=False, timeout=patience, cookie_jar=jar, skip_auto_headers=_AUTOMATIC
    ) as session:

        async def proxy(pod: Raw, port: int, path: str, request: web.BaseRequest) -> web.StreamResponse:
            if not (found := where(pod, port)):
                raise _unavailable("address not allowed")
            url, body = URL(f"http://{found[0]}:{found[1]}{path}", encoded=True), await request.read()
            sent = _passed(request.headers, _OURS)
            try:
                async with session.request(
                    request.method, url, headers=sent, data=body or None, allow_redirects=False
                ) as answer:
                    told = _passed(answer.headers, _HOP)
                    return web.Response(status=answer.status, headers=told, body=await answer.read())
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _unavailable(str(error) or "no answer in time") from None

        yield proxy


def _passed(headers: MultiMapping[str], kept_back: frozenset[str]) -> CIMultiDict[str]:
    """All but these, and those that a connection calls its own."""
    own = {name.strip().lower() for value in headers.getall("Connection", ()) for name in value.split(",")}
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in kept_back | own)


def _unavailable(why: str) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", f"error trying to reach service: {why}")
