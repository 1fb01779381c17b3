"""Several jobs at once: all of them, with one plain error when one fails, or only until the first has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

AT_ONCE = 8
"""Requests under way at a time; more gains nothing on a Pi's API server."""


async def together(jobs: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Run the jobs, at most AT_ONCE at a time; their results in the order of the jobs.

    The first failure ends the others and is raised as it is, so that callers catch it by its own name.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Callable[[], Awaitable[T]]) -> T:
        async with gate:
            return await job()

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(job)) for job in jobs]
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


async def either(*jobs: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Run the jobs until one of them ends; the others are cancelled, and are over when this returns.

    A job that fails ends it too, and its failure is raised.
    """
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
