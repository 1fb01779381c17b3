"""The view of the users: what it shows, and the story of a home's list of them from the first to the last."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from pathlib import Path

import pytest
from guests import APR1, FILE, HOST, LONG, OTHER, Doors, content, files_with, guarded, middleware, names, secret
from rooms import LARGE, SMALL, Household, Person, deployed, household, painting, watching

from homelab.adapters.passwords import LibpassPasswords
from tui import wiring

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE])
ZOE, BERTS = APR1.replace(b"guest", b"zoe"), APR1.replace(b"HqJZ", b"HqJY")
LIVE = "Users ─ homelab/ingress-auth ─ guards 1 host"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))


@pytest.fixture(autouse=True)
def doors(monkeypatch: pytest.MonkeyPatch) -> dict[str, Household]:
    """No Traefik runs here: what its doors would say comes from the Secret of the household that a test puts in."""
    homes: dict[str, Household] = {}
    monkeypatch.setattr(wiring, "web", lambda _: Doors(homes["home"]))
    return homes


async def opened(person: Person) -> None:
    """The view, live."""
    await person.sees("1 served")
    await person.press("7")
    await person.sees(LIVE, "● live")


async def hears(person: Person, *words: str) -> None:
    """Wait until all of it is on the screen, over however many lines."""
    await person.until(lambda: all(word in " ".join(person.text.split()) for word in words), words)


async def fill(person: Person, *fields: str) -> None:
    """Type one field after another, each ended by enter."""
    for text in fields:
        await person.press(*text, "enter")


async def typed_twice(person: Person, password: str, *before: str) -> None:
    """A form with a password in it, sent off."""
    await fill(person, *before, password, password)
    assert password not in person.text


@SIZES
async def test_a_list_from_its_first_user_to_its_last(
    tmp_path: Path, doors: dict[str, Household], size: tuple[int, int]
) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home)
        async with watching(home, size) as person:
            await opened(person)
            await person.sees("No user yet: press a to add the first one.", "lets nobody in", "not there yet")

            await person.press("a")
            await person.sees("Add a user to homelab/ingress-auth")
            await typed_twice(person, LONG, "anna")
            await hears(
                person, "▸ anna", "bcrypt", f"✓ written: anna was added; asked {HOST}: 401 without, 200 as anna"
            )
            assert names(home) == ["anna"]

            await person.press("delete")
            await person.sees("▲ ", "last")
            assert "type anna" not in person.text

            await person.press("a")
            await typed_twice(person, LONG, "bert")
            await hears(person, f"bert was added; asked {HOST}: 401 without, 200 as bert")
            await person.press("p")
            await person.sees("Another password for anna")
            await typed_twice(person, OTHER)
            await hears(person, f"anna has a new password; asked {HOST}: 401 without, 200 as anna")

            await person.press("r")
            await person.sees("Another name for anna")
            await person.press("ctrl+u")
            await fill(person, "carla")
            await hears(person, "anna is now called carla", "▸ carla")

            await person.press("delete")
            await person.sees("Remove carla from homelab/ingress-auth?", "▸ Cancel")
            await person.press("enter")
            await person.misses("▸ Cancel")
            assert names(home) == ["carla", "bert"]
            await person.press("delete", *"carla", "enter")
            await hears(person, "written: carla was removed", "401 without")
            assert names(home) == ["bert"]

            await person.press("u")
            await hears(person, "carla was removed: homelab/ingress-auth becomes what it was before")
            await person.press("right", "enter")
            await hears(person, "taken back: carla was removed")
            assert names(home) == ["carla", "bert"]
            await person.press("u")
            await person.sees("▲ nothing was changed")
    for password in (LONG, OTHER):
        assert files_with(tmp_path, password) == []
    (journal,) = tmp_path.rglob("journal.jsonl")
    first, second = [json.loads(line) for line in journal.read_text().splitlines()][:2]
    told = {"file": "homelab/ingress-auth", "verb": "add", "about": "anna"}
    assert (first["event"], second["event"]) == ("users", "users-written")
    assert told.items() <= first.items()
    assert "$2" not in journal.read_text()


@SIZES
async def test_what_somebody_else_writes_appears_and_costs_its_row(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, size) as person:
            await opened(person)
            await person.sees("▸ guest", "apr1", "▲ an older hash")
            with painting() as painted:
                home.put(secret(APR1, APR1.replace(b"guest", b"other")))
                await person.sees("  other")
            assert [line for line in painted if line[0] == "below"] == []

            await person.press("1")
            await person.sees("▸1 home")
            home.put(secret(APR1))
            await person.press("7")
            await person.misses("  other")


async def test_a_password_is_tried_at_the_door(tmp_path: Path, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home, read_only=True) as person:
            await opened(person)
            await person.press("v")
            await person.sees("Try the password of guest?")
            await fill(person, "myPassword")
            await hears(person, f"✓ asked {HOST}: 401 without, 200 as guest")
            await person.press("v", *"wrong", "enter")
            await hears(person, f"✗ asked {HOST}: 401 without, 401 as guest: the password is not accepted")


async def test_read_only_writes_nothing_and_says_so(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, read_only=True) as person:
            await opened(person)
            assert "a add" not in person.lines[-1]
            for key, word in (("a", "add"), ("p", "password"), ("delete", "remove")):
                await person.press(key)
                await person.sees(f"{word} does nothing")


async def test_the_yaml_of_a_user_has_the_middleware_and_the_secret_without_what_is_secret(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, LARGE) as person:
            await opened(person)
            await person.press("y")
            await person.sees("kind: Middleware", "kind: Secret", "bytes, hidden>")
            assert APR1.decode() not in person.text
            assert b64encode(APR1 + b"\n").decode() not in person.text


async def test_a_file_that_cannot_be_read_says_so_in_the_place_of_its_users(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, b"# users of home", b"nonsense")
        async with watching(home) as person:
            await opened(person)
            await hears(person, "lines 1 and 2 cannot be read by Traefik")
            assert "No user yet" not in person.text


async def test_while_a_change_is_written_nobody_goes_to_another_cluster(
    tmp_path: Path, doors: dict[str, Household], monkeypatch: pytest.MonkeyPatch
) -> None:
    free = asyncio.Event()

    class Slow(LibpassPasswords):
        async def hash(self, password: str, cost: int) -> str:
            await free.wait()
            return await super().hash(password, 4)

    monkeypatch.setattr(wiring, "passwords", Slow)
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            await opened(person)
            await person.press("p")
            await typed_twice(person, LONG)
            await hears(person, "hashing and writing")
            for begin in ("context.lab", "read-only"):
                person.app.action_run(begin)
                await hears(person, "first end what goes on", "what is being written")
            free.set()
            await hears(person, "guest has a new password")


async def test_several_files_one_after_the_other(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        home.put(middleware("apps", "own", "guests"))
        home.put(secret(APR1.replace(b"guest", b"zoe"), namespace="apps", name="guests"))
        async with watching(home) as person:
            await person.sees("1 served")
            await person.press("7")
            await person.sees("▸Users ─ homelab/ingress-auth ─ 1 of 2", "▸ guest")
            await person.press("right_square_bracket")
            await person.sees("▸Users ─ apps/guests ─ 2 of 2 ─ guards nothing yet", "▸ zoe", "no host yet")
            await person.press("left_square_bracket")
            await person.sees("1 of 2", "▸ guest")


@pytest.mark.parametrize("size", [SMALL, (40, 10)])
async def test_a_secret_with_two_keys_is_shown_and_not_touched(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        guarded(home)
        home.put(secret(APR1, more=b64encode(b"x").decode()))
        async with watching(home, size) as person:
            await person.press("7")
            await person.sees("Users ─ homelab/ingress-auth", "has 2", "keys (more, users)")
            before = home.store.get(FILE)
            await person.press("a")
            await hears(person, " ▲ ", "key")
            assert home.store.get(FILE) == before


async def test_secrets_that_may_not_be_read_are_said(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        home.forbidden.add("secrets")
        async with watching(home) as person:
            await person.press("7")
            await person.sees("✗ failed", "secrets is forbidden")
            await person.press("a")
            await person.sees(" ▲ ", "secrets is forbidden")


async def test_before_the_first_deploy_it_says_what_to_do(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("7")
        await person.sees("Nothing asks for a password yet: press 6", "not there yet")


async def imported(person: Person, path: Path) -> None:
    """Ask for an import of that file."""
    await person.press("colon", *"import users", "enter")
    await person.sees("Import users into homelab/ingress-auth")
    await fill(person, str(path))


async def test_lists_are_read_from_files_and_written_to_them(tmp_path: Path, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        old, new = tmp_path / "old.htpasswd", tmp_path / "new.htpasswd"
        old.write_bytes(b"\n".join((b"# users of home", ZOE, BERTS, b"")))
        async with watching(home) as person:
            await opened(person)
            await person.press("colon", *"export users", "enter")
            await person.sees("Write the users of homelab/ingress-auth", "mode 0600")
            await fill(person, str(new))
            await hears(person, "1 user of homelab/ingress-auth")
            assert (new.read_bytes(), new.stat().st_mode & 0o777) == (APR1 + b"\n", 0o600)

            await imported(person, old)
            await person.sees(
                "Import 2 users into homelab/ingress-auth?", "zoe was added", "guest has another password"
            )
            await hears(person, "line 1 of the other file stays out")
            assert names(home) == ["guest"], "what is asked is not written"
            await person.press("enter")
            await hears(person, "nothing was imported")
            await imported(person, old)
            await person.sees("Import 2 users into homelab/ingress-auth?")
            await person.press("right", "enter")
            await hears(person, f"written: 2 users imported; asked {HOST}: 401 without")
            assert content(home) == BERTS + b"\n" + ZOE + b"\n"
            await imported(person, old)
            await hears(person, "nothing to import")
            await person.press("u", "right", "enter")
            await hears(person, "taken back: 2 users imported")
            assert names(home) == ["guest"]


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (b"# users of home\n", "has no users"),
        (b"\x89PNG\r\n\x1a\n", "has no users"),
        (b"zoe:$6$unknown$to.Traefik\n", "zoe cannot be imported"),
        (None, "cannot be read"),
    ],
)
async def test_what_is_no_list_of_users_is_not_read_in(tmp_path: Path, found: bytes | None, why: str) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        old = tmp_path / "old.htpasswd"
        if found is not None:
            old.write_bytes(found)
        async with watching(home) as person:
            await opened(person)
            await imported(person, old)
            await hears(person, why)
            assert content(home) == APR1 + b"\n"


async def test_a_cluster_without_users_has_the_view_too(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, (60, 20)) as person:
            await person.press("7")
            await person.sees("Users ─ homelab/ingress-auth ─ guards nothing yet", "No user yet")
