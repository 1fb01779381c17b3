"""YAML, logs and events of a row, in the console."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from unittest.mock import patch

import pytest
from depths import HOST, event, pod, said, talking
from rooms import LARGE, SMALL, Person, household, painting, thing, watching

from homelab.ports import Kind
from tui.console import Home
from tui.settings import Settings

SECRET = Kind("v1", "Secret")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")


async def on_the_route(person: Person) -> None:
    """The cursor on the app's route."""
    await person.press("3")
    await person.sees(f"▸ {HOST}")


@pytest.mark.parametrize("size", [SMALL, LARGE, (40, 10)])
async def test_yaml_is_shown_and_copied(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with copying() as copied, watching(home, size) as person:
            await person.press("3")
            await person.sees(f"▸ {HOST}"[:9])
            await person.press("y")
            await person.sees("▸YAML", "kind: Ingress")
            assert all(len(line) == size[0] for line in person.lines)
            await person.press("c")
            await person.sees("clipboard")
            assert copied[0].startswith("apiVersion: networking.k8s.io/v1\nkind: Ingress\n")
            assert "\n---\napiVersion: v1\nkind: Service\n" in copied[0]
            assert "managedFields" not in copied[0]
            await person.press("slash", *"host:", "enter", "n")
            await person.sees(f"- host: {HOST}")
            await person.press("escape")
            await person.misses("kind: Ingress")


async def test_a_secret_is_told_by_its_length(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        users = base64.b64encode(b"anna:$2y$10$abcdefghijklmnopqrstuv\n").decode()
        copy = {"other.tool/applied": json.dumps({"data": {"users": users}}), "by": "$2y$10$abcdefghijklmnopqrstuv"}
        home.put({**thing(SECRET, "users", "apps", annotations=copy), "data": {"users": users}})
        home.put(thing(MIDDLEWARE, "auth", "apps", spec={"basicAuth": {"secret": "users"}}))
        for routers in home.routers.values():
            routers[0]["middlewares"] = ["apps-auth@kubernetescrd"]
        async with watching(home, LARGE) as person:
            await on_the_route(person)
            await person.press("enter")
            await person.sees("apps/auth", "✓ basicAuth")
            await person.press("down", "down", "down", "down", "y")
            await person.sees("users: <35 bytes, hidden>")
            assert "anna" not in person.text and users[:12] not in person.text


async def test_logs_follow_filter_and_stand_still(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-x1", "web-y2")
        async with watching(home, LARGE) as person:
            await on_the_route(person)
            await person.press("l")
            await person.sees("2 containers", "…x1  web-x1 has begun", "…y2  web-y2 has begun")

            said(tmp_path, "web-x1", "GET /\x1b[2J200\nGET /teapot 418\n")
            await person.sees("…x1  GET /200", "…x1  GET /teapot 418")
            await person.press("slash", *"!418", "enter")
            await person.misses("teapot")
            await person.sees("GET /200", "/!418 3 of 4")
            await person.press("slash", "escape", "f")
            await person.sees("not following", "teapot")

            home.put(pod("web-z3"))
            home.logs["web-z3"] = said(tmp_path, "web-z3", "a third one\n")
            await person.sees("a third one", "3 containers")
            await person.press("p")
            await person.sees("before the last restart", "Nothing runs")


async def test_a_log_of_ten_thousand_lines_a_second_keeps_keys_quick_and_paint_rare(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        path, over = home.logs["web-1"], Event()

        def speak() -> None:
            number, began = 0, time.monotonic()
            with open(path, "a") as file:
                while not over.is_set():
                    due = int((time.monotonic() - began) * 10_000)
                    file.write(
                        "".join(
                            f"line {at} of a busy pod, as long as one of an access log is\n"
                            for at in range(number, due)
                        )
                    )
                    file.flush()
                    number = due
                    over.wait(0.02)

        async with watching(home) as person:
            await on_the_route(person)
            await person.press("l")
            await person.sees("has begun")
            writer = Thread(target=speak)
            writer.start()
            try:
                await person.until(
                    lambda: bool(person.app.scene.inspection and person.app.scene.inspection.gone > 10_000)
                )
                with painting() as painted:
                    began = time.monotonic()
                    await person.press("f")
                    await person.sees("not following")
                    took = time.monotonic() - began
                assert took < 1.0
                assert len(painted) < 40 * (took / 0.25 + 3), "several looks a second, each of one screen"
                assert len(person.app.scene.inspection.lines or ()) <= Settings().log_lines  # type: ignore[union-attr]
            finally:
                over.set()
                writer.join()
            await person.press("escape")
            await person.sees("▸Routes")


async def test_as_many_lines_are_kept_as_the_settings_say(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        said(tmp_path, "web-1", "".join(f"line {number}\n" for number in range(300)))
        async with watching(home, LARGE) as person:
            world = person.app._world
            assert isinstance(world, Home)
            world._options = replace(world._options, settings=Settings(log_lines=100))
            await on_the_route(person)
            await person.press("l")
            await person.sees("line 299")
            assert len(person.app.scene.inspection.lines or ()) <= 100  # type: ignore[union-attr]


async def test_events_of_a_row_and_of_what_is_behind_it(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        home.put(event(pod("web-1"), "BackOff", "restarting failed container", warning=True, at="2099-11-23T05:01:00Z"))
        home.put(event(thing(Kind("v1", "Service"), "web", "apps"), "Sync", "seen"))
        home.put(event(thing(Kind("v1", "Service"), "other", "apps"), "Other", "not ours"))
        async with watching(home, LARGE) as person:
            await on_the_route(person)
            await person.press("e")
            await person.sees("▸Events", "▲ BackOff", "restarting failed container", "✓ Sync")
            assert "not ours" not in person.text
            await person.until(lambda: "BackOff" in person.line("▸ "), "the newest is last, and pointed at")

            home.put(event(pod("web-1"), "Pulled", "image is there", at="2099-11-23T05:02:00Z"))
            await person.sees("✓ Pulled", "image is there")
            await person.press("y")
            await person.sees("▸YAML ─ Pod apps/web-1", "kind: Pod")
            await person.press("escape")
            await person.sees("▸Events")


async def test_a_row_without_pods_says_so(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home)
        async with watching(home) as person:
            await on_the_route(person)
            await person.press("l")
            await person.sees("▸Logs", "Nothing runs behind this row")


@asynccontextmanager
async def copying() -> AsyncIterator[list[str]]:
    """What goes to the clipboard."""
    copied: list[str] = []
    with patch("tui.app.Console.copy_to_clipboard", lambda _, text: copied.append(text)):
        yield copied
