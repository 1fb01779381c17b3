"""The set-up as a service of the console: what is wished of it, done and told. Loads YAML: import it in a thread."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from homelab.doctor.examine import ROUTER, examine
from homelab.doctor.world import World
from homelab.observe.live import stamp, utc_now
from homelab.plan.document import PlanError
from homelab.ports import Cluster, ClusterError
from homelab.setup.fields import KUBECONFIG, field_of
from homelab.setup.lock import Held, Lock
from homelab.setup.model import STEPS, Found
from homelab.setup.paper import Paper
from homelab.setup.place import meant
from homelab.setup.survey import contested, sought, survey, taken
from screens.scene import Said
from tui import wiring
from tui.console import explaining
from tui.faults import told
from tui.feed import CannotConnect
from tui.options import Options, Refused

LOOK_SECONDS = 4.0
"""Between two looks at the cluster while a person waits for a node to join or to change."""
WATCHED = frozenset({"cluster", "nodes"})
"""Steps in front of which the cluster is looked at again and again."""
ADDRESSES = "addresses"
OLD_SECONDS = 60.0
"""After which it is asked anew who answers, when the step of the addresses comes to the front."""

UNSAVED = "Not saved, so the set-up stays open; ctrl+q leaves without saving"
YOURS = "The set-up is yours now: whoever was at it has left. Their answers stand in the fields"


class Home(Protocol):
    """Whose set-up it is."""

    def needs_setup(self) -> bool:
        """Whether there is no finished plan."""

    async def attached(self) -> Options:
        """What is to be used, once the lab is there where it is to be the lab. Raises CannotConnect."""

    def reached(self) -> AbstractAsyncContextManager[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""


class Setting:
    """One for each console; `tell` gets the scene's `setup` whenever it is another one.

    All methods are awaited but `answer`, which costs a few milliseconds.
    """

    def __init__(self, home: Home, tell: Callable[..., None]) -> None:
        self._home, self._tell_scene = home, tell
        self._opening = asyncio.Lock()
        self._paper: Paper | None = None
        self._lock: Lock | None = None
        self._holder: str | None = None
        self._options: Options
        self._front = STEPS[0]
        self._looking = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None
        self._heard: float | None = None
        """When the LAN was last asked; None: not yet."""

    async def open(self, step: str = "") -> None:
        """Begin, or go on where the draft says; `step` is the one in front. Takes the lock, and looks at the cluster.

        Raises CannotConnect where there is no lab.
        """
        async with self._opening:
            if self._paper is None:
                self._options = await self._home.attached()
                begin = STEPS[0] if self._home.needs_setup() else STEPS[-1]
                with explaining():
                    self._paper = await asyncio.to_thread(self._begun, begin)
                self._watching = asyncio.create_task(self._watch())
        self._front = step or self._paper.setup.draft.step
        self._told()
        is_old = self._heard is not None and time.monotonic() - self._heard > OLD_SECONDS
        if self._front == ADDRESSES and is_old:
            await self._look()
            await self._look_around(again=True)

    def _begun(self, step: str) -> Paper:
        file = meant(self._options.plan_files())
        paper = Paper(file, step)
        said = self._claim(file)
        paper.show(holder=self._holder, said=said or paper.setup.said)
        return paper

    def _claim(self, file: Path) -> str | None:
        """Take the lock, or learn who has it; why it cannot be had at all."""
        self._holder = None
        if self._options.read_only:
            return None
        try:
            self._lock = Lock(file, os.environ, stamp(utc_now()))
        except Held as held:
            self._holder = str(held)
        except PlanError as error:
            return str(error)
        return None

    async def _claim_again(self) -> None:
        """Take the lock once whoever had it has left: what they answered counts then."""
        if (paper := self._paper) is None or not self._holder:
            return
        self._claim(Path(paper.setup.file))
        if self._holder:
            return
        with explaining():
            self._paper = await asyncio.to_thread(Paper, Path(paper.setup.file), paper.setup.draft.step)
        self._told(found=paper.setup.found, looked=paper.setup.looked, holder=None, said=YOURS)

    def answer(self, path: str, text: str) -> None:
        """Something was typed."""
        if self._paper and not self._holder:
            self._paper.answer(path, text)
            self._told()

    async def confirm(self, step: str) -> None:
        """Go on from a step, unless it has errors: its answers stand from now on, and are saved."""
        if self._paper is None or self._holder:
            return
        if why := self._paper.confirm(step):
            self._told(said=why)
            return
        self._front = self._paper.following(step)
        await self.keep()
        if step == STEPS[0]:
            await self._use_kubeconfig()
        self._told(setting=step if self._front == STEPS[-1] else None)
        await self._look_around()
        if step == ADDRESSES:
            await self._look_at_wanted()

    async def keep(self) -> None:
        """Save the draft; `said` says why not."""
        if self._paper and self._may_write:
            self._told(said=await asyncio.to_thread(self._paper.save))

    async def finish(self) -> None:
        """Write the plan and remove the draft: `is_written` then, else `said` says why not."""
        if self._paper and self._may_write:
            self._told(said=await asyncio.to_thread(self._paper.finish))

    @property
    def _may_write(self) -> bool:
        """Whether this console may: screens say why it may not."""
        return self._holder is None and not self._options.read_only

    async def end(self) -> None:
        """Save what was typed since: the console ends, whoever ended it."""
        if self._paper and self._may_write and self._paper.is_changed:
            await asyncio.to_thread(self._paper.save)

    async def close(self) -> None:
        """Save, stop looking, let go of the lock: `setup` is None then. What cannot be saved stays, and is told."""
        if self._paper and self._may_write and (why := await asyncio.to_thread(self._paper.leave)):
            self._told(said=f"{UNSAVED}: {why}")
            return
        self._shut()

    async def discard(self) -> None:
        """Throw away what was answered, and close: the plan stays as it was."""
        if self._paper and self._may_write:
            await asyncio.to_thread(self._paper.discard)
            self._shut()
            self._tell_scene(said=Said("The answers are thrown away; the plan is as it was."))

    def _shut(self) -> None:
        if self._watching:
            self._watching.cancel()
        if self._lock:
            self._lock.release()
        self._paper = self._lock = self._holder = self._watching = None
        self._tell_scene(setup=None)

    async def look(self) -> None:
        """Look at the cluster and the network again, and whether somebody else is at the set-up still."""
        await self._claim_again()
        await self._look()
        await self._look_around(again=True)

    async def verify(self) -> None:
        """Run the doctor's checks of the router's side."""
        paper = self._paper
        plan = paper.setup.judged.plan if paper else None
        if paper is None or plan is None:
            self._told(said="the checks need the whole plan: mend first what is wrong in the steps before")
            return
        around = wiring.neighbourhood(self._options)
        machine = await asyncio.to_thread(around.machine)
        world = World(plan, machine, wiring.names(self._options), wiring.web(self._options), around)
        self._told(busy="asking the name servers", verdicts=(), said=None)
        seen = {}
        async for result in examine(world, ROUTER):
            seen[result.id] = result
            self._told(verdicts=tuple(seen[id] for id in ROUTER if id in seen))
        self._told(busy=None)

    async def _use_kubeconfig(self) -> None:
        """Remember the file that was typed, and look whether it leads to the cluster."""
        assert self._paper
        typed = self._paper.setup.draft.values.get(KUBECONFIG, "")
        if not typed or typed == self._paper.setup.found.kubeconfig:
            return
        try:
            await asyncio.to_thread(wiring.remember_kubeconfig, self._options, typed)
        except (ClusterError, Refused) as error:
            self._told(said=str(error))
            return
        self._paper.forget(KUBECONFIG)
        await self._look()

    async def _watch(self) -> None:
        """Look once, then again while somebody waits for what changes; a fault of ours is told, and ends nothing."""
        is_first = True
        while True:
            try:
                await self._claim_again()
                if is_first or self._front in WATCHED:
                    await self._look()
                if is_first:
                    await self._look_around()
            except Exception:
                self._told(busy=None, said=told().removeprefix("homelab-tui: "))
            is_first = False
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        """Ask the cluster; what is wrong with it is `found.trouble`."""
        async with self._looking:
            if (paper := self._paper) is None:
                return
            before = paper.setup.found
            if before.version is None:
                self._told(busy="looking at the cluster")
            found = await self._seen(paper, before)
            now = paper.setup.found  # meanwhile somebody may have been heard on the LAN
            found = replace(found, taken=now.taken, searched=now.searched)
            self._told(found=found, busy=None, looked=stamp(utc_now()))

    async def _seen(self, paper: Paper, before: Found) -> Found:
        machine = await asyncio.to_thread(wiring.neighbourhood(self._options).machine)
        try:
            file, server = await asyncio.to_thread(wiring.kubeconfig, self._options)
        except ClusterError as error:
            return Found(machine, trouble=str(error), taken=before.taken, searched=before.searched)
        known = replace(before, machine=machine, kubeconfig=str(file), server=server)
        try:
            async with self._home.reached() as cluster:
                found = await survey(cluster, paper.provisional(), known)
        except (CannotConnect, ClusterError) as error:
            return replace(known, version=None, trouble=str(error))
        is_meant = paper.setup.judged.plan is not None  # else stand-ins were in the way, and not what is meant
        return replace(found, findings=tuple(one for one in found.findings if is_meant or field_of(one.at) is None))

    async def _look_around(self, *, again: bool = False) -> None:
        """Ask who answers on the LAN, once for each LAN."""
        if (paper := self._paper) is None:
            return
        plan = paper.provisional()
        wanted = sought(plan, paper.setup.found.machine)
        if wanted and (again or not wanted <= paper.setup.found.searched):
            self._heard = time.monotonic()
            await self._hear(paper, wanted)

    async def _look_at_wanted(self) -> None:
        """Ask once more at what the plan wants for itself: much may have been switched on since."""
        if (paper := self._paper) is None:
            return
        if wanted := contested(paper.provisional(), paper.setup.found.machine):
            await self._hear(paper, wanted)
        if why := paper.wrong(ADDRESSES):
            self._told(said=why)

    async def _hear(self, paper: Paper, asked: frozenset[IPv4Address]) -> None:
        self._told(busy="asking who answers on the LAN")
        try:
            macs = await taken(wiring.neighbourhood(self._options), asked, paper.setup.found.given)
        except OSError as error:
            self._told(busy=None, said=f"who answers on the LAN cannot be asked: {error.strerror}")
            return
        found = paper.setup.found
        if asked < found.searched:  # what was heard elsewhere on the LAN stays
            elsewhere = {address: mac for address, mac in found.taken.items() if address not in asked}
            asked, macs = found.searched, {**elsewhere, **macs}
        self._told(found=replace(found, taken=macs, searched=asked), busy=None)

    def _told(self, **news: object) -> None:
        if self._paper:
            self._paper.show(**news)
            if self._front == STEPS[-1]:
                self._paper.write_out()
            self._tell_scene(setup=self._paper.setup)
