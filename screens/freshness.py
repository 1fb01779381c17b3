"""How old what is on the screen is, in words: said for every pane alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from homelab.observe.snapshot import Source, SourceState
from homelab.observe.text import clean
from screens.scene import Scene

WORST_FIRST = (
    SourceState.FAILED,
    SourceState.STALE,
    SourceState.LOADING,
    SourceState.ABSENT,
    SourceState.LIVE,
)
SIGNS = {
    SourceState.LIVE: "●",
    SourceState.LOADING: "○",
    SourceState.STALE: "▲",
    SourceState.FAILED: "✗",
    SourceState.ABSENT: "○",
}
"""Told apart by shape, so that nothing hangs on colour."""
STYLES = {
    SourceState.LIVE: "good",
    SourceState.LOADING: "dim",
    SourceState.STALE: "warn",
    SourceState.FAILED: "bad",
    SourceState.ABSENT: "dim",
}
LOST = frozenset({SourceState.FAILED, SourceState.STALE})
"""What is known is not of now."""
MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Freshness:
    """The worst of what a pane is drawn from."""

    state: SourceState
    word: str
    """Sign and word, such as `● live` or `▲ stale 40 s`."""
    trouble: str | None = None
    """What went wrong, and when it is tried again."""

    @property
    def style(self) -> str:
        """Its style's name."""
        return STYLES[self.state]


def freshness(scene: Scene, names: Iterable[str]) -> Freshness:
    """The worst state among some sources and why, since the first of them was lost: an age never runs backwards."""
    found = [scene.source(name) for name in names]
    worst = min(found, key=lambda source: WORST_FIRST.index(source.state))
    if worst.state in LOST:
        worst = replace(worst, since=min((one.since for one in found if one.state in LOST and one.since), default=None))
    return Freshness(worst.state, f"{SIGNS[worst.state]} {word(worst, scene.now)}", trouble(worst, scene.now))


def word(source: Source, now: datetime) -> str:
    """The state, with its age where that is more than it should be."""
    if source.state in LOST and source.since:
        return f"{source.state} {age(source.since, now)}"
    return "not there yet" if source.state is SourceState.ABSENT else str(source.state)


def trouble(source: Source, now: datetime) -> str | None:
    """Since when a source is not live, the next try, and why: the times first, where a cut cannot take them."""
    if source.state in {SourceState.LIVE, SourceState.LOADING} or not source.error:
        return None
    left = seconds(now, source.retry) if source.retry else 0
    times = [f"since {clock(source.since)}"] if source.since else []
    times += [f"next try in {left} s"] if left > 0 else []
    return f"{', '.join(times)}: {clean(source.error)}" if times else clean(source.error)


def age(since: str, now: datetime) -> str:
    """How long ago, in one unit."""
    passed = -seconds(now, since)
    if passed < MINUTE:
        return f"{max(passed, 0)} s"
    if passed < HOUR:
        return f"{passed // MINUTE} min"
    return f"{passed // HOUR} h" if passed < DAY else f"{passed // DAY} d"


def seconds(now: datetime, moment: str) -> int:
    """Whole seconds from now until a moment of a snapshot."""
    return round((datetime.fromisoformat(moment) - now).total_seconds())


def clock(moment: str) -> str:
    """The time of day here."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")
