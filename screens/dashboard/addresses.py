"""The LAN as a map: what is taken, what is the pool's, what is free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from homelab.observe.addresses import LEGEND, MapLine, Use, address_map, pool_use
from homelab.observe.allocations import Allocation
from homelab.observe.snapshot import SourceState
from homelab.observe.text import wrapped
from homelab.plan.model import Plan
from screens.dashboard.allocations import Allocations
from screens.freshness import Freshness, freshness
from screens.scene import Scene
from screens.widgets.lines import Line, Lines, Span, length
from screens.widgets.pane import INDENT, Pane

COLUMNS = 64
"""Addresses a line on the narrow screen: four lines are a /24."""
GRID = 16
"""Addresses a line where the map stands beside the table."""
NARROWEST = 74
"""Columns of the pane from which on a line of 64 fits."""
MARGIN, GAP = " ", "  "
STYLES = {
    Use.FREE: "dim",
    Use.DHCP: "dim",
    Use.RESERVED: "dim",
    Use.POOL: "accent",
    Use.USED: "good",
    Use.GATEWAY: "strong",
    Use.HOST: "strong",
    Use.NODE: "strong",
}


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
            return (scene.plan_trouble or "Reading the plan …",), "warn" if scene.plan_trouble else "dim"
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


def map_lines(plan: Plan, held: Iterable[Allocation], width: int) -> list[Line]:
    """The whole map with its legend; where it is narrow, a grid."""
    per_line = COLUMNS if width >= NARROWEST else GRID
    lines = address_map(plan, held, per_line)
    room = max(len(line.label) for line in lines)
    head = [grid_head(room)] if per_line == GRID else []
    return [*head, *(map_line(line, per_line, room, width) for line in lines), *legend(room, width)]


def grid_head(room: int) -> Line:
    """The last digit of each column."""
    return ((MARGIN + " " * room + GAP + " ".join(f"{at:x}" for at in range(GRID)), "head"),)


def map_line(line: MapLine, per_line: int, room: int, width: int) -> Line:
    """One line, the signs of one use as one span."""
    gap = " " if per_line == GRID else ""
    spans: list[Span] = [(f"{MARGIN}{line.label:>{room}}{GAP}", "head")]
    for use, run in groupby(line.uses):
        spans.append((gap.join(use.value for _ in run) + gap, STYLES[use]))
    if line.like:
        left = width - length(spans)
        spans.append(
            (next((text for text in (f" +{line.like} alike", f" +{line.like}") if len(text) <= left), ""), "dim")
        )
    return tuple(spans)


def legend(room: int, width: int) -> list[Line]:
    """What the signs mean, over as many lines as it takes."""
    indent = MARGIN + " " * room
    found = [indent]
    for use, name in LEGEND:
        word = f"{GAP}{use.value} {name}"
        if len(found[-1]) + len(word) > width - 1 and found[-1] != indent:
            found.append(indent)
        found[-1] += word
    return [((line, "dim"),) for line in found]
