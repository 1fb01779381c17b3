"""Colours, read-only, another cluster, keys of one's own, and help that begins with what is in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
import yaml
from rooms import SMALL, Household, Person, deployed, household, service, watching
from textual.color import Color
from textual.theme import Theme

from homelab.observe.text import clean
from screens.commands import CHOSEN, COMMANDS
from screens.keys import choose
from screens.widgets.lines import styles
from tui.app import Console
from tui.console import Home
from tui.options import Options
from tui.settings import THEMES, Settings
from tui.themes import CALM, COARSE, CONTRAST, LIGHT, TERMINAL, fitting
from tui.themes import THEMES as COLOURS


@pytest.fixture(autouse=True)
def own_keys() -> Iterator[None]:
    """Keys that a test chose are nobody else's."""
    yield
    CHOSEN.clear()


@asynccontextmanager
async def opened(home: Household, **liked: object) -> AsyncIterator[Person]:
    """The console with settings of its own."""
    options = Options(plan=home.plan, kubeconfig=str(home.kubeconfig), context=None, mirror=None, read_only=False)
    app = Console(Home(options), read_only=False, **liked)  # type: ignore[arg-type]
    async with app.run_test(size=SMALL) as pilot:
        yield Person(app, pilot)


@pytest.mark.parametrize(("theme", "least"), [(CALM, 4.5), (LIGHT, 4.5), (COARSE, 4.3), (CONTRAST, 7.0)])
def test_every_text_stands_out_from_what_is_behind_it(theme: Theme, least: float) -> None:
    found = styles(theme)
    cursor = found["cursor"].bgcolor
    assert cursor
    assert cursor.triplet
    grounds = {"background": theme.background, "panel": theme.panel, "cursor": cursor.triplet.hex}
    texts = {name: style.color.triplet.hex for name, style in found.items() if style.color and style.color.triplet}

    low = {
        (name, ground): ratio
        for name, text in {**texts, "": theme.foreground}.items()
        for ground, behind in grounds.items()
        if (ratio := contrast(str(text), str(behind))) < least
    }

    assert low == {}


def contrast(one: str, other: str) -> float:
    """Of two colours. Source: WCAG 2.2, contrast ratio."""
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """How bright a colour is. Source: WCAG 2.2, relative luminance."""
    parts = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in Color.parse(color).normalized
    ]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def test_the_terminals_own_colours_are_names_and_paint_nothing() -> None:
    for style in styles(TERMINAL).values():
        assert style.bgcolor is None
        assert style.color is None or style.color.triplet is None
    assert fitting("light", "standard") == COARSE.name
    assert fitting("terminal", "standard") == TERMINAL.name


def test_every_theme_of_the_settings_is_there_and_in_the_palette() -> None:
    assert {one.name for one in COLOURS} == {*THEMES, COARSE.name}
    assert [one.id for one in COMMANDS if one.id.startswith("theme.")] == [f"theme.{name}" for name in THEMES]


async def test_colours_change_at_once_and_it_is_said_how_to_keep_them(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with opened(home, settings=Settings(theme="contrast")) as person:
            await person.sees("2 given")
            assert person.app.theme in {CONTRAST.name, COARSE.name}
            await person.press("colon", *"theme: term", "enter")
            await person.sees("terminal until you leave", 'write theme = "terminal"')
            assert person.app.theme == "terminal"


async def test_what_is_wrong_with_the_settings_is_said_until_a_key_is_pressed(tmp_path: Path) -> None:
    async with household(tmp_path) as home, opened(home, trouble="settings.toml:3: no such setting") as person:
        await person.sees("▲ settings.toml:3: no such setting")
        await person.press("down")
        await person.misses("no such setting")


async def test_read_only_is_a_toggle_unless_it_was_told_for_good(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        async with opened(home, settings=Settings(read_only=True)) as person:
            await person.sees("read-only")
            await person.press("ctrl+r")
            await person.sees("read-write", "writing is allowed")
            await person.press("ctrl+r")
            await person.sees("read-only", "nothing is written from now on")
        async with watching(home, read_only=True) as person:
            await person.press("ctrl+r")
            await person.sees("--read-only was given when homelab-tui was started", " read-only")


async def test_keys_of_ones_own_are_everywhere(tmp_path: Path) -> None:
    choose({"view.routes": "f7", "table.filter": "f", "quit": "X"})
    async with household(tmp_path) as home:
        deployed(home)
        async with opened(home) as person:
            await person.sees("f7 routes", " f : ? X")
            await person.press("f7")
            await person.sees("▸Routes")
            await person.press("f", *"web", "enter")
            await person.sees("/web 1 of 1")
            await person.press("question_mark")
            await person.sees("Keys of Routes", " f ")


async def test_help_begins_with_what_is_in_front(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with opened(home) as person:
            await person.press("2")
            await person.sees("2 given")
            await person.press("question_mark")
            await person.sees("Keys of Allocations", "By the next column")
            assert person.text.index("By the next column") < person.text.index("Keys everywhere")


@asynccontextmanager
async def two(folder: Path) -> AsyncIterator[tuple[Household, Household]]:
    """Two clusters in one kubeconfig."""
    folders = [folder / "one", folder / "two"]
    for each in folders:
        each.mkdir()
    async with household(folders[0]) as one, household(folders[1]) as other:
        found = [yaml.safe_load(each.kubeconfig.read_text()) for each in (one, other)]
        for part, kind in (("contexts", "context"), ("clusters", "cluster")):
            second = found[1][part][0]
            second["name"] = "other"
            if kind == "context":
                second[kind]["cluster"] = "other"
            found[0][part].append(second)
        one.kubeconfig.write_text(yaml.safe_dump(found[0]))
        one.put(service("game", "192.168.1.22"))
        other.put(service("music", "192.168.1.23"))
        yield one, other


async def show(person: Person, context: str) -> None:
    """Another cluster, by name."""
    await person.press("colon", *f"cluster: {context}")
    await person.sees(f"▸ Cluster: {context}")
    await person.press("enter")


async def test_another_cluster_takes_the_place_of_all_that_was_known(tmp_path: Path) -> None:
    async with two(tmp_path) as (one, _), opened(one) as person:
        await person.sees("homelab/game")
        await show(person, "other")
        await person.sees("homelab/music", "other", "▲ not the plan's")
        assert "homelab/game" not in person.text
        assert clean(person.text.splitlines()[0]).startswith(" homelab  other")

        await show(person, "lab")
        await person.sees("homelab/game")
        assert "not the plan's" not in person.text
        await show(person, "lab")
        await person.sees("lab is in front already")


async def test_there_and_back_twenty_times_leaves_nothing_behind(tmp_path: Path) -> None:
    async with two(tmp_path) as (one, _), opened(one) as person:
        await person.sees("homelab/game")

        def turn(name: str) -> None:
            person.app.action_run(f"context.{name}")

        async def there_and_back() -> None:
            for name, seen in (("other", "homelab/music"), ("lab", "homelab/game")):
                turn(name)
                await person.sees(seen, "● live")

        await there_and_back()
        before = len(asyncio.all_tasks()), connections()
        for _ in range(10):
            await there_and_back()

        await person.until(lambda: len(asyncio.all_tasks()) <= before[0] and connections() <= before[1])


def connections() -> int:
    """Of this process, either end."""
    return sum(one.status == psutil.CONN_ESTABLISHED for one in psutil.Process().net_connections("tcp"))
