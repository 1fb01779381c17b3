"""`homelab-tui status`: what is live, once or whenever it changes."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import replace

from homelab.observe.live import Observer
from homelab.observe.snapshot import Snapshot, as_json
from homelab.observe.text import lines
from homelab.plan.document import PlanError
from homelab.plan.model import Plan
from tui import wiring
from tui.headless import running, terminal
from tui.options import Options


def status(parsed: Namespace, options: Options) -> int:
    """Print a snapshot, or with --watch one for every change. Raises ClusterError."""

    plan = None if parsed.json else plan_of(options)

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            observer = Observer(cluster, wiring.store(cluster))
            if not parsed.watch:
                _print(await observer.once(), plan, parsed)
                return 0
            before: Snapshot | None = None
            async for snapshot in observer.follow():
                if snapshot.is_loading:
                    continue
                if before is None or replace(snapshot, taken=before.taken) != before:
                    _print(snapshot, plan, parsed)
                    before = snapshot
            return 0

    return running.run(work)


def plan_of(options: Options) -> Plan | None:
    """For the address map; none is no fault, unless it was named. Raises PlanError."""
    try:
        return wiring.reading(options).plan
    except PlanError:
        if options.plan:
            raise
        return None


def _print(snapshot: Snapshot, plan: Plan | None, parsed: Namespace) -> None:
    if parsed.json:
        print(json.dumps(as_json(snapshot), ensure_ascii=True), flush=True)
        return
    found = lines(snapshot, terminal.width(), plan, followed=parsed.watch)
    terminal.say("\n".join([f"{snapshot.taken}", *found, ""]))
