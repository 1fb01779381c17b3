"""What a deploy tells while it works; the command line prints it, a screen shows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from homelab.ports import Contest, Ref
from homelab.stack.readiness import Status


@dataclass(frozen=True, slots=True)
class StageBegun:
    """A stage is being applied or removed."""

    stage: str
    objects: int


@dataclass(frozen=True, slots=True)
class Done:
    """One object was written, found as wished, left alone or removed."""

    stage: str
    ref: Ref
    outcome: str
    """`created`, `changed`, `unchanged`, `left alone`, `removed`, `kept`."""
    note: str = ""
    contests: tuple[Contest, ...] = ()
    """Fields taken back from other managers."""


@dataclass(frozen=True, slots=True)
class Awaiting:
    """What the stage still waits for."""

    stage: str
    missing: Mapping[Ref, Status]
    reasons: Mapping[Ref, tuple[str, ...]] = field(default_factory=dict)
    """What the pods and events say of those that are awaited for long."""


@dataclass(frozen=True, slots=True)
class StageEnded:
    """Everything of the stage is as wished."""

    stage: str
    seconds: float


Event = StageBegun | Done | Awaiting | StageEnded
Report = Callable[[Event], None]


class Stopped(Exception):
    """The run was told to stop, and did so between two steps; the same command again goes on."""
