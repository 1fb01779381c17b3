"""The runner brings every change to those who want it, whatever one of them does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from apiserver import bare_store, config_map

from homelab.lab.controllers.runner import Controller, run
from homelab.lab.store import Event, Store
from homelab.ports import Kind

CONFIG_MAP = Kind("v1", "ConfigMap")


class Noting:
    """Takes note of every name that it is woken by."""

    kinds = frozenset({CONFIG_MAP})

    def __init__(self) -> None:
        self.seen: list[str] = []

    def reconcile(self, store: Store, event: Event) -> None:
        """Take note."""
        self.seen.append(event.object["metadata"]["name"])


class Failing(Noting):
    """Has a fault."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Fail."""
        raise KeyError("spec")


def make(store: Store, name: str) -> None:
    obj = config_map(name)
    store.create({**obj, "metadata": {**obj["metadata"], "namespace": "default"}})


@asynccontextmanager
async def running(store: Store, *controllers: Controller) -> AsyncIterator[None]:
    task = asyncio.create_task(run(store, controllers))
    await asyncio.sleep(0)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until_seen(controller: Noting, count: int) -> None:
    async with asyncio.timeout(5):
        while len(controller.seen) < count:
            await asyncio.sleep(0)


async def test_what_was_there_before_and_what_comes_later_is_seen_once() -> None:
    store, noting = bare_store(), Noting()
    make(store, "before")
    async with running(store, noting):
        make(store, "after")
        await until_seen(noting, 2)

        assert noting.seen == ["before", "after"]


async def test_a_controller_that_fails_is_logged_with_the_object_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, noting = bare_store(), Noting()
    async with running(store, Failing(), noting):
        make(store, "one")
        make(store, "two")
        await until_seen(noting, 2)

    assert noting.seen == ["one", "two"]
    assert [record.getMessage() for record in caplog.records] == [
        f"Failing: ADDED ConfigMap default/{name}" for name in ("one", "two")
    ]


async def test_a_flood_of_changes_leaves_others_their_turn() -> None:
    store, noting = bare_store(), Noting()
    async with running(store, noting):
        for n in range(100):
            make(store, f"c{n}")
        turns = 0
        while len(noting.seen) < 100:
            await asyncio.sleep(0)
            turns += 1

    assert turns >= 50
