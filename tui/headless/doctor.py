"""`homelab-tui doctor`: what only a look at the real network and cluster can tell."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import asdict, replace

from homelab.doctor.examine import CHECKS, examine
from homelab.doctor.result import Result, State
from homelab.doctor.world import World, learn
from homelab.finding import brief
from homelab.observe.text import wrapped
from homelab.plan.model import Plan
from homelab.ports import ClusterError
from tui import wiring
from tui.headless import running
from tui.headless.terminal import say, show, width
from tui.options import Options, Refused


def doctor(parsed: Namespace, options: Options) -> int:
    """Print what every check says, in their order; 1 when one says error. Raises PlanError, Refused."""
    if strange := [id for id in parsed.only or () if id not in CHECKS]:
        raise Refused(f"there is no check {brief(strange[0])}; there are {', '.join(CHECKS)}")
    found = wiring.reading(options)
    if not found.plan:
        show(found.findings, found.name)
        return 1
    plan = found.plan

    order = [id for id in CHECKS if parsed.only is None or id in parsed.only]

    async def work() -> int:
        world = await _world(plan, options)
        found: dict[str, Result] = {}
        printed = 0
        async for result in examine(world, order):
            found[result.id] = result
            while not parsed.json and printed < len(order) and order[printed] in found:
                say("\n".join(lines(found[order[printed]], width())))
                printed += 1
        if parsed.json:
            print(json.dumps({"version": 1, "results": [asdict(found[id]) for id in order]}))
        return 1 if any(result.state is State.ERROR for result in found.values()) else 0

    return running.run(work)


def lines(result: Result, columns: int) -> Iterator[str]:
    """One result; the line to paste stays whole."""
    yield from wrapped(f"{result.state.sign} {result.id}: {result.what}", columns)
    if result.state is not State.OK:
        for word, text in (("why", result.why), ("fix", result.fix)):
            if text:
                yield from wrapped(f"    {word}: {text}", columns)
        if result.paste:
            yield f"    {result.paste}"


async def _world(plan: Plan, options: Options) -> World:
    """The network can be looked at without the cluster; the checks that need it say why they cannot tell."""
    neighbourhood = wiring.neighbourhood(options)
    world = World(plan, neighbourhood.machine(), wiring.names(options), wiring.web(options), neighbourhood)
    try:
        async with wiring.cluster(options) as cluster:
            return replace(world, facts=await learn(cluster))
    except ClusterError as error:
        return replace(world, trouble=str(error))
