"""Putting an app on show, changing it and taking it off: looked at by a dry run first, written with a journal line
before and after, nothing of anybody else's touched."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.access.model import App
from homelab.ports import Cluster
from homelab.stack.diff import Difference
from homelab.stack.journal import Journal


async def preview(cluster: Cluster, app: App, before: App | None = None) -> tuple[Difference, ...]:
    """What applying would change, asked by server-side dry runs; BLOCKED ones say why it would be refused.

    Writes nothing. Raises ClusterError (Outdated where `before` is no longer what is there).
    """
    raise NotImplementedError


def as_diff(differences: Iterable[Difference]) -> str:
    """The same as text: for `Exposure.changes`, and for the command line."""
    raise NotImplementedError


async def publish(cluster: Cluster, journal: Journal, app: App, before: App | None = None) -> App:
    """Apply it, and delete the Ingresses of zones that it has left; the app as it is on the cluster then.

    The journal is inside its `with`. Raises Outdated where somebody changed it since `before` was read, Exists where a
    new one is there already, Conflict naming other managers, every other ClusterError, NotKept.
    """
    raise NotImplementedError


async def order(cluster: Cluster, journal: Journal, app: App, before: App | None = None) -> str | None:
    """Have the issuer look at once where the app brought a new public host; what became of that, one sentence.

    None where there is nothing to order. Raises ClusterError only where the cluster cannot be asked, NotKept.
    """
    raise NotImplementedError


async def withdraw(cluster: Cluster, journal: Journal, app: App) -> tuple[str, ...]:
    """Delete its Ingresses and wait until nothing is left of it; what was deleted, and what stays for a while.

    Raises Rejected for an app of somebody else, every other ClusterError, NotKept.
    """
    raise NotImplementedError
