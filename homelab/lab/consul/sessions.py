"""Sessions: whoever lives, and the locks that are taken from whoever does not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homelab.lab.consul.fault import bad_request, failed

SHORTEST, LONGEST = 10.0, 86400.0
"""Seconds of a TTL. Source: Consul docs, session TTL."""
LATE = 2
"""So many TTLs after its last sign a session ends. Source: Consul, `structs.SessionTTLMultiplier`."""
LOCK_DELAY = 15.0
LONGEST_DELAY = 60.0
FEW = 1000
"""A smaller number is one of seconds, a larger one of nanoseconds. Source: Consul, `lockDelayMinThreshold`."""
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Session:
    """Who may hold locks."""

    id: str
    name: str
    node: str
    delay: float
    """Seconds that its locks stay closed when it dies with them."""
    behaviour: str
    """`release` or `delete`: what then becomes of the keys."""
    ttl: str
    created: int

    @property
    def seconds(self) -> float | None:
        """How long it lives without a sign; None: for ever."""
        return duration(self.ttl) * LATE if self.ttl else None

    def shown(self) -> dict[str, Any]:
        """As the API tells it."""
        said: dict[str, Any] = {"ID": self.id, "Name": self.name, "Node": self.node}
        said |= {"LockDelay": int(self.delay * 1e9), "Behavior": self.behaviour, "TTL": self.ttl}
        checks = {"NodeChecks": ["serfHealth"], "ServiceChecks": None}
        return said | checks | {"CreateIndex": self.created, "ModifyIndex": self.created}


def wished(given: Mapping[str, Any], session_id: str, node: str, index: int) -> Session:
    """A session as somebody asks for it. Raises Fault."""
    behaviour, ttl = str(given.get("behavior") or "release"), str(given.get("ttl") or "")
    if behaviour not in ("release", "delete"):
        raise failed(f"Invalid Behavior setting '{behaviour}'")
    if str(given.get("node") or node) != node:
        raise failed("apply failed: Missing node registration")
    try:
        seconds = duration(ttl) if ttl else SHORTEST
    except ValueError as error:
        raise failed(f"Session TTL '{ttl}' invalid: {error}") from None
    if not SHORTEST <= seconds <= LONGEST:
        raise failed(f"Invalid Session TTL '{int(seconds * 1e9)}', must be between [10s=24h0m0s]")
    name = str(given.get("name") or "")
    return Session(session_id, name, node, _delay(given.get("lockdelay", LOCK_DELAY)), behaviour, ttl, index)


def _delay(given: Any) -> float:
    """Of a text or a number."""
    try:
        number = duration(given) if isinstance(given, str) else float(given)
    except (ValueError, TypeError) as error:
        raise bad_request(f"Request decode failed: {error}") from None
    if not isinstance(given, str) and number >= FEW:
        number /= 1e9
    return min(number, LONGEST_DELAY)


def duration(text: str) -> float:
    """Seconds of `10s` or `1h30m`. Raises ValueError."""
    if text == "0":
        return 0.0
    found = _PART.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise ValueError(f'time: invalid duration "{text}"')
    return sum(float(number) * _UNITS[unit] for number, unit in found)
