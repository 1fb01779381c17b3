"""`homelab-tui config`: the dynamic configuration of the external Traefik, compared and brought to every replica."""

from __future__ import annotations

import asyncio
import time
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass

from homelab.configuration import LOST, ROOT, Change, digest, is_lost, told
from homelab.observe.taking import Took
from homelab.pauses import pauses
from homelab.plan.model import Plan
from homelab.ports import Cluster
from homelab.stack.access import CONSOLE, token
from homelab.stack.compare import compare
from homelab.stack.configuration import (
    CONFIG,
    JOB,
    STAGE,
    asked,
    by_hand,
    differing,
    held,
    late,
    management,
    text_of,
)
from homelab.stack.diff import Action, Difference
from homelab.stack.facts import facts
from homelab.stack.render import Rendered, render
from homelab.stack.steps import ready_server
from tui import wiring
from tui.headless import running
from tui.headless.stack import AGAIN, GLYPHS, carry_out, changing, checked, is_blocked, may_write
from tui.headless.terminal import Ticker, ask, say, warn
from tui.options import Options

TAKE_SECONDS = 120.0
"""For a replica to take a configuration: after one that it refused it waits up to a minute and a half.
Source: cenkalti/backoff, defaults."""
AFTER_REFUSAL = "If a replica refused what was by hand, it reads Consul again within a minute and a half."
"""It may have served this configuration all along, so that it does tells nothing of a refusal."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the plan wishes of the dynamic configuration, and what there is."""

    rendered: tuple[Rendered, ...]
    text: str
    """As the plan wishes it."""
    keys: tuple[Change, ...]
    """Of Consul, that are not so."""
    strange: tuple[str, ...]
    """Other keys of Consul, written by hand."""
    objects: tuple[Difference, ...]

    @property
    def differs(self) -> bool:
        """Whether an apply would write."""
        return bool(self.keys or self.strange) or any(one.changes for one in self.objects)

    @property
    def may_be_refused(self) -> bool:
        """Whether Traefik may have refused all that is new because of what is there."""
        return bool(self.strange) or any(one.unknown for one in self.keys)


def diff(parsed: Namespace, options: Options) -> int:
    """Print what apply would change: 0 nothing, 1 something, 2 it cannot be told. Raises PlanError, StoreError."""
    if (plan := checked(options)) is None:
        return 2

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await _compared(cluster, plan, options)
            _print(found)
            return 2 if is_blocked(found.objects) else int(found.differs)

    return running.run(work)


def apply(parsed: Namespace, options: Options) -> int:
    """Bring the configuration into Consul, then ask every replica whether it took it. Raises Refused, StoreError."""
    may_write(parsed, options, "config apply")
    if (plan := checked(options)) is None:
        return 1
    brake = running.Brake()

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await _compared(cluster, plan, options)
            _print(found)
            if is_blocked(found.objects):
                return 1
            if found.differs:
                if not parsed.yes and not await ask("Apply this? Type yes to go on:", "yes"):
                    say("nothing was changed")
                    return 1
                async with changing(cluster, options, (STAGE,)) as run:
                    await carry_out(cluster, run, found.rendered, time.monotonic(), brake)
            code = await _taken(cluster, found.text)
            if found.may_be_refused:
                say(AFTER_REFUSAL)
            return code

    return running.run(work, AGAIN, brake)


async def _compared(cluster: Cluster, plan: Plan, options: Options) -> Compared:
    rendered = render(plan, await facts(cluster, plan), wiring.upstream(options), (STAGE,))
    text = next(text_of(item.obj) for item in rendered if item.ref == CONFIG)
    opened, server = wiring.store(cluster), await ready_server(cluster)
    if is_lost(keys := await held(await opened(server, await token(cluster, CONSOLE)))):
        warn(LOST)
    strange = await by_hand(await opened(server, await management(cluster)))
    return Compared(rendered, text, differing(keys, text), strange, await compare(cluster, rendered))


def _print(found: Compared) -> None:
    objects = [one for one in found.objects if one.changes or one.action is Action.BLOCKED]
    mostly = [one for one in objects if one.ref.kind != JOB or one.action is Action.BLOCKED]  # a Job follows from all
    lines = [*told(found.keys), *map(_strange, found.strange), *map(_line, mostly)]
    for line in lines or map(_line, objects):
        say(line)
    if not found.differs:
        say(f"Consul has the configuration that the plan wishes, {digest(found.text)}")


def _strange(key: str) -> str:
    return f"- {key.removeprefix(ROOT)}   (by hand; Traefik may refuse all that is new because of it)"


def _line(one: Difference) -> str:
    return f"{GLYPHS[one.action]} {one.ref}: {one.action}{f': {one.note}' if one.note else ''}"


async def _taken(cluster: Cluster, text: str) -> int:
    """Ask until every replica serves it or time is up, and say of each how it fares."""
    ticker, end, waits = Ticker(), time.monotonic() + TAKE_SECONDS, pauses(longest=2)
    while (why := late(found := await asked(cluster, text))) and time.monotonic() < end:
        ticker.set(f"waiting for {why}")
        await asyncio.sleep(next(waits))
    ticker.clear()
    _report(found)
    return 1 if why else 0


def _report(found: Iterable[Took]) -> None:
    for one in found:
        say(f"✗ {one.pod}: {one.error}" if one.error else f"✓ {one.pod} serves it")
