"""A cluster far larger than a home's: 1,000 routes and 5,000 Services, on a lab of our own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from benchmarks.cluster import Api, Home, lab
from benchmarks.table import Row, most, share, typical_of
from benchmarks.terminal import DOWN, END, HOME, PAGE_DOWN, UP, Terminal

ROUTES, SERVICES = 1_000, 5_000
STARTS, KEYS = 5, 24
NAMESPACE = "large"
CORE, NETWORKING = f"/api/v1/namespaces/{NAMESPACE}", f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}"
CALM = 2.5


def rows() -> Iterator[Row]:
    """The figures. Raises Failed."""
    with lab() as home:
        fill(Api(home.kubeconfig))
        routes = home.status()["routes"]
        served = sum(route["state"] == "served" for route in routes)
        full = f"{served} served, {len(routes) - served} problems"
        assert len(routes) > ROUTES
        yield typical_of(f"{what()}: first full table", [opened(home, full) for _ in range(STARTS)], 2000, "ms")
        yield from keys(home, full)


def what() -> str:
    """How large it is."""
    return f"lab with {ROUTES:,} routes and {SERVICES:,} Services"


def fill(api: Api) -> None:
    """Make the objects."""
    api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    with ThreadPoolExecutor(4) as pool:
        made = [pool.submit(partial(api.create, f"{CORE}/services"), service(at)) for at in range(SERVICES)]
        made += [pool.submit(partial(api.create, f"{NETWORKING}/ingresses"), ingress(at)) for at in range(ROUTES)]
        for one in made:
            one.result()


def service(at: int) -> dict[str, object]:
    """Without pods, as most of such a cluster's are someone else's."""
    meta = {"name": f"app-{at}", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"ports": [{"name": "web", "port": 80}]}}


def ingress(at: int) -> dict[str, object]:
    """A host of its own, to a Service of its own."""
    backend = {"service": {"name": f"app-{at}", "port": {"name": "web"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    spec = {"rules": [{"host": f"app-{at}.internal.domain.com", "http": {"paths": paths}}]}
    meta = {"name": f"app-{at}", "namespace": NAMESPACE}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": spec}


def opened(home: Home, full: str) -> float:
    """Milliseconds from the start until the title counts every route."""
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        return (terminal.arrival(full, seconds=60) - terminal.began) * 1000


def keys(home: Home, full: str) -> Iterator[Row]:
    """From pressing a key to the first byte of its answer, in the full table."""
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        terminal.send("3")
        terminal.arrival(full, seconds=60)
        terminal.settled(CALM)
        for name, pressed in (("down, up", (DOWN, UP)), ("page down", (PAGE_DOWN,)), ("end, home", (END, HOME))):
            times = []
            for at in range(KEYS):
                before = terminal.settled()
                sent = terminal.send(pressed[at % len(pressed)])
                times.append((terminal.next_arrival(before) - sent) * 1000)
            yield most(f"... answer to {name}, 95 of 100 within", share(times, 0.95), 50, "ms")
        yield Row("... memory of the console", f"{terminal.memory:.0f} MB")
