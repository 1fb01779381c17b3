"""The view of apps: what is on show, with everything about the one under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.types import CSSPathType

from screens.commands import APPS, COMMANDS, HOME, Command
from screens.detailed import Detailed
from screens.dialogs.apps import NO_ROW, nobody
from screens.expose.texts import SERVICE, app_of, view_of
from screens.messages import Go, Opening
from screens.scene import Said, Scene

WISHES = {"apps.expose": "pick", "apps.edit": "edit", "apps.follow": "watch"}
NEEDS_AN_APP = frozenset({"apps.edit", "apps.follow", "apps.withdraw"})


class AppsView(Detailed):
    """The list; what is begun here opens once it was read."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "../detailed.tcss"]

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__(command, scene, APPS)
        self._waits = False
        """Whether what was begun is still being read."""
        self._before: object = None
        """What there was when it was begun."""
        for one in COMMANDS:
            if one.on == APPS and one.key:  # without a row the pane has no cursor, and none of its keys
                self._bindings.bind(one.key, f"app.run('{one.id}')", show=False)

    def show(self, scene: Scene) -> None:
        """Draw from what is known now; what was begun here is opened once it is there."""
        super().show(scene)
        if self._waits and scene.exposure is not None and scene.exposure is not self._before:
            self._waits = False
            self.post_message(Go(view_of(scene.exposure)))

    def go(self) -> None:
        """Whoever goes elsewhere is not fetched back."""
        self._waits = False

    @property
    def pointed(self) -> str | None:
        """The app under the cursor; where there is none, a Service can be chosen all the same."""
        return super().pointed or NO_ROW

    def do(self, id: str, row: str) -> None:
        """Begin something."""
        if row == NO_ROW and id in NEEDS_AN_APP:
            self._keys.show(self.footer(), Said(nobody(self._scene()), "▲"))
        elif id in WISHES:
            self._waits, self._before = True, self._scene().exposure
            self.post_message(Opening(SERVICE, WISHES[id], *([row] if id in NEEDS_AN_APP else [])))

    def footer(self) -> list[Command]:
        """What is done here before the rest; the other views are behind home."""
        found = super().footer()
        own = [one for one in found if one.on]
        return [self._command, *own, *(one for one in found if one not in own and (one is HOME or not one.screen))]

    def _offers(self, command: Command, scene: Scene) -> bool:
        """What would not be refused."""
        if command.on != APPS:
            return super()._offers(command, scene)
        if scene.read_only and command.writes:
            return False
        if command.id not in NEEDS_AN_APP:
            return True
        app = app_of(self.pointed or "", scene)
        return app is not None and not app.foreign and not (command.id == "apps.edit" and app.refusal)
