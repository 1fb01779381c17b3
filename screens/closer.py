"""A view that is opened from a row, over the view it was opened from; esc leads back there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from homelab.ports import Ref
from screens.board import Board
from screens.commands import COMMANDS, Command
from screens.messages import Wished
from screens.scene import Scene

SERVICE = "inspect"
_NUMBERS = count(1)


class Closer(Board):
    """What is asked for it is asked for as long as it is in front."""

    LOOKS: ClassVar[str]
    """The method of the service that looks."""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", show=False)]

    def __init__(
        self, command: Command, scene: Callable[[], Scene], row: str, refs: tuple[Ref, ...], **more: Any
    ) -> None:
        """`more`: what another kind of board beside this one wants."""
        super().__init__(command, scene, **more)
        self.row, self.refs = row, refs
        self.token = ""
        """Of what is looked at now: what is told about anything else is old."""

    def come(self) -> None:
        """Begin to look."""
        self.token = f"{self.LOOKS} {next(_NUMBERS)}"
        self.post_message(Wished(SERVICE, self.LOOKS, self.token, *self.asked()))

    def asked(self) -> Sequence[object]:
        """What the service is told beyond the token."""
        return (self.refs,)

    def go(self) -> None:
        """Look no more. Told to the app itself: a view that was closed passes nothing on."""
        self.app.post_message(Wished(SERVICE, "leave", self.token))

    def action_back(self) -> None:
        """To the view it was opened from."""
        self.dismiss(None)

    def footer(self) -> list[Command]:
        """What is done here; whoever wants another view goes back first."""
        own = [one for one in super().footer() if one.on]
        return [BACK, *own]


BACK = next(one for one in COMMANDS if one.id == "rows.back")
