"""One pane of the home screen alone."""

from __future__ import annotations

from typing import ClassVar

from textual.types import CSSPathType

from screens.detailed import Detailed


class Alone(Detailed):
    """The pane that its command names."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "../detailed.tcss"]

    @property
    def path(self) -> str:
        """`module:Class` of the pane."""
        assert self._command.pane is not None
        return self._command.pane
