"""Running a command's asynchronous part so that a signal ends it in order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from homelab.stack.progress import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Brake:
    """Lets work that knows how to stop between two steps do so; a second signal cancels it all the same."""

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None

    @contextmanager
    def handed(self) -> Iterator[asyncio.Event]:
        """Inside the block a signal sets the event; whoever got it raises Stopped."""
        self._event = asyncio.Event()
        try:
            yield self._event
        finally:
            self._event = None

    def pull(self) -> bool:
        """Ask for a stop; False where nobody heeds it, or was asked before."""
        if self._event is None or self._event.is_set():
            return False
        self._event.set()
        return True


def run(work: Callable[[], Coroutine[None, None, int]], advice: str = "", brake: Brake | None = None) -> int:
    """Run to the end, or until a signal: then the work is stopped, its clean-up done, and 128 + signal returned."""
    return asyncio.run(_until_signalled(work, advice, brake or Brake()))


async def _until_signalled(work: Callable[[], Coroutine[None, None, int]], advice: str, brake: Brake) -> int:
    task: asyncio.Task[int] = asyncio.ensure_future(work())
    received: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        received.append(number)
        if not brake.pull():
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except (asyncio.CancelledError, Stopped):
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
