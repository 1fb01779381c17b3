"""The LAN as a map: what is taken, what is the pool's, what is free."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from homelab.observe.addresses import LEGEND, MapLine, Use, address_map, pool_use
from homelab.observe.text import wrapped
from screens.freshness import Freshness
from screens.scene import Scene
from screens.widgets.lines import Line, Lines, Span
from screens.widgets.pane import Pane

COLUMNS = 64
"""Addresses a line on the narrow screen: four lines are a /24."""
GRID = 16
"""Addresses a line where the map stands beside the table."""
NARROWEST = 72
"""Columns of the pane from which on a line of 64 fits."""
MARGIN = GAP = "  "
LABEL = 7
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
    NEEDS = ("services",)

    def __init__(self) -> None:
        super().__init__()
        self._map = Lines()

    def compose_body(self) -> Iterable[Lines]:
        """The map with its legend."""
        yield self._map

    def summary(self, scene: Scene) -> str:
        """The LAN, and how full the pool is."""
        if scene.plan is None:
            return "no plan"
        use = pool_use(scene.plan, scene.snapshot.allocations if scene.snapshot else ())
        return f"{scene.plan.network.lan} ─ {use.used} of {use.size} used"

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Without a plan there is no map."""
        if scene.plan is None:
            return (scene.plan_trouble or "Reading the plan …",), "warn" if scene.plan_trouble else "dim"
        return (), ""

    def show_body(self, scene: Scene, sentences: Sequence[str], style: str) -> None:
        """The map, or why there is none."""
        if scene.plan is None:
            room = self.size.width - 1
            said = [line for one in sentences for part in one.splitlines() for line in wrapped(MARGIN + part, room)]
            self._map.show_lines([((line, style),) for line in said])
            return
        held = scene.snapshot.allocations if scene.snapshot else ()
        per_line = COLUMNS if self.size.width >= NARROWEST else GRID
        lines = [map_line(line, per_line) for line in address_map(scene.plan, held, per_line)]
        head = [grid_head()] if per_line == GRID else []
        self._map.show_lines([*head, *lines, *legend(self.size.width)])


def grid_head() -> Line:
    """The last digit of each column."""
    return ((MARGIN + " " * LABEL + " ".join(f"{at:x}" for at in range(GRID)), "head"),)


def map_line(line: MapLine, per_line: int) -> Line:
    """One line, the signs of one use as one span."""
    gap = " " if per_line == GRID else ""
    spans: list[Span] = [(f"{MARGIN}{line.label:>{LABEL - 2}}  ", "head")]
    for use, run in groupby(line.uses):
        spans.append((gap.join(use.value for _ in run) + gap, STYLES[use]))
    if line.like:
        spans.append((f" +{line.like} alike", "dim"))
    return tuple(spans)


def legend(width: int) -> list[Line]:
    """What the signs mean, over as many lines as it takes."""
    found = [MARGIN + " " * (LABEL - len(GAP))]
    for use, name in LEGEND:
        word = f"{GAP}{use.value} {name}"
        if len(found[-1]) + len(word) > width - 1:
            found.append(found[0][: LABEL + len(MARGIN) - len(GAP)])
        found[-1] += word
    return [((line, "dim"),) for line in found]
