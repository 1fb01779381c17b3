"""One pane alone, with everything about the row under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from textual import on
from textual.events import Resize
from textual.widget import Widget

from screens.board import Board, pane_named
from screens.commands import Command
from screens.scene import Scene
from screens.widgets.definitions import GAP, definitions
from screens.widgets.lines import Line, Lines
from screens.widgets.pane import RULE, TablePane
from screens.widgets.patch_table import PatchTable


class Detailed(Board):
    """One pane on the whole screen."""

    def __init__(self, command: Command, scene: Callable[[], Scene], pane: str) -> None:
        """`pane`: its `module:Class`."""
        super().__init__(command, scene)
        self._path = pane
        self._details = Lines(classes="details")
        self._tallest = 0
        """Lines that the details have had: fewer would move the table, and all of it would be painted again."""

    def compose_body(self) -> Iterable[Widget]:
        """The pane, and the details below it."""
        yield pane_named(self._path)
        yield self._details

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        super().show(scene)
        self._show_details(scene)

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        super().on_resize(event)
        if self.is_mounted:
            self._show_details(self._scene())

    @on(PatchTable.Pointed)
    def _pointed(self) -> None:
        self._show_details(self._scene())

    def _show_details(self, scene: Scene) -> None:
        pane = self.query_one(TablePane)
        row = pane.table.pointed
        found = pane.details(row.key, scene) if row else ()
        lines = definitions(found, self.size.width - 1)
        most = max(self.size.height // 2 - 1, 0)
        rest: list[Line] = [((f"{GAP}…", "dim"),)] if len(lines) > most else []
        shown = [*lines[: most - len(rest)], *rest] if most else []
        self._tallest = min(max(self._tallest, len(shown)), most)
        blank: list[Line] = [()] * (self._tallest - len(shown))
        self._details.show_lines([rule(self.size.width), *shown, *blank] if shown else [])


def rule(width: int) -> Line:
    """Between the table and what is said of one of its rows."""
    return ((f" {RULE * (width - 1)}", "dim"),)
