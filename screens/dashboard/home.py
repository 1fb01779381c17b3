"""Everything at a glance: the address map, then every pane of the registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.containers import Container
from textual.types import CSSPathType
from textual.widget import Widget

from screens.board import Board, pane_named
from screens.commands import panes
from screens.dashboard.addresses import Addresses


class Home(Board):
    """One column where it is narrow; the map beside the first pane where it is wide."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "home.tcss"]

    def compose_body(self) -> Iterable[Widget]:
        """The map and the first pane together, the others below."""
        first, *others = map(pane_named, panes())
        (others or [first])[-1].add_class("last")
        yield Container(Addresses(), first, id="top")
        yield from others
