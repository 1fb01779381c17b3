"""Set-ups on a household's cluster, with the lab's LAN around them: no packet leaves this machine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

from rooms import SMALL, Household, Person, household, node

import homelab.adapters.consul  # noqa: F401 - in a thread its filter of warnings may meet the end of a test
from homelab.adapters.web import HttpWeb
from homelab.lab.around import LabNames, LabNeighbourhood, LabWeb
from homelab.ports import Raw
from tui.app import Console, FirstTime
from tui.console import Home
from tui.options import Options

PUBLIC = "cloud.lanny.org"
"""The one thing that nobody can propose."""


@contextmanager
def on_paper(folder: Path) -> Iterator[None]:
    """A LAN that answers without a packet, and folders of the test's own."""
    doubles = {"neighbourhood": LabNeighbourhood, "names": LabNames, "web": partial(LabWeb, HttpWeb())}
    own = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
    with ExitStack() as stack:
        for name, double in doubles.items():
            stack.enter_context(patch(f"tui.wiring.{name}", lambda _, double=double: double()))
        stack.enter_context(patch.dict(os.environ, own))
        yield


@asynccontextmanager
async def bare(folder: Path) -> AsyncIterator[Household]:
    """A cluster without a plan."""
    with on_paper(folder):
        async with household(folder) as home:
            home.plan.unlink()
            home.put(master())
            yield home


def master() -> Raw:
    """The node with the Kubernetes API, labelled as kubeadm and k3s do it."""
    found = node("master1", "192.168.1.50")
    return {**found, "metadata": {**found["metadata"], "labels": {"node-role.kubernetes.io/control-plane": ""}}}


@asynccontextmanager
async def setting_up(
    home: Household, size: tuple[int, int] = SMALL, *, read_only: bool = False
) -> AsyncIterator[Person]:
    """The console as `homelab-tui` opens it: at the set-up where there is no plan."""
    world = Home(Options(home.plan, str(home.kubeconfig), context=None, mirror=None, read_only=read_only))
    app = (FirstTime if world.needs_setup() else Console)(world, read_only=read_only)
    async with app.run_test(size=size) as pilot:
        yield Person(app, pilot)


async def go_to(person: Person, step: str) -> None:
    """Enter by enter, until a step is in front; the domain that nobody can propose is typed on the way."""
    if "▸ Cluster" in person.lines[0]:
        await person.sees("the cluster answers")
    while f"▸ {step}" not in person.lines[0]:
        if "▸ Router" in person.lines[0] and "External domain   " + PUBLIC not in person.text:
            await person.press("enter", "ctrl+u", *PUBLIC)
        before = person.lines[0]
        await person.press("enter")
        await person.until(lambda before=before: person.lines[0] != before, f"on from {before}")  # type: ignore[misc]
