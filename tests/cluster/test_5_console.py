"""What happens in the cluster is on the console's screen by itself, in the words of those who did it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from household import Home, eventually

from benchmarks.terminal import Terminal

SERVICES = tuple(f"shown-{at}" for at in range(4))
"""MetalLB draws the announcing node from a Service's name, so that of these a worker announces one at least."""
SPACE = "homelab"
PODS = {"app.kubernetes.io/name": "traefik", "homelab-tui/zone": "internal"}
"""On two nodes, so that there is somebody to announce for when one is lost."""
LOST_SECONDS = 120.0
"""MetalLB's speakers miss one another within seconds; a node that is gone is NotReady after 40."""


@pytest.fixture(scope="module")
def running(home: Home) -> Home:
    """The home with the stack on it, whatever was there before."""
    home.apply()
    return home


@pytest.fixture
def console(running: Home) -> Iterator[Terminal]:
    """Open on the allocations, live; afterwards the Services of a test are gone."""
    command = running.command("--plan", str(running.folder / "homelab.yaml"))
    with Terminal(command, running.environment, columns=120, lines=40) as terminal:
        terminal.send("2")
        terminal.shows("● live", "homelab/traefik-internal", "Announced by")
        yield terminal
    running.kubectl("-n", SPACE, "delete", "service", "--ignore-not-found", *SERVICES)


def make(home: Home, name: str, wanted: str | None = None) -> None:
    """A LoadBalancer Service, with an address of its own wish."""
    meta = {"name": name, "annotations": {"metallb.io/loadBalancerIPs": wanted} if wanted else {}}
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": PODS}
    obj = {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}
    home.kubectl("-n", SPACE, "create", "-f", "-", stdin=json.dumps(obj))


def row(terminal: Terminal, name: str) -> list[str]:
    """The cells of a Service; none while it has no row."""
    return next((line.split() for line in terminal.display if f" {SPACE}/{name} " in line), [])


def announcer(home: Home, terminal: Terminal, name: str) -> str | None:
    """The node that the screen names as announcing a Service."""
    return next((node.name for node in home.plan.nodes if node.name in row(terminal, name)), None)


def test_a_service_made_with_kubectl_appears_by_itself_and_goes_by_itself(running: Home, console: Terminal) -> None:
    name = SERVICES[0]
    make(running, name)

    console.until(lambda: "given" in row(console, name))
    (found,) = running.objects("service", "-A", "--field-selector", f"metadata.name={name}")
    assert row(console, name)[0] == found["status"]["loadBalancer"]["ingress"][0]["ip"]

    running.kubectl("-n", SPACE, "delete", "service", name)
    console.until(lambda: not row(console, name))


def test_a_refusal_is_explained_in_metallbs_words(running: Home, console: Terminal) -> None:
    name, outside = SERVICES[0], str(running.plan.network.gateway)
    make(running, name, outside)

    about = f"involvedObject.name={name},reason=AllocationFailed"
    (event, *_) = eventually(
        "MetalLB refuses it", lambda: running.objects("events", "-n", SPACE, "--field-selector", about)
    )
    assert outside in event["message"]
    console.until(lambda: event["message"] in " ".join(console.text.split()))
    assert "pending" in row(console, name)


def test_a_lost_node_moves_the_announcement_on_the_screen(running: Home, console: Terminal) -> None:
    for name in SERVICES:
        make(running, name)
    console.until(lambda: all(announcer(running, console, name) for name in SERVICES))
    workers = {node.name for node in running.plan.nodes if node.role == "worker"}
    moved, lost = next((name, node) for name in SERVICES if (node := announcer(running, console, name)) in workers)
    assert lost

    with running.unplugged(lost):
        console.until(lambda: announcer(running, console, moved) not in (None, lost), LOST_SECONDS)
        console.shows(f"✗ {lost}", seconds=LOST_SECONDS)

    console.lacks(f"✗ {lost}", seconds=LOST_SECONDS)
