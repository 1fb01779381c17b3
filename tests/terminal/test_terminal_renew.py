"""A certificate at once, by command and by key, in a lab: the real issuer orders, the real Traefiks serve it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator

import pytest
from consoles import Open

from benchmarks.cluster import Api, Home
from benchmarks.terminal import PATIENCE
from benchmarks.timing import TUI

pytest_plugins = ("opening",)

HOST = "renewed.cloud.domain.com"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/whoami/ingresses"
JOBS = "/apis/batch/v1/namespaces/homelab/jobs?labelSelector=app.kubernetes.io/name%3Dissuer"
MARK = re.compile(r"Fingerprint +([0-9a-f]{16})")
RIGHT, ENTER = "\x1b[C", "\r"


@pytest.fixture
def public(api: Api) -> Iterator[None]:
    """A host for the world."""
    backend = {"service": {"name": "whoami", "port": {"number": 80}}}
    rule = {"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "renewed", "labels": {"traffic-type": "external"}}
    kind = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress"}
    api.create(INGRESSES, {**kind, "metadata": meta, "spec": {"rules": [rule]}})
    yield
    api.delete(f"{INGRESSES}/renewed")


def await_the_issuer(api: Api) -> None:
    """Until no run of it goes on."""
    end = time.monotonic() + PATIENCE
    while not all(job["status"].get("conditions") for job in api.send("GET", JOBS)["items"]):
        assert time.monotonic() < end, "the issuer did not end"
        time.sleep(0.05)


def test_what_is_ordered_by_command_is_renewed_by_key(home: Home, console: Open, api: Api, public: None) -> None:
    def renew(host: str) -> subprocess.CompletedProcess[str]:
        command = [*TUI, "renew", host, "--lab", "--yes"]
        return subprocess.run(command, env=home.environment, capture_output=True, text=True, check=False)

    await_the_issuer(api)
    refused, done = renew(f"not-{HOST}"), renew(HOST.upper())
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"not-{HOST} is not public: " in refused.stderr
    assert done.stdout.startswith("Job homelab/issuer-now-"), done.stderr
    assert f"✓ {HOST}: issued by homelab-tui lab CA, valid until " in done.stdout
    assert done.returncode == 0
    await_the_issuer(api)
    terminal = console(lines=30)
    terminal.shows("▸Allocations")
    terminal.send("4")
    terminal.shows(f"▸ {HOST}", "✓ served by 2 of 2", "r renew")
    (before,) = MARK.findall(terminal.text)

    terminal.send("r")
    terminal.shows(f"Renew the certificate of {HOST}?", "▸ Cancel")
    terminal.send(RIGHT + ENTER)

    terminal.shows(f"✓ asked for a new certificate for {HOST}")
    terminal.lacks(before)
    terminal.shows("✓ served by 2 of 2")
    terminal.send("q")
    assert terminal.ended() == 0
