"""A route opened: its chain on the screen, live, and what each hop leads to."""

from __future__ import annotations

from pathlib import Path

import pytest
from depths import HOST, pod, talking
from rooms import LARGE, SMALL, Person, app, household, ingress, watching

HOPS = ("host", "address", "entry point", "router", "middleware", "service", "endpoints", "pod")


async def opened(person: Person) -> None:
    """The chain of the app's route."""
    await person.press("3")
    await person.sees(f"▸ {HOST}", "served by 2 of 2")
    await person.press("enter")
    await person.sees("▸Route", "✓ on node1")


@pytest.mark.parametrize("size", [SMALL, LARGE, (40, 10)])
async def test_every_hop_has_a_row_and_esc_leads_back(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with watching(home, size) as person:
            await person.press("3")
            await person.sees(f"▸ {HOST}"[:9])
            await person.press("enter")
            await person.sees("▸Route", "● live", "esc back")
            assert all(len(line) == size[0] for line in person.lines)
            if size != (40, 10):
                await person.sees(*HOPS, "✓ at node1", "✓ plain HTTP", "✓ ClusterIP", "✓ 1 ready", "✓ on node1")
            await person.press("escape")
            await person.sees("▸Routes")


async def test_what_breaks_is_seen_while_it_is_in_front(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with watching(home, LARGE) as person:
            await opened(person)

            why = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
            home.put(pod("web-1", ready=False, state={"waiting": why}), *app(ready=False)[1:])

            await person.sees("✗ none ready", "✗ not ready, on node1", "CrashLoopBackOff: back-off 10s", "2 broken")
            home.take(ingress("web", HOST))
            home.routers.clear()
            await person.sees("This route is gone")


async def test_details_follow_the_cursor_and_another_view_leaves_no_chain_behind(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with watching(home, LARGE) as person:
            await opened(person)
            await person.press("end")
            await person.sees("node1, 192.168.1.55", "apps/web-1")
            await person.press("l")
            await person.sees("▸Logs ─ web-1", "web-1 has begun")
            await person.press("escape")
            await person.sees("▸Route", "apps/web-1")

            await person.press("2")
            await person.sees("▸Allocations")
            await person.press("3")
            await person.sees("▸Routes")


async def test_a_missing_right_is_told_at_its_hop(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with watching(home, LARGE) as person:
            await opened(person)
            home.forbidden.add("middlewares")
            await person.press("escape")
            await person.sees("▸Routes")
            home.forbidden.add("pods")
            await person.press("enter")
            await person.sees("▸Route", "✓ ClusterIP")
            await person.misses("✓ on node1")


async def test_the_chain_is_asked_for_only_while_it_is_looked_at(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        talking(home, "web-1")
        async with watching(home) as person:
            await opened(person)
            await person.press("escape")
            await person.sees("▸Routes")
            service = person.app._services["inspect"]
            await person.until(lambda: not service._tasks)
