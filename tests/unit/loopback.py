"""A real HTTP server on the loopback for one test: it answers by script, in turn, and remembers what it was asked.

It knows nothing of Kubernetes; the answers below are what an API server sends, word for word.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml
from aiohttp import web

from homelab.ports import Raw

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
PATIENCE = 30.0
"""Seconds after which a test that waits for something is ended as failed."""
TOKEN = "ey.the-bearer-token"


@dataclass(frozen=True)
class Asked:
    """One request that came in."""

    what: str
    """`GET /version`; a GET with `watch` is called `WATCH /api/v1/pods`."""
    url: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


class Loopback:
    """A server on 127.0.0.1; what has no script is answered as an API server does: 404."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.port = 0
        self._tls = tls
        self._script: dict[str, list[Answer]] = {}
        self._news = asyncio.Event()
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def script(self, what: str, *answers: Answer) -> None:
        """How to answer; one after the other, the last one from then on."""
        self._script[what] = list(answers)

    def of(self, what: str) -> list[Asked]:
        """The requests of one kind."""
        return [asked for asked in self.asked if asked.what == what]

    async def asked_for(self, what: str, times: int = 1) -> None:
        """Wait until a request has come so often."""
        while len(self.of(what)) < times:
            self._news.clear()
            await self._news.wait()

    async def start(self) -> None:
        """Listen; on the same port as before, if there was one."""
        self._runner = web.ServerRunner(
            web.Server(self._handle, handler_cancellation=True), shutdown_timeout=0.1, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Hang up on everybody and listen no more."""
        if self._runner:
            await self._runner.cleanup()
        self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        verb = "WATCH" if request.query.get("watch") else request.method
        asked = Asked(
            f"{verb} {request.path}", str(request.url), dict(request.query), request.headers, await request.read()
        )
        self.asked.append(asked)
        self._news.set()
        script = self._script.get(asked.what)
        if not script:
            return web.Response(status=404, text="404 page not found\n")
        answer = script[0] if len(script) == 1 else script.pop(0)
        return await answer(request)


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Loopback]:
    """A running server; the test around it is ended when it hangs."""
    server = Loopback(tls)
    near = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1")  # a machine behind a proxy runs these tests too
    async with asyncio.timeout(PATIENCE):
        await server.start()
        try:
            with patch.dict(os.environ, near):
                yield server
        finally:
            await server.stop()


def raw(body: bytes | str, status: int = 200, **headers: str) -> Answer:
    """The same bytes for everybody."""
    data = body.encode() if isinstance(body, str) else body

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=data, status=status, headers=headers)

    return answer


def found(obj: Any, status: int = 200) -> Answer:
    """A JSON body."""
    return raw(json.dumps(obj), status, **{"Content-Type": "application/json"})


async def silence(request: web.BaseRequest) -> web.StreamResponse:
    """No answer, ever."""
    await asyncio.Event().wait()
    raise AssertionError


class Stream:
    """The answer to a watch: a stream of lines that the test sends."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._request: web.BaseRequest | None = None
        self.over = asyncio.Event()
        """Set when the client, or the server, has ended it."""

    def send(self, kind: str, obj: Raw) -> None:
        """One event: ADDED, MODIFIED, DELETED, BOOKMARK, ERROR."""
        self.write(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def write(self, data: bytes) -> None:
        """Bytes as they are."""
        self._lines.put_nowait(data)

    def end(self) -> None:
        """Close the answer in order, as the API server does after `timeoutSeconds`."""
        self._lines.put_nowait(None)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while (data := await self._lines.get()) is not None:
                await response.write(data)
        finally:
            self.over.set()
        return response


# What an API server sends


def resources(api_version: str, **plurals: str) -> Answer:
    """Discovery of one group version: `Pod="pods"`; a plural with `!` belongs to the whole cluster."""
    entries = [
        {"name": plural.rstrip("!"), "kind": kind, "namespaced": not plural.endswith("!"), "verbs": ["delete", "list"]}
        for kind, plural in plurals.items()
    ]
    entries += [{**entry, "name": f"{entry['name']}/status"} for entry in entries]
    return found({"kind": "APIResourceList", "groupVersion": api_version, "resources": entries})


def page(*objects: Raw, version: str = "100", more: str = "") -> Answer:
    """A list; items of a real list carry no kind of their own."""
    items = [{key: value for key, value in obj.items() if key not in ("apiVersion", "kind")} for obj in objects]
    return found({"kind": "List", "metadata": {"resourceVersion": version, "continue": more}, "items": items})


def refusal(code: int, reason: str, message: str, **details: Any) -> Answer:
    """A Status object."""
    return found(status(code, reason, message, **details), code)


def status(code: int, reason: str, message: str, **details: Any) -> Raw:
    """What an API server says when it does not do what it was asked."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }


def forbidden(resource: str) -> Answer:
    """The refusal to list something in the whole cluster."""
    message = (
        f'{resource} is forbidden: User "anna" cannot list resource "{resource}" in API group "" at the cluster scope'
    )
    return refusal(403, "Forbidden", message, kind=resource)


def at(obj: Raw, version: str) -> Raw:
    """An object at a resourceVersion."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}


def bookmark(kind: str, version: str) -> Raw:
    """The object of a BOOKMARK event."""
    return {"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": version, "creationTimestamp": None}}


# What a person has on the machine


def kubeconfig(folder: Path, server: str, *, user: Raw | None = None, **cluster: Any) -> Path:
    """A kubeconfig with one context, `home`."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "home",
        "contexts": [{"name": "home", "context": {"cluster": "pi", "user": "anna"}}],
        "clusters": [{"name": "pi", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "anna", "user": {"token": TOKEN} if user is None else user}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


def certificate(folder: Path, name: str = "kube", *, expired: bool = False) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1, and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for_whom = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(
        [*made, *for_whom, "-days", "2", "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True
    )
    if expired:
        again = ["openssl", "x509", "-in", str(cert), "-signkey", str(key), "-days", "-1", "-out", str(cert)]
        subprocess.run(again, check=True, capture_output=True)
    return cert, key


def tls(cert: Path, key: Path) -> ssl.SSLContext:
    """A server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context
