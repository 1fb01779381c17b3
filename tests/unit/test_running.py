"""How a signal ends a command: in order, and at once where it is pressed twice."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from homelab.stack.progress import Stopped
from tui.headless.running import Brake, run


def signalled(number: int) -> None:
    os.kill(os.getpid(), number)


def test_work_that_knows_how_stops_between_two_steps(capsys: pytest.CaptureFixture[str]) -> None:
    brake, steps = Brake(), list[str]()

    async def work() -> int:
        with brake.handed() as stop:
            signalled(signal.SIGTERM)
            await stop.wait()
            steps.append("the step under way is finished")
            raise Stopped

    assert run(work, "run it again", brake) == 128 + signal.SIGTERM
    assert steps
    assert "stopped by SIGTERM; run it again" in capsys.readouterr().err


def test_a_second_signal_does_not_wait() -> None:
    brake = Brake()

    async def work() -> int:
        with brake.handed() as stop:
            signalled(signal.SIGINT)
            await stop.wait()
            signalled(signal.SIGINT)
            await asyncio.Event().wait()
        return 0

    assert run(work, brake=brake) == 128 + signal.SIGINT


def test_before_and_after_the_steps_it_ends_at_once() -> None:
    brake = Brake()

    async def work() -> int:
        with brake.handed():
            pass
        signalled(signal.SIGTERM)
        await asyncio.Event().wait()
        return 0

    assert run(work, brake=brake) == 128 + signal.SIGTERM


def test_a_stop_that_nobody_asked_for_is_no_end() -> None:
    async def work() -> int:
        raise Stopped

    with pytest.raises(Stopped):
        run(work)
