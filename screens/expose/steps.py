"""What has to come true until an app answers, zone by zone, as it happens."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget

from screens.board import Board, pane_named
from screens.commands import APP_STEPS
from screens.expose.texts import SERVICE, STEPS_HEAD, step_row, steps_summary, steps_word, view_of
from screens.freshness import Freshness
from screens.messages import Go, Opening
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

ASKING = "Asking the cluster, the name server and the ingress …"


class Steps(TablePane):
    """One row per step, in their order."""

    TITLE = "Follow"
    NEEDS = ("ingresses",)
    EMPTY = ASKING
    STEPS = True

    def fresh(self, scene: Scene) -> Freshness:
        """In its place: whether it answers."""
        found = scene.exposure.steps if scene.exposure else ()
        fresh = super().fresh(scene)
        return fresh if not found or fresh.trouble else Freshness(fresh.state, steps_word(found))

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """Whose, and how far."""
        return steps_summary(scene.exposure) if scene.exposure else ()

    def data(self, scene: Scene) -> Table:
        """Every step."""
        found = scene.exposure.steps if scene.exposure else ()
        return Table(STEPS_HEAD, tuple(map(step_row, found)))


class Followed(Board):
    """In front it looks; left, the app goes on without it."""

    SERVICE = SERVICE
    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "../detailed.tcss", "expose.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "go_back", show=False)]

    def compose_body(self) -> Iterable[Widget]:
        """The steps."""
        yield pane_named(APP_STEPS)

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        super().show(scene)
        if view_of(scene.exposure) != self._command.id and self.app.screen is self:
            self.post_message(Go(view_of(scene.exposure)))

    def do(self, id: str, row: str) -> None:
        """Back."""
        if id == "apps.back":
            self.action_go_back()

    def action_go_back(self) -> None:
        """To the apps, before the first row is there too."""
        self.post_message(Opening(SERVICE, "back"))
