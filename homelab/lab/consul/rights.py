"""`/v1/acl` and `/v1/session`."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from homelab.lab.consul.access import Json
from homelab.lab.consul.asked import Asked, Reply
from homelab.lab.consul.fault import Fault, bad_request, missing
from homelab.lab.consul.sessions import Session


async def policies(asked: Asked) -> Reply:
    """All of them, without their rules. Raises Fault."""
    _may(asked, "read")
    found = sorted(asked.cluster.access.policies.values(), key=lambda one: one.name)
    return Reply([one.shown(whole=False) for one in found], asked.cluster.index)


async def policy(asked: Asked) -> Reply:
    """One of them: `policy/ID`, `policy/name/NAME`, or a new one. Raises Fault."""
    access = asked.cluster.access
    _may(asked, "read" if asked.method == "GET" else "write")
    if asked.method == "GET":
        name = asked.rest.removeprefix("name/")
        found = access.policy(name) if name == asked.rest else access.named(name)
        return Reply(found.shown(), asked.cluster.index)
    if asked.method == "DELETE":
        access.drop_policy(access.policy(asked.rest).id)
        return Reply(True)
    return Reply(access.write_policy(asked.json(), asked.cluster.next_index(), asked.rest).shown())


async def tokens(asked: Asked) -> Reply:
    """All of them. Raises Fault."""
    _may(asked, "read")
    access, whole = asked.cluster.access, asked.holder.allows("acl", "write")
    shown = [access.shown(one) for one in access.tokens.values()]
    return Reply(shown if whole else [{**one, "SecretID": "<hidden>"} for one in shown], asked.cluster.index)


async def token(asked: Asked) -> Reply:
    """One of them: `token/ACCESSOR`, `token/self`, or a new one. Raises Fault."""
    access, said = asked.cluster.access, Json()
    if asked.rest == "self" and asked.method == "GET":
        if not asked.holder.token:
            raise Fault(HTTPStatus.FORBIDDEN, "token does not exist: ACL not found")
        return Reply(access.shown(asked.holder.token), asked.cluster.index)
    _may(asked, "read" if asked.method == "GET" else "write")
    if asked.method == "GET":
        said = access.shown(access.token(asked.rest))
        hidden = {} if asked.holder.allows("acl", "write") else {"SecretID": "<hidden>"}
        return Reply(said | hidden, asked.cluster.index)
    if asked.method == "DELETE":
        del access.tokens[access.token(asked.rest).accessor]
        return Reply(True)
    return Reply(access.shown(access.write_token(asked.json(), asked.cluster.next_index(), asked.rest)))


def _may(asked: Asked, level: str) -> None:
    if not asked.cluster.access.enabled:
        raise Fault(HTTPStatus.UNAUTHORIZED, "ACL support disabled")
    asked.holder.demand("acl", level)


async def session_create(asked: Asked) -> Reply:
    """A new one. Raises Fault."""
    given = asked.json()
    if given.get("checks") or given.get("nodechecks") or given.get("servicechecks"):
        raise Fault(HTTPStatus.NOT_IMPLEMENTED, "the lab's Consul has no health checks for a session to depend on")
    asked.holder.demand("session", "write", str(given.get("node") or asked.server.name))
    return Reply({"ID": asked.cluster.open_session(given, asked.server.name).id})


async def session_end(asked: Asked) -> Reply:
    """End it; also when there is none. Raises Fault."""
    if found := _session(asked):
        asked.holder.demand("session", "write", found.node)
        asked.cluster.end_session(found.id)
    return Reply(True)


async def session_renew(asked: Asked) -> Reply:
    """A sign of life. Raises Fault."""
    if not (found := _session(asked)):
        raise missing(f"Session id '{asked.rest}' not found")
    asked.holder.demand("session", "write", found.node)
    asked.cluster.renew(found)
    return Reply([found.shown()])


async def session_info(asked: Asked) -> Reply:
    """One of them, or none. Raises Fault."""
    _session(asked)
    return await _listed(asked, lambda one: one.id == asked.rest)


async def session_list(asked: Asked) -> Reply:
    """All of them that the caller may see. Raises Fault."""
    return await _listed(asked, lambda one: True)


async def session_node(asked: Asked) -> Reply:
    """Those of one server. Raises Fault."""
    return await _listed(asked, lambda one: one.node == asked.rest)


async def _listed(asked: Asked, wanted: Callable[[Session], bool]) -> Reply:
    def look() -> Reply:
        every = [one for one in asked.cluster.sessions.values() if wanted(one)]
        seen = [one.shown() for one in every if asked.holder.allows("session", "read", one.node)]
        return Reply(seen, asked.cluster.sessions_index)

    return await asked.blocking(look)


def _session(asked: Asked) -> Session | None:
    if not asked.rest:
        raise bad_request("Missing session")
    return asked.cluster.sessions.get(asked.rest)
