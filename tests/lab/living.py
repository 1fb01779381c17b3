"""Labs as processes of this machine, each in a folder of its own, and looking at what runs in it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from homelab.lab.process import Folder

T = TypeVar("T")
PATIENCE = 90.0
"""Seconds after which a condition that does not come true fails its test: a Traefik that could not read its store may
rest for a minute before it tries again."""

USER = """\
import sys
from homelab.lab.process import attach
with attach(bare=True):
    print("in", flush=True)
    sys.stdin.read()
"""
"""A program that uses a bare lab until its standard input ends."""


@contextmanager
def place(path: Path) -> Iterator[Folder]:
    """Labs live below this path, and none survives the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(path))
        for name in [name for name in os.environ if name.lower().endswith("_proxy") or name == "KUBECONFIG"]:
            patch.delenv(name)
        try:
            yield Folder.make(os.environ)
        finally:
            for pid in (*labs(path), *traefiks(path)):
                with suppress(ProcessLookupError):  # a lab whose last user left ends itself meanwhile
                    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """The folder of a lab that is not there yet."""
    with place(tmp_path) as found:
        yield found


def until(condition: Callable[[], T | None]) -> T:
    """Wait until the condition is true; what it then is."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)
    return found


async def eventually(look: Callable[[], Awaitable[T | None]]) -> T:
    """Wait until what is looked at is true; what it then is."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await look()):
            await asyncio.sleep(0.02)
        return found


def labs(path: Path) -> list[int]:
    """Processes that are a lab below this path."""
    return _running(path, b"\0homelab.lab\0")


def traefiks(path: Path) -> list[int]:
    """Traefik processes of labs below this path."""
    return _running(path, b"--entrypoints.")


def internals(path: Path) -> list[int]:
    """Those of them that do not read Consul."""
    external = _running(path, b"--providers.consul")
    return [pid for pid in traefiks(path) if pid not in external]


def user(**options: object) -> subprocess.Popen[str]:
    """A process that uses a bare lab, once it does."""
    started = joining(**options)
    assert started.stdout
    assert started.stdout.readline() == "in\n"
    return started


def joining(**options: object) -> subprocess.Popen[str]:
    """A process that is about to use a bare lab."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", USER], stdin=pipe, stdout=pipe, text=True, **options)  # type: ignore[call-overload, no-any-return]


def _running(path: Path, wanted: bytes) -> list[int]:
    return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is(pid, path, wanted)]


def _is(pid: int, path: Path, wanted: bytes) -> bool:
    """The environment tells whose it is: the runtime folder of a lab, the home of its Traefik."""
    try:
        command, environment = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    except OSError:
        return False  # it has just ended, or is not ours
    return wanted in command and f"={path}".encode() in environment
