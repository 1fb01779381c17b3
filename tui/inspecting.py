"""Looking closer at a row as a service of the console: chain, YAML, events, logs; as long as a view asks for it.

Loads YAML: import it in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from homelab.observe.behind import family, pods_of
from homelab.observe.happened import EVENT, happened
from homelab.observe.inspection import Inspection
from homelab.observe.live import utc_now
from homelab.observe.manifest import documents
from homelab.observe.parts import Parts, read
from homelab.observe.raw import text
from homelab.observe.routes import Route
from homelab.observe.snapshot import Snapshot
from homelab.observe.tail import Tail
from homelab.observe.text import route_key
from homelab.ports import Cluster, ClusterError, Ref
from homelab.together import together
from tui.feed import CannotConnect
from tui.listening import Listening
from tui.options import Options

AGAIN_SECONDS = 2.0
"""Between two looks at what is told live."""
CALM_SECONDS = 10.0
"""Between two looks at a chain while nothing is heard: it is looked at again when the snapshot changes."""
PODS_SECONDS = 5.0
"""Between two looks at which pods there are to listen to."""


class Home(Protocol):
    """Where to look."""

    async def attached(self) -> Options:
        """What is to be used, once the lab is there where it is to be the lab. Raises CannotConnect."""

    def reached(self) -> AbstractAsyncContextManager[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""


class Inspecting:
    """One for each console; `tell` gets the scene's `inspection` and `parts`, each with the token of who asked."""

    def __init__(self, home: Home, tell: Callable[..., None]) -> None:
        self._home, self._tell = home, tell
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._left: set[str] = set()
        """Those that went before they were heard of: messages may overtake each other."""
        self._news = asyncio.Event()

    def see(self, snapshot: Snapshot | None) -> None:
        """Something changed: what is on the way of a route may be another thing now."""
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def leave(self, token: str) -> None:
        """Nobody looks any more."""
        if task := self._tasks.get(token):
            task.cancel()
        else:
            self._left.add(token)

    async def chain(self, token: str, route: Route | None) -> None:
        """What is on the way of a route, again whenever something changes."""
        if route:
            await self._while_looked_at(token, self._again(partial(self._parts, token, route), CALM_SECONDS))

    async def yaml(self, token: str, refs: Sequence[Ref]) -> None:
        """The objects, once."""
        await self._while_looked_at(token, self._yaml(token, refs))

    async def events(self, token: str, refs: Sequence[Ref]) -> None:
        """What happened to the objects and what is behind them, again and again."""
        await self._while_looked_at(token, self._again(partial(self._events, token, refs)))

    async def logs(self, token: str, refs: Sequence[Ref], previous: bool) -> None:
        """What the pods behind say, or said before their last restart."""
        await self._while_looked_at(token, self._logs(token, refs, previous))

    async def _while_looked_at(self, token: str, looking: Coroutine[Any, Any, None]) -> None:
        if token in self._left:
            self._left.discard(token)
            looking.close()
            return
        task = self._tasks[token] = asyncio.create_task(looking)
        try:
            await asyncio.wait([task])
        finally:
            task.cancel()
            del self._tasks[token]
        if not task.cancelled():
            task.result()

    async def _again(self, look: Callable[[Any], Awaitable[Any]], calm: float = AGAIN_SECONDS) -> None:
        """Each look knows what the one before has told; `calm`: so long at most until the next, if nothing is heard."""
        before: Any = None
        while True:
            news = self._news
            before = await look(before)
            await asyncio.sleep(AGAIN_SECONDS)
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), calm - AGAIN_SECONDS)

    async def _parts(self, token: str, route: Route, before: Parts | None) -> Parts:
        try:
            async with self._home.reached() as cluster:
                found = replace(await read(cluster, route), token=token)
        except (ClusterError, CannotConnect) as error:
            found = Parts(route_key(route), token, trouble=str(error))
        if found != before:
            self._tell(parts=found)
        return found

    async def _yaml(self, token: str, refs: Sequence[Ref]) -> None:
        try:
            async with self._home.reached() as cluster:
                found = [one for one in await together(partial(cluster.get, ref) for ref in refs) if one]
        except (ClusterError, CannotConnect) as error:
            self._tell(inspection=Inspection(token, trouble=str(error)))
            return
        self._tell(inspection=Inspection(token, tuple(await asyncio.to_thread(documents, found))))

    async def _events(self, token: str, refs: Sequence[Ref], before: Inspection | None) -> Inspection:
        try:
            async with self._home.reached() as cluster:
                every = await family(cluster, refs)
                spaces = {text(one, "metadata", "namespace") or "default" for one in every}
                told = await together(partial(cluster.list, EVENT, namespace=space) for space in sorted(spaces))
            events = happened((one for each in told for one in each), every, utc_now())
            found = Inspection(token, events=events)
        except (ClusterError, CannotConnect) as error:
            found = Inspection(token, events=before.events if before else None, trouble=str(error))
        if found != before:
            self._tell(inspection=found)
        return found

    async def _logs(self, token: str, refs: Sequence[Ref], previous: bool) -> None:
        liked = (await self._home.attached()).settings
        listening = Listening(token, Tail(liked.log_lines, liked.log_bytes), previous, self._tell)
        async with asyncio.TaskGroup() as group:
            group.create_task(listening.keep_telling())
            while True:
                try:
                    async with self._home.reached() as cluster:
                        await listening.listen(cluster, await pods_of(cluster, refs), group)
                        await asyncio.sleep(PODS_SECONDS)
                except (ClusterError, CannotConnect) as error:
                    listening.note(None, str(error))
                    await asyncio.sleep(PODS_SECONDS)
