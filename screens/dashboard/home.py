"""Everything at a glance: the address map, then every pane of the registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import ClassVar

from textual.containers import Container
from textual.events import Resize
from textual.types import CSSPathType
from textual.widget import Widget

from screens.board import BARS, Board, pane_named
from screens.commands import panes
from screens.dashboard.addresses import Addresses
from screens.scene import Scene
from screens.widgets.pane import TablePane

LEAST = 4
"""Lines in which a pane can show something: title, head, and a row with what is below it."""


class Home(Board):
    """One column where it is narrow; the map beside the first pane where it is wide."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "home.tcss"]

    def compose_body(self) -> Iterable[Widget]:
        """The map and the first pane together, the others below."""
        first, *others = made = [pane_named(path) for path in panes()]
        for pane in made:
            if isinstance(pane, TablePane):
                pane.is_worst_first = True
        (others or [first])[-1].add_class("last")
        yield Container(Addresses(), first, id="top")
        yield from others

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        super().show(scene)
        self._share()
        self.call_after_refresh(self._share)

    def on_resize(self, event: Resize) -> None:
        """Another size: other shares."""
        super().on_resize(event)
        self.call_after_refresh(self._share)

    def _share(self) -> None:
        """In one column, give every pane its fair part of the lines; where that is too little, the screen scrolls."""
        panes = list(self.query(TablePane))
        narrow = self.has_class("-narrow")
        for pane in panes:
            pane.be_brief(narrow)
        gaps = 2 if self.has_class("-tall") else 0
        room = self.size.height - BARS.height - gaps - self.query_one(Addresses).size.height
        wanted = [pane.wanted for pane in panes]
        known = all(lines > 1 or pane.is_folded for lines, pane in zip(wanted, panes, strict=True))
        shared = narrow and known and room >= sum(min(LEAST, lines) for lines in wanted)
        for pane, lines in zip(panes, shares(wanted, room) if shared else repeat(None), strict=False):
            pane.limit(lines)


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """What each gets of the room: all it wants, as long as that leaves as much to each of those that want more."""
    found, left = [0] * len(wanted), room
    for done, at in enumerate(sorted(range(len(wanted)), key=lambda at: wanted[at])):
        found[at] = min(wanted[at], left // (len(wanted) - done))
        left -= found[at]
    return found
