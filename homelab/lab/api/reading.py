"""Get, list and watch."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web

from homelab.lab.api.asked import Asked
from homelab.lab.api.tables import Form, form
from homelab.lab.history import Event, Subscription
from homelab.lab.refusal import Refusal, bad_request, expired, not_found, options
from homelab.lab.resources import DEFINITION, Resource
from homelab.lab.selectors import Test
from homelab.lab.store import Store
from homelab.ports import Kind, Raw

BOOKMARK_SECONDS = 60.0
"""How long a watch is silent at most. Source: kube-apiserver, watch cache."""
WATCH_SECONDS = 1800
"""How long a watch lasts that asks for no time."""
UNREAD_SECONDS = 30.0
"""How long a watcher may leave unread what was sent."""
MOST = 10**18
"""No query parameter is larger, and those of the real server may be negative, which is the same as not given."""
_INITIAL_END = {"k8s.io/initial-events-end": "true"}


def encoded(answer: Any) -> bytes:
    """JSON as compact as it gets."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode(errors="replace")


def read(store: Store, asked: Asked) -> Raw:
    """One object. Raises Refusal 404."""
    found = store.get(asked.place.ref)
    if not found:
        raise not_found(asked.place.resource, asked.place.ref.name)
    return form(asked).one(found)


def listed(store: Store, asked: Asked) -> Raw:
    """All objects, or a page of them, as they were at one version. Raises Refusal 400, 410."""
    limit, token = max(asked.number("limit", least=-MOST) or 0, 0), asked.option("continue")
    version, start = _continued(token) if token else (_asked_version(store, asked), ("", ""))
    matches = asked.matches()
    try:
        known = _state(store, asked, version)
    except Refusal:
        raise (expired(_OLD_PAGE) if token else expired()) from None
    found = sorted((obj for obj in known if _key(obj) > start and matches(obj)), key=_key)
    page = found[:limit] if limit else found
    meta: Raw = {"resourceVersion": str(version)}
    if len(page) < len(found):
        meta["continue"] = _token(version, _key(page[-1]))
        if not (asked.option("labelSelector") or asked.option("fieldSelector")):
            meta["remainingItemCount"] = len(found) - len(page)
    return form(asked).many(page, meta)


def _state(store: Store, asked: Asked, version: int) -> Iterable[Raw]:
    kind, namespace = asked.place.resource.as_kind, asked.place.namespace
    return store.all(kind, namespace) if version == store.version else store.at(kind, version, namespace)


def _asked_version(store: Store, asked: Asked) -> int:
    """The version that a list is of: an exact one when it must be, else the newest."""
    wanted, match = asked.number("resourceVersion"), asked.option("resourceVersionMatch")
    if match and wanted is None:
        why = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
        raise options("ListOptions", "resourceVersionMatch", "FieldValueForbidden", why)
    _not_ahead(store, wanted or 0)
    return wanted if match == "Exact" and wanted else store.version


def _not_ahead(store: Store, wanted: int) -> None:
    if wanted > store.version:
        causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
        why = f"Timeout: Too large resource version: {wanted}, current: {store.version}"
        raise Refusal(504, "Timeout", why, {"causes": causes, "retryAfterSeconds": 1})


def _key(obj: Raw) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]


_OLD_PAGE = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter."
)


def _token(version: int, last: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(encoded({"v": "meta.k8s.io/v1", "rv": version, "start": last})).decode()


def _continued(token: str) -> tuple[int, tuple[str, str]]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token))
        namespace, name = found["start"]
        return int(found["rv"]), (str(namespace), str(name))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise bad_request("continue key is not valid") from None


async def watched(store: Store, asked: Asked) -> web.StreamResponse:
    """Every change from a version on, each as soon as it happens."""
    seconds = max(asked.number("timeoutSeconds", least=-MOST) or 0, 0) or WATCH_SECONDS
    watch = _Watch(store, asked, asked.matches(), form(asked), seconds)
    with store.subscribe(*watch.kinds) as news:
        first = watch.first()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(asked.request)
        await _written(asked, response, b"".join(map(watch.line, first)))
        if not (first and first[0]["type"] == "ERROR"):
            async for line in watch.lines(news):
                await _written(asked, response, line)
        await response.write_eof()
    return response


async def _written(asked: Asked, response: web.StreamResponse, data: bytes) -> None:
    """Sent, or the connection ended: what happens is not kept for a watcher who does not read."""
    try:
        async with asyncio.timeout(UNREAD_SECONDS):
            await response.write(data)
    except TimeoutError:
        if asked.request.transport:
            asked.request.transport.abort()
        raise


@dataclass(frozen=True, slots=True)
class _Watch:
    store: Store
    asked: Asked
    matches: Test
    shaped: Form
    seconds: int

    @property
    def resource(self) -> Resource:
        return self.asked.place.resource

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Of interest: the kind itself, and what says that it is not served any more."""
        own = self.resource.as_kind
        return (own,) if self.resource.built_in else (own, DEFINITION)

    def first(self) -> list[Raw]:
        """The first changes; history that is forgotten is a change too, of type ERROR. Raises Refusal 422, 504."""
        try:
            return list(_first(self.store, self.asked, self.matches))
        except Refusal as refusal:
            if refusal.code != HTTPStatus.GONE:
                raise
            return [{"type": "ERROR", "object": refusal.status()}]

    async def lines(self, news: Subscription) -> AsyncIterator[bytes]:
        """Until its time is over, or its kind is not served any more."""
        clock = asyncio.get_running_loop().time
        end = clock() + self.seconds
        while (left := end - clock()) > 0:
            try:
                event = await asyncio.wait_for(anext(news), min(BOOKMARK_SECONDS, left))
            except TimeoutError:
                if self.asked.flag("allowWatchBookmarks"):
                    yield self.line(_bookmark(self.resource, self.store.version))
                continue
            if event.object["kind"] == DEFINITION.name and not self.resource.built_in:
                if event.type == "DELETED" and event.object["metadata"]["name"] == self.resource.qualified:
                    return
            elif change := _seen(event, self.matches):
                yield self.line(change)

    def line(self, change: Raw) -> bytes:
        """As it is sent; an ERROR's Status is never a table."""
        if change["type"] != "ERROR":
            change = change | {"object": self.shaped.one(change["object"])}
        return encoded(change) + b"\n"


def _first(store: Store, asked: Asked, matches: Test) -> Iterator[Raw]:
    """What a watch begins with: the state, or what happened since the version that was asked for."""
    resource, version = asked.place.resource, asked.number("resourceVersion") or 0
    initial = asked.flag("sendInitialEvents")
    if initial and asked.option("resourceVersionMatch") != "NotOlderThan":
        why = "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise options("ListOptions", "resourceVersionMatch", "FieldValueForbidden", why)
    _not_ahead(store, version)
    if initial or (not version and asked.option("sendInitialEvents") != "false"):
        for obj in sorted(filter(matches, store.all(resource.as_kind, asked.place.namespace)), key=_key):
            yield {"type": "ADDED", "object": obj}
    elif version:
        yield from (change for event in store.since(resource.as_kind, version) if (change := _seen(event, matches)))
    if initial and asked.flag("allowWatchBookmarks"):
        yield _bookmark(resource, store.version, _INITIAL_END)


def _seen(event: Event, matches: Test) -> Raw | None:
    """The change as one sees it who sees matching objects only."""
    was = event.before is not None and matches(event.before)
    now = event.type != "DELETED" and matches(event.object)
    if now:
        return {"type": "MODIFIED" if was else "ADDED", "object": event.object}
    if not was:
        return None
    assert event.before
    left = event.object if event.type == "DELETED" else event.before
    return {
        "type": "DELETED",
        "object": left | {"metadata": left["metadata"] | {"resourceVersion": str(event.version)}},
    }


def _bookmark(resource: Resource, version: int, annotations: Raw | None = None) -> Raw:
    meta: Raw = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        meta["annotations"] = annotations
    return {
        "type": "BOOKMARK",
        "object": {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta},
    }
