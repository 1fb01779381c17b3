"""An app put on show by keys in a terminal, on a lab with the real Traefik: its doors answer, and then it is gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from ipaddress import IPv4Address

import pytest
from consoles import Open

from benchmarks.cluster import Api
from benchmarks.terminal import END, PATIENCE, Terminal
from homelab.adapters.web import HttpWeb
from homelab.ports import WebError

pytest_plugins = ("opening",)

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/whoami/ingresses"
SECRETS = "/api/v1/namespaces/homelab/secrets"
SERVICE = "/api/v1/namespaces/homelab/services/traefik-{}"
INTERNAL, EXTERNAL = "shown.internal.domain.com", "whoami.cloud.domain.com"
LEFT, RIGHT, ENTER, TAB, DELETE, EMPTY = "\x1b[D", "\x1b[C", "\r", "\t", "\x1b[3~", "\x15"
LETTER, FACE = 1_500, 8_000
"""Bytes of one letter typed into the form, and of a view that is opened."""
MEMORY = 90
"""Megabytes of the console, when all that an app needs was loaded."""


def doors(api: Api) -> tuple[str, str]:
    """Where both hosts answer on the loopback."""
    ways = []
    for zone, port in (("internal", 80), ("external", 443)):
        service = api.send("GET", SERVICE.format(zone))
        places = service["metadata"]["annotations"]["homelab-tui/loopback"].split(", ")
        at = next(at for at, one in enumerate(service["spec"]["ports"]) if one["port"] == port)
        ways.append(places[at].rpartition(":")[2])
    return f"http://{INTERNAL}:{ways[0]}/", f"https://{EXTERNAL}:{ways[1]}/"


def answer(url: str) -> int:
    """What a door says; 0 where it says nothing."""
    try:
        return asyncio.run(HttpWeb().get(url, IPv4Address("127.0.0.1"))).status
    except WebError:
        return 0


def awaited(url: str, status: int) -> None:
    """Until a door says that."""
    end = time.monotonic() + PATIENCE
    while (said := answer(url)) != status:
        assert time.monotonic() < end, f"{url} says {said}, not {status}"
        time.sleep(0.05)


def names(api: Api) -> set[str]:
    """Every Ingress of the namespace."""
    return {one["metadata"]["name"] for one in api.send("GET", INGRESSES)["items"]}


def cost(terminal: Terminal, key: str, *seen: str) -> int:
    """Bytes until the screen has come to rest after a key."""
    before = terminal.settled()
    terminal.send(key)
    terminal.shows(*seen)
    return terminal.settled() - before


@pytest.fixture
def anna(api: Api) -> Iterator[None]:
    """Somebody who may come in."""
    named = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "ingress-auth", "namespace": "homelab"}}
    api.create(SECRETS, {**named, "stringData": {"users": f"anna:$2y$04${'.' * 53}\n"}})
    yield
    api.delete(f"{SECRETS}/ingress-auth")


def test_an_app_is_shown_on_both_zones_answers_and_leaves_nothing(console: Open, api: Api, anna: None) -> None:
    there, (inside, outside) = names(api), doors(api)
    terminal = console.ready()

    assert cost(terminal, "8", "▸8 apps", "whoami.internal.domain.com") <= FACE
    assert cost(terminal, "a", "Show an app", "Services") <= FACE
    terminal.send("whoami" + ENTER)
    terminal.shows("▸ Port", "Internal host  ")
    terminal.send(TAB + LEFT)
    terminal.shows("◂ both ▸", EXTERNAL, "homelab/auth")
    terminal.send(TAB)
    terminal.shows("▸ Internal host")
    terminal.send(EMPTY + INTERNAL[:-1])
    terminal.shows(INTERNAL[:-1])
    assert cost(terminal, INTERNAL[-1], f"http://{INTERNAL}/") <= LETTER
    assert not terminal.listen(1.0), "a form at rest costs nothing"
    terminal.send(ENTER)
    terminal.shows("what would change", "enter apply")
    terminal.send(ENTER)
    terminal.shows("travels unencrypted", "▸ Cancel")
    assert names(api) == there
    terminal.send(RIGHT + ENTER)
    terminal.shows("▸Follow", f"http://{INTERNAL}", "is written")
    awaited(inside, 401)
    awaited(outside, 401)

    terminal.send("8")
    terminal.shows(INTERNAL, "✓ served by 2 of 2", "▸8 apps")
    terminal.send(END)
    terminal.shows("  (whoami/whoami)  int", "▸ whoami/whoami    both")
    terminal.send(DELETE)
    terminal.shows("Withdraw whoami/whoami?", "forget")
    terminal.send("withdraw" + ENTER)
    terminal.shows("✓ whoami/whoami is withdrawn")
    awaited(inside, 404)
    awaited(outside, 404)
    assert names(api) == there
    assert terminal.memory <= MEMORY
    terminal.send("q")
    assert terminal.ended() == 0
