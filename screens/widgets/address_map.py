"""The LAN as lines of signs: on the dashboard what is given, in the set-up what is wished and who answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from homelab.observe.addresses import LEGEND, Claim, MapLine, Use, address_map
from homelab.observe.allocations import Allocation
from homelab.plan.model import Plan
from screens.widgets.lines import Line, Span, length

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
    Use.ANSWERS: "bad",
}
Signs = Sequence[tuple[Use, str]]
"""What the legend tells of."""


def map_lines(
    plan: Plan, held: Iterable[Allocation], width: int, over: Iterable[Claim] = (), signs: Signs = LEGEND
) -> list[Line]:
    """The whole map with its legend; where it is narrow, a grid."""
    per_line = COLUMNS if width >= NARROWEST else GRID
    lines = address_map(plan, held, per_line, over)
    room = max(len(line.label) for line in lines)
    head = [grid_head(room)] if per_line == GRID else []
    return [*head, *(map_line(line, per_line, room, width) for line in lines), *legend(signs, room, width)]


def grid_head(room: int) -> Line:
    """The last digit of each column."""
    return ((MARGIN + " " * room + GAP + " ".join(f"{at:x}" for at in range(GRID)), "head"),)


def map_line(line: MapLine, per_line: int, room: int, width: int) -> Line:
    """One line, neighbouring signs of one style as one span: each span costs more bytes than its signs."""
    gap = " " if per_line == GRID else ""
    spans: list[Span] = [(f"{MARGIN}{line.label:>{room}}{GAP}", "head")]
    for style, run in groupby(line.uses, key=STYLES.__getitem__):
        spans.append((gap.join(use.value for use in run) + gap, style))
    if line.like:
        left = width - length(spans)
        spans.append(
            (next((text for text in (f" +{line.like} alike", f" +{line.like}") if len(text) <= left), ""), "dim")
        )
    return tuple(spans)


def legend(signs: Signs, room: int, width: int) -> list[Line]:
    """What the signs mean, over as many lines as it takes."""
    indent = MARGIN + " " * room
    found = [indent]
    for use, name in signs:
        word = f"{GAP}{use.value} {name}"
        if len(found[-1]) + len(word) > width - 1 and found[-1] != indent:
            found.append(indent)
        found[-1] += word
    return [((line, "dim"),) for line in found]
