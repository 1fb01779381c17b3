"""What is on show: an app is put on both ingresses by keys, answers there, and is withdrawn without traces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import laptop
import pytest
import yaml
from gates import Gate, Known, asked, gates, seconds_until, visited
from household import Home, eventually
from laptop import CLEAR, DELETE, ENTER, RIGHT, TAB, answered, opens, typed
from outside import SPACE, fingerprints, needs_authority, trust

from benchmarks.terminal import END, Terminal
from homelab.plan.file import read

pytestmark = needs_authority

NAME = f"shown-{uuid4().hex[:8]}"
"""New in every run: the certificate of another would still be there."""
INGRESSES = {"Ingress whoami whoami-internal", "Ingress whoami whoami-external"}
APP = "homelab-tui/app"
ANNA = ("anna", "annas-first-word-7")
ANSWERS_SECONDS = 60.0
"""From the last key until a new public host answers: most of it is the order of a certificate."""
GONE_SECONDS = 30.0
TRIED = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-")


@pytest.fixture(scope="module")
def guest(home: Home) -> Known:
    """Somebody who may come in, on a home with the stack on it; the world beyond the WAN trusts the CA."""
    home.apply()
    trust(home)
    home.kubectl(*SPACE, "delete", "secret", "ingress-auth", "--ignore-not-found")
    home.kubectl("-n", "whoami", "delete", "ingress", "-l", APP)
    laptop.run(home, "users", "add", ANNA[0], stdin=f"{ANNA[1]}\n")
    return ANNA


@pytest.fixture(scope="module")
def console(home: Home, guest: Known) -> Iterator[Terminal]:
    """Open at the laptop, on the apps."""
    with laptop.opened(home, "8") as terminal:
        terminal.shows("● live", home.sample)
        yield terminal


@pytest.fixture(scope="module")
def at(home: Home) -> tuple[Gate, Gate]:
    """Where the app is to be met."""
    return gates(home, NAME)


@pytest.fixture(scope="module")
def before(home: Home, guest: Known) -> set[str]:
    """Every object that was there before."""
    return home.names()


def routers(home: Home) -> str:
    """Every router of every Traefik."""
    pods = home.objects("pods", *SPACE, "-l", "app.kubernetes.io/name=traefik")
    path = "/api/v1/namespaces/homelab/pods/http:{}:8080/proxy/api/rawdata"
    return "".join(home.kubectl("get", "--raw", path.format(pod["metadata"]["name"])) for pod in pods)


def inventory(home: Home) -> str:
    """What the stack counts as its own."""
    return home.kubectl(*SPACE, "get", "configmap", "homelab-inventory", "-o", "jsonpath={.data.objects}")


def test_an_app_shown_by_keys_on_both_zones_answers_on_both(
    home: Home, at: tuple[Gate, Gate], before: set[str], console: Terminal
) -> None:
    inside, outside = at
    opens(console, "a", "Show an app", "whoami/whoami")
    typed(console, "whoami/whoami")
    opens(console, ENTER, "Internal host")
    typed(console, TAB, RIGHT, RIGHT)
    console.shows("External host", "homelab/auth")
    typed(console, TAB, CLEAR, inside.host, TAB, CLEAR, outside.host)
    console.shows(f"http://{inside.host}/  at home", f"https://{outside.host}/  worldwide")
    opens(console, ENTER, "what would change", f"+  - host: {inside.host}")
    opens(console, ENTER, "Show whoami/whoami?", "travels unencrypted")
    typed(console, RIGHT)
    pressed = answered(console)

    seconds = seconds_until(home, at, pressed, {ANNA: "200", None: "401"})
    print(f"shown on both: {seconds:.2f} s")
    assert seconds < ANSWERS_SECONDS
    console.shows("✓ done ─", seconds=ANSWERS_SECONDS)
    for place, gate in (("laptop", inside), ("wan", outside)):
        assert [visited(home, place, gate), visited(home, place, gate, ANNA)] == ["401", "200"]
    assert home.names() - before >= INGRESSES


def test_the_stack_neither_claims_nor_prunes_it(home: Home, at: tuple[Gate, Gate], console: Terminal) -> None:
    assert home.tui("diff", "--mirror", str(home.mirror)).stdout.strip() == f"{home.size} same"
    assert "nothing to change" in home.apply().stdout
    assert "whoami-internal" not in inventory(home)
    assert asked(home, at, ANNA) == ["200", "200"]


def test_a_withdrawn_app_leaves_nothing_but_its_certificate(
    home: Home, at: tuple[Gate, Gate], before: set[str], console: Terminal
) -> None:
    console.send("8")
    console.shows("Apps ─", at[0].host)
    typed(console, END)
    console.shows("whoami/whoami-internal, whoami/whoami-external", "Made by    homelab-tui")
    opens(console, DELETE, "Withdraw whoami/whoami?", at[1].host)
    pressed = answered(console, "withdraw")

    seconds = seconds_until(home, at, pressed, {ANNA: "404"})
    print(f"withdrawn: {seconds:.2f} s")
    assert seconds < GONE_SECONDS
    console.shows("deleted")
    assert home.objects("ingress", "-A", "-l", APP) == []
    eventually("no Traefik has a router of it", lambda: NAME not in routers(home))
    assert NAME not in inventory(home)
    (left,) = home.names() - before
    assert left.startswith("Secret homelab-certificates ")
    print(f"left: {left}")
    assert fingerprints(home, at[1].host)  # it is served by nobody's name, until the issuer forgets it


def test_the_same_without_a_screen(home: Home, at: tuple[Gate, Gate], guest: Known) -> None:
    hosts = ("--host", at[0].host, "--external-host", at[1].host)
    show = ("expose", "whoami", "--namespace", "whoami")
    assert "+" in laptop.run(home, *show, "--zone", "both", *hosts, "--dry-run")
    assert home.objects("ingress", "-A", "-l", APP) == []

    laptop.run(home, *show, "--zone", "both", *hosts, "--yes")
    assert asked(home, at) == ["401", "401"]
    assert asked(home, at, guest) == ["200", "200"]

    laptop.run(home, *show, "--zone", "internal", "--yes")
    seconds_until(home, at[1:], 0, {guest: "404"})
    assert asked(home, at[:1]) == ["401"], "who takes it off the internet leaves its password"
    laptop.run(home, *show, "--zone", "internal", "--no-auth", "--yes")
    seconds_until(home, at[:1], 0, {None: "200"})
    assert {"internal": at[0].host} in [one["hosts"] for one in json.loads(laptop.run(home, "apps", "--json"))["apps"]]

    laptop.run(home, "hide", "whoami", "--namespace", "whoami", "--yes")
    seconds_until(home, at, 0, {guest: "404"})
    assert home.objects("ingress", "-A", "-l", APP) == []


def test_headlamp_is_taken_by_the_cluster_as_it_is_written(home: Home, guest: Known, tmp_path: Path) -> None:
    plan = tmp_path / "homelab.yaml"
    plan.write_text(read((home.folder / "homelab.yaml").read_text()).with_value("apps", ["headlamp"]))
    text = home.tui("render", "--stage", "apps", "--plan", str(plan), "--mirror", str(home.mirror)).stdout
    objects = [one for one in yaml.safe_load_all(text) if one]
    by_kind = {one["kind"]: one for one in objects}
    there = [one for one in objects if one["kind"] in ("Namespace", "ServiceAccount")]
    template = by_kind["Deployment"]["spec"]["template"]
    meta = {"name": "headlamp", "namespace": "headlamp", **template["metadata"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
    home.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(there))  # what needs them can be tried only then
    try:
        told = home.kubectl(*TRIED, stdin=yaml.safe_dump_all([*objects, pod]))  # its namespace refuses unfit pods
    finally:
        home.kubectl("delete", "namespace", "headlamp", "--wait=false")

    assert told.count("(server dry run)") == len(objects) + 1
