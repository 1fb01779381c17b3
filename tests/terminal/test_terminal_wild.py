"""Whatever text objects hold, none of it steers the terminal, and the columns stand."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from consoles import Open

from benchmarks.cluster import Api
from benchmarks.terminal import Terminal

pytest_plugins = ("opening",)

STEERING = (
    "\x1b]0;owned\x07",
    "\x1b[31;7m",
    "\x1b[2J",
    "\x9b5m",
    "\x1bc",
    "\b\b",
    "\x00",
    "\u202e",
    "\u2066",
    "\u200f",
    "\r\n",
)
EVIL = "a" + "b".join(STEERING) + "z"
WIDE = "メディア界面"
LONG = "n" * 63
NAMESPACE = "wild"
SPACE = f"/api/v1/namespaces/{NAMESPACE}"
CONTROL = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*\x07|.)", re.DOTALL)
TEXTUALS = re.compile(rb"\x1b(?:\[(?:\d+;\d+H|[\d;]*m|\?\d+(?:[hl]|\$p)|[<>]\d*u)|\]22;default\x07)")
"""Placing the cursor, colours, modes and their questions, the keyboard protocol, the shape of the mouse pointer."""


@pytest.fixture
def wild(api: Api) -> Iterator[None]:
    """Objects with all that an API server lets through."""
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    try:
        service(api, "refused", {"metallb.io/loadBalancerIPs": EVIL, "metallb.io/ip-allocated-from-pool": EVIL})
        refuse(api, "refused", EVIL)
        service(api, "named", {})
        status(api, "named", {"hostname": EVIL})
        service(api, "wide", {})
        status(api, "wide", {"hostname": WIDE})
        service(api, LONG, {})
        refuse(api, LONG, "m" * 300)
        yield
    finally:
        api.delete(f"/api/v1/namespaces/{NAMESPACE}")


def service(api: Api, name: str, annotations: dict[str, str]) -> None:
    """A Service that nobody serves."""
    spec = {"type": "LoadBalancer", "loadBalancerClass": "example.test/nobody", "ports": [{"port": 80}]}
    meta = {"name": name, "namespace": NAMESPACE, "annotations": annotations}
    api.create(f"{SPACE}/services", {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})


def status(api: Api, name: str, given: dict[str, str]) -> None:
    """What it was given."""
    api.merge(f"{SPACE}/services/{name}/status", {"status": {"loadBalancer": {"ingress": [given]}}})


def refuse(api: Api, name: str, message: str) -> None:
    """What a load balancer says of it."""
    about = {"kind": "Service", "namespace": NAMESPACE, "name": name}
    event = {"reason": "AllocationFailed", "message": message, "involvedObject": about, "type": "Warning"}
    meta = {"name": name, "namespace": NAMESPACE}
    api.create(f"{SPACE}/events", {"apiVersion": "v1", "kind": "Event", "metadata": meta, **event})


def foreign(terminal: Terminal) -> set[bytes]:
    """Sequences that Textual does not send."""
    return {found for found in CONTROL.findall(terminal.written) if not TEXTUALS.fullmatch(found)}


@pytest.mark.parametrize("view", ["1", "2"], ids=["home", "alone"])
def test_no_text_of_any_object_steers_the_terminal(wild: None, console: Open, view: str) -> None:
    terminal = console(columns=120, lines=40)
    terminal.send(view)
    terminal.shows("wild/refused", "wild/named", "wild/nnn")
    terminal.send("j" * 6)
    terminal.settled()

    assert not foreign(terminal)
    for text in STEERING[4:]:
        assert not re.search(rb"[ab]" + re.escape(text.encode()) + rb"[bz]", terminal.written), text
    assert "\x9b".encode() not in terminal.written


def test_wide_characters_take_the_room_they_need(wild: None, console: Open) -> None:
    terminal = console(columns=120, lines=40)
    terminal.send("2")
    terminal.shows("wild/wide", WIDE[0])
    terminal.settled()

    head, row = (
        next(at for at, line in enumerate(terminal.display) if text in line) for text in ("STATE", "wild/wide")
    )
    assert terminal.column(row, "✓ given") == terminal.column(head, "STATE")
