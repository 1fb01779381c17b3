"""A program that is kept running: what is told of it while it lives, when it ends, and when it cannot begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from homelab.lab.programs.containers import Probe
from homelab.lab.programs.program import Address, Ended, Program, ProgramError, State, Supervised
from homelab.lab.programs.traefik import last_words
from homelab.lab.programs.words import Words

PORT = 8080


class Answering:
    """Answers its probe with one status after the other, and ends after the last."""

    addresses: Mapping[int, Address] = {}
    words: Words | None = None

    def __init__(self, statuses: Iterator[int]) -> None:
        self._statuses = statuses
        self._last = 500
        self._over = asyncio.Event()
        self._runner = web.ServerRunner(web.Server(self._answer))

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.addresses = {PORT: self._runner.addresses[0]}

    async def ended(self) -> Ended:
        """When all was answered."""
        await self._over.wait()
        return Ended(3, "all was said")

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        status = next(self._statuses, None)
        if status is None:
            self._over.set()
        self._last = status or self._last
        return web.Response(status=self._last)


@asynccontextmanager
async def told(make: Callable[[], Program], failures: int) -> AsyncIterator[asyncio.Queue[State]]:
    """What is told of a program, asked for its readiness without a pause."""
    states: asyncio.Queue[State] = asyncio.Queue()
    async with aiohttp.ClientSession() as session, asyncio.timeout(20):
        supervised = Supervised(make, Probe("/", PORT, period=0, failures=failures), session, states.put_nowait)
        running = asyncio.create_task(supervised.run())
        try:
            yield states
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_only_so_many_failures_in_a_row_make_a_ready_program_unready() -> None:
    statuses = iter([200, 500, 500, 200, 500, 500, 500, 200])
    failing = "Readiness probe failed: HTTP probe failed with statuscode: 500"

    async with told(lambda: Answering(statuses), failures=3) as states:
        seen = [await states.get() for _ in range(5)]

    assert [(state.ready, state.why) for state in seen[1:]] == [
        (True, ""),
        (False, failing),
        (True, ""),
        (False, "all was said"),
    ]


async def test_a_program_that_was_never_ready_is_unready_with_the_first_failure() -> None:
    async with told(lambda: Answering(iter([500])), failures=3) as states:
        seen = [await states.get() for _ in range(2)]

    assert seen[1].why == "Readiness probe failed: HTTP probe failed with statuscode: 500"


async def test_ends_are_counted_and_the_last_one_is_known() -> None:
    async with told(lambda: Answering(iter([200])), failures=1) as states:
        seen = [await states.get() for _ in range(6)]

    assert [(state.restarts, state.ready, state.waiting) for state in seen] == [
        (0, False, False),
        (0, True, False),
        (0, False, True),
        (1, False, False),
        (1, True, False),
        (1, False, True),
    ]
    assert [state.last and (state.last.code, state.last.why) for state in seen[1:4]] == [
        None,
        (3, "all was said"),
        (3, "all was said"),
    ]


async def test_what_cannot_begin_is_tried_again() -> None:
    tries = iter([ProgramError("no room")])

    def make() -> Program:
        for error in tries:
            raise error
        return Answering(iter([200]))

    async with told(make, failures=1) as states:
        seen = [await states.get() for _ in range(4)]

    assert [(state.ready, state.restarts, state.waiting) for state in seen[1:]] == [
        (False, 0, True),
        (False, 1, False),
        (True, 1, False),
    ]
    assert seen[1].last
    assert (seen[1].why, seen[1].last.code) == ("no room", 128)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"level":"error","error":"no \\"x\\" here","time":"now"}', 'no \\"x\\" here'),
        ('\x1b[90mnow\x1b[0m \x1b[31mERR\x1b[0m Command \x1b[36merror=\x1b[0m\x1b[31m"no x"\x1b[0m', "no x"),
        ("panic: no x", "panic: no x"),
        ("", ""),
    ],
)
def test_last_words_are_the_error_in_the_last_line(tmp_path: Path, line: str, words: str) -> None:
    log = tmp_path / "log"
    log.write_text(f"of the life before\nof this one\n{line}\n" if line else "of the life before\n")

    assert last_words(log, len("of the life before\n")) == words
