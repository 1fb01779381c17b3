"""The doctor at a real home: what it sees depends on where it is asked, and it never says more than it saw there."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from household import Home, eventually
from outside import frozen

from homelab.doctor.result import State
from homelab.plan.file import read

Said = dict[str, dict[str, str]]
ZONES = ("internal", "external")
SPEAKER = ("-n", "metallb-system", "patch", "daemonset", "speaker", "--type=merge", "-p")
NOWHERE = {"homelab-tui/nowhere": "true"}


@pytest.fixture(scope="module")
def running(home: Home) -> Home:
    """The home with the stack on it, announced and answering."""
    home.apply()
    eventually("both ingresses are announced", lambda: all(announcers(home).values()))
    return home


def announcers(home: Home) -> dict[str, Any]:
    """Which node announces the address of which zone."""
    rows = home.status()["allocations"]
    return {zone: next((row["announced_by"] for row in rows if row["zone"] == zone), None) for zone in ZONES}


def doctor(home: Home, place: str, *prefix: str, plan: Path | None = None) -> Said:
    """What `homelab-tui doctor --json` says at a place; `prefix` is a command that starts another."""
    file = str(plan or home.folder / "homelab.yaml")
    printed = home.at(place, *prefix, sys.executable, "-m", "tui", "doctor", "--json", "--plan", file)
    return {result["id"]: result for result in json.loads(printed)["results"]}


def other_plan(home: Home, folder: Path, **values: str) -> Path:
    """The home's plan with other values; `__` stands for a dot."""
    text = (home.folder / "homelab.yaml").read_text()
    for key, value in values.items():
        text = read(text).with_value(key.replace("__", "."), value)
    file = folder / "homelab.yaml"
    file.write_text(text)
    return file


def test_the_laptop_proves_that_all_is_well_and_claims_nothing_of_the_internet(running: Home) -> None:
    announced = announcers(running)

    said = doctor(running, "laptop")

    unsure = {id for id, result in said.items() if result["state"] == State.UNKNOWN}
    assert {id for id, result in said.items() if result["state"] == State.OK} == said.keys() - unsure, said
    assert unsure == {"outside", "public-address"}
    for zone, node in announced.items():
        assert said[f"layer2-{zone}"]["what"].startswith(f"{node} (")
    assert said["outside"]["paste"].endswith(f".{running.plan.ingress.external.domain}/")


def test_a_node_proves_what_others_announce_and_cannot_tell_what_it_announces_itself(running: Home) -> None:
    announced = announcers(running)

    for node in running.plan.nodes:
        said = doctor(running, node.name)
        for zone, announcer in announced.items():
            result = said[f"layer2-{zone}"]
            assert (result["state"] == State.UNKNOWN) == (announcer == node.name), result
            assert (result["state"] == State.OK) == (announcer != node.name), result
            assert result["paste"].startswith("curl -I http://") == (announcer == node.name)
        assert "says nothing of the LAN" in said["http-internal"]["what"]


def test_with_the_router_leading_back_its_own_address_is_known_and_the_outside_is_still_not(running: Home) -> None:
    wrong = f"tcp dport {{ 80, 443 }} fib daddr type local dnat to {running.plan.ingress.internal.address}"
    running.cluster("hairpin", "on")
    try:
        said = doctor(running, "laptop")
        running.at("router", "nft", f'flush chain ip hairpin pre; add rule ip hairpin pre iifname "br-lan" {wrong}')
        elsewhere = doctor(running, "laptop")["public-address"]
    finally:
        running.cluster("hairpin", "off")

    assert said["public-address"]["state"] == State.OK
    assert said["outside"]["state"] == State.UNKNOWN
    assert "hairpin" in said["outside"]["what"]
    assert elsewhere["state"] == State.WARNING
    assert "port 80 answers (404), but not as the external ingress does; port 443 does not" in elsewhere["what"]


@contextmanager
def without_speakers(home: Home) -> Iterator[None]:
    """No speaker of MetalLB's anywhere, though the cluster still names who announces."""
    nobody = {"spec": {"template": {"spec": {"nodeSelector": NOWHERE}}}}
    home.kubectl(*SPEAKER, json.dumps(nobody))
    try:
        speakers = ("pods", "-n", "metallb-system", "-l", "component=speaker")
        eventually("the speakers are gone", lambda: not home.objects(*speakers))
        yield
    finally:
        anybody = {"spec": {"template": {"spec": {"nodeSelector": dict.fromkeys(NOWHERE)}}}}
        home.kubectl(*SPEAKER, json.dumps(anybody))
        home.kubectl("-n", "metallb-system", "rollout", "status", "daemonset/speaker", "--timeout=120s")


@contextmanager
def taken_by_the_laptop(home: Home, address: str) -> Iterator[None]:
    """The laptop has an address that is not its own, and a web server there."""
    server = (sys.executable, "-m", "http.server", "80", "--bind", address, "--directory", str(home.folder))
    home.at("laptop", "ip", "address", "add", f"{address}/32", "dev", "eth0")
    try:
        command, nobody = [home.program, "exec", "laptop", *server], subprocess.DEVNULL
        with subprocess.Popen(command, stdout=nobody, stderr=nobody) as process:
            try:
                eventually("the stray server answers", lambda: home.code("laptop", f"http://{address}/") == "200")
                yield
            finally:
                process.kill()
    finally:
        home.at("laptop", "ip", "address", "del", f"{address}/32", "dev", "eth0")


def test_without_speakers_nobody_says_that_the_lan_finds_the_ingresses(running: Home) -> None:
    address = str(running.plan.ingress.internal.address)
    stranger = next(node.name for node in running.plan.nodes if node.name != announcers(running)["internal"])
    with without_speakers(running):
        nodes = {node.name: doctor(running, node.name) for node in running.plan.nodes}
        laptop = doctor(running, "laptop")
        with taken_by_the_laptop(running, address):
            taken = doctor(running, stranger)["layer2-internal"]
            there = doctor(running, "laptop")
            running.at("router", "ip", "neigh", "flush", "to", address)  # it still knows the node that announced it
            router = doctor(running, "router")["http-internal"]

    for said in (*nodes.values(), laptop):
        assert said["speakers"]["state"] == State.ERROR
        assert State.OK not in {said[f"layer2-{zone}"]["state"] for zone in ZONES}
    assert {laptop[f"layer2-{zone}"]["state"] for zone in ZONES} == {State.ERROR}
    assert f"nobody answers ARP for {address}" in laptop["layer2-internal"]["what"]
    mac = json.loads(running.at("laptop", "ip", "-json", "link", "show", "eth0"))[0]["address"]
    assert taken["state"] == State.ERROR
    assert mac in taken["what"]
    assert there["layer2-internal"]["state"] == State.ERROR
    assert f"this machine has the address {address} itself" in there["layer2-internal"]["what"]
    assert there["http-internal"]["state"] == State.UNKNOWN
    assert router["state"] == State.WARNING
    assert router["what"] == f"something answers at {address} port 80 with 200 that is not Traefik's answer"
    eventually("all is well again", lambda: doctor(running, "laptop")["layer2-internal"]["state"] == State.OK)


def test_where_the_speakers_hang_and_the_cluster_has_not_noticed_the_announcer_says_that_it_cannot_tell(
    running: Home,
) -> None:
    node = eventually("the internal ingress is announced", lambda: announcers(running)["internal"])

    with frozen(running, "^/speaker ", len(running.plan.nodes)):
        here = doctor(running, node)["layer2-internal"]
        there = doctor(running, "laptop")["layer2-internal"]

    assert here["state"] == State.UNKNOWN
    assert there["state"] == State.ERROR
    assert f"though {node} is said to announce it" in there["what"]
    eventually("all is well again", lambda: doctor(running, "laptop")["layer2-internal"]["state"] == State.OK)


def test_what_a_machine_remembers_of_another_time_proves_nothing_for_a_user_without_rights_either(
    running: Home,
) -> None:
    address = str(running.plan.ingress.external.address)
    remembered = ("ip", "neigh", "replace", address, "lladdr", "02:00:00:00:00:99", "nud", "stale", "dev", "eth0")
    for prefix in ("setpriv --bounding-set=-net_admin --inh-caps=-net_admin", "env"):
        running.at("laptop", *remembered)

        found = doctor(running, "laptop", *prefix.split())["layer2-external"]

        assert found["state"] == State.OK, found
        assert "02:00:00:00:00:99" not in found["what"]


def test_a_router_without_the_wildcard_is_an_error(running: Home, tmp_path: Path) -> None:
    plan = other_plan(running, tmp_path, ingress__internal__domain="nowhere.test")

    said = doctor(running, "laptop", plan=plan)

    for id in ("dns-internal", "dns-system"):
        assert said[id]["state"] == State.ERROR
        assert "has no address" in said[id]["what"]
        assert "homelab-tui router" in said[id]["fix"]
    assert said["dns-aaaa"]["state"] == State.UNKNOWN


def test_protection_against_rebinding_on_the_way_is_told_as_such(running: Home, tmp_path: Path) -> None:
    router, conf = running.plan.network.dns, tmp_path / "resolv.conf"
    conf.write_text("nameserver 127.0.0.1\n")
    asked_here = f'mount --bind {conf} /etc/resolv.conf; "$@"; code=$?; kill $(cat {tmp_path}/pid); exit $code'
    resolver = (
        f"dnsmasq --conf-file=/dev/null --user=root --no-resolv --no-hosts --server={router} --stop-dns-rebind "
        f"--listen-address=127.0.0.1 --bind-interfaces --pid-file={tmp_path}/pid"
    )
    prefix = ("unshare", "--mount", "sh", "-c", f"{resolver} && {asked_here}", "sh")

    said = doctor(running, "laptop", *prefix)

    assert said["dns-internal"]["state"] == State.OK
    assert said["dns-system"]["state"] == State.ERROR
    assert "rebind-domain-ok=/" in said["dns-system"]["fix"]
