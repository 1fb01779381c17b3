"""Where the doctor's checks sign up. A check is one function of the world; its answer gets id and title here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from homelab.doctor.result import Result, State
from homelab.doctor.world import World

Look = Callable[[World], Awaitable[Result]]


class Need(StrEnum):
    """What a check looks at beyond the plan and this machine."""

    NAMES = "names"
    NEIGHBOURS = "neighbours"
    WEB = "web"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Check:
    """One look at the network or the cluster."""

    id: str
    title: str
    """What is looked at, in a few words."""
    needs: frozenset[Need]
    look: Look


CHECKS: dict[str, Check] = {}
"""Every check by its id, in the order of their files."""


def check(id: str, title: str, needs: Collection[Need]) -> Callable[[Look], Look]:
    """Registers a check. Raises ValueError for an id that is taken."""

    def register(look: Look) -> Look:
        if id in CHECKS:
            raise ValueError(f"two checks are called {id}")
        CHECKS[id] = Check(id, title, frozenset(needs), look)
        return look

    return register


def ok(what: str) -> Result:
    """It is as it should be."""
    return Result("", "", State.OK, what)


def warning(what: str, why: str, fix: str) -> Result:
    """It works for some, or not for long."""
    return Result("", "", State.WARNING, what, why, fix)


def error(what: str, why: str, fix: str, paste: str = "") -> Result:
    """It does not work."""
    return Result("", "", State.ERROR, what, why, fix, paste)


def unknown(what: str, why: str = "", fix: str = "", paste: str = "") -> Result:
    """This machine cannot see it."""
    return Result("", "", State.UNKNOWN, what, why, fix, paste)
