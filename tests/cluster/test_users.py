"""Who may come in: users changed by keys at the laptop are asked for by both ingresses, and nobody else notices."""

from __future__ import annotations

import json
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import laptop
import pytest
from gates import Gate, Known, asked, gates, hammered, seconds_until
from household import Home, eventually
from laptop import DELETE, RIGHT, answered, opens
from outside import PUBLIC, SPACE, ingress, issue, needs_authority, trust

from benchmarks.terminal import END, Terminal

pytestmark = needs_authority

AUTH = {"traefik.ingress.kubernetes.io/router.middlewares": "homelab-auth@kubernetescrd"}
NAME, SECRET = "guarded", "ingress-auth"
NOTICED_SECONDS = 5.0
"""From the last key until both ingresses answer by it."""
ENOUGH = 200
"""Answers that a hammer has to have seen, that its silence says something."""
ANNA, BERT, CARL = ("anna", "annas-first-word-7"), ("bert", "berts-first-word-7"), ("carl", "carls-own-word-77")
BERT_LATER = ("bert", "berts-second-word-9")


@pytest.fixture(scope="module")
def at(home: Home) -> Iterator[tuple[Gate, ...]]:
    """The sample app under a name in both zones that asks for a password, while nobody has one yet."""
    home.apply()
    trust(home)
    home.kubectl(*SPACE, "delete", "secret", SECRET, "--ignore-not-found")
    inside, outside = gates(home, NAME)
    for zone, gate, labels in (("internal", inside, {}), ("external", outside, PUBLIC)):
        made = ingress(f"{NAME}-{zone}", gate.host, labels)
        made["metadata"]["annotations"] = AUTH
        home.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    issue(home, f"for-{NAME}")
    eventually("nobody can come in yet", lambda: asked(home, (inside, outside)) == ["404", "404"])
    yield inside, outside
    home.kubectl("-n", "whoami", "delete", "ingress", f"{NAME}-internal", f"{NAME}-external")


@pytest.fixture(scope="module")
def console(home: Home, at: tuple[Gate, ...]) -> Iterator[Terminal]:
    """Open at the laptop, on the users."""
    with laptop.opened(home, "7") as terminal:
        terminal.shows(SECRET, "No user yet")
        yield terminal


def file(home: Home) -> str:
    """The users and their hashes as Traefik reads them."""
    found = json.loads(home.kubectl(*SPACE, "get", "secret", SECRET, "-o", "json"))
    (content,) = found["data"].values()
    return b64decode(content).decode()


def added(console: Terminal, known: Known) -> float:
    """Add a user by keys; when the last of them was pressed."""
    opens(console, "a", f"Add a user to homelab/{SECRET}")
    return answered(console, *known, known[1])


def test_a_first_user_added_by_keys_is_asked_for_by_both_ingresses(
    home: Home, at: tuple[Gate, ...], console: Terminal
) -> None:
    pressed = added(console, ANNA)

    seconds = seconds_until(home, at, pressed, {ANNA: "200", None: "401"})
    print(f"the first user: {seconds:.2f} s")
    assert seconds < NOTICED_SECONDS
    console.shows(*(f"{gate.host}: 401 without, 200 as anna" for gate in at))
    assert asked(home, at, (ANNA[0], BERT[1])) == ["401", "401"]


def test_a_user_comes_changes_and_goes_by_keys_and_nobody_else_notices(
    home: Home, at: tuple[Gate, ...], console: Terminal
) -> None:
    anna = file(home)
    with hammered(home, at, ANNA, BERT) as others:
        pressed = added(console, BERT)
        came = seconds_until(home, at, pressed, {BERT: "200", ANNA: "200", None: "401"})
        console.shows(f"{at[-1].host}: 401 without, 200 as bert")

        console.send(END)
        opens(console, "p", "Another password for bert")
        pressed = answered(console, BERT_LATER[1], BERT_LATER[1])
        changed = seconds_until(home, at, pressed, {BERT_LATER: "200", BERT: "401", ANNA: "200", None: "401"})
        console.shows("bert has a new password")
        assert file(home).startswith(anna)

        opens(console, DELETE, f"Remove bert from homelab/{SECRET}?")
        pressed = answered(console, "bert")
        went = seconds_until(home, at, pressed, {BERT_LATER: "401", BERT: "401", ANNA: "200", None: "401"})

    print(f"second user {came:.2f} s, another password {changed:.2f} s, removed {went:.2f} s")
    print({who: dict(met) for who, met in others.met.items()})
    assert max(came, changed, went) < NOTICED_SECONDS
    assert file(home) == anna
    for gate in at:
        assert others.met[f"{gate.host} -"].keys() == {"401"}
        assert others.met[f"{gate.host} anna"].keys() == {"200"}
        assert others.met[f"{gate.host} bert"].keys() == {"200", "401"}
    assert others.seen.total() > ENOUGH


def test_a_change_is_taken_back_by_keys(home: Home, at: tuple[Gate, ...], console: Terminal) -> None:
    before = file(home)
    added(console, BERT)
    seconds_until(home, at, 0, {BERT: "200"})

    opens(console, "u", "Take the last change back?")
    pressed = answered(console, RIGHT)

    seconds = seconds_until(home, at, pressed, {BERT: "401", ANNA: "200"})
    print(f"taken back: {seconds:.2f} s")
    assert seconds < NOTICED_SECONDS
    assert file(home) == before


def test_the_same_without_a_screen(home: Home, at: tuple[Gate, ...], console: Terminal) -> None:
    with hammered(home, at, ANNA) as others:
        laptop.run(home, "users", "add", CARL[0], stdin=f"{CARL[1]}\n")
        seconds_until(home, at, 0, {CARL: "200", None: "401"})
        console.shows(CARL[0])
        laptop.run(home, "users", "rename", CARL[0], "dora")
        seconds_until(home, at, 0, {("dora", CARL[1]): "200", CARL: "401"})
        laptop.run(home, "users", "passwd", "dora", stdin=f"{BERT[1]}\n")
        seconds_until(home, at, 0, {("dora", BERT[1]): "200", ("dora", CARL[1]): "401"})
        assert "401" in laptop.run(home, "users", "verify", "dora", stdin=f"{BERT[1]}\n")
        laptop.run(home, "users", "remove", "dora", "--yes")
        seconds_until(home, at, 0, {("dora", BERT[1]): "401", ANNA: "200"})

    names = [one["name"] for one in json.loads(laptop.run(home, "users", "list", "--json"))["files"][0]["users"]]
    assert names == [ANNA[0]]
    assert others.seen.keys() == {"200", "401"}
    assert others.seen.total() > ENOUGH


@pytest.mark.skipif(not shutil.which("htpasswd"), reason="needs htpasswd (Debian: apache2-utils)")
def test_htpasswd_agrees_with_every_hash(home: Home, console: Terminal, tmp_path: Path) -> None:
    added(console, CARL)
    eventually("carl is written", lambda: "carl:" in file(home))
    kept = tmp_path / "users"
    kept.write_text(file(home))

    def agrees(known: Known) -> bool:
        """By its exit code; the password goes in by stdin."""
        command = ["htpasswd", "-vi", str(kept), known[0]]
        return subprocess.run(command, input=known[1], capture_output=True, text=True, check=False).returncode == 0

    assert [line.partition(":")[0] for line in kept.read_text().split()] == [ANNA[0], CARL[0]]
    assert agrees(ANNA)
    assert agrees(CARL)
    assert not agrees((ANNA[0], CARL[1]))


def test_no_password_is_left_on_disk_or_was_ever_on_the_screen(home: Home, console: Terminal) -> None:
    words = [known[1].encode() for known in (ANNA, BERT, CARL, BERT_LATER)]
    kept = [path.read_bytes() for path in home.folder.rglob("*") if path.is_file()]

    assert any(b"users-written" in content for content in kept)
    for content in (*kept, console.written):
        assert not any(word in content for word in (*words, b"$2b$", b"$2y$"))


def test_the_hammer_notices_a_moment_without_the_secret(home: Home, at: tuple[Gate, ...], console: Terminal) -> None:
    kept = json.loads(home.kubectl(*SPACE, "get", "secret", SECRET, "-o", "json"))
    for owned in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
        kept["metadata"].pop(owned, None)
    with hammered(home, at, ANNA) as others:
        home.kubectl(*SPACE, "delete", "secret", SECRET)
        console.shows("No user yet")
        eventually("nobody can come in", lambda: asked(home, at) == ["404", "404"])
        home.kubectl("create", "-f", "-", stdin=json.dumps(kept))
        seconds_until(home, at, 0, {ANNA: "200", None: "401"})

    assert others.seen["404"]
