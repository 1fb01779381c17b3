"""Keys one at a time: each is handed on when what the one before began is done.

Textual puts a key into the queue of the widget with the cursor, and does what the key is bound to only after it has
come up from there through the queues of all that is around it. Of keys that come in one read of the terminal, the
later ones would be in a field before the earlier one has left it, or in a table before the dialog over it is there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any, TypeAlias
from weakref import ref

from textual.app import App
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.worker import Worker

Pressed: TypeAlias = Key | Paste
PATIENCE = 2.0
"""Seconds that keys wait for what does not come: then it hangs, and a person may want to go elsewhere."""
EAGER = 50
"""Looks without a pause between them: most of what keys begin is done by then."""
PAUSE = 0.002
"""Seconds between two looks after that: what waits for a repaint takes that long."""


class TypeAhead:
    """Keys that were pressed and are not handed on yet, and what was pasted between them."""

    def __init__(self, app: App[Any], hand_on: Callable[[Pressed], Awaitable[None]]) -> None:
        self._app, self._hand_on = app, hand_on
        self._waiting: deque[Pressed] = deque()
        self._news = asyncio.Event()
        self._works: list[Worker[None]] = []
        """What is on its way to the front."""
        self._front: Callable[[], Screen[Any] | None] = lambda: None
        """The screen that was in front for the last key."""

    @property
    def is_empty(self) -> bool:
        """Whether every key was handed on."""
        return not self._waiting

    def take(self, pressed: Pressed) -> None:
        """Hand it on as soon as its turn comes."""
        self._waiting.append(pressed)
        self._news.set()

    def wait_for(self, work: Worker[None]) -> None:
        """Keys that come from now on are for what this work brings to the front."""
        self._works.append(work)

    async def run(self) -> None:
        """Hand on what comes, for as long as the app runs."""
        while await self._news.wait():
            self._news.clear()
            while self._waiting:
                await self._settled()
                if self._waiting:
                    await self._hand_on(self._waiting.popleft())

    async def _settled(self) -> None:
        """Wait until nothing moves any more; or so long, and forget what was typed for something that did not come."""
        if not await self.comes_to_rest(PATIENCE):
            self._works.clear()
            self._waiting.clear()

    async def comes_to_rest(self, seconds: float) -> bool:
        """Wait until nothing moves any more, at most so long; whether it came to that."""
        try:
            async with asyncio.timeout(seconds):
                looks = count()
                while not self._is_quiet():
                    await asyncio.sleep(0 if next(looks) < EAGER else PAUSE)
        except TimeoutError:
            return False
        return True

    def _is_quiet(self) -> bool:
        """Whether nobody has anything left to do; a screen that is new in front begins after its first repaint."""
        self._works = [one for one in self._works if not one.is_finished]
        if self._works or not self._app.screen_stack:
            return False
        screen = self._app.screen
        if screen is not self._front() and screen._callbacks:
            return False
        if not all(map(_rests, (self._app, *self._app._registry))):
            return False
        self._front = ref(screen)
        return True


def _rests(pump: MessagePump) -> bool:
    """Whether it has ended, or waits for a message and has none: nothing public of Textual tells the two apart."""
    queue: Any = pump._message_queue
    has_ended = pump._task is None or pump._task.done()
    return bool(queue.empty() and queue.ready_event._waiters) or (has_ended and not isinstance(pump, App))
