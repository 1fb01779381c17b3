"""What a home goes through: another CA, a wrong port forward, updates, reboots, and being small."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from household import Home, eventually
from outside import (
    SPACE,
    consul,
    fingerprints,
    https,
    issue,
    needs_authority,
    opened,
    public,
    ready,
    said,
    trust,
)

import manifests
from homelab.plan.edit import Value
from homelab.plan.file import read

pytestmark = needs_authority

STATE = Path(os.environ.get("KUBECONFIG", "")).parent.parent
"""Where the cluster keeps the settings of its CA."""
PORT, MANAGEMENT = 14100, 15100
"""Of a second CA beyond the WAN."""


@pytest.fixture(scope="module")
def open_home(home: Home) -> Iterator[Home]:
    """The whole stack, with the sample app published and its certificate there."""
    home.cluster("reset")
    written = (home.folder / "homelab.yaml").read_text()
    yield opened(home)
    (home.folder / "homelab.yaml").write_text(written)


def change(home: Home, key: str, value: Value) -> None:
    """Write another value into the plan."""
    path = home.folder / "homelab.yaml"
    path.write_text(read(path.read_text()).with_value(key, value))


@contextmanager
def answering(home: Home, host: str) -> Iterator[list[str]]:
    """Somebody beyond the WAN asks all the time; every status that is not 200."""
    failed: list[str] = []
    asked, over = Event(), Event()

    def ask() -> None:
        while not over.is_set():
            if (status := https(home, host)) != "200":
                failed.append(status)
            asked.set()

    thread = Thread(target=ask)
    thread.start()
    try:
        assert asked.wait(30)
        yield failed
    finally:
        over.set()
        thread.join()


def peers(home: Home) -> int:
    """Servers of Consul that vote; none while the one that is asked is away."""
    return consul(home, "consul operator raft list-peers", check=False).count("true")


@contextmanager
def second_authority(home: Home, folder: Path) -> Iterator[str]:
    """Another CA with roots of its own; the URL where it tells them."""
    settings = json.loads((STATE / "pebble.json").read_text())
    for key, port in (("listenAddress", PORT), ("managementListenAddress", MANAGEMENT)):
        settings["pebble"][key] = settings["pebble"][key].rpartition(":")[0] + f":{port}"
    written = folder / "authority.json"
    written.write_text(json.dumps(settings))
    names = settings["pebble"]["listenAddress"].rpartition(":")[0]
    program = home.at("wan", "sh", "-c", "readlink /proc/$(pgrep -x pebble | head -1)/exe").strip()
    command = [home.program, "exec", "wan", "env", "PEBBLE_VA_NOSLEEP=1", program, "-config", str(written)]
    with subprocess.Popen(
        [*command, "-dnsserver", f"{names}:53"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as ca:
        try:
            yield f"https://{names}:{MANAGEMENT}/roots/0"
        finally:
            home.at("wan", "pkill", "-f", str(written))
            ca.wait(30)


def test_a_port_forward_to_the_internal_ingress_publishes_nothing(open_home: Home) -> None:
    plan = open_home.plan.ingress
    outside = f"http://{open_home.address('router', 'wan0')}/"
    open_home.cluster("forward", str(plan.internal.address))
    try:
        eventually(
            "the internal one refuses",
            lambda: open_home.code("wan", outside, "-H", f"Host: {open_home.sample}") == "403",
        )
        assert open_home.code("wan", outside, "-H", f"Host: {public(open_home)}") == "403"
    finally:
        open_home.cluster("forward", str(plan.external.address))
    eventually("https answers", lambda: https(open_home, public(open_home)) == "200")


def test_other_pins_replace_one_replica_at_a_time_and_every_request_is_answered(
    open_home: Home, tmp_path: Path
) -> None:
    shutil.copytree(Path(manifests.__file__).parent, tmp_path / "manifests")
    pins = tmp_path / "manifests" / "versions.toml"
    pins.write_text(pins.read_text().replace('"traefik:', '"docker.io/library/traefik:'))
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    updated = replace(open_home, environment={**open_home.environment, "PYTHONPATH": path})

    with answering(open_home, public(open_home)) as failed:
        updated.apply()

    running = open_home.objects("pods", *SPACE, "-l", "app.kubernetes.io/name=traefik")
    images = {pod["spec"]["containers"][0]["image"].partition(":")[0] for pod in running}
    assert images == {"docker.io/library/traefik"}
    assert not failed
    assert said(issue(open_home, "after-update"), public(open_home)) == ["not due"]
    open_home.apply()


def test_two_nodes_are_rebooted_one_after_the_other_without_a_new_order(open_home: Home) -> None:
    before = set(fingerprints(open_home, public(open_home)))

    for node in ("node1", "node2"):
        with open_home.unplugged(node):
            pass
        eventually("three peers agree", lambda: peers(open_home) == open_home.plan.store.servers, 300)
        ready(open_home, "statefulset/consul")

    ready(open_home, "statefulset/traefik-external")
    eventually("https answers", lambda: https(open_home, public(open_home)) == "200", 180)
    eventually("the same is served", lambda: set(fingerprints(open_home, public(open_home))) == before)
    assert said(issue(open_home, "after-reboots"), public(open_home)) == ["not due"]


def test_from_staging_to_production_the_old_certificate_is_served_until_the_new_one_is_there(
    open_home: Home, tmp_path: Path
) -> None:
    before = set(fingerprints(open_home, public(open_home)))
    with second_authority(open_home, tmp_path) as root:
        change(open_home, "certificates.server", os.environ["HOMELAB_ACME_SERVER"].replace("14000", str(PORT)))
        open_home.apply()
        assert set(fingerprints(open_home, public(open_home))) == before
        assert https(open_home, public(open_home)) == "200"

        assert said(issue(open_home, "production"), public(open_home)) == ["issued"]

        trust(open_home, root)
        eventually("the new CA's is served", lambda: https(open_home, public(open_home)) == "200")
        found = open_home.status()["certificates"]
        assert [one["state"] for one in found if one["host"] == public(open_home)] == ["valid"]
