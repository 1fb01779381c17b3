"""`homelab-tui` without a command: opens the console, or says in plain words why it cannot."""

from __future__ import annotations

import asyncio
import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from homelab.plan.model import Plan
from homelab.ports import Cluster
from tui.feed import CannotConnect
from tui.options import Options, Refused

if TYPE_CHECKING:
    from homelab.plan.file import Reading

NO_SCREEN = "the console needs a terminal, and {why}; `homelab-tui status` prints the same as text"
DUMB = frozenset({"", "dumb", "unknown"})


def console(parsed: Namespace, options: Options) -> int:
    """Open the console. Raises Refused where there is no terminal that could show it."""
    if why := no_terminal():
        raise Refused(NO_SCREEN.format(why=why))
    from tui.app import run  # noqa: PLC0415 - loads Textual

    return run(Home(options), read_only=options.read_only)


def no_terminal() -> str | None:
    """Why there can be no full screen here; None when there can."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "this is none"
    term = os.environ.get("TERM", "")
    return f"TERM={term} cannot move the cursor" if term in DUMB else None


class Home:
    """The real world: the plan's file, and the cluster of the kubeconfig. What is heavy is loaded when asked for."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def plan(self) -> Plan:
        """Read the plan. Raises CannotConnect."""
        with explaining():
            found: Reading = import_module("tui.wiring").reading(self._options)
        if found.plan is None:
            raise CannotConnect(found.findings[0].text(found.name))
        return found.plan

    @asynccontextmanager
    async def cluster(self) -> AsyncIterator[Cluster]:
        """Connect. Raises CannotConnect."""
        await asyncio.to_thread(import_module, "homelab.adapters.kubernetes")
        with explaining():
            async with import_module("tui.wiring").cluster(self._options) as cluster:
                yield cluster


@contextmanager
def explaining() -> Iterator[None]:
    """What a person can mend becomes CannotConnect; a fault of ours stays what it is."""
    try:
        yield
    except Exception as error:
        if (text := import_module("tui.headless.failures").explained(error)) is None:
            raise
        raise CannotConnect(text.removeprefix("homelab-tui: ")) from None
