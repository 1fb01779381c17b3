"""Who may come in with a password: the files of users, what can be done to them, and what the ingress then answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.events import Resize
from textual.types import CSSPathType
from textual.widget import Widget

from homelab.access.model import Clash, Incoming
from screens.board import HIGH, Board, pane_named
from screens.commands import COMMANDS, USERS, Command
from screens.dialogs import users as dialogs
from screens.dialogs.clash import Clashing
from screens.dialogs.confirm import Confirm
from screens.messages import Wished
from screens.scene import Said, Scene
from screens.users import texts
from screens.widgets.lines import Lines

NEEDS_A_USER = frozenset({"users.password", "users.rename", "users.remove", "users.verify"})
WRITES = NEEDS_A_USER - {"users.verify"} | {"users.add", "users.import"}
TURNS = {"users.before": "-1", "users.behind": "1"}


class UsersView(Board):
    """One file at a time."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "users.tcss"]
    SERVICE = "users"

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__(command, scene)
        self._below = Lines(classes="below")
        self._asked: Clash | Incoming | None = None
        """What was asked about already."""
        for one in COMMANDS:
            if one.on == USERS and one.key:  # a file without users has no row that could have the keys
                self._bindings.bind(one.key, f"app.run('{one.id}')", show=False)

    def compose_body(self) -> Iterable[Widget]:
        """The users, and what is to be said of their file."""
        yield pane_named(USERS)
        yield self._below

    def show(self, scene: Scene) -> None:
        """Draw from what is known now; a choice that waits is asked for once nothing else is."""
        super().show(scene)
        self._show_below(scene)
        access = scene.access
        waits = (access.clash or access.incoming) if access else None
        if waits is not self._asked and self.app.screen is self:
            self._asked = waits
            if isinstance(waits, Incoming):
                self.app.push_screen(Confirm(dialogs.taking_in(waits)), self._agreed)
            elif waits and access and access.front:
                self.app.push_screen(Clashing(waits, access.front.secret), self._chosen)

    def _chosen(self, choice: str | None) -> None:
        self.post_message(Wished("users", "settle", choice or "drop"))

    def _agreed(self, sure: bool | None) -> None:
        self.post_message(Wished("users", "take_in", "yes" if sure else ""))

    def go(self) -> None:
        """A choice that was left open by going elsewhere is asked for again."""
        super().go()
        self._asked = None

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        super().on_resize(event)
        if self.is_mounted:
            self._show_below(self._scene())

    def _show_below(self, scene: Scene) -> None:
        width, height = self.size
        is_short = height < HIGH and scene.said is not None  # which tells the same, and has taken the room
        self._below.show_lines([] if is_short or scene.access is None else texts.below(scene.access, width, height))

    @property
    def pointed(self) -> str | None:
        """Who is under the cursor; where there is nobody, a name that nobody can have."""
        return super().pointed or dialogs.NOBODY

    def do(self, id: str, row: str) -> None:
        """What needs no question, or only looks."""
        scene = self._scene()
        if id in TURNS:
            self.post_message(Wished("users", "turn", TURNS[id]))
            return
        form = dialogs.verifying(row, scene) if id == "users.verify" else dialogs.exporting(scene)
        if isinstance(form, str):
            self._keys.show(self.footer(), Said(form, "▲"))
        else:
            self.app.push_screen(form)

    def _offers(self, command: Command, scene: Scene) -> bool:
        """What would not be refused."""
        if command.on != USERS:
            return super()._offers(command, scene)
        access = scene.access
        file = access.front if access else None
        if access is None or file is None or (scene.read_only and command.asks):
            return False
        if command.id in NEEDS_A_USER and self.pointed == dialogs.NOBODY:
            return False
        if command.id in WRITES:
            return file.refusal is None
        if command.id in TURNS:
            return len(access.files or ()) > 1
        return access.undo is not None if command.id == "users.undo" else True
