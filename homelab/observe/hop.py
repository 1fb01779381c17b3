"""One hop of a route's chain."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from homelab.observe.text import Head, Row
from homelab.ports import Ref


class HopState(StrEnum):
    """How a hop fares."""

    FINE = "fine"
    WARNS = "warns"
    BROKEN = "broken"
    AWAITED = "awaited"
    UNKNOWN = "unknown"
    NOTHING = "nothing"
    """There is nothing to judge."""


SIGNS = {
    HopState.FINE: "✓",
    HopState.WARNS: "▲",
    HopState.BROKEN: "✗",
    HopState.AWAITED: "○",
    HopState.UNKNOWN: "?",
    HopState.NOTHING: "-",
}
HEAD = Head(("HOP", "WHAT", "STATE"), drops=())


@dataclass(frozen=True, slots=True)
class Hop:
    """One thing that a request passes."""

    kind: str
    """`host`, `address`, `entry point`, `router`, `middleware`, `service`, `endpoints`, `pod`, `certificate`."""
    what: str
    """Which one."""
    state: HopState
    word: str
    """The state in a few words."""
    error: str | None = None
    """What is wrong, why, and how to mend it; None while nothing is."""
    facts: tuple[tuple[str, str], ...] = ()
    """All that is known of it: names and values."""
    objects: tuple[Ref, ...] = ()
    """The objects of the cluster that it is, the most telling first."""
    depth: int = 0
    """How many chains of middlewares it is in."""

    @property
    def key(self) -> str:
        """Tells it from the others of its chain."""
        return f"{self.kind} {self.what} {self.depth}"


def hop_row(hop: Hop) -> Row:
    """One line, and below it what is wrong."""
    state = f"{SIGNS[hop.state]} {hop.word}".rstrip()
    what = "  " * hop.depth + hop.what
    return Row((hop.kind, what, state), (hop.error,) if hop.error else (), hop.key)
