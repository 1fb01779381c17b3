"""A user by keys in a terminal, and the real Traefik at the door: refused before, let in after, and told so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from consoles import Open

from benchmarks.cluster import Api, Home
from benchmarks.terminal import Terminal
from benchmarks.timing import Failed
from homelab.adapters.web import HttpWeb
from homelab.ports import WebError

pytest_plugins = ("opening",)

HOST = "guarded.cloud.domain.com"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/whoami/ingresses"
SECRET = "/api/v1/namespaces/homelab/secrets/ingress-auth"
GUARD = {"traefik.ingress.kubernetes.io/router.middlewares": "homelab-auth@kubernetescrd"}
SERVICE = "/api/v1/namespaces/homelab/services/traefik-external"
PASSWORD, OTHER = "walrus.umbrella.seven", "lantern.orchid.eleven"
WITHIN = 5.0
"""Seconds from the last key to the answer at the door."""
ROW, FACE = 500, 8_000
HASH = "$2y$04$" + "." * 53
APR1 = "guest:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"


@pytest.fixture
def door(api: Api) -> Iterator[str]:
    """A guarded host for the world, without users: its URL on the loopback."""
    backend = {"service": {"name": "whoami", "port": {"number": 80}}}
    rule = {"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "guarded", "labels": {"traffic-type": "external"}, "annotations": GUARD}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    api.create(INGRESSES, {**kind, "metadata": meta, "spec": {"rules": [rule]}})
    service = api.send("GET", SERVICE)
    places = service["metadata"]["annotations"]["homelab-tui/loopback"].split(", ")
    https = next(at for at, port in enumerate(service["spec"]["ports"]) if port["port"] == 443)
    yield f"https://{HOST}:{places[https].rpartition(':')[2]}/"
    api.delete(f"{INGRESSES}/guarded")
    with suppress(Failed):  # the test left none
        api.delete(SECRET)


def asked(url: str, password: str | None = None) -> int:
    """What the door says now; 0 where it says nothing."""
    try:
        credentials = ("anna", password) if password else None
        return asyncio.run(HttpWeb().get(url, IPv4Address("127.0.0.1"), credentials)).status
    except WebError:
        return 0


def opened(console: Open) -> Terminal:
    """The view of the users, come to rest."""
    terminal = console()
    terminal.shows("k8s v1.", " used", "traefik ●●●●")
    terminal.send("7")
    terminal.shows("Users ─ homelab/ingress-auth ─ guards 1 host", "● live")
    return terminal


def fill(terminal: Terminal, password: str) -> float:
    """A password twice; when the last key was pressed."""
    terminal.send(password + "\r")
    return terminal.send(password + "\r")


def said(terminal: Terminal, words: str) -> None:
    """Wait until the screen says it, over however many lines."""
    terminal.until(lambda: words in " ".join(terminal.text.split()))


def test_a_user_comes_in_by_keys_and_goes(home: Home, console: Open, door: str) -> None:
    terminal = opened(console)
    terminal.shows("No user yet: press a")
    assert asked(door) == 404

    terminal.send("a")
    terminal.shows("Add a user to homelab/ingress-auth")
    terminal.send("anna\r")
    pressed = fill(terminal, PASSWORD)
    terminal.until(lambda: asked(door, PASSWORD) == 200)
    assert time.monotonic() - pressed < WITHIN
    assert asked(door) == asked(door, OTHER) == 401
    said(terminal, f"written: anna was added; asked {door.removeprefix('https://')[:-1]}: 401 without, 200 as anna")

    terminal.send("p")
    terminal.shows("Another password for anna")
    fill(terminal, OTHER)
    said(terminal, "anna has a new password; asked")
    said(terminal, "200 as anna")
    assert (asked(door, PASSWORD), asked(door, OTHER)) == (401, 200)
    terminal.send("q")
    assert terminal.ended() == 0

    for password in (PASSWORD, OTHER):
        assert password.encode() not in terminal.written
        assert [path for path in files(home.folder) if password.encode() in path.read_bytes()] == []


def files(folder: Path) -> list[Path]:
    """Every file below a folder that can be read."""
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def test_what_others_change_costs_a_row_and_rest_costs_nothing(console: Open, api: Api, door: str) -> None:
    kind = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ingress-auth", "namespace": "homelab"}}
    api.create(SECRET.rpartition("/")[0], {**kind, "stringData": {"users": f"anna:{HASH}\n{APR1}\n"}})
    terminal = console.ready(columns=100)
    before = terminal.settled()
    terminal.send("7")
    terminal.shows("▸ anna", "guest", "apr1")
    assert terminal.settled() - before <= FACE

    before = terminal.count
    api.merge(SECRET, {"stringData": {"users": f"anna:{HASH}\n{APR1.replace('guest', 'ghost')}\n"}})
    terminal.shows("ghost  apr1")
    assert terminal.settled() - before <= ROW

    assert not terminal.listen(3.0)
