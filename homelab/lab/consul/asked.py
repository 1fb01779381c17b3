"""One request, what it may, and the answer to it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from multidict import MultiMapping

from homelab.lab.consul.access import Holder
from homelab.lab.consul.cluster import Cluster, Member
from homelab.lab.consul.fault import bad_request
from homelab.lab.consul.sessions import duration

WAIT = 300.0
LONGEST_WAIT = 600.0
"""Seconds that a query waits for a change. Source: Consul docs, blocking queries."""


def decoded(text: bytes) -> Any:
    """JSON with the names in small letters: Go asks for no case, and py-consul sends such. Raises ValueError."""
    return json.loads(text, object_pairs_hook=lambda pairs: {name.lower(): value for name, value in pairs})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON unless it is bytes."""

    said: Any
    index: int | None = None
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to one server."""

    method: str
    rest: str
    """What of the path names the thing."""
    query: MultiMapping[str]
    body: bytes
    cluster: Cluster
    server: Member
    holder: Holder

    def json(self) -> Any:
        """The body, with its names in small letters; empty is an empty object. Raises Fault."""
        try:
            found = decoded(self.body) if self.body.strip() else {}
            if isinstance(found, dict):
                return found
        except ValueError as error:
            raise bad_request(f"Request decode failed: {error}") from None
        raise bad_request("Request decode failed: an object is wanted")

    async def blocking(self, look: Callable[[], Reply]) -> Reply:
        """What is there, once it is newer than the index that the caller has seen. Raises Fault."""
        try:
            seen = int(self.query.get("index", "0"))
        except ValueError:
            raise bad_request("Invalid index") from None
        try:
            wait = min(duration(self.query.get("wait", "0")) or WAIT, LONGEST_WAIT)
        except ValueError:
            raise bad_request("Invalid wait time") from None
        end = time.monotonic() + wait
        while (found := look()).index is not None and seen > 0 and (found.index or 0) <= seen:
            if (left := end - time.monotonic()) <= 0:
                break
            await self.cluster.change(left)
        return found
