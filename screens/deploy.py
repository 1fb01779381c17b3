"""What a deploy would change, the deploy while it goes on, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar

from textual.events import Resize
from textual.types import CSSPathType
from textual.widget import Widget

from homelab.observe.text import wrapped
from homelab.ports import Ref
from homelab.stack.diff import Action
from screens.board import HIGH, Board, pane_named
from screens.commands import COMMANDS, STAGES, Command
from screens.deploying.rows import Phase, grouped, phase_of, table
from screens.deploying.texts import changes, fresh, head, summary, yaml
from screens.dialogs.reading import Read
from screens.freshness import Freshness
from screens.messages import Wished
from screens.scene import Scene
from screens.widgets.lines import Line, Lines
from screens.widgets.pane import Table, TablePane

SHARE = 2
"""The texts above the stages take at most one in so many lines of the screen."""
BRIEF = 2
"""Lines of them on a low screen."""
LEAD = re.compile(r" *(?:[✓✗▲] |\d  )?")
"""Sign or number of a sentence."""
ENDED = next(
    replace(one, label="go on", help="Go on where the last run ended; asks first.")
    for one in COMMANDS
    if one.id == "deploy.open"
)
AT_REST = frozenset({"deploy.apply", "deploy.compare", "deploy.yaml"})
"""Commands that are free only while no deploy goes on."""


class Stages(TablePane):
    """Every stage: what would change in it, or how far it is."""

    TITLE = "Deploy"
    NEEDS = ()
    EMPTY = ""
    STEPS = True

    def __init__(self) -> None:
        super().__init__()
        self.opened: frozenset[str] = frozenset()
        """Rows whose objects are shown."""
        self.looks = False
        """Whether a person wants to see what is left, rather than how the last run ended."""

    def fresh(self, scene: Scene) -> Freshness:
        """In its place: how the run fares."""
        return fresh(scene, phase_of(scene, self.looks))

    def notice(self, fresh: Freshness) -> str | None:
        """The text above the pane says it."""
        return None

    def face(self, scene: Scene, fresh: Freshness) -> tuple[tuple[str, ...], str]:
        """There always are rows."""
        return (), ""

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """How much there is to do, or was done."""
        return summary(scene, phase_of(scene, self.looks))

    def data(self, scene: Scene) -> Table:
        """One row per stage, and below those that are open one per object."""
        return table(scene, phase_of(scene, self.looks), self.opened)

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """Those of a component, or the one of the row, where they are or were found on the cluster."""
        inside = grouped(scene.comparison)
        found = inside.get(key) or [one for each in inside.values() for one in each if str(one.ref) == key]
        return tuple(one.ref for one in found if one.action not in (Action.NEW, Action.UNVERIFIED))


class Deploy(Board):
    """One view for before, meanwhile and after."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["board.tcss", "deploy.tcss"]
    SERVICE = "deploy"

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__(command, scene)
        self._head = Lines(classes="head")

    def compose_body(self) -> Iterable[Widget]:
        """What is to be said, and the stages."""
        yield self._head
        yield pane_named(STAGES)

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        if self._phase is Phase.RUNNING:
            self._stages.looks = False
        self._show_head(scene)
        super().show(scene)

    @property
    def _stages(self) -> Stages:
        return self.query_one(Stages)

    @property
    def _phase(self) -> Phase:
        return phase_of(self._scene(), self._stages.looks)

    def _show_head(self, scene: Scene) -> None:
        room, height = self.size.width - 1, self.size.height
        most = height // SHARE - 1 if height >= HIGH else BRIEF
        told = [(line, style) for said, style in head(scene, self._phase) for line in hanging(f" {said}", room)]
        rest: list[Line] = [((" …", "dim"),)] if len(told) > most else []
        shown: list[Line] = [((line, style),) for line, style in told[: most - len(rest)]]
        self._head.show_lines([*shown, *rest])

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        super().on_resize(event)
        if self.is_mounted:
            self._show_head(self._scene())

    def come(self) -> None:
        """See what goes on, and what would change."""
        super().come()
        self.post_message(Wished("deploy", "compare"))

    def do(self, id: str, row: str) -> None:
        """Open a row, show its text, or look again."""
        phase, scene = self._phase, self._scene()
        if id == "deploy.compare" and phase is not Phase.RUNNING:
            self._stages.looks = True
            self.post_message(Wished("deploy", "compare"))
            self.show(scene)
        elif id == "deploy.yaml" and (text := yaml(row, scene)):
            self.app.push_screen(Read(row, text))
        elif id == "deploy.open" and phase is Phase.ENDED:
            self.app.call_later(self.app.run_action, "run('deploy.apply')")
        elif id == "deploy.open" and phase is Phase.BEFORE:
            self._open(row, scene)

    def _open(self, row: str, scene: Scene) -> None:
        if text := changes(row, scene):
            self.app.push_screen(Read(row, text))
            return
        self._stages.opened ^= {row}
        self.show(scene)

    def offered(self) -> list[Command]:
        """What can be done now; after a run that did not come to its end enter goes on."""
        ended = self._phase is Phase.ENDED
        return [ENDED if ended and one.id == ENDED.id else one for one in super().offered()]

    def _offers(self, command: Command, scene: Scene) -> bool:
        """What fits the phase, and would not be refused."""
        if not super()._offers(command, scene):
            return False
        phase, found, row = self._phase, scene.comparison, self.pointed or ""
        goes = found is not None and not found.hindrance
        if command.id == "deploy.open":
            opens = bool(changes(row, scene) or row in grouped(found))
            return (phase is Phase.BEFORE and opens) or (phase is Phase.ENDED and goes and not scene.read_only)
        if command.id == "deploy.apply" and not goes:
            return False
        if command.id == "deploy.yaml" and not yaml(row, scene):
            return False
        return (command.id in AT_REST) is not (phase is Phase.RUNNING)


def hanging(said: str, width: int) -> list[str]:
    """A sentence over several lines, all of them behind its sign or number."""
    lead = len(said) - len(LEAD.sub("", said, count=1))
    first, *below = wrapped(" " * lead + said[lead:], width)
    return [said[:lead] + first.strip(), *(" " * lead + line.strip() for line in below)]
