"""The server: a bearer token, a path, a verb, an answer; refusals as Status objects, what it cannot do as 501."""

from __future__ import annotations

import asyncio
import hmac
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web

from homelab.lab.api import discovery
from homelab.lab.api.asked import Asked, place
from homelab.lab.api.bodies import LARGEST
from homelab.lab.api.deleting import all_deleted, deleted
from homelab.lab.api.logs import Said, logged, nothing
from homelab.lab.api.proxy import Proxy, over_http, proxied
from homelab.lab.api.reading import encoded, listed, read, watched
from homelab.lab.api.scaling import scale, scaled
from homelab.lab.api.tables import form
from homelab.lab.api.writing import created, patched, replaced
from homelab.lab.refusal import NowhereError, Refusal, not_implemented, not_served
from homelab.lab.store import Store

log = logging.getLogger(__name__)

_HEALTH = ("/healthz", "/readyz", "/livez")
_LACKING = {
    "attach": "the lab's pods have no containers to attach to",
    "binding": "the lab's nodes take pods by themselves",
    "ephemeralcontainers": "the lab's pods have no containers to debug",
    "eviction": "the lab does not evict pods; delete the pod instead",
    "exec": "the lab's pods have no containers to run commands in",
    "finalize": "the lab ends namespaces by itself",
    "portforward": "the lab does not forward ports; its real programs listen on the loopback",
    "proxy": "the lab's proxy reaches pods only",
    "resize": "the lab's pods have no size",
    "token": "the lab gives no tokens to service accounts",
}
_LACKING_GROUPS = ("authentication.k8s.io",)


class Api:
    """Answers requests from a store."""

    def __init__(self, store: Store, token: str, proxy: Proxy, said: Said = nothing) -> None:
        self._store = store
        self._token = f"Bearer {token}".encode()
        self._proxy = proxy
        self._said = said

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request; whatever goes wrong is told as the API server would."""
        try:
            return await self._answer(request)
        except NowhereError:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="404 page not found\n")
        except Refusal as refusal:
            return _json(refusal.status(), refusal.code)
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            status = Refusal(500, "InternalError", "Internal error occurred: see the lab's log").status()
            return _json(status, HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.rstrip("/") in _HEALTH:
            return web.Response(text="ok")
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._token):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "Unauthorized", "Unauthorized")
        parts = path.strip("/").split("/")
        if (parts[0] == "api" and parts[2:]) or (parts[0] == "apis" and parts[3:]):
            return await self._resource(request, path)
        if request.method != "GET":
            raise NowhereError
        return self._about(request, parts)

    def _about(self, request: web.BaseRequest, parts: list[str]) -> web.Response:
        """Paths that are about the API itself; discovery comes in one piece for clients that can read it."""
        resources, accept = self._store.resources, request.headers.get("Accept", "")
        if parts in (["api"], ["apis"]) and any(
            {"v=v2", "as=APIGroupDiscoveryList"} <= set(one.split(";")) for one in accept.split(",")
        ):
            found = discovery.aggregated(resources, core=parts == ["api"])
            return _json(found, content=discovery.AGGREGATED)
        return _json(discovery.about(resources, parts))

    async def _resource(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if path.split("/")[2] in _LACKING_GROUPS:
            raise not_implemented("the lab has one user, so it reviews no tokens")
        asked = Asked(request, place(self._store.resources, path))
        if asked.place.subresource:
            return await self._part(asked)
        if asked.place.resource.is_review:
            return await self._reviewed(asked)
        return await self._one(asked) if asked.place.name is not None else await self._many(asked)

    async def _one(self, asked: Asked) -> web.StreamResponse:
        match asked.request.method:
            case "GET" if asked.flag("watch"):
                return await watched(self._store, asked)
            case "GET":
                return _json(read(self._store, asked))
            case "PUT":
                return _shaped(asked, *await replaced(self._store, asked))
            case "PATCH":
                return _shaped(asked, *await patched(self._store, asked))
            case "DELETE":
                return _json(await deleted(self._store, asked))
        raise _not_allowed()

    async def _many(self, asked: Asked) -> web.StreamResponse:
        match asked.request.method:
            case "GET" if asked.flag("watch"):
                return await watched(self._store, asked)
            case "GET":
                return _json(listed(self._store, asked))
            case "POST":
                return _shaped(asked, *await created(self._store, asked))
            case "DELETE":
                return _json(await all_deleted(self._store, asked))
        raise _not_allowed()

    async def _reviewed(self, asked: Asked) -> web.StreamResponse:
        """Whether the lab's user may do something: it is the only one, and may do everything."""
        if asked.request.method != "POST":
            raise _not_allowed()
        return _json(await asked.object() | {"status": {"allowed": True}}, HTTPStatus.CREATED)

    async def _part(self, asked: Asked) -> web.StreamResponse:
        """A subresource."""
        name, method, resource = asked.place.subresource, asked.request.method, asked.place.resource
        if name == "proxy" and resource.api_version == "v1" and resource.kind == "Pod":
            return await proxied(self._store, asked, self._proxy)
        if name == "log" and resource.api_version == "v1" and resource.kind == "Pod" and method == "GET":
            return await logged(self._store, asked, self._said)
        if name == "status" and resource.has_status and method in ("GET", "PUT", "PATCH"):
            return await self._one(asked)
        if name == "scale" and resource.has_scale and method in ("GET", "PUT", "PATCH"):
            return _json(scale(self._store, asked) if method == "GET" else await scaled(self._store, asked))
        if resource.built_in and name in _LACKING:
            raise not_implemented(_LACKING[name])
        raise not_served()


@asynccontextmanager
async def serving(
    store: Store,
    token: str,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    proxy: Proxy | None = None,
    said: Said = nothing,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """The API of a store, until the end of the block, at the address that is handed out (https://127.0.0.1:41234).

    Raises OSError when the port is taken.
    """
    async with AsyncExitStack() as stack:
        if proxy is None:
            proxy = await stack.enter_async_context(over_http())
        api = Api(store, token, proxy, said)
        runner = web.ServerRunner(
            web.Server(api.answer, request_factory=_request, handler_cancellation=True), shutdown_timeout=0.1
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        await site.start()
        yield f"{'https' if tls else 'http'}://{host}:{runner.addresses[0][1]}"


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request whose body may be as large as a real server takes it."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST)


def _shaped(asked: Asked, code: int, obj: dict[str, Any]) -> web.Response:
    return _json(form(asked).one(obj), code)


def _json(answer: Any, code: int = HTTPStatus.OK, content: str = "application/json") -> web.Response:
    return web.Response(status=code, body=encoded(answer), headers={"Content-Type": content})


def _not_allowed() -> Refusal:
    why = "the server does not allow this method on the requested resource"
    return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", why)
