"""Who signs the public certificates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from homelab.observe.text import wrapped
from homelab.setup.model import Setup
from screens.widgets.lines import Lines, Span
from screens.wizard import words
from screens.wizard.frame import Frame

STAGING = (
    "Begin with staging: browsers do not trust its certificates, but a router that forwards the wrong port, or a "
    "name that leads elsewhere, costs nothing there. Let's Encrypt itself counts orders and failures by the week.",
    "When the console shows that the staging certificates are served, open this step again and take production.",
)
PRODUCTION = (
    "Every order counts now: five failures an hour for a name, and fifty certificates a week for a domain. "
    "The certificates of staging are replaced by themselves.",
)
OWN = ("Browsers trust these certificates where the root of that CA is installed, and nowhere else.",)
INDENT = "  "


class Certificates(Frame):
    """Staging first."""

    STEP: ClassVar[str] = "certificates"

    def compose_parts(self) -> Iterable[Widget]:
        """What the choice means."""
        self._meaning = Lines()
        yield self._meaning

    def show_parts(self, setup: Setup) -> None:
        """Draw it."""
        room = min(self.size.width - 1, 100)
        found = [line for told in meaning(setup) for line in ("", *wrapped(INDENT + told, room))]
        self._meaning.show_lines([((line, "dim"),) for line in found])

    def remark(self, path: str, setup: Setup) -> Span:
        """Where the field has no effect."""
        own = bool(words.value(setup, "certificates.server"))
        return ("not used: another CA is set", "dim") if own and path == "certificates.environment" else ("", "")


def meaning(setup: Setup) -> tuple[str, ...]:
    """What follows from the answers."""
    if words.value(setup, "certificates.server"):
        return OWN
    return PRODUCTION if words.value(setup, "certificates.environment") == "production" else STAGING
