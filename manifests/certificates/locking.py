"""The lock of the one issuer: a Consul session that a thread renews, without which nothing is written."""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import suppress

import loader
from dynamic import Trouble
from loader import Operation

LOCK = "homelab/acme/lock"
TTL_SECONDS = 30
COMMIT_SECONDS = 60.0
"""Consul was seen to need as long for a new leader after a server's death."""
LOST = "the lock is lost, since Consul took this run for dead; nothing more is written, the next run goes on"


class Lock:
    """The lock of the one issuer, and the session that holds it."""

    def __init__(self, consul: loader.Consul) -> None:
        self._consul = consul
        self._ended = threading.Event()
        body = {"Name": "issuer", "TTL": f"{TTL_SECONDS}s", "Behavior": "release", "NodeChecks": []}
        self._until = time.monotonic() + TTL_SECONDS
        self.session = str(consul.ask("PUT", "session/create", body)["ID"])

    @property
    def held(self) -> bool:
        """False as soon as the session may have run out."""
        return time.monotonic() < self._until

    def take(self, holder: str) -> bool:
        """Whether it was free."""
        return bool(self._consul.ask("PUT", f"kv/{LOCK}?acquire={self.session}", {"holder": holder}))

    def keep(self) -> None:
        """Renew the session until the end; in a thread."""
        while not self._ended.wait(TTL_SECONDS / 3):
            asked = time.monotonic()
            with suppress(Trouble):
                if not self._consul.ask("PUT", f"session/renew/{self.session}"):
                    self._until = asked
                    return
                self._until = asked + TTL_SECONDS

    def leave(self) -> None:
        """Give it back at once, so that the next run has to wait for no time to pass."""
        self._ended.set()
        with suppress(Trouble):
            self._consul.ask("PUT", f"kv/{LOCK}?release={self.session}")
            self._consul.ask("PUT", f"session/destroy/{self.session}")

    def commit(self, *operations: Operation) -> None:
        """Write, if this session still holds the lock; wait for a leader, since an order that is lost was dear.

        Raises Outrun when another may hold the lock.
        """
        check: Operation = {"KV": {"Verb": "check-session", "Key": LOCK, "Session": self.session}}
        try:
            loader.patiently(COMMIT_SECONDS, lambda: self._consul.commit([check, *operations]), (loader.Away,))
        except loader.Outrun:
            raise loader.Outrun(LOST) from None


def holder(consul: loader.Consul) -> str:
    """Who has the lock. Consul keeps it closed for a while when a holder died."""
    (entry,) = consul.ask("GET", f"kv/{LOCK}") or [{}]
    if not entry.get("Session"):
        return "nobody: its last holder was lost, and Consul keeps it closed for 15 s"
    return str(json.loads(base64.b64decode(entry["Value"]))["holder"])
