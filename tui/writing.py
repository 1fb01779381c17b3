"""What the writing commands of the console do: each is a service of `homelab`, which tells the journal first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from homelab.ports import Cluster
from homelab.stack.journal import Journal
from homelab.stack.renewal import renew
from screens.commands import RENEW
from tui import wiring
from tui.options import Options

Service = Callable[[Cluster, Journal, str], Awaitable[str]]
"""Does it to the row of a key; what became of it, in a sentence."""


async def write(cluster: Cluster, options: Options, id: str, row: str) -> str:
    """Do what a command says. Raises ClusterError, Busy, OSError."""
    with await wiring.journal(cluster, options) as journal:
        return await SERVICES[id](cluster, journal, row)


async def renewed(cluster: Cluster, journal: Journal, host: str) -> str:
    """Order a certificate."""
    await renew(cluster, journal, [host])
    return f"asked for a new certificate for {host}"


SERVICES: Mapping[str, Service] = {RENEW.id: renewed}
"""By the ids of commands."""
