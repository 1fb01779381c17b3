"""What was looked up about the objects of one row, while somebody looks at it."""

from __future__ import annotations

from dataclasses import dataclass

from homelab.ports import Ref


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the cluster, as often as it was seen."""

    key: str
    age: str
    """How long ago it was seen last."""
    about: Ref
    reason: str
    message: str
    count: int
    is_warning: bool


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one view shows; `token` says which."""

    token: str
    lines: tuple[str, ...] | None = None
    """Of a text or a log; None until it was read."""
    gone: int = 0
    """Lines before them that are kept no more."""
    events: tuple[Happening, ...] | None = None
    """The newest last; None until they were read."""
    sources: tuple[str, ...] = ()
    """Whose words these are."""
    trouble: str | None = None
    """Why it cannot be read, or not all of it."""
