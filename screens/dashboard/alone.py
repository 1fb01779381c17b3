"""One pane of the home screen alone."""

from __future__ import annotations

from screens.detailed import Detailed


class Alone(Detailed):
    """The pane that its command names."""

    @property
    def path(self) -> str:
        """`module:Class` of the pane."""
        assert self._command.pane is not None
        return self._command.pane
