"""Running a command's asynchronous part so that a signal ends it in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(work: Callable[[], Coroutine[None, None, int]], advice: str = "") -> int:
    """Run to the end, or until a signal: then the work is cancelled, its clean-up done, and 128 + signal returned."""
    return asyncio.run(_until_signalled(work, advice))


async def _until_signalled(work: Callable[[], Coroutine[None, None, int]], advice: str) -> int:
    task: asyncio.Task[int] = asyncio.ensure_future(work())
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not received:
            raise
        _last_words(f"\nstopped by {received[0].name}{f'; {advice}' if advice else ''}")
        return 128 + received[0]
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def _last_words(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        return  # the terminal has gone, and nobody reads this
