"""Schedules of CronJobs: five fields, or one of the names with an @. Source: Kubernetes docs, CronJob."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

NAMED: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_NAMES = {name: str(n) for n, name in enumerate(_MONTHS, 1)} | {name: str(n) for n, name in enumerate(_DAYS)}
_LONGEST = timedelta(days=4 * 366 + 1)
"""29 February comes at least that often, save around 2100."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Both kinds of days are written: one of them is enough."""

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Reads a schedule. Raises ValueError."""
        parts = NAMED.get(text.strip(), text).split()
        if len(parts) != len(_LIMITS):
            raise ValueError(f'"{text}" is no schedule: it has {len(parts)} fields, not {len(_LIMITS)}')
        minutes, hours, days, months, weekdays = (
            _field(part, low, high) for part, (low, high) in zip(parts, _LIMITS, strict=True)
        )
        either = not parts[2].startswith("*") and not parts[4].startswith("*")
        return cls(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)

    def after(self, moment: datetime) -> datetime | None:
        """The first time that is due after a moment; None when there is none in years."""
        found = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _LONGEST
        while found < end:
            if found.month not in self.months or not self._on(found):
                found = found.replace(hour=0, minute=0) + timedelta(days=1)
            elif found.hour not in self.hours:
                found = found.replace(minute=0) + timedelta(hours=1)
            elif found.minute not in self.minutes:
                found += timedelta(minutes=1)
            else:
                return found
        return None

    def _on(self, moment: datetime) -> bool:
        by_day, by_weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return by_day or by_weekday if self.either else by_day and by_weekday


def _field(text: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, low, high))


def _part(text: str, low: int, high: int) -> range:
    span, _, step = text.partition("/")
    first, _, last = span.partition("-")
    if span == "*":
        start, end = low, high
    else:
        start = int(_NAMES.get(first.lower(), first))
        end = int(_NAMES.get(last.lower(), last)) if last else (high if step else start)
    if not low <= start <= end <= high or (step and int(step) < 1):
        raise ValueError(f'"{text}" is not within {low}-{high}')
    return range(start, end + 1, int(step) if step else 1)
