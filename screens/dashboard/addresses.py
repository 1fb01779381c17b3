"""The LAN as a map: what is taken, what is the pool's, what is free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from homelab.observe.addresses import pool_use
from homelab.observe.snapshot import SourceState
from homelab.observe.text import wrapped
from screens.commands import SETUP
from screens.dashboard.allocations import Allocations
from screens.freshness import Freshness, freshness
from screens.scene import Scene
from screens.widgets.address_map import map_lines
from screens.widgets.lines import Lines
from screens.widgets.pane import INDENT, Pane

READING = "Reading the plan …"
SET_UP = f"Or press {SETUP.key}: the set-up makes one, from what it finds on the cluster and the LAN."


class Addresses(Pane):
    """The address map."""

    TITLE = "Addresses"
    NEEDS = Allocations.NEEDS

    def __init__(self) -> None:
        super().__init__()
        self._map = Lines()

    def compose_body(self) -> Iterable[Lines]:
        """The map with its legend."""
        yield self._map

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """The LAN, and how full the pool is where that is known."""
        if scene.plan is None:
            return ("no plan",) if scene.plan_trouble else ()
        lan = str(scene.plan.network.lan)
        if scene.snapshot is None or scene.source("services").state in {SourceState.LOADING, SourceState.FAILED}:
            return (lan,)
        use = pool_use(scene.plan, scene.snapshot.allocations)
        return (lan, f"{use.used}/{use.size} used")

    def fresh(self, scene: Scene) -> Freshness:
        """As old as the allocations beside it, but there before anything can give an address."""
        found = super().fresh(scene)
        return freshness(scene, ("services",)) if found.state is SourceState.ABSENT else found

    def notice(self, fresh: Freshness) -> str | None:
        """None: the allocations beside it are drawn from the same sources, and say it."""
        return None

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Without a plan there is no map."""
        if scene.plan is None:
            return ((scene.plan_trouble, SET_UP), "warn") if scene.plan_trouble else ((READING,), "dim")
        return (), ""

    def show_body(self, scene: Scene, sentences: Sequence[str], style: str) -> None:
        """The map, or why there is none."""
        width = self.size.width
        if scene.plan is None:
            said = [
                line for one in sentences for part in one.splitlines() for line in wrapped(INDENT + part, width - 1)
            ]
            self._map.show_lines([((line, style),) for line in said])
            return
        held = scene.snapshot.allocations if scene.snapshot else ()
        self._map.show_lines(map_lines(scene.plan, held, width))
