"""Opening the console in a terminal, as the tests want it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.cluster import Home
from benchmarks.terminal import Terminal

EVERYTHING = ("served by 2 of 2", "k8s v1.", " used")
"""What the Traefiks say, the version, the plan: the last to come, each by its own way."""
ALL_SERVED = re.compile(r"Routes ─ [2-9] served ─")
"""The sample app's route and that of the challenge, both taken in."""


@dataclass(frozen=True)
class Open:
    """Opens consoles on one home."""

    home: Home
    stack: ExitStack
    """Closes them."""

    def __call__(
        self,
        command: Sequence[str] | None = None,
        *,
        columns: int = 80,
        lines: int = 24,
        controlling: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Terminal:
        """Start it, or another command in its place."""
        told = {**self.home.environment, **(environment or {})}
        terminal = Terminal(command or self.home.console, told, columns=columns, lines=lines, controlling=controlling)
        return self.stack.enter_context(terminal)

    def ready(self, *, columns: int = 80, lines: int = 24) -> Terminal:
        """Start it and wait until it shows all there is, and has come to rest."""
        terminal = self(columns=columns, lines=lines)
        terminal.shows(*EVERYTHING)
        terminal.until(lambda: ALL_SERVED.search(terminal.text))
        terminal.settled()
        return terminal
