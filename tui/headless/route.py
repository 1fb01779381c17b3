"""`homelab-tui route`: one host, hop by hop."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Iterator
from functools import partial

from homelab.finding import brief
from homelab.observe.chain import chain, domains_of
from homelab.observe.hop import HEAD, Hop, HopState, hop_row
from homelab.observe.live import Observer
from homelab.observe.parts import read
from homelab.observe.routes import Route
from homelab.observe.snapshot import plain
from homelab.observe.text import state_word, table
from homelab.together import together
from tui import wiring
from tui.headless import running, terminal
from tui.headless.status import plan_of
from tui.options import Options, Refused

VERSION = 1
"""Of the JSON; later versions of the program only add keys."""


def route(parsed: Namespace, options: Options) -> int:
    """Print the chain of every route of a host; 1 when a hop is broken. Raises ClusterError, PlanError, Refused."""
    wanted, domains = parsed.host.lower().rstrip("."), domains_of(plan_of(options))

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            snapshot = await Observer(cluster, wiring.store(cluster)).once()
            found = [one for one in snapshot.routes if one.host.lower() == wanted]
            if not found:
                raise Refused(f"no route has the host {brief(parsed.host)}; {known(snapshot.routes)}")
            parts = await together(partial(read, cluster, one) for one in found)
        chains = [(one, chain(one, snapshot, each, domains)) for one, each in zip(found, parts, strict=True)]
        if parsed.json:
            told = [{"route": plain(one), "hops": plain(hops)} for one, hops in chains]
            print(json.dumps({"version": VERSION, "taken": snapshot.taken, "routes": told}))
        else:
            terminal.say("\n\n".join("\n".join(lines(one, hops, terminal.width())) for one, hops in chains))
        return 1 if any(hop.state is HopState.BROKEN for _, hops in chains for hop in hops) else 0

    return running.run(work)


def lines(one: Route, hops: tuple[Hop, ...], width: int) -> Iterator[str]:
    """A title, and a line for each hop."""
    title = f"{one.host}{one.path} ({one.zone}, {one.source}): {state_word(one)}"
    yield from (line.rstrip() for line in table(title, HEAD, map(hop_row, hops), "", width))


def known(routes: tuple[Route, ...]) -> str:
    """What could be asked for."""
    hosts = ", ".join(sorted({one.host for one in routes}))
    return f"there are {hosts}" if hosts else "the cluster has none; homelab-tui status says why"
