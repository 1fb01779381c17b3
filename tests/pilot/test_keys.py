"""Keys, views, help, the cursor, and terminals of other sizes."""

from __future__ import annotations

from pathlib import Path

import pytest
from rooms import (
    LARGE,
    SMALL,
    Household,
    Person,
    deployed,
    household,
    ingress,
    service,
    watching,
)


def many(count: int, start: int = 0) -> list[object]:
    """Ingresses by number."""
    return [ingress(f"app-{at:04}", f"app-{at:04}.home.test") for at in range(start, start + count)]


def pointed(person: Person) -> str:
    """The line under the cursor."""
    (found,) = [line for line in person.text.splitlines() if line.startswith("▸ ")]
    return found


def crowded(home: Household, patch: pytest.MonkeyPatch, count: int = 40) -> None:
    """Many routes that Traefik does not know; no time is given to it to learn of them."""
    patch.setattr("homelab.observe.live.FRESH_SECONDS", 0)
    deployed(home)
    home.put(*many(count))  # type: ignore[arg-type]


async def test_number_keys_open_one_pane_on_the_whole_screen(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served")
            assert person.lines[-1].startswith("▸1 home")

            await person.press("3")
            await person.sees("▸Routes", "From     Ingress apps/web", "State    ✓ served by 2 of 2")
            assert "Allocations" not in person.text
            assert "▸3 routes" in person.lines[-1]

            await person.press("2")
            await person.sees("▸Allocations", "Announced by  node1", "Wanted        any of the pool")

            await person.press("1")
            await person.sees("Addresses ─", "Allocations ─", "Routes ─")


async def test_tab_goes_from_pane_to_pane_and_arrows_from_row_to_row(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served", "✓ given", "✓ served")
            assert "traefik-internal" in pointed(person)

            await person.press("down")
            assert "traefik-external" in pointed(person)
            await person.press("down", "k")
            assert "traefik-internal" in pointed(person)

            await person.press("tab")
            assert "web.home.test" in pointed(person)
            assert "▸Routes" in person.text
            await person.press("shift+tab")
            assert "▸Allocations" in person.text


async def test_details_follow_the_cursor(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("2")
            await person.sees("Address       192.168.1.20")
            await person.press("down")
            await person.sees("Address       192.168.1.21", "Announced by  node2")


async def test_pages_ends_and_beginnings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with household(tmp_path) as home:
        crowded(home, monkeypatch)
        async with watching(home) as person:
            await person.press("3")
            await person.sees("app-0000", "40 problems")
            await person.press("end")
            assert "web.home.test" in pointed(person)
            assert "HOST" in person.lines[2]
            await person.press("pageup")
            assert "web.home.test" not in pointed(person)
            await person.press("home")
            assert "app-0000" in pointed(person)
            await person.press("up", "pagedown")
            assert "app-0000" not in pointed(person)


async def test_the_cursor_keeps_its_row_when_rows_come_and_go_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with household(tmp_path) as home:
        crowded(home, monkeypatch)
        async with watching(home) as person:
            await person.press("3")
            await person.sees("40 problems")
            await person.press(*["down"] * 5)
            assert "app-0005" in pointed(person)

            home.put(ingress("aaa", "aaa.home.test"))
            await person.sees("41 problems")
            assert "app-0005" in pointed(person)

            home.take(*many(5))  # type: ignore[arg-type]
            await person.sees("36 problems")
            assert "app-0005" in pointed(person)

            home.take(*many(1, start=5))  # type: ignore[arg-type]
            await person.sees("35 problems")
            assert "app-0006" in pointed(person)
            assert "app-0006" in person.line("Host  ")


async def test_help_opens_over_any_view_and_closes_again(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("3")
            for closing in ("escape", "question_mark", "q", "f1", "enter"):
                await person.press("question_mark")
                await person.sees("Which host leads where", "esc back")
                await person.press(closing)
                await person.sees("▸Routes")


async def test_a_view_opened_from_help_leaves_no_help_behind(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("f1")
            await person.sees("Which host leads where")
            await person.press("2")
            await person.sees("▸Allocations")
            await person.press("1")
            await person.sees("Addresses ─")


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_it_is_left_with_code_0(tmp_path: Path, key: str) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.pilot.press(key)
        await person.until(lambda: person.app.return_value == 0)


async def test_ctrl_c_leaves_from_help_too(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("f1")
        await person.pilot.press("ctrl+c")
        await person.until(lambda: person.app.return_value == 0)


async def test_a_view_that_was_not_seen_shows_the_newest_when_it_is_opened(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("2")
            await person.sees("2 given")
            await person.press("1")
            home.put(service("game", "192.168.1.22"))
            await person.sees("3 given")
            await person.press("2")
            assert "homelab/game" in person.text


async def test_a_tiny_terminal_shows_what_it_can_and_a_large_one_everything_again(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, SMALL) as person:
            await person.sees("served by 2 of 2", "k8s v1.", "2/14 used", "d DHCP")
            before = person.text

            for size in ((20, 5), (1, 1), (3, 2), (200, 3), (2, 60)):
                await person.resize(*size)
                assert all(len(line) <= size[0] for line in person.lines)
            await person.resize(20, 5)
            await person.sees("homelab", "api ●", "192.168", "▸1 home  2 3 4 5 6 7")

            await person.resize(*SMALL)
            await person.sees_exactly(before)


async def test_what_is_below_the_edge_is_counted_and_the_cursor_goes_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with household(tmp_path) as home:
        crowded(home, monkeypatch)
        async with watching(home, SMALL) as person:
            await person.sees("1 served, 40 problems", "more")
            seen = person.text.count(".home.test ")
            assert f"▾ {41 - seen} more" in person.text

            await person.press("tab", *["down"] * 40)
            await person.until(lambda: pointed(person).startswith("▸ web.home.test"))
            assert "more" not in person.text


async def test_on_a_low_terminal_tab_brings_the_next_pane_into_view(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, (80, 8)) as person:
            await person.sees("▸Allocations", "▸ 192.168.1.20", "1 served")

            await person.press("tab")

            await person.sees("▸Routes", "▸ web.home.test")
            assert person.lines[0].startswith(" homelab")
            assert person.lines[-1].startswith("▸1 home")


async def test_wide_and_narrow_terminals_stand_panes_side_by_side_or_in_a_column(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, SMALL) as person:
            await person.sees("1 served", "2/14 used", "d DHCP")
            assert "Allocations" not in person.line("Addresses ─")

            await person.resize(*LARGE)
            await person.until(lambda: "▸Allocations" in person.line("Addresses ─"))
            await person.press("3")
            await person.resize(*SMALL)
            await person.press("1")
            await person.until(lambda: "Allocations" not in person.line("Addresses ─"))
