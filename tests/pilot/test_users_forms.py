"""Forms with passwords: judged while they are typed, forgotten with the dialog; and what happens when two write."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from guests import APR1, LONG, OTHER, Doors, content, guarded, names, secret
from rooms import LARGE, SMALL, Household, Person, household, watching

from screens.dialogs.form import FormDialog
from screens.widgets.form import Text
from tui import wiring

SIZES = pytest.mark.parametrize("size", [SMALL, (40, 10)])
BERT = APR1.replace(b"guest", b"bert")


@pytest.fixture(autouse=True)
def doors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Household]:
    """No Traefik runs here: what its doors would say comes from the Secret of the household that a test puts in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    homes: dict[str, Household] = {}
    monkeypatch.setattr(wiring, "web", lambda _: Doors(homes["home"]))
    return homes


async def opened(person: Person, key: str) -> FormDialog:
    """The form of a key."""
    await person.press("7")
    await person.sees("▸ guest", "● live")
    await person.press(key)
    await person.until(lambda: isinstance(person.app.screen, FormDialog), "a form")
    found = person.app.screen
    assert isinstance(found, FormDialog)
    return found


@SIZES
async def test_faults_are_said_at_once_and_keep_a_person_there(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, size) as person:
            await opened(person, "a")
            for name, why in (("a:b", "colon"), ("a,b", "comma"), ("guest", "there"), (" x", "space")):
                await person.press("ctrl+u", *name)
                await person.until(lambda why=why: "✗" in person.text and why in person.text, why)  # type: ignore[misc]
            await person.press("enter")
            await person.sees("✗", "space")
            await person.press("ctrl+u", *"anna", "enter", *"abc")
            await person.sees("▲ short", "•••")
            await person.press("ctrl+u", *("x" * 73))
            await person.sees("✗ a pass", "72 bytes")
            await person.press("ctrl+u", *LONG, "down", *"another")
            await person.sees("✗ not the sa")
            await person.press("enter")
            await person.sees("Add a user to")
            assert LONG not in person.text
            await person.press("escape")
            await person.misses("Add a user to")
            assert names(home) == ["guest"]


async def test_one_that_is_made_is_shown_once_and_can_be_copied(tmp_path: Path, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home, LARGE) as person:
            form = await opened(person, "p")
            await person.press("f2")
            await person.sees("✓ made for you", "Note it now")
            made = form._rows["password"].control.value
            assert made in person.text
            await person.press("f3")
            await person.sees("✓ Copied, if your terminal lets programs copy (OSC 52)")
            await person.press("x")
            await person.misses(made)
            await person.sees("Again")
            await person.press("f2", "enter")
            await person.sees("guest has a new password", "200 as guest")
            assert made not in person.text
            assert person.app.clipboard == ""
            del form


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_what_was_typed_leaves_with_the_dialog(tmp_path: Path, key: str, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            form = await opened(person, "p")
            await person.press(*LONG, "tab", *LONG, key)
            await person.until(lambda: not form.is_mounted or not form.is_attached, "the form to go")
            await person.until(lambda: not any(LONG in one.value for one in texts()), "fields to be empty")
            if key == "enter":
                await person.sees("200 as guest")
            assert LONG not in repr(person.app.scene)
            assert LONG not in person.text


def texts() -> list[Text]:
    """Every field that is in memory still."""
    return [one for one in gc.get_objects() if isinstance(one, Text)]


async def contested(person: Person, home: Household, key: str, *theirs: bytes) -> None:
    """A change that is sent off after somebody else's was made."""
    await opened(person, key)
    home.put(secret(*theirs))
    fields = ("anna", LONG, LONG) if key == "a" else (LONG, LONG)
    for text in fields:
        await person.press(*text, "enter")
    await person.sees("Somebody else changed homelab", "▸ Drop mine")


async def test_both_changes_can_be_had_where_they_concern_others(tmp_path: Path, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            await contested(person, home, "a", APR1, BERT)
            await person.sees("bert", "Mine: anna is added")
            assert LONG not in repr(person.app.scene)
            await person.press("right")
            await person.sees("▸ Merge", "on top of theirs")
            await person.press("enter")
            await person.sees("written: anna was added")
            assert names(home) == ["guest", "bert", "anna"]


@SIZES
async def test_theirs_can_be_overwritten(tmp_path: Path, doors: dict[str, Household], size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home, size) as person:
            await contested(person, home, "a", BERT)
            await person.press("left")
            await person.sees("▸ Overwrite")
            await person.press("enter")
            await person.sees("anna was added")
            assert names(home) == ["guest", "anna"]


async def test_mine_is_dropped_and_merging_is_not_offered_for_the_same_user(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            theirs = APR1.replace(b"HqJZ", b"HqJY")
            await contested(person, home, "p", theirs)
            assert "Merge" not in person.text
            await person.press("1")
            await person.sees("▸Allocations")
            await person.press("7")
            await person.sees("Somebody else changed homelab/ingress-auth")
            await person.press("escape")
            await person.sees("▲ yours is dropped")
            assert content(home) == theirs + b"\n"


async def test_keys_that_come_in_one_burst_reach_their_fields(tmp_path: Path, doors: dict[str, Household]) -> None:
    async with household(tmp_path) as home:
        doors["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            await opened(person, "a")
            await person.pilot.press(*"anna", "enter", *OTHER, "tab", *OTHER, "enter")
            await person.sees("200 as anna")


async def test_a_name_is_not_called_wrong_before_it_was_changed(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            await opened(person, "r")
            await person.sees("Another name for guest", "▸ Name")
            assert "✗" not in person.text
            await person.press("enter")
            await person.sees("✗", "already")


async def test_a_file_that_was_read_over_another_connection_is_looked_at_again_and_not_overwritten(
    tmp_path: Path,
) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            await opened(person, "a")
            home.put(secret(BERT))
            person.app._services["users"]._read_by = None
            for text in ("anna", LONG, LONG):
                await person.press(*text, "enter")
            await person.sees("✗ nothing was written", "connection")
            assert "Overwrite" not in person.text
            assert names(home) == ["bert"]
