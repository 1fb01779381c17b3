"""A real Consul for one test, with access control on, and a real Traefik that reads it.

HOMELAB_CONSUL names the program `consul`; without it such tests are skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import pytest
from programs import loader

from homelab.stack.access import POLICIES

T = TypeVar("T")
PROGRAM = os.environ.get("HOMELAB_CONSUL", "")
needed = pytest.mark.skipif(not PROGRAM, reason="HOMELAB_CONSUL names no consul program")
MANAGEMENT = "00000000-0000-4000-8000-000000000001"
PATIENCE = 20.0


def until(condition: Callable[[], T | None]) -> T:
    """Wait until the condition is true; what it then is."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)
    return found


def free_ports(count: int) -> list[int]:
    """Ports of the loopback on which nothing listens."""
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in taken]


@contextmanager
def running(log: Path, *command: str | Path, **environment: str) -> Iterator[None]:
    """A program for as long as the block; what it says is in the log."""
    with log.open("wb") as said:
        started = subprocess.Popen(command, stdout=said, stderr=said, env=os.environ | environment)
    try:
        yield
    finally:
        started.terminate()
        started.wait()


@contextmanager
def consul(folder: Path) -> Iterator[dict[str, loader.Consul]]:
    """A server that has a leader; clients by the name of their rights, and `management`."""
    ports = dict(zip(("http", "server", "serf_lan", "serf_wan"), free_ports(4), strict=True))
    settings = {
        "ports": ports | {"dns": -1, "grpc": -1, "grpc_tls": -1},
        "acl": {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": MANAGEMENT}},
        "disable_update_check": True,
    }
    (folder / "consul.json").write_text(json.dumps(settings))
    command = (PROGRAM, "agent", "-dev", "-bind=127.0.0.1", f"-config-file={folder / 'consul.json'}")
    with running(folder / "consul.log", *command):
        management = loader.Consul(f"http://127.0.0.1:{ports['http']}", MANAGEMENT)
        loader.patiently(PATIENCE, lambda: management.ask("PUT", "kv/ready", 1))
        until(lambda: management.ask("GET", "acl/token/self"))
        yield {name: _client(management, name) for name in POLICIES} | {"management": management}


def _client(management: loader.Consul, name: str) -> loader.Consul:
    management.ask("PUT", "acl/policy", {"Name": name, "Rules": json.dumps(POLICIES[name])})
    made = management.ask("PUT", "acl/token", {"Policies": [{"Name": name}]})
    return loader.Consul(management.address, made["SecretID"])


@contextmanager
def traefik(folder: Path, client: loader.Consul) -> Iterator[Callable[[str], Any]]:
    """The real one, reading that Consul; asks its API, None for what is not there."""
    (api,) = free_ports(1)
    program = shutil.which("traefik", path=Path(sys.executable).parent) or "traefik"
    arguments = (
        f"--entrypoints.traefik.address=127.0.0.1:{api}",
        "--api.insecure=true",
        "--providers.consul=true",
        f"--providers.consul.endpoints={client.address.removeprefix('http://')}",
        "--providers.consul.rootkey=traefik-external",
        "--providers.providersthrottleduration=0s",
    )

    def ask(path: str) -> Any:
        try:
            with urlopen(f"http://127.0.0.1:{api}/api/{path}") as answer:
                return json.load(answer)
        except OSError:
            return None

    (folder / "token").write_text(client.token)
    token = {"CONSUL_HTTP_TOKEN_FILE": str(folder / "token")}
    with running(folder / "traefik.log", program, *arguments, **token):
        until(lambda: ask("overview"))
        yield ask
