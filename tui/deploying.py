"""The deploy as a service of the console: what it would change, the run in a process of its own, and what that does.

The run is `homelab-tui apply --yes` in a session of its own, so neither this console's end nor its terminal's touches
it. What it does is read from its record, whoever began it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from homelab.plan.checks import findings_of
from homelab.ports import Cluster, ClusterError
from homelab.stack.components import STAGES
from homelab.stack.deployment import Comparison, Deployment, StageProgress
from homelab.stack.journal import Journal
from homelab.stack.preview import preview
from homelab.stack.record import path_of, read
from tui import wiring
from tui.feed import CannotConnect
from tui.headless.failures import explained
from tui.options import Options

SOON = 0.25
"""Seconds between two looks at the record while a run goes on."""
LATER = 1.0
"""The same while none does and the screen is in front: somebody else may begin one."""
SAYS = "homelab-tui: "
"""What an error begins with on the command line."""
LAST_WORDS = 12
"""Lines of the log that are told when a run ended without a word in its record."""
WAITING = tuple(StageProgress(stage, "waiting") for stage in STAGES)
"""What a run has done before its first step."""


class Home(Protocol):
    """Where to deploy, and what."""

    async def attached(self) -> Options:
        """The options, once the lab is there where it is to be the lab. Raises CannotConnect."""

    def plan_mark(self) -> object:
        """Another value when the plan may be another."""

    def reached(self) -> AbstractAsyncContextManager[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""

    def held(self) -> tuple[int, ...]:
        """Descriptors that the run inherits, so that its lab lives."""


class Deploying:
    """One for each console; `tell` gets the scene's `comparison`, `deployment` and `said`."""

    def __init__(self, home: Home, tell: Callable[..., None]) -> None:
        self._home, self._tell = home, tell
        self._journal: Journal | None = None
        self._mark: object = None
        self._known: Deployment | None = None
        self._comparison: Comparison | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._later: asyncio.Task[None] | None = None
        self._in_front = self._follows = self._compares = False
        self._passed: tuple[int, float] | None = None
        """The run of the record that was there when one ended before its first line: it is no news."""
        self._plan: object = None
        """The mark of the plan that was compared."""
        self._era = 0
        """Counts the beginnings and ends of runs: what was compared before the last one is void."""

    async def compare(self) -> None:
        """Look at what a deploy would change; not while one goes on, since that is the answer to another question."""
        if self._compares:
            return
        self._compares = True
        try:
            options = await self._home.attached()
            await self._look()
            while not self._goes_on:
                era, found = self._era, await self._compared(options)
                if era == self._era:
                    self._show(found)
                    return
        except CannotConnect as error:
            self._show(Comparison((), (), trouble=str(error)))
        finally:
            self._compares = False

    async def start(self) -> None:
        """Begin the run, unless something is in the way. Raises CannotConnect."""
        options = await self._home.attached()
        if options.read_only:
            raise CannotConnect("read-only: nothing is deployed")
        if self._comparison is None:
            await self.compare()
        if why := self._comparison.hindrance if self._comparison else "a run goes on already":
            raise CannotConnect(f"nothing was begun: {why}")
        if self._home.plan_mark() != self._plan:
            await self.compare()
            raise CannotConnect("the plan was changed after it was compared: see what would change now, then again")
        journal = await self._place(options)
        if (holder := journal.holder()) is not None:
            raise CannotConnect(
                f"another homelab-tui (process {holder or 'unknown'}) is changing this cluster; wait for it"
            )
        child = self._child = self._begun(options, journal)
        self._know(Deployment(WAITING, child.pid, time.time()))
        await self.follow()

    async def stop(self) -> None:
        """Let the run end before its next step; one that has not come to its record yet, at once."""
        if self._child and self._child.poll() is None and self._goes_on:
            self._child.send_signal(signal.SIGTERM)
            return
        journal = await self._place(await self._home.attached())
        run = read(journal)
        if run is None or run.ending or journal.holder() != run.pid:
            raise CannotConnect("no run goes on: there is nothing to stop")
        with suppress(ProcessLookupError):
            os.kill(run.pid, signal.SIGTERM)

    async def follow(self) -> None:
        """Tell what a run does while the screen is in front, and afterwards to the end of one that goes on."""
        self._in_front = True
        await self.watch()

    async def watch(self) -> None:
        """Tell what a run does while it goes on."""
        if self._follows:
            return
        self._follows = True
        try:
            while self._in_front or self._goes_on:
                with suppress(CannotConnect):  # the comparison says so, and this is tried again
                    await self._look()
                await asyncio.sleep(SOON if self._goes_on else LATER)
        finally:
            self._follows = False

    async def notice(self) -> None:
        """Tell a run that goes on; silent where none does, or where that cannot be seen now."""
        with suppress(CannotConnect):
            journal = await self._place(await self._home.attached())
            run = await asyncio.to_thread(read, journal)
            if run and run.ending is None:
                self._know(run)

    async def leave(self) -> None:
        """The screen is no longer in front."""
        self._in_front = False

    @property
    def _goes_on(self) -> bool:
        return self._known is not None and self._known.ending is None

    def _show(self, comparison: Comparison | None) -> None:
        self._comparison = comparison
        self._tell(comparison=comparison)

    async def _compared(self, options: Options) -> Comparison:
        self._plan = self._home.plan_mark()
        try:
            found = await asyncio.to_thread(wiring.reading, options)
            wrong = findings_of(found)
            if found.plan is None or any(finding.is_error for finding in wrong):
                return Comparison(tuple(wrong), (), file=found.name)
            async with self._home.reached() as cluster:
                seen = await preview(cluster, found.plan, wiring.upstream(options), STAGES)
        except Exception as error:
            raise CannotConnect(told(error)) from None
        return replace(seen, findings=(*wrong, *seen.findings), file=found.name)

    async def _place(self, options: Options) -> Journal:
        """The journal of the cluster, whose folder holds the record too. Raises CannotConnect."""
        if options.journal:
            return Journal(options.journal)
        if self._journal is None:
            try:
                async with self._home.reached() as cluster:
                    self._journal = await wiring.journal(cluster, options)
            except ClusterError as error:
                raise CannotConnect(str(error)) from None
        return self._journal

    def _begun(self, options: Options, journal: Journal) -> subprocess.Popen[bytes]:
        plan = next((file for file in options.plan_files() if file.exists()), None)
        command = [sys.executable, "-P", "-m", "tui", "apply", "--yes"]
        command += replace(options, plan=plan.absolute() if plan else None).arguments()
        try:
            journal.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(log_of(journal), "ab", opener=_private) as log:
                _take(log.fileno())
                log.truncate(0)
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=self._home.held(),
                )
                with suppress(OSError):  # a full disk costs words, not the run
                    os.write(log.fileno(), f"{_whose(child.pid)}\n".encode())
        except OSError as error:
            raise CannotConnect(f"the run cannot be begun: {error}") from None
        return child

    async def _look(self) -> None:
        """Tell the run where it is another than it was; a process that ended before it could say why, too."""
        journal = await self._place(await self._home.attached())
        over = bool(self._child and self._child.poll() is not None)
        mark = (_mark(path_of(journal)), over)
        if mark != self._mark or (self._known and self._known.ending is None):
            self._mark = mark
            if self._learn(journal, await asyncio.to_thread(read, journal)):
                self._later = asyncio.create_task(self.compare())  # what is left to do is asked about next

    def _learn(self, journal: Journal, found: Deployment | None) -> bool:
        """Tell it; whether a run has just not come to its end."""
        child = self._child
        mine = found is not None and child is not None and found.pid == child.pid
        if child is not None and child.poll() is not None:
            self._child = None
            if not mine:  # it ended before its first line
                self._passed = (found.pid, found.began) if found else None
                return self._know(_unrecorded(child, journal))
        elif child is not None and not mine:
            return False  # it has not come to its first line yet
        if found is None or (found.pid, found.began) == self._passed:
            return False
        if found.ending == "cut":
            found = replace(found, error=fault(journal, found.pid))
        return self._know(found)

    def _know(self, found: Deployment) -> bool:
        """Tell it where it is news; whether it has just not come to its end. Runs are told apart by the process alone:
        the clock of a board without a battery goes back."""
        before = self._known
        if found == before:
            return False
        self._known = found
        turned = before is None or (found.pid, found.ending) != (before.pid, before.ending)
        if turned:
            self._era += 1
            self._comparison = None
        self._tell(deployment=found, **({"said": None, "comparison": None} if turned else {}))
        return turned and found.ending not in (None, "done")


def _unrecorded(child: subprocess.Popen[bytes], journal: Journal) -> Deployment:
    """A run that ended before its record began: it changed nothing."""
    now = time.time()
    if child.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM):
        return Deployment(WAITING, child.pid, now, "stopped", now)
    return Deployment(WAITING, child.pid, now, "failed", now, last_words(journal, child.pid))


def _take(log: int) -> None:
    """Hold the log as long as the run lives, which inherits it. Raises CannotConnect where another run does."""
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotConnect("another console has begun a run that has not ended yet; wait for it") from None


def _whose(pid: int) -> str:
    """The line of the log that says which run's it is."""
    return f"process {pid}"


def log_of(journal: Journal) -> Path:
    """What a run says that was begun by a console."""
    return journal.path.with_name("deploy.log")


def last_words(journal: Journal, pid: int) -> str:
    """Why a run ended before its first line."""
    return fault(journal, pid) or "\n".join(_said(journal, pid)[-LAST_WORDS:]) or "it ended without a word"


def fault(journal: Journal, pid: int) -> str | None:
    """What went wrong by the words of that run, without the lines of a trace; None where it says nothing."""
    lines = _said(journal, pid)
    if any(line.startswith("Traceback ") for line in lines):
        return f"a fault of homelab-tui itself: {lines[-1]}; the whole of it is in {log_of(journal)}"
    errors = [at for at, line in enumerate(lines) if line.startswith(SAYS)]  # warnings come before
    return "\n".join(lines[errors[-1] :][:LAST_WORDS]).removeprefix(SAYS) if errors else None


def _said(journal: Journal, pid: int) -> list[str]:
    """The log of that run; nothing where it is an earlier one's, since a run by hand has none."""
    lines = list[str]()
    with suppress(OSError):
        lines = log_of(journal).read_text(errors="replace").splitlines()
    return [line for line in lines if line != _whose(pid)] if _whose(pid) in lines else []


def told(error: Exception) -> str:
    """What a person can mend; a fault of ours is raised as it is."""
    if (text := explained(error)) is None:
        raise error
    return text.removeprefix(SAYS)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _mark(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_size
    return None
