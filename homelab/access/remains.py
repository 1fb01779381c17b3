"""What taking the stack away leaves of apps and users, and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection

from homelab.access.expose import APP, exposed
from homelab.access.files import HOME
from homelab.access.users import INGRESS, SECRET
from homelab.ports import Cluster, Ref
from homelab.stack.render import MANAGED_BY, OURS


async def remains(cluster: Cluster, spaces: Collection[str]) -> tuple[str, ...]:
    """A sentence for each; `spaces` are the namespaces that are deleted too. Raises ClusterError."""
    found = exposed(await cluster.list(INGRESS, labels=f"{MANAGED_BY}={OURS},{APP}"))
    told = [f"goes with its namespace: app {app.key}" for app in found if app.namespace in spaces]
    told += [
        f"stays: app {app.key}, and nobody serves it until the stack is back; "
        f"homelab-tui hide {app.name} --namespace {app.namespace} takes it off"
        for app in found
        if app.namespace not in spaces
    ]
    space, _, name = HOME.partition("/")
    if await cluster.get(Ref(SECRET, space, name)):
        told.append(f"stays: Secret {HOME}, the users: they come in again once the stack is back")
    return tuple(told)
