"""What happened to the objects of a row and to what is behind them, the newest last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.types import CSSPathType
from textual.widget import Widget

from homelab.observe.inspection import Happening, Inspection
from homelab.observe.text import Head, Row
from homelab.ports import Ref
from screens.board import pane_named
from screens.closer import Closer
from screens.freshness import Freshness
from screens.inspect.states import fresh
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

PANE = "screens.inspect.events:Events"
HEAD = Head(("AGE", "OBJECT", "COUNT", "STATE"), drops=("COUNT",))


class Events(TablePane):
    """Every event that the cluster still knows."""

    TITLE = "Events"
    NEEDS = ()
    EMPTY = "Nothing is known to have happened: the cluster forgets after an hour."
    STEPS = True

    def __init__(self) -> None:
        super().__init__()
        self.token = ""
        self.refs: tuple[Ref, ...] = ()
        self._is_at_end = False
        self._found: Inspection | None = None
        """What was read last: it stays while it is read anew."""

    def found(self, scene: Scene) -> Inspection | None:
        """What was read for this view."""
        if scene.inspection and scene.inspection.token == self.token:
            self._found = scene.inspection
        return self._found

    def fresh(self, scene: Scene) -> Freshness:
        """Read every few seconds."""
        return fresh(self.found(scene), is_live=True)

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """Of what."""
        return tuple(map(str, self.refs[:1]))

    def data(self, scene: Scene) -> Table | None:
        """One row an event, its message below."""
        found = self.found(scene)
        return Table(HEAD, tuple(map(row, found.events))) if found and found.events is not None else None

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """What it happened to."""
        found = self.found(scene)
        return next(((one.about,) for one in (found.events or () if found else ()) if one.key == key), ())

    def to_end(self) -> None:
        """The newest one is what a person looks for: once there are any, the cursor goes there."""
        if self.seen and self.seen.rows and not self._is_at_end:
            self.table.action_move(len(self.seen.rows))
            self._is_at_end = self.table.pointed_region.y > 0 or len(self.seen.rows) == 1


def row(one: Happening) -> Row:
    """Age, object, how often; what was said below."""
    sign = "▲" if one.is_warning else "✓"
    cells = (one.age, f"{one.about.kind} {one.about.name}", str(one.count), f"{sign} {one.reason}")
    return Row(cells, (one.message,), one.key)


class EventsView(Closer):
    """The pane alone."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "inspect.tcss"]
    LOOKS = "events"

    def compose_body(self) -> Iterable[Widget]:
        """Rows."""
        pane = pane_named(PANE)
        assert isinstance(pane, Events)
        pane.refs = self.refs
        yield pane

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        pane = self.query_one(Events)
        pane.token = self.token
        super().show(scene)
        pane.to_end()
