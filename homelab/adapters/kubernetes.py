"""Kubernetes over `kubernetes.aio`, objects as plain JSON.

The library gives kubeconfig, authentication and transport; its typed models are never touched (they cost more time and
memory than all the rest of the console). A watch survives 410, silence, and an API server that is gone for a while.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import aiohttp

from homelab.adapters import aio, kubeconfig
from homelab.adapters.refusals import Expired, refusal, status, unreachable
from homelab.pauses import pauses
from homelab.ports import (
    Alive,
    Answer,
    Change,
    Changed,
    ClusterError,
    Gone,
    Kind,
    Listed,
    Lost,
    NotFound,
    NotServed,
    Raw,
    Ref,
    Unavailable,
    Unreachable,
)
from homelab.together import together

FIELD_MANAGER = "homelab-tui"
PAGE = 500
"""Objects a list answer holds at most."""
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 30.0
POD_SECONDS = 5.0
"""A pod that does not answer must not hold up what the others say."""
PODS_KEPT = 16
"""Answers of pods that are kept as read; pods come and go, so that beyond so many all are read anew."""
ABSENT_SECONDS = 3.0
"""At most, until a kind that is not served is looked for again: a person who deploys waits for it."""
WATCH_SECONDS = 290
"""After so long the API server ends a watch by itself and we open the next one where it stopped."""
SILENCE_SECONDS = 90.0
"""Bookmarks come about every minute; a stream silent for longer is dead. Source: Kubernetes API concepts, bookmarks."""

_WANTS_TLS = "HTTP request to an HTTPS server"
"""What Go's server says, in plain text. Source: net/http, server.go."""

_Verb = Literal["GET", "PATCH", "DELETE", "PUT", "POST"]
_Pairs = list[tuple[str, str]]
_Objects = list[Raw]
_WRITING = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]


@dataclass(frozen=True, slots=True)
class _Resource:
    """How the API names a kind in its paths."""

    api_version: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    def path(self, namespace: str | None, name: str | None = None) -> str:
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{scope}/{self.plural}" + (f"/{name}" if name else "")


class KubernetesCluster:
    """Keeps `ports.Cluster`. Belongs to the event loop that `connect` ran on."""

    def __init__(self, client: aio.client.ApiClient, path: Path) -> None:
        self._client = client
        self._path = path
        self._server = client.configuration.host
        self._is_closed = False
        self._served: dict[str, dict[str, _Resource]] = {}
        self._asking: dict[str, asyncio.Task[dict[str, _Resource]]] = {}
        self._told: dict[str, tuple[bytes, Any]] = {}

    @classmethod
    async def connect(cls, path: Path, context: str | None = None) -> KubernetesCluster:
        """Read the kubeconfig; nothing is asked of the server yet. Raises KubeconfigError."""
        return cls(await kubeconfig.client(path, context), path)

    async def close(self) -> None:
        """Let go of all connections."""
        self._is_closed = True
        await self._client.close()

    async def version(self) -> str:
        """The server's version, such as `v1.37.2`."""
        return str(self._part(await self._json("GET", "/version"), "gitVersion"))

    async def kinds(self) -> frozenset[Kind]:
        """Every kind whose objects live in namespaces and can be listed and deleted; an API that is ill is left out."""
        groups = self._part(await self._json("GET", "/apis"), "groups")
        versions = ["v1", *(entry["groupVersion"] for group in groups for entry in group["versions"])]
        served = await together(partial(self._discovered, version) for version in versions)
        return frozenset(
            Kind(version, name)
            for version, resources in zip(versions, served, strict=True)
            for name, resource in resources.items()
            if resource.namespaced and {"list", "delete"} <= resource.verbs
        )

    async def _discovered(self, api_version: str) -> dict[str, _Resource]:
        try:
            return await self._discover(api_version)
        except Unavailable:  # an aggregated API whose server is down must not hide all others
            return {}

    async def get(self, ref: Ref) -> Raw | None:
        """One object, or None when it, or its kind, is not there."""
        try:
            resource = await self._resource(ref.kind)
            found: Raw = await self._json("GET", resource.path(ref.namespace, ref.name))
        except (NotFound, NotServed):
            return None
        return found

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> tuple[Raw, ...]:
        """Every object of a kind. Raises NotServed."""
        path = (await self._resource(kind)).path(namespace)
        return (await self._list(kind, path, _query(labelSelector=labels, fieldSelector=fields))).objects

    async def apply(self, obj: Raw, *, dry_run: bool = False, force: bool = False, manager: str = FIELD_MANAGER) -> Raw:
        """Server-side apply; unknown fields are refused rather than dropped."""
        ref = Ref.of(obj)
        path = (await self._resource(ref.kind)).path(ref.namespace, ref.name)
        query = _query(
            fieldManager=manager,
            fieldValidation="Strict",
            force="true" if force else None,
            dryRun="All" if dry_run else None,
        )
        applied: Raw = await self._json("PATCH", path, query, obj, "application/apply-patch+yaml")
        return applied

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Delete the object with this uid, and before it what depends on it."""
        body = {"propagationPolicy": "Foreground", "preconditions": {"uid": uid}}
        try:
            path = (await self._resource(ref.kind)).path(ref.namespace, ref.name)
            await self._json("DELETE", path, body=body)
        except (NotFound, NotServed):
            return

    async def create(self, obj: Raw) -> Raw:
        """Make a new object; it may leave its name to the server (`generateName`)."""
        kind, namespace = Kind(obj["apiVersion"], obj["kind"]), obj["metadata"].get("namespace")
        path = (await self._resource(kind)).path(namespace)
        made: Raw = await self._json("POST", path, _WRITING, body=obj)
        return made

    async def replace(self, obj: Raw) -> Raw:
        """Write an object back; its resourceVersion says on which one it was based."""
        ref = Ref.of(obj)
        path = (await self._resource(ref.kind)).path(ref.namespace, ref.name)
        written: Raw = await self._json("PUT", path, _WRITING, body=obj)
        return written

    async def ask_pod(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        method: _Verb = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        patience: float = 0.0,
        connection: int = 0,
    ) -> Answer:
        """Whatever a pod answers; what the API server says by itself is a Status, and an error."""
        where, _, query = path.partition("?")
        # The API server keeps connections by how the address is written, and hands the port on as it comes.
        proxied = f"/api/v1/namespaces/{namespace}/pods/http:{pod}:{'0' * connection}{port}/proxy{where}"
        limits = aiohttp.ClientTimeout(total=POD_SECONDS + patience, sock_connect=CONNECT_SECONDS)
        sent = {"Content-Type": "application/octet-stream", **(headers or {})}
        asked = parse_qsl(query, keep_blank_values=True)
        response = await self._exchange(method, proxied, asked, headers=sent, body=body, limits=limits)
        try:
            answered = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, self._server, self._path) from None
        text = answered.decode(errors="replace")
        if response.status >= HTTPStatus.BAD_REQUEST and status(text):
            raise refusal(response.status, text, proxied, self._server, self._path)
        return Answer(response.status, dict(response.headers), answered)

    async def pod_json(self, namespace: str, pod: str, port: int, path: str) -> Any:
        """JSON from a pod through the API server's proxy: needs no route to the pod; the user's own rights apply."""
        where, _, query = path.partition("?")
        proxied = f"/api/v1/namespaces/{namespace}/pods/http:{pod}:{port}/proxy{where}"
        body = await self._body("GET", proxied, parse_qsl(query), seconds=POD_SECONDS)
        if len(self._told) >= PODS_KEPT and proxied not in self._told:
            self._told.clear()
        if self._told.get(proxied, (None,))[0] != body:
            self._told[proxied] = (body, self._read(body, proxied))
        return self._told[proxied][1]

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        tail: int | None = None,
        since: int | None = None,
        previous: bool = False,
    ) -> AsyncIterator[bytes]:
        """What a container says, as it comes; nothing is awaited of one that ended before. No limit of bytes is asked
        for: it would end a log that is followed."""
        counted = {name: str(number) for name, number in (("tailLines", tail), ("sinceSeconds", since)) if number}
        query = _query(container=container, **counted, **{"previous" if previous else "follow": "true"})
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        response = await self._send(
            "GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query, limits=limits, accept="*/*"
        )
        try:
            async for piece in response.content.iter_any():
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, self._server, self._path) from None
        finally:
            response.close()

    async def watch(
        self, kind: Kind, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> AsyncIterator[Change]:
        """Every object now, then every change, for ever; trouble arrives as Lost and is retried with growing pauses."""
        query = _query(labelSelector=labels, fieldSelector=fields)
        since: str | None = None
        waits = pauses()
        while True:
            try:
                path = (await self._resource(kind)).path(namespace)
                if since is None:
                    listed = await self._list(kind, path, query)
                    since = listed.version
                    yield Listed(listed.objects)
                opened = time.monotonic()
                async for version, change in self._events(kind, path, [*query, ("resourceVersion", since)]):
                    since = version or since
                    yield change
                    if version:
                        waits = pauses()
                if time.monotonic() - opened < 1:  # a server that hangs up at once must not be asked in a tight loop
                    await asyncio.sleep(next(waits))
            except Expired:
                since = None
                await asyncio.sleep(next(waits))
            except (NotFound, NotServed):  # the kind was taken away while we watched it, or never was there
                since, wait = None, min(next(waits), ABSENT_SECONDS)
                yield Lost(self._taken_away(kind), wait)
                await asyncio.sleep(wait)
            except ClusterError as error:
                wait = next(waits)
                yield Lost(error, wait)
                await asyncio.sleep(wait)

    async def _events(self, kind: Kind, path: str, query: _Pairs) -> AsyncIterator[tuple[str, Change]]:
        """Changes of one watch request, each with the version to go on from."""
        asked = [*query, *_query(watch="1", allowWatchBookmarks="true", timeoutSeconds=str(WATCH_SECONDS))]
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        response = await self._send("GET", path, asked, limits=limits)
        try:
            yield "", Alive()
            async for line in self._lines(response):
                if line.strip():
                    yield _event(kind, line)
        finally:
            response.close()

    async def _lines(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for line in response.content:
                yield line
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(error, self._server, self._path) from None

    async def _list(self, kind: Kind, path: str, query: _Pairs) -> _Page:
        found: _Objects = []
        token = ""
        while True:
            more = [("continue", token)] if token else []
            try:
                answer = await self._json("GET", path, [*query, ("limit", str(PAGE)), *more])
            except (NotFound, NotServed):  # a list of nothing would be empty
                raise self._taken_away(kind) from None
            meta = self._part(answer, "metadata")
            found += [_slim(kind, item) for item in answer.get("items") or []]
            token = meta.get("continue") or ""
            if not token:
                return _Page(tuple(found), meta["resourceVersion"])

    async def _resource(self, kind: Kind) -> _Resource:
        """How the API names this kind. Asked once per group version, and again while a kind is missing from it."""
        known = self._served.get(kind.api_version, {})
        if kind.name not in known:
            known = self._served[kind.api_version] = await self._asked_once(kind.api_version)
        if kind.name not in known:
            raise self._not_served(kind)
        return known[kind.name]

    async def _asked_once(self, api_version: str) -> dict[str, _Resource]:
        """Whoever asks at the same time gets the same answer, and when there is none waits for it once."""
        if (asking := self._asking.get(api_version)) is None:
            asking = self._asking[api_version] = asyncio.create_task(self._discover(api_version))
            asking.add_done_callback(partial(self._answered, api_version))
        return await asyncio.shield(asking)

    def _answered(self, api_version: str, asking: asyncio.Task[dict[str, _Resource]]) -> None:
        del self._asking[api_version]
        if not asking.cancelled():
            asking.exception()  # seen, also where everybody who waited has left

    def _taken_away(self, kind: Kind) -> NotServed:
        """What was known of its group is void, so that it is asked for again."""
        self._served.pop(kind.api_version, None)
        return self._not_served(kind)

    def _not_served(self, kind: Kind) -> NotServed:
        return NotServed(
            f"the cluster at {self._server} knows no kind {kind.name} ({kind.api_version}); "
            f"its definition comes with the stack: homelab-tui apply"
        )

    async def _discover(self, api_version: str) -> dict[str, _Resource]:
        try:
            answer = await self._json("GET", f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}")
        except (NotFound, NotServed):
            return {}
        return {
            entry["kind"]: _Resource(
                api_version, entry["name"], entry["namespaced"], frozenset(entry.get("verbs") or ())
            )
            for entry in self._part(answer, "resources")
            if "/" not in entry["name"]
        }

    async def _json(
        self,
        verb: _Verb,
        path: str,
        query: _Pairs | None = None,
        body: Raw | None = None,
        content: str = "application/json",
    ) -> Any:
        return self._read(await self._body(verb, path, query, body, content), path)

    async def _body(
        self,
        verb: _Verb,
        path: str,
        query: _Pairs | None = None,
        body: Raw | None = None,
        content: str = "application/json",
        *,
        seconds: float | None = None,
    ) -> bytes:
        limits = aiohttp.ClientTimeout(total=seconds or ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        response = await self._send(verb, path, query or [], body=body, content=content, limits=limits)
        try:
            return await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, self._server, self._path) from None

    def _read(self, body: bytes, path: str) -> Any:
        try:
            return json.loads(body)
        except ValueError:
            raise Unavailable(
                f"{self._server}{path} did not answer with JSON; is something else at that address?"
            ) from None

    def _part(self, answer: Any, key: str) -> Any:
        """A part that every Kubernetes API puts into this answer."""
        if isinstance(answer, dict) and key in answer:
            return answer[key]
        raise Unavailable(f"{self._server} did not answer as a Kubernetes API does; is something else at that address?")

    async def _send(
        self,
        verb: _Verb,
        path: str,
        query: _Pairs,
        *,
        limits: aiohttp.ClientTimeout,
        body: Raw | None = None,
        content: str = "application/json",
        accept: str = "application/json",
    ) -> aiohttp.ClientResponse:
        """One request; the answer's body is not read yet. Raises ClusterError for anything but success."""
        headers = {"Content-Type": content, "Accept": accept}
        response = await self._exchange(verb, path, query, headers=headers, body=body, limits=limits)
        if response.status < HTTPStatus.BAD_REQUEST:
            return response
        try:
            text = await response.text(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error, self._server, self._path) from None
        if response.status == HTTPStatus.BAD_REQUEST and _WANTS_TLS in text:
            raise Unreachable(f"{self._server} speaks HTTPS only; the server in {self._path} must begin with https://")
        raise refusal(response.status, text, path, self._server, self._path)

    async def _exchange(
        self,
        verb: _Verb,
        path: str,
        query: _Pairs,
        *,
        headers: Mapping[str, str],
        body: Raw | bytes | None,
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """One request, whatever the answer. Raises Unreachable."""
        if self._is_closed:  # a follower that outlives its connection asks once more before it learns
            raise Unreachable(f"the connection to {self._server} was closed")
        try:
            method, url, sent, *_ = await self._client.param_serialize(
                verb, path, query_params=query or None, header_params=dict(headers), auth_settings=["BearerToken"]
            )
            answer = await self._client.call_api(
                method, url, sent, body, _request_timeout=limits, _preload_content=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError, aio.config.ConfigException) as error:
            raise unreachable(error, self._server, self._path) from None
        response: aiohttp.ClientResponse = answer.response
        return response


@dataclass(frozen=True, slots=True)
class _Page:
    objects: tuple[Raw, ...]
    version: str


def _query(**pairs: str | None) -> _Pairs:
    return [(key, value) for key, value in pairs.items() if value is not None]


def _slim(kind: Kind, obj: Raw) -> Raw:
    """Lists name the kind once and for all; field ownership is most of an object's size and no pane shows it."""
    obj["metadata"].pop("managedFields", None)
    return {"apiVersion": kind.api_version, "kind": kind.name, **obj}


def _event(kind: Kind, line: bytes) -> tuple[str, Change]:
    """One line of a watch. Raises Expired or Unavailable for an ERROR event, whose object is a Status."""
    try:
        event = json.loads(line)
    except ValueError:
        raise Unavailable("the API server's watch broke off in the middle of a line") from None
    obj = event["object"]
    if event["type"] == "ERROR":
        code, message = obj.get("code"), obj.get("message") or "the watch failed"
        raise Expired(message) if code == HTTPStatus.GONE else Unavailable(f"watch of {kind.name}: {message}")
    version = obj["metadata"]["resourceVersion"]
    if event["type"] == "BOOKMARK":
        return version, Alive()
    return version, (Gone if event["type"] == "DELETED" else Changed)(_slim(kind, obj))
