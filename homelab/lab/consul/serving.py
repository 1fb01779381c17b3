"""One server of Consul on one address."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from aiohttp import web

from homelab.lab.consul import keys, rights, servers
from homelab.lab.consul.asked import Asked, Reply
from homelab.lab.consul.cluster import Cluster, Member
from homelab.lab.consul.fault import Fault

LOG = logging.getLogger(__name__)
LARGEST = 4 * 1024 * 1024
"""Bytes that are read of a request: more than Consul takes, so that it can say so itself."""
SOON = 0.1
"""Seconds that whoever waits for a change is given when the server ends; none at all would be for ever to aiohttp."""
Handler = Callable[[Asked], Awaitable[Reply]]
_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("kv/(.*)", "GET PUT DELETE", keys.kv),
    ("txn", "PUT", keys.transaction),
    ("session/create", "PUT", rights.session_create),
    ("session/destroy/(.*)", "PUT", rights.session_end),
    ("session/renew/(.*)", "PUT", rights.session_renew),
    ("session/info/(.*)", "GET", rights.session_info),
    ("session/node/(.*)", "GET", rights.session_node),
    ("session/list", "GET", rights.session_list),
    ("acl/policies", "GET", rights.policies),
    ("acl/policy", "PUT", rights.policy),
    ("acl/policy/(.+)", "GET PUT DELETE", rights.policy),
    ("acl/tokens", "GET", rights.tokens),
    ("acl/token", "PUT", rights.token),
    ("acl/token/(.+)", "GET PUT DELETE", rights.token),
    ("status/leader", "GET", servers.leader),
    ("status/peers", "GET", servers.peers),
    ("agent/self", "GET", servers.this),
    ("agent/members", "GET", servers.members),
    ("operator/raft/configuration", "GET", servers.raft),
    ("operator/autopilot/health", "GET", servers.health),
)


@asynccontextmanager
async def serving(cluster: Cluster, member: Member, port: int) -> AsyncIterator[int]:
    """Be a server for the block; the port on which it listens. Raises OSError."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return await _answer(cluster, member, request)

    runner = web.ServerRunner(
        web.Server(answer, access_log=None, request_factory=_request, handler_cancellation=True), shutdown_timeout=SOON
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, member.address, port).start()
        cluster.join(member)
        yield runner.addresses[0][1]
    finally:
        cluster.leave(member)
        await runner.cleanup()


def _request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=LARGEST)


async def _answer(cluster: Cluster, member: Member, request: web.BaseRequest) -> web.StreamResponse:
    try:
        return _response(await _handled(cluster, member, request))
    except Fault as fault:
        return web.Response(status=fault.status, text=str(fault))
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text="Request body too large")
    except ConnectionError:
        raise
    except Exception:
        LOG.exception("Consul: %s %s failed", request.method, request.path)
        return web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="see the lab's log")


async def _handled(cluster: Cluster, member: Member, request: web.BaseRequest) -> Reply:
    path, handler, rest, methods = _route(request.path)
    if request.method not in methods:
        raise Fault(HTTPStatus.METHOD_NOT_ALLOWED, f"method {request.method} not allowed")
    holder = cluster.access.holder("" if path.startswith("status/") else _token(request))
    return await handler(Asked(request.method, rest, request.query, await request.read(), cluster, member, holder))


def _route(path: str) -> tuple[str, Handler, str, list[str]]:
    wanted = path.removeprefix("/v1/")
    if wanted == path:
        raise Fault(HTTPStatus.NOT_FOUND, "404 page not found")
    for pattern, methods, handler in _ROUTES:
        if found := re.fullmatch(pattern, wanted, re.DOTALL):
            return wanted, handler, found[1] if found.lastindex else "", methods.split()
    raise Fault(HTTPStatus.NOT_IMPLEMENTED, f"the lab's Consul does not do {path}")


def _token(request: web.BaseRequest) -> str:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return request.headers.get("X-Consul-Token") or request.query.get("token") or bearer


def _response(reply: Reply) -> web.Response:
    headers = dict(reply.headers)
    if reply.index is not None:
        headers |= {"X-Consul-Index": str(reply.index), "X-Consul-KnownLeader": "true", "X-Consul-LastContact": "0"}
    if isinstance(reply.said, bytes):
        return web.Response(body=reply.said, status=reply.status, headers=headers)
    headers["Content-Type"] = "application/json"
    return web.Response(body=json.dumps(reply.said).encode(), status=reply.status, headers=headers)
