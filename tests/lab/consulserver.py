"""A Consul to ask, the lab's and a real one; the environment names the program of the real one in HOMELAB_CONSUL."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
from living import until
from yarl import URL

from homelab.lab.consul.access import Access
from homelab.lab.consul.cluster import Cluster, Member
from homelab.lab.consul.serving import serving

PROGRAM = os.environ.get("HOMELAB_CONSUL", "")
MANAGEMENT = "00000000-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Said:
    """An answer."""

    status: int
    text: str
    index: int

    @property
    def json(self) -> Any:
        """Of an answer in JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Server:
    """One to ask."""

    address: str
    session: aiohttp.ClientSession
    prefix: str
    """Keys of this test alone."""

    async def ask(self, method: str, path: str, body: Any = None, token: str = MANAGEMENT) -> Said:
        """What it says; a body that is neither text nor bytes goes as JSON. `~` in a path is this test's prefix."""
        data = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        url = URL(f"{self.address}/v1/{path.replace('~', self.prefix)}")
        headers = {"X-Consul-Token": token} if token else {}
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            return Said(answer.status, await answer.text(), int(answer.headers.get("X-Consul-Index", 0)))

    async def txn(self, *operations: dict[str, Any], token: str = MANAGEMENT) -> Said:
        """A transaction of KV operations."""
        return await self.ask("PUT", "txn", [{"KV": one} for one in operations], token)

    async def open(self, **wished: Any) -> str:
        """A new session."""
        return str((await self.ask("PUT", "session/create", wished)).json["ID"])

    async def allow(self, **rules: Any) -> str:
        """A token with these rules."""
        name = f"policy-{uuid.uuid4()}"
        assert (await self.ask("PUT", "acl/policy", {"Name": name, "Rules": json.dumps(rules)})).status == 200
        return str((await self.ask("PUT", "acl/token", {"Policies": [{"Name": name}]})).json["SecretID"])


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[Server]:
    """Ask whoever listens there."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield Server(address, session, f"{uuid.uuid4()}/")


def access(management: str) -> dict[str, Any]:
    """Settings of a server that demands tokens."""
    return {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": management}}


@asynccontextmanager
async def lab_consul(cluster: Cluster | None = None) -> AsyncIterator[Server]:
    """The lab's, one server; of a cluster with data, else of a new one."""
    cluster = cluster or Cluster(Access(MANAGEMENT, enabled=True, default="deny"))
    member = Member("one", "127.0.0.1", "2026-01-01T00:00:00Z")
    async with serving(cluster, member, 0) as port, asking(f"http://127.0.0.1:{port}") as server:
        yield server


@contextmanager
def real_consul(folder: Path, management: str = MANAGEMENT, *, keeps: bool = False) -> Iterator[str]:
    """Where a real one listens, once it has a leader; one that keeps its data has it again at the next start."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(4)]
        ports = dict(
            zip(("http", "server", "serf_lan", "serf_wan"), (one.getsockname()[1] for one in taken), strict=True)
        )
    settings = {
        "ports": {**ports, "dns": -1, "grpc": -1, "grpc_tls": -1},
        "acl": access(management),
        "performance": {"raft_multiplier": 1},
        "connect": {"enabled": False},
        "disable_update_check": True,
    }
    (folder / "consul.json").write_text(json.dumps(settings))
    kind = ("-server", "-bootstrap-expect=1", f"-data-dir={folder / 'data'}") if keeps else ("-dev",)
    command = (PROGRAM, "agent", *kind, "-bind=127.0.0.1", f"-config-file={folder / 'consul.json'}")
    with open(folder / "consul.log", "wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        address = f"http://127.0.0.1:{ports['http']}"
        try:
            until(lambda: _ready(address, management))
            yield address
        finally:
            process.kill()


def _ready(address: str, management: str) -> bool:
    """Whether it knows its leader and its own token, and itself as a node."""
    try:
        for path in ("acl/token/self", "catalog/nodes"):
            with urlopen(Request(f"{address}/v1/{path}", headers={"X-Consul-Token": management})) as answer:
                if not json.load(answer):
                    return False
    except OSError:
        return False
    return True
