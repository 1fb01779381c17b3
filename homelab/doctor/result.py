"""What a check of the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands; `unknown` is an honest answer where this machine cannot see it."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "cannot tell from here"

    @property
    def sign(self) -> str:
        """One cell for it, the same on the screen and in print."""
        return _SIGNS[self]


_SIGNS = {State.OK: "✓", State.WARNING: "▲", State.ERROR: "✗", State.UNKNOWN: "○"}


@dataclass(frozen=True, slots=True)
class Result:
    """One answer; what is not well says why it matters and what to do."""

    id: str
    """Of the check: `dns-internal`."""
    title: str
    """What was looked at, in a few words."""
    state: State
    what: str
    """What was seen."""
    why: str = ""
    fix: str = ""
    paste: str = ""
    """One line to paste on another machine, where that can tell what this one cannot."""
