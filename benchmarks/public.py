"""A host that is made public: how long until it is answered by HTTPS, in parts, and until the panes show what changed.

On a lab of our own; and on the cluster of KUBECONFIG where HOMELAB_CLUSTER names the program that steers it and
HOMELAB_ACME_ROOT where its CA shows its root: it orders certificates, so that the CA has to be one for tests.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Thread
from typing import IO, Any, TypeVar

from benchmarks import panes
from benchmarks.cluster import Api, Home, given, lab
from benchmarks.keys import SPACE, Keys, serving
from benchmarks.table import Row, typical_of
from benchmarks.timing import Failed
from homelab.plan.file import load
from homelab.stack.renewal import has_ended, job

T = TypeVar("T")
HOSTS = 5
PATIENCE = 180.0
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/whoami/ingresses"
JOBS = "/apis/batch/v1/namespaces/homelab/jobs"
ISSUER = "/apis/batch/v1/namespaces/homelab/cronjobs/issuer"
Asks = Callable[[str], bool]
"""Whether a host is answered by HTTPS, with a certificate that somebody outside accepts who trusts the CA alone."""
Took = Callable[[float], float]
"""Seconds that the CA itself took for the order that it got after a moment."""
RECEIVED, GIVEN = "Added order ", "Issued certificate serial "
"""What pebble writes. Source: its wfe/wfe.go and ca/ca.go."""


@dataclass(frozen=True)
class Parts:
    """Seconds of one host: parts one after the other, and the CA's own among the order."""

    start: float
    """Until the issuer, whose Job is made with the Ingress, is at work."""
    order: float
    """The issuer with certbot and the CA, until the certificate is in Consul."""
    taken: float
    """Traefik's own: until every replica has it."""
    answered: float
    ca: float
    """From the order that the CA received to the certificate that it gave; in the lab the whole order."""

    @property
    def whole(self) -> float:
        """From the Ingress to the page."""
        return self.start + self.order + self.taken + self.answered


def rows() -> Iterator[Row]:
    """The figures on both, or why there are none. Raises Failed."""
    with lab() as home:
        folder = home.kubeconfig.parent
        yield from on(home, at_loopback(port_of(Api(home.kubeconfig)), folder / "account" / "authority.pem"))
    program, root = os.environ.get("HOMELAB_CLUSTER"), os.environ.get("HOMELAB_ACME_ROOT")
    with given() as cluster:
        if cluster is None or not program or not root:
            skipped = "skipped: KUBECONFIG with a plan, HOMELAB_CLUSTER or HOMELAB_ACME_ROOT is missing"
            yield Row("cluster: host added -> answered by HTTPS", skipped)
        else:
            with pebble(program) as took:
                yield from on(cluster, from_wan(program, root, cluster.folder / "root.pem"), took)


def on(home: Home, asks: Asks, took: Took | None = None) -> Iterator[Row]:
    """Every figure on one of them."""
    plan = load(home.plan).plan
    assert plan
    api = Api(home.kubeconfig)
    keys, found = Keys.of(api), []
    for _ in range(HOSTS - 1):
        with published(api, f"bench-{uuid.uuid4().hex[:8]}.{plan.ingress.external.domain}") as host:
            found.append(measured(keys, host, asks, took))
    with published(api, f"bench-{uuid.uuid4().hex[:8]}.{plan.ingress.external.domain}") as host:
        found.append(measured(keys, host, asks, took))
        yield from told(home.name, found)
        yield from panes.rows(home, keys, host)


def told(name: str, found: list[Parts]) -> Iterator[Row]:
    """The whole, its parts, and how it compares with what is not ours."""
    yield typical_of(f"{name}: host added -> answered by HTTPS", [one.whole for one in found], None, "s")
    yield typical_of("... until the issuer's Job is at work", [one.start for one in found], None, "s")
    yield typical_of("... the order, until it is in Consul", [one.order for one in found], None, "s")
    yield typical_of("... of which the CA's own", [one.ca for one in found], None, "s")
    yield typical_of("... Traefik's own, until every replica has it", [one.taken for one in found], None, "s")
    yield typical_of("... until the page is answered", [one.answered for one in found], None, "s")
    ratio = median(one.whole / (one.ca + one.taken) for one in found)
    yield Row("... the whole / the CA's and Traefik's own", f"{ratio:.2f}")


@contextmanager
def published(api: Api, host: str) -> Iterator[str]:
    """A host of the sample app that nobody has ordered for yet; taken away in the end. The issuer is idle before."""
    until("no issuer runs", lambda: all(map(has_ended, api.send("GET", JOBS)["items"])))
    try:
        yield host
    finally:
        api.delete(f"{INGRESSES}/{host}")


def measured(keys: Keys, host: str, asks: Asks, took: Took | None) -> Parts:
    """Add it, and order at once as `homelab-tui renew` does. Raises Failed."""
    issuer = keys.api.send("GET", ISSUER)
    began = time.monotonic()
    keys.api.create(INGRESSES, ingress(host))
    keys.api.create(JOBS, job(issuer, [host]))
    until("the issuer is at work", lambda: keys.locked() or keys.state(host))
    started = time.monotonic()
    state = until("it is ordered", lambda: ordered(keys, host))
    written = time.monotonic()
    until("every replica has it", lambda: serving(keys.api, state["fingerprint"]))
    taken = time.monotonic()
    until("HTTPS is answered", lambda: asks(host))
    answered = time.monotonic()
    order = written - started
    return Parts(started - began, order, taken - written, answered - taken, took(began) if took else order)


def ordered(keys: Keys, host: str) -> dict[str, Any] | None:
    """Its state once there is a certificate. Raises Failed when the order did."""
    _, state = keys.state(host) or ("", {})
    if state.get("error"):
        raise Failed(f"{host}: {state['error']}")
    return state if state.get("fingerprint") else None


def until(what: str, probe: Callable[[], T | None]) -> T:
    """Wait for the first answer that is true. Raises Failed."""
    end = time.monotonic() + PATIENCE
    while not (found := probe()):
        if time.monotonic() > end:
            raise Failed(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.02)
    return found


def ingress(host: str) -> dict[str, Any]:
    """A way from outside to the sample app."""
    backend = {"service": {"name": "whoami", "port": {"name": "web"}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": host, "namespace": "whoami", "labels": {"traffic-type": "external"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}


def port_of(api: Api) -> int:
    """Where this machine reaches the lab's external ingress by HTTPS."""
    notes = api.send("GET", f"{SPACE}/services/traefik-external")["metadata"]["annotations"]
    return int(notes["homelab-tui/loopback"].rpartition(":")[2])


def at_loopback(port: int, authority: Path) -> Asks:
    """Somebody at this machine who trusts the lab's CA."""

    def asks(host: str) -> bool:
        context = ssl.create_default_context(cafile=str(authority))
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname=host) as connection,
            ):
                connection.sendall(f"GET / HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                return connection.recv(12) == b"HTTP/1.0 200"
        except OSError:
            return False

    return asks


def from_wan(program: str, root: str, file: Path) -> Asks:
    """Somebody beyond the WAN of a test cluster who trusts the CA's root, wherever that shows it."""
    fetched = [program, "exec", "wan", "curl", "-sfk", "-o", str(file), root]
    subprocess.run(fetched, check=True, capture_output=True)

    def asks(host: str) -> bool:
        shown = ["-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(file), f"https://{host}/"]
        done = subprocess.run([program, "exec", "wan", "curl", *shown], capture_output=True, text=True, check=False)
        return done.stdout == "200"

    return asks


@contextmanager
def pebble(program: str) -> Iterator[Took]:
    """The CA of a test cluster, by its log as it is written."""
    lines: list[tuple[float, str]] = []

    def read(log: IO[str]) -> None:
        lines.extend((time.monotonic(), line) for line in log)

    def took(since: float) -> float:
        times = [[when for when, line in lines if mark in line and when > since] for mark in (RECEIVED, GIVEN)]
        return times[1][-1] - times[0][0]

    follow = [program, "logs", "pebble", "-f"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as log:
        assert log.stdout
        Thread(target=read, args=(log.stdout,), daemon=True).start()
        try:
            yield took
        finally:
            log.kill()
