"""What a program has said in one of its lives: a part of a file that all its lives share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Words:
    """Of one life."""

    path: Path
    begin: int
    """Bytes that are of lives before."""
    end: int | None = None
    """Where those of the next life begin; None while it may go on."""


@dataclass(slots=True)
class Lives:
    """The last two lives of each container whose programs end."""

    _known: dict[tuple[str, str], tuple[Words, ...]] = field(default_factory=dict)
    """By the uid of the pod and the container's name."""

    def begin(self, whose: tuple[str, str], path: Path, size: int) -> None:
        """Another one speaks."""
        self._known[whose] = (*self._known.get(whose, ())[-1:], Words(path, size))

    def end(self, whose: tuple[str, str]) -> None:
        """It speaks no more."""
        if lives := self._known.get(whose):
            self._known[whose] = (*lives[:-1], replace(lives[-1], end=lives[-1].path.stat().st_size))

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        for gone in [one for one in self._known if one[0] == uid]:
            del self._known[gone]

    def of(self, uid: str, container: str, previous: bool) -> Words | None:
        """What one says, or said in the life before."""
        lives = self._known.get((uid, container), ())
        return next(iter(lives[:-1] if previous else lives[-1:]), None)
