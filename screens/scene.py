"""What the screens are drawn from: one immutable value, made anew whenever something is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from homelab.observe.snapshot import Snapshot, Source, SourceState
from homelab.plan.model import Plan

if TYPE_CHECKING:  # what needs them loads them: the first paint does not
    from homelab.access.model import Access, Exposure
    from homelab.observe.inspection import Inspection
    from homelab.observe.parts import Parts
    from homelab.setup.model import Setup
    from homelab.stack.deployment import Comparison, Deployment

LOADING = Source(SourceState.LOADING)


@dataclass(frozen=True, slots=True)
class Said:
    """What becomes of what a person asked for; stands in the place of the keys until the next one is pressed."""

    text: str
    sign: str = "✓"
    """`○` under way, `▲` not done, `✗` failed."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is known now. Widgets show it and ask for nothing."""

    now: datetime
    read_only: bool
    name: str | None = None
    """What the cluster is called where that is more than its first node's name: `lab`, or the context chosen."""
    is_foreign: bool = False
    """Whether the plan is another cluster's: the console was begun with that one."""
    paused: str | None = None
    """Since when the screen stands still, RFC 3339; None while it is live."""
    link: Source = LOADING
    """Whether the console could begin to talk to the cluster at all."""
    version: str | None = None
    """Of the API server."""
    snapshot: Snapshot | None = None
    plan: Plan | None = None
    plan_trouble: str | None = None
    """Why there is no plan, and what to do."""
    said: Said | None = None
    setup: Setup | None = None
    """The set-up while it is open."""
    is_alone: bool = False
    """Whether the step of the set-up in front was opened by itself."""
    comparison: Comparison | None = None
    """What a deploy would change, once that was looked at."""
    deployment: Deployment | None = None
    """The deploy that goes on, or the last one."""
    access: Access | None = None
    """The users, once somebody looked at them."""
    exposure: Exposure | None = None
    """The app that is being put on show, changed or watched."""

    inspection: Inspection | None = None
    """What is looked up about the objects of a row."""
    parts: Parts | None = None
    """What is on the way of the route whose chain is in front."""

    def source(self, name: str) -> Source:
        """The health of one source; that of the link while there is no snapshot."""
        if self.snapshot is None:
            return self.link if self.link.state is not SourceState.LIVE else LOADING
        return self.snapshot.sources.get(name, LOADING)
