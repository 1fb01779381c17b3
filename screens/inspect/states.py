"""How fresh what was looked up is, in the words of every pane."""

from __future__ import annotations

from homelab.observe.inspection import Inspection
from homelab.observe.snapshot import SourceState
from screens.freshness import SIGNS, Freshness


def fresh(found: Inspection | None, is_live: bool) -> Freshness:
    """Loading, live, as it was when it was opened, or failed."""
    if found is None:
        return Freshness(SourceState.LOADING, f"{SIGNS[SourceState.LOADING]} loading")
    if found.trouble:
        return Freshness(SourceState.FAILED, f"{SIGNS[SourceState.FAILED]} failed", found.trouble)
    word = "live" if is_live else "as it was when opened"
    return Freshness(SourceState.LIVE, f"{SIGNS[SourceState.LIVE]} {word}")
