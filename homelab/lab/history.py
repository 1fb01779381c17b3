"""What happened to the objects of each kind, for watches and for reading the past."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Literal

from homelab.lab.refusal import expired
from homelab.ports import Kind, Raw

KEPT = 10_000
"""Events that are remembered of each kind."""
BUDGET = 64 * 1024 * 1024
"""Bytes of JSON that they may have, whatever their number."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one object."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Raw
    version: int
    before: Raw | None = None
    """None when it was added; a watch with a selector needs it to see an object leave."""


class History:
    """The latest changes of one kind."""

    def __init__(self, start: int) -> None:
        self._events: deque[Event] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0
        self._start = start
        """The version whose state the oldest event changed."""

    def record(self, event: Event) -> None:
        """Remember a change, and forget the oldest when there are too many."""
        size = len(json.dumps(event.object))
        self._events.append(event)
        self._sizes.append(size)
        self._size += size
        while len(self._events) > KEPT or self._size > BUDGET:
            self._start = self._events.popleft().version
            self._size -= self._sizes.popleft()

    def since(self, version: int) -> tuple[Event, ...]:
        """Everything after a version, oldest first. Raises Refusal 410 when that is not known any more."""
        if version < self._start:
            raise expired(f"too old resource version: {version} ({self._start})")
        found: list[Event] = []
        for event in reversed(self._events):
            if event.version <= version:
                break
            found.append(event)
        return tuple(reversed(found))


class Subscription(AsyncIterator[Event]):
    """Events from the moment it was made; none is lost however slowly they are read. Close it when done."""

    def __init__(self, readers: set[Subscription], kinds: Iterable[Kind]) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        self._kinds = frozenset(kinds)
        self._readers = readers
        readers.add(self)

    def offer(self, kind: Kind, event: Event) -> None:
        """Take the event when its kind is wanted."""
        if not self._kinds or kind in self._kinds:
            self._queue.put_nowait(event)

    async def __anext__(self) -> Event:
        return await self._queue.get()

    @property
    def waiting(self) -> bool:
        """Whether another can be had at once."""
        return not self._queue.empty()

    def close(self) -> None:
        """Take no more."""
        self._readers.discard(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
