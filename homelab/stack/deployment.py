"""One deploy as a screen shows it: every stage, what it waits for, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homelab.finding import Finding
from homelab.stack.diff import Action, Difference
from homelab.stack.obstacles import TAKES
from homelab.stack.render import Rendered

StageState = Literal["waiting", "applying", "ready", "failed"]
Ending = Literal["done", "failed", "stopped", "cut"]


@dataclass(frozen=True, slots=True)
class Awaited:
    """One object that is not ready."""

    ref: str
    why: str
    reasons: tuple[str, ...] = ()
    """What its pods and events say."""


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage of a deploy."""

    stage: str
    state: StageState
    objects: int = 0
    written: int = 0
    began: float | None = None
    """Seconds since the epoch."""
    ended: float | None = None
    awaiting: tuple[Awaited, ...] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """A run that goes on, or has ended."""

    stages: tuple[StageProgress, ...]
    pid: int
    """Of the process that does it."""
    began: float
    ending: Ending | None = None
    """None while it goes on."""
    ended: float | None = None
    error: str | None = None
    """Why it failed, and what to do."""
    notes: tuple[str, ...] = ()
    """What was noticed on the way: findings, objects left alone."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a deploy would change, looked at before it begins."""

    findings: tuple[Finding, ...]
    """What is in the way."""
    differences: tuple[Difference, ...]
    trouble: str | None = None
    """Why it cannot be told."""
    rendered: tuple[Rendered, ...] = ()
    """Every object as it is wished."""
    file: str | None = None
    """The plan's, which the findings' lines are of."""

    @property
    def hindrance(self) -> str | None:
        """Why no deploy may begin; None where one may."""
        if self.trouble:
            return self.trouble
        for finding in self.findings:
            if finding.is_error:
                return f"{finding.at}: {finding.what}; {finding.fix}"
        blocked = [one for one in self.differences if one.action is Action.BLOCKED]
        return f"{blocked[0].ref}: {blocked[0].note}" if blocked else None

    @property
    def losses(self) -> tuple[str, ...]:
        """What others may miss: objects that go, addresses that their Services lose."""
        gone = [f"{one.ref} goes: {one.note}" for one in self.differences if one.action is Action.REMOVE]
        return (*gone, *(finding.what for finding in self.findings if finding.why == TAKES))
