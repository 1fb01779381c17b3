"""`homelab-tui` without a command: opens the console, or says in plain words why it cannot."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Self

from homelab.lab.process import Attached, Folder, attach, need_extra
from homelab.plan.model import Plan
from homelab.ports import Cluster, OpenStore
from homelab.setup.place import place
from tui.cli import SETUP, WRONG_USE
from tui.feed import CannotConnect
from tui.options import Options, Refused

if TYPE_CHECKING:
    from homelab.plan.file import Reading

NO_SCREEN = "the console needs a terminal, and {why}; `homelab-tui status` prints the same as text"
DUMB = frozenset({"", "dumb", "unknown"})


def console(parsed: Namespace, options: Options) -> int:
    """Open the console. Raises Refused where there is no terminal that could show it."""
    if why := no_terminal():
        raise Refused(NO_SCREEN.format(why=why))
    if not sys.stderr.isatty():
        print("the console draws on the error stream, and that leads elsewhere: leave out 2>")
        return WRONG_USE
    if options.lab:
        need_extra()
    from tui.app import run  # noqa: PLC0415 - loads Textual

    with Home(options) as home:
        name, setup = "lab" if options.lab else options.context, parsed.command == SETUP
        return run(
            home,
            read_only=options.read_only,
            name=name,
            setup=setup,
            settings=options.settings,
            trouble=options.trouble,
        )


def no_terminal() -> str | None:
    """Why there can be no full screen here; None when there can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "this is none"
    term = os.environ.get("TERM", "")
    return f"TERM={term} cannot move the cursor" if term in DUMB else None


class Home:
    """The plan's file, and the cluster of the kubeconfig or the lab. What is heavy is loaded when it is asked for."""

    def __init__(self, options: Options) -> None:
        self._asked = self._options = options
        self._plans: str | None = options.context
        """The context whose cluster the plan is for: the one of the beginning."""
        self._lab: Attached | None = None
        self._connected: Cluster | None = None
        self._attaching = asyncio.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        if self._lab:
            self._lab.close()
        self._lab, self._options = None, self._asked

    def plan_mark(self) -> object:
        """Another value when a plan's file has been written, made or removed since."""
        return tuple(map(_mark, self._options.plan_files()))

    def needs_setup(self) -> bool:
        """Whether there is no plan, or a draft of one; of a lab with its own, whether it is bare still."""
        if self._asked.lab and not self._asked.plan:
            return self._asked.lab == "bare" and not Folder.make(os.environ).journal.exists()
        plans = self._asked.plan_files()
        return any(place(plan).exists() for plan in plans) or not any(plan.exists() for plan in plans)

    def plan(self) -> Plan:
        """Read the plan. Raises CannotConnect."""
        with explaining():
            found: Reading = import_module("tui.wiring").reading(self._options)
        if found.plan is None:
            raise CannotConnect(faulty(found))
        return found.plan

    def contexts(self) -> tuple[str, ...]:
        """Names of the kubeconfig's contexts; none where it cannot be read, as the panes say."""
        with suppress(CannotConnect), explaining():
            found: tuple[str, ...] = import_module("tui.wiring").contexts(self._options)[0]
            return found
        return ()

    def turn(self, context: str) -> bool:
        """Use this one from the next connection on; whether the plan is for it. Raises CannotConnect."""
        if self._asked.lab:
            raise CannotConnect("--lab is its own cluster: start homelab-tui without it to see another")
        with explaining():
            names, current = import_module("tui.wiring").contexts(self._options)
        self._plans = self._plans or current
        if context not in names:
            raise CannotConnect(f"the kubeconfig has no context {context} any more; it has: {', '.join(names)}")
        if context == (self._options.context or current):
            raise CannotConnect(f"{context} is in front already")
        self._options = self._asked = replace(self._options, context=context)
        return context == self._plans

    def guard(self, read_only: bool) -> None:
        """Whether whatever is begun from now on may write nothing."""
        self._asked = replace(self._asked, read_only=read_only)
        self._options = replace(self._options, read_only=read_only)

    async def attached(self) -> Options:
        """What is to be used, once the lab is there where it is to be the lab. Raises CannotConnect."""
        with explaining():
            async with self._attaching:
                if self._options.lab and self._lab is None:
                    self._lab = await asyncio.to_thread(attach, self._options.lab == "bare")
                    self._options = self._options.on(self._lab)
        return self._options

    def held(self) -> tuple[int, ...]:
        """What a process has to inherit so that the lab lives as long as it does."""
        return (self._lab.fileno(),) if self._lab else ()

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Cluster]:
        """Connect. Raises CannotConnect."""
        with explaining():
            await self.attached()
            await asyncio.to_thread(import_module, "homelab.adapters.kubernetes")
            async with import_module("tui.wiring").cluster(self._options) as cluster:
                self._connected = cluster
                try:
                    yield cluster
                finally:
                    self._connected = None

    @asynccontextmanager
    async def reached(self) -> AsyncIterator[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""
        with explaining():
            if self._connected:
                yield self._connected
                return
            options = await self.attached()
            await asyncio.to_thread(import_module, "homelab.adapters.kubernetes")
            async with import_module("tui.wiring").cluster(options) as cluster:
                yield cluster

    def store(self, cluster: Cluster) -> OpenStore:
        """How to read Consul over that connection."""
        found: OpenStore = import_module("tui.wiring").store(cluster)
        return found

    async def write(self, id: str, row: str) -> str:
        """Do what a command says to a row, over the connection that there is. Raises CannotConnect."""
        if self._connected is None:
            raise CannotConnect("there is no connection to the cluster now; try again when the panes are live")
        with explaining():
            writing = await asyncio.to_thread(import_module, "tui.writing")
            told: str = await writing.write(self._connected, self._options, id, row)
        return told

    async def ended(self) -> None:
        """Wait until the lab is gone, and let go of it; a cluster only goes away for a while. Raises CannotConnect."""
        if self._lab is None:
            await asyncio.Event().wait()
            return
        await self._lab.ended()
        self._leave()
        raise CannotConnect("the lab has ended: it was stopped or killed; a new one is started")


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Another value when the file is another one, or has been written to."""
    with suppress(OSError):
        seen = path.stat()
        return seen.st_ino, seen.st_mtime_ns, seen.st_size
    return None


def faulty(found: Reading) -> str:
    """Why a plan cannot be used: its first error, one with a line if there is any, and where the others are told."""
    first, *others = sorted((one for one in found.findings if one.is_error), key=lambda one: one.line is None)
    place = f"{found.name}:{first.line}" if first.line else found.name
    more = f"; {len(others)} more" if others else ""
    return f"{place}: {first.at}: {first.what}\nfix: {first.fix}{more}\n`homelab-tui plan check` says everything"


@contextmanager
def explaining() -> Iterator[None]:
    """What a person can mend becomes CannotConnect; a fault of ours stays what it is."""
    try:
        yield
    except Exception as error:
        if (text := import_module("tui.headless.failures").explained(error)) is None:
            raise
        raise CannotConnect(text.removeprefix("homelab-tui: ")) from None
