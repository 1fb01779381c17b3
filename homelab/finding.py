"""What a check or the doctor reports."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 120
"""Characters of a value that a finding repeats, or of a command that it gives."""
SENTENCE = 400
"""Characters that a sentence never exceeds; ours have a third of it."""
_VALUE = re.compile(r"`[^`]*`|\"[^\"]*\"|\S+")


def brief(value: str) -> str:
    """A value as a sentence may repeat it: in one line, and no longer than a person will read."""
    line = " ".join(value.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


class Severity(StrEnum):
    """How bad: an error stops a deploy, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, told so that a person can mend it at night."""

    severity: Severity
    at: str
    """Where: a plan path (`load_balancer.pool`), a file, or an object (`Service default/web`)."""
    what: str
    why: str
    fix: str
    line: int | None = None
    """Line in the plan file, counted from 1; None when the place is not in the file."""

    def __post_init__(self) -> None:
        """A plan may hold anything: whatever a rule repeats of it, each sentence stays one line of bearable length."""
        for name in ("what", "why", "fix"):
            sentence = " ".join(getattr(self, name).split())
            object.__setattr__(self, name, _VALUE.sub(lambda found: brief(found[0]), sentence)[:SENTENCE])

    @property
    def is_error(self) -> bool:
        """Whether this stops a deploy."""
        return self.severity is Severity.ERROR

    def text(self, file: str | None = None) -> str:
        """Three lines for a terminal: place and what, why, fix."""
        place = f"{file}:{self.line}: {brief(self.at)}" if file and self.line else self.at
        return f"{self.severity}: {place}: {self.what}\n  why: {self.why}\n  fix: {self.fix}"
