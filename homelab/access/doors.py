"""Asking routes through the ingress, as browsers do: without a password and with it, until they answer as they must."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from http import HTTPStatus
from ipaddress import IPv4Address

from homelab.access.model import ZONES, Door, Heard
from homelab.observe.allocations import Allocation
from homelab.observe.ingress import Wish
from homelab.ports import Web, WebError

PATIENCE = 8.0
"""Seconds that a Traefik may take until it has taken in a change: it waits two for more of them to come."""
MOST_ASKED = 6
"""Doors that are asked after a change: each costs the ingress a bcrypt."""
PAUSE = 0.3
"""Between two questions to the same door."""
DOORWAYS = {"internal": ("http", 80), "external": ("https", 443)}
"""How each zone is entered. The external one answers http with the way to https, which says nothing of a password."""


def doors(wishes: Iterable[Wish], held: Iterable[Allocation]) -> tuple[Door, ...]:
    """Where hosts and paths of Ingresses can be asked, each once.

    What is external is served at the internal address as well, as plain http. A name that nobody can ask for (a
    wildcard, or none at all) has no door, nor has a zone without an IPv4 address. Pure.
    """
    ways = {one.zone: way for one in held if one.zone in ZONES and (way := _way(one))}
    found = (
        _door(wish, zone, ways[zone])
        for wish in wishes
        for zone in ZONES
        if zone in ways and zone in ("internal", wish.zone) and "*" not in wish.host
    )
    return tuple(dict.fromkeys(found))


def some(at: Iterable[Door]) -> tuple[Door, ...]:
    """As many doors as may be asked, from each zone alike. Pure."""
    by_zone: dict[str, list[Door]] = {}
    for one in at:
        by_zone.setdefault(one.zone, []).append(one)
    share = MOST_ASKED // max(len(by_zone), 1)
    return tuple(one for found in by_zone.values() for one in found[:share])


def _way(one: Allocation) -> tuple[str, int] | None:
    """Address and port that lead into a zone: in a lab those of the loopback that stand for them."""
    _, port = DOORWAYS[one.zone or ""]
    if one.loopback:
        return _loopback(one, port)
    try:
        return str(IPv4Address(one.address or "")), port
    except ValueError:
        return None


def _loopback(one: Allocation, port: int) -> tuple[str, int] | None:
    """Its places stand in the order of the Service's ports."""
    places = dict(zip(one.ports, (one.loopback or "").split(", "), strict=False))
    host, _, stands_for = places.get(f"{port}/TCP", "").partition(":")
    return (host, int(stands_for)) if stands_for.isdecimal() else None


def _door(wish: Wish, zone: str, way: tuple[str, int]) -> Door:
    address, port = way
    scheme, usual = DOORWAYS[zone]
    named = f":{port}" if port != usual else ""
    return Door(f"{scheme}://{wish.host}{named}{wish.path}", address, zone)


async def asked(
    web: Web,
    door: Door,
    fits: Callable[[int], bool],
    *,
    credentials: tuple[str, str] | None = None,
    patience: float = PATIENCE,
) -> int | str:
    """The status, asked again until it fits or the patience is over; the last one then, or why there was no answer.

    Can be cancelled at any time. Raises nothing.
    """
    end = time.monotonic() + patience
    while True:
        found = await _once(web, door, credentials)
        if (isinstance(found, int) and fits(found)) or time.monotonic() + PAUSE > end:
            return found
        await asyncio.sleep(PAUSE)


async def _once(web: Web, door: Door, credentials: tuple[str, str] | None) -> int | str:
    try:
        return (await web.get(door.url, IPv4Address(door.address), credentials)).status
    except WebError as error:
        return str(error)


async def heard(
    web: Web, door: Door, user: str | None = None, password: str | None = None, *, patience: float = PATIENCE
) -> Heard:
    """What one door says without a password and, where it is known, with it."""
    end = time.monotonic() + patience
    without = await asked(web, door, lambda status: status == HTTPStatus.UNAUTHORIZED, patience=patience)
    if user is None or password is None:
        return Heard(door, without, user=user)
    known = await asked(
        web,
        door,
        lambda status: status < HTTPStatus.BAD_REQUEST,
        credentials=(user, password),
        patience=end - time.monotonic(),
    )
    return Heard(door, without, known, user)


async def each_heard(
    web: Web, at: Iterable[Door], user: str | None = None, password: str | None = None, *, patience: float = PATIENCE
) -> AsyncGenerator[Heard, None]:
    """What each door says, the first to answer first; all are asked at the same time."""
    asking = [asyncio.ensure_future(heard(web, door, user, password, patience=patience)) for door in at]
    try:
        for answered in asyncio.as_completed(asking):
            yield await answered
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
