"""Running the checks together. A new one is a function with `@check` in a `checks_*` file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from homelab.doctor import checks_dns, checks_layer2, checks_web
from homelab.doctor.registry import CHECKS, Check, Need, unknown
from homelab.doctor.result import Result
from homelab.doctor.world import World
from homelab.ports import ClusterError, NamesError, WebError

__all__ = ["CHECKS", "FILES", "ROUTER", "examine"]

FILES = (checks_dns, checks_layer2, checks_web)
"""The files of checks; importing them fills `CHECKS`."""
ROUTER = tuple(id for id, one in CHECKS.items() if one.needs == {Need.NAMES})
"""Checks of the router's side, which can be well before anything is deployed."""


async def examine(world: World, only: Collection[str] | None = None) -> AsyncIterator[Result]:
    """What the checks say, each as soon as it has its answer. Raises KeyError for an id that nobody has.

    Web servers are asked last: a connection makes the kernel trust what it knows of a neighbour for a while, and then
    it would not ask by ARP whether somebody still answers.
    """
    chosen = [CHECKS[id] for id in (CHECKS if only is None else only)]
    for wanted in (False, True):
        tasks = [asyncio.create_task(_result(one, world)) for one in chosen if (Need.WEB in one.needs) is wanted]
        try:
            for ended in asyncio.as_completed(tasks):
                yield await ended
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _result(one: Check, world: World) -> Result:
    """Whatever it could not ask, it cannot tell."""
    try:
        if Need.CLUSTER in one.needs and not world.facts:
            found = unknown(world.trouble)
        else:
            found = await one.look(world)
    except (NamesError, WebError, ClusterError, OSError) as failure:
        found = unknown(str(failure))
    return replace(found, id=one.id, title=one.title)
