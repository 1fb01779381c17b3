"""What every real program has in common: it listens, it ends, is kept running, and is asked whether it is ready."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, Protocol

import aiohttp

from homelab.lab.programs.containers import Probe
from homelab.lab.programs.words import Words
from homelab.lab.store import utc_now
from homelab.pauses import pauses

Address = tuple[str, int]

LONGEST_PAUSE = 10.0
"""Seconds between two starts of a program that does not stay; a kubelet goes up to five minutes."""
EAGER_SECONDS = 0.1
"""Between two questions to a program that is not ready yet. A kubelet lets its period pass, and people wait."""
ANSWER_SECONDS = 1.0
"""Source: Kubernetes API reference, Probe, timeoutSeconds."""


START_FAILED = 128
"""Exit code of what could not even be started. Source: containerd, `StartError` in a pod's status."""


class ProgramError(Exception):
    """A program cannot run; the text says why."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a life of a program ended."""

    code: int
    """As a shell says it: 128 and the signal's number for one that was killed."""
    why: str
    at: datetime = field(default_factory=utc_now)


class Program(Protocol):
    """One start of a program."""

    @property
    def addresses(self) -> Mapping[int, Address]:
        """Where it really listens, by the port that its manifest names."""

    @property
    def words(self) -> Words | None:
        """What it says, once it has begun; None: nothing that is kept."""

    async def start(self) -> None:
        """Begin. Raises ProgramError."""

    async def ended(self) -> Ended:
        """Wait until it has ended by itself."""

    async def stop(self) -> None:
        """End it, also when it has not begun."""


@dataclass(frozen=True, slots=True)
class State:
    """What the pods of a program are told."""

    ready: bool
    why: str = ""
    """Why it is not ready."""
    since: datetime | None = None
    """When its life began; None before the first."""
    restarts: int = 0
    last: Ended | None = None
    """The life before this one."""
    waiting: bool = False
    """Whether it has ended, and is started again after a pause."""


class Supervised:
    """A program that is kept running: started again when it ends, and asked whether it is ready as a kubelet would."""

    def __init__(
        self,
        make: Callable[[], Program],
        probe: Probe | None,
        session: aiohttp.ClientSession,
        told: Callable[[State], None],
    ) -> None:
        self.addresses: Mapping[int, Address] = {}
        self.state = State(False, "it has not been started yet")
        self.words: Words | None = None
        """What is said in this life."""
        self.said: Words | None = None
        """What was said in the life before."""
        self._make = make
        self._probe = probe
        self._session = session
        self._told = told

    async def run(self) -> None:
        """Keep it running until cancelled."""
        waits = pauses(LONGEST_PAUSE)
        for restarts in count():
            self._change(since=utc_now(), restarts=restarts, waiting=False)
            try:
                last = await self._life()
            except ProgramError as error:
                last = Ended(START_FAILED, str(error))
            if self.state.ready:
                waits = pauses(LONGEST_PAUSE)
            self._tell(State(False, last.why, self.state.since, restarts, last, waiting=True))
            await asyncio.sleep(next(waits))

    async def _life(self) -> Ended:
        """One life; how it ended. Raises ProgramError."""
        program = self._make()
        try:
            await program.start()
            self.addresses = program.addresses
            self._listen(program.words)
            asking = asyncio.create_task(self._ask())
            try:
                return await program.ended()
            finally:
                asking.cancel()
                await asyncio.wait([asking])
        finally:
            await program.stop()

    def _listen(self, words: Words | None) -> None:
        """Another life speaks from now on."""
        if self.words and words:
            self.said = replace(self.words, end=words.begin)
        self.words = words

    async def _ask(self) -> None:
        if not self._probe:
            self._change(ready=True, why="")
            return
        failures = 0
        while True:
            failing = await self._failing(self._probe)
            failures = failures + 1 if failing else 0
            if failing is None:
                self._change(ready=True, why="")
            elif not self.state.ready or failures >= self._probe.failures:
                self._change(ready=False, why=f"Readiness probe failed: {failing}")
            await asyncio.sleep(self._probe.period if self.state.ready else EAGER_SECONDS)

    async def _failing(self, probe: Probe) -> str | None:
        """Why the probe fails; None when it does not. Source: Kubernetes docs, probes: 200 to 399 is a success."""
        if not (address := self.addresses.get(probe.port)):
            return f"nothing listens on port {probe.port}"
        host, port = address
        patience = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        try:
            async with self._session.get(
                f"http://{host}:{port}{probe.path}", timeout=patience, allow_redirects=False
            ) as answer:
                return None if answer.status < 400 else f"HTTP probe failed with statuscode: {answer.status}"  # noqa: PLR2004
        except (aiohttp.ClientError, OSError) as error:
            return str(error) or type(error).__name__

    def _change(self, **changes: Any) -> None:
        self._tell(replace(self.state, **changes))

    def _tell(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._told(state)


def is_free(address: Address) -> bool:
    """Whether a program could listen there now."""
    with socket.socket() as trial, suppress(OSError):
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind(address)
        return True
    return False


def taken(address: Address) -> ProgramError:
    """What is said when it could not."""
    return ProgramError(f"{address[0]}:{address[1]} is taken by another program on this machine, or may not be used")
