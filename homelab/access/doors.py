"""Asking routes through the ingress, as a browser would: without and with a password, until the answer is as it must be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

from homelab.access.model import Door, Heard
from homelab.observe.allocations import Allocation
from homelab.observe.ingress import Wish
from homelab.ports import Web

PATIENCE = 8.0
"""Seconds that a Traefik may take until it has taken in a change."""


def doors(wishes: Iterable[Wish], held: Iterable[Allocation]) -> tuple[Door, ...]:
    """Where hosts and paths of Ingresses can be asked: internal as http, external as https and, as it is served there
    too, at the internal address as http. None of a name that cannot be asked for (a wildcard, a pattern). Pure."""
    raise NotImplementedError


async def asked(
    web: Web,
    door: Door,
    fits: Callable[[int], bool],
    *,
    credentials: tuple[str, str] | None = None,
    patience: float = PATIENCE,
) -> int | str:
    """The status, asked again until it fits or the patience is over; the last one then, or why there was no answer.

    Cancel it at any time. Raises nothing: in a lab, NoNetwork too is a text.
    """
    raise NotImplementedError


async def heard(
    web: Web, door: Door, user: str | None = None, password: str | None = None, *, patience: float = PATIENCE
) -> Heard:
    """What one door says without a password and, where it is known, with it."""
    raise NotImplementedError


def each_heard(
    web: Web, at: Iterable[Door], user: str | None = None, password: str | None = None, *, patience: float = PATIENCE
) -> AsyncIterator[Heard]:
    """What each door says, the first to answer first; all are asked at the same time."""
    raise NotImplementedError
