"""What goes wrong in the wild: hostile strings, broken objects, thousands of rows, keys and sizes in a storm."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from unicodedata import category

import pytest
from rooms import (
    LARGE,
    SMALL,
    Household,
    Person,
    announced,
    app,
    deployed,
    household,
    ingress,
    node,
    painting,
    refused,
    router,
    service,
    thing,
    watching,
)

from homelab.observe.text import cells
from homelab.ports import Kind

HOSTILE = "\x1b[31mred\x1b]0;title\x07\x9b2J\r\n\t\u202eabc\u2066\u200b"
WIDE = "家庭サーバー🏠🏠🏠"
COMBINING = "e\u0301\u0302\u0303o\u0308"
KEYS = ["1", "2", "3", "tab", "shift+tab", "up", "down", "pageup", "pagedown", "home", "end"]
KEYS += ["question_mark", "escape", "f1", "enter", "x", "left"]


def is_sound(person: Person) -> bool:
    """Every line exactly as wide as the terminal, and nothing in it that could steer one."""
    width = person.app.size.width
    lines = person.lines
    assert [line for line in lines if cells(line) != width] == []
    assert [char for line in lines for char in line if category(char) in {"Cc", "Cf", "Cs"}] == []
    return True


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_nothing_that_steers_a_terminal_gets_there(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(node(f"n-{HOSTILE}{WIDE}", "192.168.1.60", ready="Unknown"))
        home.put(service(f"s-{HOSTILE}{WIDE}", wanted=HOSTILE), service(f"s-{COMBINING}", zone=HOSTILE))
        home.put(service("refused"), refused("refused", f"{HOSTILE} no way {WIDE * 20} {COMBINING * 200}"))
        home.put(announced("refused", f"{HOSTILE}{WIDE}"), announced("traefik-internal", HOSTILE))
        home.put(ingress(f"i-{HOSTILE}", f"{HOSTILE}{WIDE}.home.test", to=HOSTILE), ingress("two", COMBINING * 60))
        home.routers["traefik-internal-1"][0]["error"] = [HOSTILE * 5]
        async with watching(home, size) as person:
            await person.sees("given, ", "problems", "no way")
            for key in ("2", *["down"] * 6, "3", *["down"] * 4, "1", "f1"):
                await person.press(key)
                assert is_sound(person)


@pytest.mark.parametrize("size", [(40, 12), LARGE])
async def test_names_of_300_characters(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        long = "very-long-name." * 20
        deployed(home)
        home.put(node(long, "192.168.1.61", ready="False"), service(long, "192.168.1.23"), announced(long, long))
        home.put(ingress(long, f"{long}home.test", to=long))
        async with watching(home, size) as person:
            await person.press("3")
            await person.sees("✗", "…")
            for key in ("down", "2", "down", "down", "1"):
                await person.press(key)
                assert is_sound(person)


async def test_objects_without_status_and_with_values_nobody_knows(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        odd = service("odd")
        odd["spec"] |= {"externalTrafficPolicy": "Sometimes", "ports": None}
        home.put(odd, thing(Kind("v1", "Node"), "bare"), thing(Kind("v1", "Service"), "empty", "apps"))
        home.put(thing(Kind("networking.k8s.io/v1", "Ingress"), "empty", "apps", spec={}))
        home.put({**router("a", "b"), **thing(Kind("discovery.k8s.io/v1", "EndpointSlice"), "none", "apps")})
        home.routers["traefik-internal-2"] = [{}, {"name": 7}]
        async with watching(home) as person:
            await person.sees("homelab/odd", "✗ bare")
            await person.press("2", "end")
            await person.sees("Policy        Sometimes: not known here")
            assert is_sound(person)


async def test_a_traefik_that_answers_nonsense_is_named(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.routers["traefik-internal-2"] = {"not": "a list"}  # type: ignore[assignment]
        async with watching(home) as person:
            await person.sees("▲ served by 1 of 2", "traefik ●✗", "traefik-internal-2", "did not answer with a list")


def thousand(home: Household) -> None:
    """A thousand routes that are served."""
    deployed(home)
    for at in range(1000):
        home.put(ingress(f"app-{at:04}", f"app-{at:04}.home.test"))
    found = [router(f"app-{at:04}", f"app-{at:04}.home.test") for at in range(1000)]
    for pod in ("traefik-internal-1", "traefik-internal-2"):
        home.routers[pod] += found


async def test_a_thousand_routes_shrink_to_two_while_the_cursor_is_on_the_last(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        thousand(home)
        async with watching(home) as person:
            await person.press("3")
            await person.sees("1001 served", "▸3 routes", "▸ app-0000.home.test")
            await person.press("end", "pageup", "end")
            await person.sees("▸ web.home.test")

            for pod in home.routers:
                home.routers[pod] = home.routers[pod][:2]
            home.take(*(ingress(f"app-{at:04}", "") for at in range(1, 1000)))

            await person.sees(" 2 served", "▸ web.home.test", "  app-0000.home.test")
            assert is_sound(person)


async def test_a_changed_row_is_painted_alone(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served", "2 given", "2/14 used", "traefik ●●", "d DHCP")
            await person.pilot.pause()
            with painting() as painted:
                home.put(announced("traefik-external", "node1"))
                await person.until(lambda: "node1" in person.line("traefik-external"))
                await person.pilot.pause()
            assert painted == [("PatchTable", 2)]


async def test_what_changes_nothing_on_the_screen_paints_nothing(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served", "2 given", "2/14 used", "traefik ●●", "d DHCP")
            await person.pilot.pause()
            before = person.app.scene.snapshot
            with painting() as painted:
                home.put(thing(Kind("v1", "Service"), "other", "apps", spec={"type": "ClusterIP"}))
                await person.until(lambda: person.app.scene.snapshot is not before)
                await person.pilot.pause()
            assert painted == []


async def test_unseen_views_are_not_painted(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.press("2")
            await person.press("3")
            await person.sees("1 served")
            await person.pilot.pause()
            with painting() as painted:
                home.put(service("game", "192.168.1.22"))
                await person.until(lambda: len(person.app.scene.snapshot.allocations) == 3)  # type: ignore[union-attr]
                await person.pilot.pause()
            assert painted == []


async def test_the_cursor_paints_two_lines_a_step(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served", "2 given", "2/14 used", "traefik ●●", "d DHCP")
            await person.pilot.pause()
            with painting() as painted:
                await person.press("down")
            assert sorted(painted) == [("PatchTable", 1), ("PatchTable", 2)]


async def test_a_pane_that_loses_its_rows_under_the_cursor_gives_it_away(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("2 given", "1 served")
            home.take(service("traefik-internal"), service("traefik-external"))
            await person.sees("No Service wants an address yet")
            await person.press("down", "end", "pageup")
            await person.sees("▸Routes", "▸ web.home.test")

            home.take(ingress("web", ""))
            for pod in home.routers:
                home.routers[pod] = []
            await person.sees("No Ingress names a host yet")
            await person.press("down", "tab", "end")

            home.put(service("traefik-internal", "192.168.1.20"))
            await person.sees("▸ 192.168.1.20")


async def test_keys_and_sizes_in_a_storm(tmp_path: Path) -> None:
    """Whatever the order, nothing breaks, and in the end the screen is what it always is."""
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            chance = random.Random(4)
            for at in range(20):
                for key in chance.choices(KEYS, k=4):
                    person.app.simulate_key(key)
                if at % 3 == 0:
                    await person.resize(chance.randint(1, 130), chance.randint(1, 45))
                if at % 5 == 0:
                    home.put(service(f"game-{chance.randint(0, 9)}", f"192.168.1.{chance.randint(22, 30)}"))
                if at % 7 == 0:
                    home.put(*app(ready=chance.random() < 0.5))
                    home.take(*(service(name) for name in names(home)))
                await asyncio.sleep(0)
            await person.resize(*SMALL)
            await person.press("escape", "1", "3", "1")
            home.put(*app())
            await person.sees("▸1 home", "Routes ─ 1 served", "served by 2 of 2", "d DHCP")
            assert is_sound(person)


def names(home: Household) -> list[str]:
    """The Services of the storm that are there."""
    found = [one["metadata"]["name"] for one in home.store.all(Kind("v1", "Service"), "homelab")]
    return [name for name in found if name.startswith("game-")]
