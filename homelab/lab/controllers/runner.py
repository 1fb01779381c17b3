"""Brings every change of the store to the controllers that want it, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from homelab.lab.store import Event, Store
from homelab.ports import Kind, Ref

MOST = 1000
"""Changes that are seen before what they ask for is done: beside a thousand pods, one pod's change has to be cheap."""
LOG = logging.getLogger("homelab.lab.controllers")


class Controller(Protocol):
    """Makes part of the world as it is wished. What it has seen may be old: it acts on what the store holds now."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Whose changes wake it."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Mend what a change has put out of order, at a cost that does not grow with the number of objects."""


@runtime_checkable
class Settling(Protocol):
    """A controller that takes note first and does the same work once for many changes."""

    def settle(self, store: Store) -> None:
        """Do what the changes since the last time ask for."""


async def run(store: Store, controllers: Iterable[Controller]) -> None:
    """Reconcile everything that is there and then every change, until cancelled. Controllers cannot end it."""
    every, awake = tuple(controllers), dict[Kind, list[Controller]]()
    for controller in every:
        for kind in controller.kinds:
            awake.setdefault(kind, []).append(controller)
    settling = [controller for controller in every if isinstance(controller, Settling)]
    with store.subscribe(*awake) as events:
        for kind, concerned in awake.items():
            for obj in store.all(kind):
                _wake(store, concerned, Event("ADDED", obj, store.version))
        _settle(store, settling)
        seen = 0
        async for event in events:
            _wake(store, awake[Kind(event.object["apiVersion"], event.object["kind"])], event)
            seen += 1
            if seen == MOST or not events.waiting:
                _settle(store, settling)
                seen = 0
            await asyncio.sleep(0)  # a full queue gives way by itself to nobody, and the API has to answer


def _wake(store: Store, controllers: Iterable[Controller], event: Event) -> None:
    for controller in controllers:
        try:
            controller.reconcile(store, event)
        except Exception:
            LOG.exception("%s: %s %s", type(controller).__name__, event.type, Ref.of(event.object))


def _settle(store: Store, controllers: Iterable[Settling]) -> None:
    for controller in controllers:
        try:
            controller.settle(store)
        except Exception:
            LOG.exception("%s", type(controller).__name__)
