"""How long the panes take to show what changed in Consul and among the Ingresses, and what they all cost in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from benchmarks.cluster import Home
from benchmarks.keys import LOCK, Keys
from benchmarks.table import Row, most, share, written
from benchmarks.terminal import Terminal
from screens.commands import COMMANDS, HELP, sign

CHANGES = 30
LONG = 16.0
"""Seconds: after so long without a change the console asks at its calmest."""
RESTED = 3
FAR = date(2091, 1, 1)
"""A day that no certificate has."""
ELSEWHERE = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
LABEL = {"traffic-type": "external"}
FIRST = "homelab/traefik-internal"


def rows(home: Home, keys: Keys, host: str) -> Iterator[Row]:
    """The figures on one cluster, by a host that has a certificate. Raises Failed."""
    key, state = keys.state(host) or ("", {})
    try:
        yield from certificates(home, keys, key, state)
    finally:
        keys.write(key, state)
    yield from consul(home, keys)
    yield from ingresses(home, keys)
    yield everything(home)


def certificates(home: Home, keys: Keys, key: str, state: dict[str, Any]) -> Iterator[Row]:
    """As when one is renewed: its state has another end."""

    def change(at: int) -> str:
        day = f"{FAR + timedelta(days=at)}"
        keys.write(key, {**state, "not_after": f"{day}T12:00:00+00:00"})
        return day

    yield from latency(home, "4", state["host"], "a renewed certificate in Consul -> in its pane", change)


def consul(home: Home, keys: Keys) -> Iterator[Row]:
    """As when an issuer begins: it takes the lock. A session that ends by itself when we are killed holds it."""
    session = keys.ask("PUT", "session/create", {"TTL": "60s", "LockDelay": "0s", "Behavior": "delete"})["ID"]

    def change(at: int) -> str:
        keys.ask("PUT", f"session/renew/{session}")
        keys.ask("PUT", f"kv/{LOCK}?acquire={session}", {"holder": f"bench-{at:03}"})
        return f"bench-{at:03}"

    try:
        yield from latency(home, "5", "leader consul-", "a lock in Consul -> in its pane", change)
    finally:
        keys.ask("PUT", f"session/destroy/{session}")


def ingresses(home: Home, keys: Keys) -> Iterator[Row]:
    """A host outside of the domain, for which nobody orders anything."""
    made: list[str] = []

    def change(at: int) -> str:
        name = f"bench-{at:03}.example.test"
        if made:
            keys.api.delete(f"{ELSEWHERE}/{made.pop()}")
        meta = {"name": name, "namespace": "default", "labels": LABEL}
        backend = {"service": {"name": "none", "port": {"number": 80}}}
        rule = {"host": name, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        obj = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}
        keys.api.create(ELSEWHERE, obj)
        made.append(name)
        return name

    try:
        yield from latency(home, "4", "Certificates", "an Ingress -> in the pane of certificates", change)
    finally:
        for name in made:
            keys.api.delete(f"{ELSEWHERE}/{name}")


def latency(home: Home, view: str, first: str, what: str, change: Callable[[int], str]) -> Iterator[Row]:
    """From the answer to a change until its text is at the terminal: close together, and after a long rest."""
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        terminal.shows(FIRST)
        terminal.send(view)
        terminal.shows(first, "● live")

        def once(at: int) -> float:
            before = terminal.settled()
            text = change(at)
            answered = time.monotonic()
            return (terminal.arrival(text, before) - answered) * 1000

        close = [once(at) for at in range(CHANGES)]
        rested = []
        for at in range(CHANGES, CHANGES + RESTED):
            terminal.settled(LONG)
            rested.append(once(at))
    yield most(f"{home.name}: {what}, median of {CHANGES}", share(close, 0.5), 1000, "ms")
    yield Row("... 95 of 100 within", written(share(close, 0.95), "ms"))
    yield Row(f"... after {LONG:.0f} s of rest, the longest of {RESTED}", written(max(rested), "ms"))


def everything(home: Home) -> Row:
    """Memory once every view has been open."""
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        terminal.shows(FIRST)
        for command in (*(one for one in COMMANDS if one.screen), HELP):
            terminal.send(sign(command))
            terminal.settled()
        terminal.shows("Signs")
        return most(f"{home.name}: memory of the console, every view opened once", terminal.memory, 90, "MB")
