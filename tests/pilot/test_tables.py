"""What can be done to every table: filter, sort, stand still, write to a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rooms import LARGE, Person, deployed, household, ingress, painting, service, watching


@pytest.fixture
def known_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Traefik does not list is a problem now, not in six seconds: tables are what is tried here."""
    monkeypatch.setattr("homelab.observe.live.FRESH_SECONDS", 0)


def hosts(person: Person) -> list[str]:
    """Names of the apps that are in view, from above."""
    lines = [line[2:].split()[0] for line in person.text.splitlines() if ".home.test" in line[:20]]
    return [line.removesuffix(".home.test") for line in lines]


def pointed(person: Person) -> str:
    """The line under the cursor."""
    return next((line for line in person.text.splitlines() if line.startswith("▸ ")), "")


@pytest.mark.usefixtures("known_at_once")
async def test_a_filter_shows_what_passes_with_every_letter_until_esc(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(*(ingress(f"app-{at}", f"app-{at}.home.test") for at in range(11)))
        async with watching(home) as person:
            await person.press("3")
            await person.sees("11 problems")

            await person.press("slash", "a", "p", "p", "minus", "1")
            await person.sees("▸Routes ─ /app-1 2 of 12", "app-10.home.test")
            assert hosts(person) == ["app-1", "app-10"]
            await person.press("enter", "down")
            assert "app-10.home.test" in pointed(person)

            home.put(ingress("more", "app-100.home.test"))
            await person.sees("/app-1 3 of 13")

            await person.press("slash", "ctrl+u", *"!app-")
            await person.sees("/!app- 1 of 13", "web.home.test")
            await person.press(*"x", "escape")
            await person.sees("▸Routes ─ 1 served")


@pytest.mark.usefixtures("known_at_once")
async def test_where_nothing_passes_the_cursor_waits_and_esc_brings_all_back(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served", "✓ given")
            await person.press("slash", *"nobody", "enter")
            await person.sees("▸Allocations ─ /nobody 0 of 2", "No row passes the filter.")
            home.put(service("game", "192.168.1.22"))
            await person.sees("/nobody 0 of 3", "▸Allocations")
            home.put(service("nobody", "192.168.1.23"))
            await person.sees("▸ 192.168.1.23")
            await person.press("3", "1")
            await person.sees("/nobody 1 of 4")

            await person.press("escape")
            await person.sees("4 given", "192.168.1.20")


async def test_columns_are_sorted_one_after_the_other_and_the_cursor_keeps_its_row(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(service("alpha", "192.168.1.9"), service("beta", "192.168.1.10"))
        async with watching(home, LARGE) as person:
            await person.press("2")
            await person.sees("4 given")
            await person.press("down")
            row = pointed(person).split()[2]

            await person.press("o")
            await person.sees("ADDRESS ▴")
            assert person.text.index("192.168.1.9 ") < person.text.index("192.168.1.10 ")
            assert row in pointed(person)
            await person.press("O")
            await person.sees("ADDRESS ▾")
            assert person.text.index("192.168.1.20 ") < person.text.index("192.168.1.10 ")
            await person.press("o")
            await person.sees("SERVICE ▴")
            assert person.text.index("homelab/alpha") < person.text.index("homelab/traefik-external")
            await person.press(*"ooooo", "o")
            await person.misses("▴", "▾")


@pytest.mark.usefixtures("known_at_once")
async def test_on_home_the_order_of_a_person_comes_before_the_worst(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(ingress("zzz", "zzz.home.test"))
        async with watching(home, LARGE) as person:
            await person.sees("1 served, 1 problem", "zzz.home.test")
            assert hosts(person) == ["zzz", "web"]
            await person.press("tab", "o")
            await person.sees("HOST ▴")
            assert hosts(person) == ["web", "zzz"]


async def test_what_stands_still_is_not_painted_and_goes_on_with_all_that_came(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("2 given", "1 served")
            await person.press("z")
            await person.sees("paused since ")
            with painting() as painted:
                home.put(service("game", "192.168.1.22"))
                snapshot = person.app.scene.snapshot
                await person.until(lambda: person.app.scene.snapshot is not snapshot)
                await person.pilot.pause()
            assert painted == []
            assert "2 given" in person.text

            await person.press("z")
            await person.sees("3 given")
            assert "paused" not in person.text


@pytest.mark.parametrize(("turns", "ending"), [(0, "txt"), (1, "json"), (2, "csv")])
async def test_a_table_is_written_as_it_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int, ending: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("2")
            await person.sees("2 given")
            await person.press("o", "O", "slash", *"traefik", "enter", "w")
            await person.sees("Write Allocations /traefik 2 of 2: 2 rows", "File  allocations-")
            await person.press(*["tab"] * turns, "ctrl+u", *f"out.{ending}", "enter")
            await person.sees("✓ written to", f"out.{ending}")

            found = tmp_path / f"out.{ending}"
            text = found.read_text()
            assert found.stat().st_mode & 0o777 == 0o600
            assert text.index("192.168.1.21") < text.index("192.168.1.20")
            if ending == "json":
                assert json.loads(text)[0]["NODE"] == "node2"

            await person.press("w", *["tab"] * turns, "ctrl+u", *f"out.{ending}", "enter")
            await person.sees("✗ ", "take another name")
            assert found.read_text() == text


async def test_a_dialog_of_a_table_fits_the_smallest_terminals(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("2 given")
            for key in ("slash", "w"):
                await person.press(key)
                for size in ((40, 10), (20, 5), (3, 2), (80, 24)):
                    await person.resize(*size)
                    assert all(len(line) <= size[0] for line in person.lines)
                await person.press("escape")


@pytest.mark.usefixtures("known_at_once")
async def test_a_table_that_is_scrolled_begins_with_a_row_and_not_with_what_is_said_of_one(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(*(ingress(f"app-{at:02}", f"app-{at:02}.home.test") for at in range(30)))
        async with watching(home) as person:
            await person.press("3")
            await person.sees("30 problems")
            for _ in range(31):
                await person.press("down")
                assert ".home.test" in person.lines[3][:30], person.text


async def test_a_state_that_has_no_room_says_that_more_of_it_is_missing(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, (40, 10)) as person:
            await person.press("8")
            await person.sees("▸Apps", "✓ ")
            await person.until(lambda: "…" in person.line("▸ ")[-6:], "an ellipsis")
