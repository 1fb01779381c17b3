"""Several jobs at once."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from homelab.together import either


async def test_of_several_jobs_the_first_to_end_ends_the_others() -> None:
    ended = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    await either(endless, partial(asyncio.sleep, 0.01))

    assert ended == ["endless"]


async def test_the_failure_of_one_is_raised() -> None:
    async def fails() -> None:
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        await either(asyncio.Event().wait, fails)
