"""What has to come true after an app was applied, zone by zone, until it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from homelab.access.model import App, Heard, Step
from homelab.observe.snapshot import Snapshot
from homelab.ports import Names, Web


@dataclass(frozen=True, slots=True)
class Looked:
    """What was asked of the network about one zone; None: not asked yet."""

    addresses: tuple[str, ...] | str | None = None
    """IPv4 addresses of the host; why it could not be asked for, beginning with `?` where nobody can be asked."""
    heard: Heard | None = None


def steps(app: App, snapshot: Snapshot, looked: Mapping[str, Looked]) -> tuple[Step, ...]:
    """Every step of every zone: ingress, route, endpoints, name, certificate (external), answer. Pure."""
    raise NotImplementedError


def is_over(found: tuple[Step, ...]) -> bool:
    """Whether nothing is waited for any more: every step is done, or cannot be told from here."""
    raise NotImplementedError


class Following:
    """Follows one app: judges each snapshot, and asks names and doors when it is their turn.

    `look` is called for every new snapshot, and every few seconds while steps are waiting; it never raises.
    """

    def __init__(self, app: App, names: Names, web: Web) -> None:
        self._app = app

    async def look(self, snapshot: Snapshot) -> tuple[Step, ...]:
        """The steps now; network questions are asked only for what is ready to be asked."""
        raise NotImplementedError
