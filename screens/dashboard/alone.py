"""One pane of the home screen alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.types import CSSPathType

from screens.commands import Command
from screens.detailed import Detailed
from screens.scene import Scene


class Alone(Detailed):
    """The pane that its command names."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "../detailed.tcss"]

    def __init__(self, command: Command, scene: Callable[[], Scene]) -> None:
        super().__init__(command, scene, command.pane or "")
