"""What the servers of one Consul share: keys, sessions, rights, and who leads. No server ever lags behind another."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from homelab.lab.consul.access import Access
from homelab.lab.consul.fault import failed
from homelab.lab.consul.pairs import Pair, Pairs
from homelab.lab.consul.sessions import Session, wished

RAFT_PORT = 8300


@dataclass(frozen=True, slots=True)
class Member:
    """One server."""

    name: str
    address: str
    since: str
    """RFC 3339."""

    @property
    def id(self) -> str:
        """The same whenever a server of that name starts."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    @property
    def raft(self) -> str:
        """Where the others reach it."""
        return f"{self.address}:{RAFT_PORT}"


class Cluster:
    """One Consul."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.pairs = Pairs()
        self.sessions: dict[str, Session] = {}
        self.index = 1
        """Of the last write; every write has its own."""
        self.sessions_index = 1
        self._members: list[Member] = []
        self._delays: dict[str, float] = {}
        """Until when a key cannot be locked, by `time.monotonic`."""
        self._ends: dict[str, asyncio.TimerHandle] = {}
        self._changed = asyncio.Event()

    # Servers

    @property
    def members(self) -> tuple[Member, ...]:
        """Those that run, the first of them leads."""
        return tuple(self._members)

    @property
    def leader(self) -> Member | None:
        """Whoever has run for longest."""
        return self._members[0] if self._members else None

    def join(self, member: Member) -> None:
        """A server has started."""
        self._members.append(member)

    def leave(self, member: Member) -> None:
        """A server ends."""
        with suppress(ValueError):
            self._members.remove(member)

    # Changes

    def next_index(self) -> int:
        """For one write."""
        self.index += 1
        return self.index

    def tell(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def change(self, seconds: float) -> None:
        """Wait for the next change, but no longer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    # Locks and sessions

    def lockable(self, key: str, session: str) -> bool:
        """Whether the time is over for which a lock stays closed after its holder died. Raises Fault."""
        if session not in self.sessions:
            raise failed(f'invalid session "{session}"')
        return self._delays.get(key, 0.0) <= time.monotonic()

    def open_session(self, given: Mapping[str, Any], node: str) -> Session:
        """Raises Fault."""
        session = wished(given, str(uuid.uuid4()), node, self.index + 1)
        self.sessions_index = self.next_index()
        self.sessions[session.id] = session
        self.renew(session)
        self.tell()
        return session

    def renew(self, session: Session) -> None:
        """It has given a sign of life."""
        if handle := self._ends.pop(session.id, None):
            handle.cancel()
        if seconds := session.seconds:
            self._ends[session.id] = asyncio.get_running_loop().call_later(seconds, self.end_session, session.id)

    def end_session(self, session_id: str) -> None:
        """It has died or was ended: its locks go, and stay closed for a while."""
        if not (session := self.sessions.pop(session_id, None)):
            return
        if handle := self._ends.pop(session_id, None):
            handle.cancel()
        self.sessions_index = index = self.next_index()
        for pair in [pair for pair in self.pairs.now.values() if pair.session == session_id]:
            self._free(pair, session, index)
        self.tell()

    def _free(self, pair: Pair, session: Session, index: int) -> None:
        if session.behaviour == "delete":
            self.pairs.delete(index, pair.key)
        else:
            self.pairs.release(index, pair.key)
        if session.delay:
            self._delays[pair.key] = time.monotonic() + session.delay
