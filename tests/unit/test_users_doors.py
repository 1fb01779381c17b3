"""Asking doors until they answer as they must, over real HTTP."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from ipaddress import IPv4Address
from unittest.mock import patch

import pytest
from loopback import Loopback, raw, serving, silence

from homelab.access import doors
from homelab.access.doors import each_heard, heard
from homelab.access.model import Door, Heard
from homelab.adapters.web import HttpWeb
from homelab.lab.around import LabWeb
from homelab.ports import NoNetwork

NO, YES, LOST = raw("", 401), raw("hello"), raw("", 404)


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with patch.object(doors, "PAUSE", 0.01):
        yield


def door(server: Loopback, path: str = "/") -> Door:
    return Door(f"http://web.home:{server.port}{path}", "127.0.0.1", "internal")


async def test_a_door_is_asked_until_it_has_taken_in_the_change() -> None:
    async with serving() as server:
        server.script("GET /", LOST, NO, NO, YES)

        found = await heard(HttpWeb(), door(server), "käthe", "pass: wörd")

    assert (found.without, found.known, found.is_fine) == (401, 200, True)
    *_, last = server.asked
    assert last.headers["Authorization"] == "Basic " + b64encode("käthe:pass: wörd".encode()).decode()
    assert "Authorization" not in server.asked[0].headers
    assert "rd" not in last.url and last.headers["Host"] == f"web.home:{server.port}"


async def test_after_patience_the_last_answer_stands() -> None:
    async with serving() as server:
        server.script("GET /", YES)
        server.script("GET /old", NO)

        open_to_all = await heard(HttpWeb(), door(server), patience=0.05)
        wrong = await heard(HttpWeb(), door(server, "/old"), "anna", "geheim", patience=0.05)

    assert (open_to_all.without, open_to_all.known, open_to_all.is_fine) == (200, None, False)
    assert (wrong.without, wrong.known, wrong.is_fine) == (401, 401, False)


def test_a_route_that_answers_404_without_a_password_is_not_fine() -> None:
    (at,) = doors.some([Door("http://web.home/", "127.0.0.1", "internal")])

    assert not Heard(at, 404, 200, "anna").is_fine
    assert not Heard(at, 404).is_fine


def test_of_many_doors_a_few_of_each_zone_are_asked() -> None:
    many = [
        Door(f"http://{number}.home/", "127.0.0.1", zone) for number in range(400) for zone in ("internal", "external")
    ]

    chosen = doors.some(many)

    assert sorted(one.zone for one in chosen) == ["external"] * 3 + ["internal"] * 3


async def test_all_doors_are_asked_at_once_and_the_first_to_answer_is_told_first() -> None:
    async with serving() as server:
        server.script("GET /", silence)
        server.script("GET /quick", NO)
        both = each_heard(HttpWeb(seconds=0.5), (door(server), door(server, "/quick")), patience=0.1)

        first, second = [one async for one in both]

    assert (first.without, first.is_fine) == (401, True)
    assert "did not answer within 0.5 s" in str(second.without)


async def test_who_does_not_wait_leaves_nobody_asking() -> None:
    async with serving() as server:
        server.script("GET /", silence)
        asking = asyncio.ensure_future(anext(each_heard(HttpWeb(), (door(server),))))
        await server.asked_for("GET /")
        asking.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asking
        rest = asyncio.all_tasks() - {asyncio.current_task()}

    assert not [task for task in rest if "heard" in repr(task.get_coro())]


async def test_a_lab_asks_its_own_ports_and_nobody_else() -> None:
    lab = LabWeb(HttpWeb())
    async with serving() as server:
        server.script("GET /", NO)

        assert (await heard(lab, door(server))).without == 401

    with pytest.raises(NoNetwork, match=r"no LAN on which 192\.168\.1\.20"):
        await lab.get("http://web.home/", IPv4Address("192.168.1.20"), ("anna", "geheim"))
    away = await heard(lab, Door("http://web.home/", "192.168.1.20", "internal"), patience=0)
    assert away == Heard(away.door, "the lab has no LAN on which 192.168.1.20 could answer")
