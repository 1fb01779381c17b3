"""Starting a process that ends with the lab, whatever becomes of the lab."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from homelab.lab.process import private
from homelab.lab.programs import leash

KILLED = 128
"""Of an exit code, as a shell says it."""


async def launched(
    program: Path, arguments: Iterable[str], log: Path, environment: Mapping[str, str]
) -> tuple[asyncio.subprocess.Process, int]:
    """The process, in the folder of its log, to which it appends; and the log's size before. Raises OSError."""
    with open(log, "ab", opener=private) as said:
        size = said.tell()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", leash.__file__, str(os.getpid()), str(program)),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=log.parent,
            env=environment,
        )
    return process, size


async def ended(process: asyncio.subprocess.Process) -> None:
    """Kill it if it runs, and wait until it is gone."""
    if process.returncode is None:
        process.kill()
        await process.wait()
