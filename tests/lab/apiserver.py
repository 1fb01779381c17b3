"""A Kubernetes API to ask in plain HTTP, over the product's own connection: the lab's, or that of a real cluster."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import aiohttp
import yaml
from kubernetes import aio

from homelab.adapters import kubeconfig
from homelab.lab.api import serving
from homelab.lab.store import Store
from homelab.ports import Raw

NEEDED = ("KUBECONFIG", "HOMELAB_CLUSTER")
"""Without these there is no real cluster to ask."""
TOKEN = "a-token-for-this-test"
PATIENCE = 30.0
"""Seconds after which a test that waits for something is ended as failed."""
Verb = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True)
class Answer:
    """What the server said; no body when it said it in plain text."""

    code: int
    body: Raw

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def causes(self) -> list[tuple[str, str, str]]:
        """Reason, message and field of each cause."""
        return [(c["reason"], c["message"], c["field"]) for c in self.body["details"]["causes"]]


@dataclass
class Server:
    """Asks, and says what came back, whatever it was."""

    client: aio.client.ApiClient
    namespace: str = ""
    """One that is there, for the test alone."""

    def path(self, plural: str, name: str = "", *, api: str = "api/v1") -> str:
        """Of a kind in the test's namespace."""
        return f"/{api}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    async def ask(
        self, verb: Verb, path: str, body: Any = None, *, content: str = "application/json", **query: str | int
    ) -> Answer:
        """One request."""
        response = await self._send(verb, path, body, content, query)
        said = await response.text()
        return Answer(response.status, json.loads(said) if said.startswith("{") else {})

    async def apply(self, path: str, body: Raw, manager: str, **query: str | int) -> Answer:
        """A server-side apply."""
        return await self.ask("PATCH", path, body, content=APPLY, fieldManager=manager, **query)

    async def watch(self, path: str, **query: str | int) -> AsyncIterator[Raw]:
        """Events until the server ends the stream."""
        response = await self._send("GET", path, None, "application/json", {"watch": "1", **query})
        try:
            async for line in response.content:
                yield json.loads(line)
        finally:
            response.close()

    async def gone(self, path: str) -> None:
        """Wait until there is no such object."""
        async with asyncio.timeout(PATIENCE):
            while (await self.ask("GET", path)).code != 404:
                await asyncio.sleep(0.05)

    async def _send(
        self, verb: Verb, path: str, body: Any, content: str, query: dict[str, str | int]
    ) -> aiohttp.ClientResponse:
        headers = {"Content-Type": content, "Accept": "application/json"}
        asked = [(name, str(value)) for name, value in query.items()] or None
        method, url, sent, *_ = await self.client.param_serialize(
            verb, path, query_params=asked, header_params=headers, auth_settings=["BearerToken"]
        )
        answer = await self.client.call_api(
            method, url, sent, body, _request_timeout=aiohttp.ClientTimeout(total=PATIENCE), _preload_content=False
        )
        response: aiohttp.ClientResponse = answer.response
        return response


def write_kubeconfig(folder: Path, url: str, **cluster: Any) -> Path:
    """The way to a lab."""
    path = folder / "lab.kubeconfig"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [{"name": "lab", "cluster": {"server": url, **cluster}}],
        "users": [{"name": "lab", "user": {"token": TOKEN}}],
    }
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


@asynccontextmanager
async def asking(path: Path) -> AsyncIterator[Server]:
    """A way to ask the cluster of a kubeconfig."""
    client = await kubeconfig.client(path, None)
    try:
        yield Server(client)
    finally:
        await client.close()


@asynccontextmanager
async def lab(store: Store, folder: Path) -> AsyncIterator[Path]:
    """A lab that serves the store; its kubeconfig."""
    async with serving(store, TOKEN) as url:
        yield write_kubeconfig(folder, url)


@asynccontextmanager
async def own_namespace(server: Server) -> AsyncIterator[None]:
    """A namespace of a name that nobody has."""
    name = f"conformance-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert (await server.ask("POST", "/api/v1/namespaces", body)).code == 201
    server.namespace = name
    try:
        yield
    finally:
        await server.ask("DELETE", f"/api/v1/namespaces/{name}")


def bare_store() -> Store:
    """A store with the namespace `default`."""
    store = Store()
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    return store


def config_map(name: str = "", data: Raw | None = None, **meta: Any) -> Raw:
    """A ConfigMap without a namespace: the path says it."""
    named = {"name": name} if name else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named | meta, **({"data": data} if data else {})}
