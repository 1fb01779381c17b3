"""What a check or the doctor reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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

    @property
    def is_error(self) -> bool:
        """Whether this stops a deploy."""
        return self.severity is Severity.ERROR

    def text(self, file: str | None = None) -> str:
        """Three lines for a terminal: place and what, why, fix."""
        place = f"{file}:{self.line}: {self.at}" if file and self.line else self.at
        return f"{self.severity}: {place}: {self.what}\n  why: {self.why}\n  fix: {self.fix}"
