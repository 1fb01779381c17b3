"""Keys that come faster than what they do: each of them means what it would mean to a person who waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from guests import APR1, LONG, Doors, guarded, names
from rooms import LARGE, Household, Person, app, deployed, household, thing, watching
from wizards import PUBLIC, bare, on_paper, setting_up

from homelab.ports import Kind
from screens.dialogs.form import FormDialog
from screens.expose.pick import Pick
from tui import wiring
from tui.exposing import Exposing

EMPTY, ERASE, TAB, ENTER, DOWN, UP, DELETE = "\x15", "\x7f", "\t", "\r", "\x1b[B", "\x1b[A", "\x1b[3~"
LEAVE = pytest.mark.parametrize("leave", ["q", "\x03"])
EVERYTHING = f"12345678{DOWN}{TAB}{UP}{ENTER}{DELETE}:/?oOwyleazprcud[]gGjk{ERASE}{EMPTY}\x10\x12"


@pytest.fixture(autouse=True)
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Household]:
    """No Traefik runs here: what its doors would say comes from the Secret of the household that a test puts in."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    found: dict[str, Household] = {}
    monkeypatch.setattr(wiring, "web", lambda _: Doors(found["home"]))
    return found


def fields(person: Person) -> list[str]:
    """What stands in the fields of the form in front."""
    form = person.app.screen
    assert isinstance(form, FormDialog)
    return [row.control.value for row in form._rows.values()]


async def form_of_users(person: Person) -> None:
    """The form of a new user."""
    await person.press("7")
    await person.sees("▸ guest", "● live")
    await person.press("a")
    await person.sees("Add a user to")


SENT = {
    "x": ["x", "", ""],
    f"old{EMPTY}x": ["x", "", ""],
    f"ab{ERASE}c": ["ac", "", ""],
    "ab\x1b[D\x1b[Dc": ["cab", "", ""],
    f"ab{TAB}cd{DOWN}ef{UP}g": ["ab", "cdg", "ef"],
    f"ab{TAB}\x1b[200~c d\x1b[201~{TAB}e": ["ab", "c d", "e"],
}
"""What is typed in one go into an empty form, and what stands in its fields then."""


async def test_keys_of_one_read_are_for_the_field_that_the_cursor_is_in(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            await form_of_users(person)
            for sent, stand in SENT.items():
                person.write(sent)
                await person.until(lambda stand=stand: fields(person) == stand, (sent, stand))  # type: ignore[misc]
                await person.press("escape", "a")


async def test_a_whole_form_in_one_write_behind_the_keys_that_open_it(
    tmp_path: Path, homes: dict[str, Household]
) -> None:
    async with household(tmp_path) as home:
        homes["home"] = home
        guarded(home, APR1)
        async with watching(home, LARGE) as person:
            await person.sees("1 served")
            await person.press("7")
            await person.sees("▸ guest", "● live")
            person.write(f"aanna{TAB}{LONG}{TAB}{LONG}{ENTER}")
            await person.until(lambda: names(home) == ["guest", "anna"], "the user")


async def test_what_is_typed_behind_a_key_is_for_the_dialog_that_it_opens(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1, APR1.replace(b"guest", b"bert"))
        async with watching(home) as person:
            await person.press("7")
            await person.sees("▸ guest", "bert", "● live")

            person.write("/we!")
            await person.until(lambda: "/ we!" in person.text, "the filter")
            await person.press("escape")
            person.write(":export")
            await person.until(lambda: " : export" in person.text, "the palette")
            await person.press("escape")
            person.write(f"{DELETE}gues")
            await person.sees("type guest: gues▏")
            await person.press("escape")
            person.write(f"2w{EMPTY}here.txt{ENTER}3")
            await person.sees("▸Routes")
            await person.until((tmp_path / "here.txt").exists, "the file")
            assert [path.name for path in tmp_path.glob("*.txt")] == ["here.txt"]


@pytest.fixture
def _paper(tmp_path: Path) -> object:
    with on_paper(tmp_path):
        yield


@pytest.mark.usefixtures("_paper")
async def test_what_is_typed_while_the_cluster_is_read_is_for_what_comes_of_it(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(thing(Kind("v1", "Namespace"), "kube-system"), *app())
        async with watching(home, LARGE) as person:
            await person.press("8")
            await person.sees("▸8 apps", "● live")
            person.write(f"aAPPS we{ENTER}{TAB}{TAB}{EMPTY}new.internal.domain.com")
            await person.sees("Show an app  apps/web", "Internal host  new.internal.domain.com")
            assert not list(tmp_path.glob("*.txt"))


@LEAVE
async def test_what_was_entered_is_written_before_the_console_closes(
    tmp_path: Path, homes: dict[str, Household], leave: str
) -> None:
    async with household(tmp_path) as home:
        homes["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            await form_of_users(person)
            person.write(f"anna{TAB}{LONG}{TAB}{LONG}{ENTER}")
            await person.until(lambda: not isinstance(person.app.screen, FormDialog))
            person.write(leave)
            await person.until(lambda: person.app.return_value == 0)
            assert names(home) == ["guest", "anna"]
            assert not person.app.cut


async def test_who_leaves_twice_is_told_what_was_cut_off(
    tmp_path: Path, homes: dict[str, Household], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("homelab.access.users.save", never)
    async with household(tmp_path) as home:
        homes["home"] = home
        guarded(home, APR1)
        async with watching(home) as person:
            await form_of_users(person)
            person.write(f"anna{TAB}{LONG}{TAB}{LONG}{ENTER}")
            await person.until(lambda: bool(person.app.unfinished))
            person.write("q")
            await person.sees("still writing (homelab/ingress-auth: add anna)")
            person.write("q")
            await person.until(lambda: person.app.return_value == 0)
            assert person.app.cut == "homelab/ingress-auth: add anna"


@LEAVE
async def test_while_something_hangs_one_can_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leave: str) -> None:
    asked = asyncio.Event()

    async def hang(_: Exposing) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Exposing, "pick", hang)
    monkeypatch.setattr("tui.typeahead.PATIENCE", 0.5)
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("8")
            await person.sees("▸8 apps", "● live")
            person.write("aw")
            await asked.wait()
            person.write("what was meant for the list")
            await person.rest()
            assert not isinstance(person.app.screen, Pick)
            assert len(person.app.screen_stack) == 1, "nothing was opened by letters that were meant for another view"
            person.write(leave)
            await person.until(lambda: person.app.return_value == 0)


@LEAVE
async def test_no_key_raises_while_views_change_and_the_console_is_left(tmp_path: Path, leave: str) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            for opens in "12345678":
                person.write(f"{opens}{DOWN}{TAB}1{DOWN}")
            await person.rest()
            person.write((EVERYTHING if leave == "\x03" else "") + leave + EVERYTHING)
            await person.until(lambda: person.app.return_value == 0)
            person.write(EVERYTHING)


async def test_steps_of_the_set_up_in_one_write(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await person.sees("✓ the cluster answers")
        person.write(f"{ENTER * 3}not.{EMPTY}{PUBLIC}{ENTER}")
        await person.until(lambda: person.app.current_mode == "setup.certificates", "the step behind the router's")
        setup = person.app.scene.setup
        assert setup and PUBLIC in setup.draft.values.values()
