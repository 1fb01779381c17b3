"""Asking one Traefik what it serves."""

from __future__ import annotations

from homelab.observe.taking import API_PORT, NOT_READY
from homelab.observe.traefik import Replica, TraefikAnswer
from homelab.ports import Cluster, ClusterError, Unreachable

ROUTERS = "/api/http/routers?per_page=10000"


async def ask(cluster: Cluster, replica: Replica) -> TraefikAnswer:
    """Its routers, by name; one that is not ready is not asked. Raises Unreachable, which says nothing of it."""
    if not replica.ready:
        return TraefikAnswer(replica.pod, replica.zone, None, NOT_READY)
    namespace, _, pod = replica.pod.partition("/")
    try:
        found = await cluster.pod_json(namespace, pod, API_PORT, ROUTERS)
    except Unreachable:
        raise
    except ClusterError as error:
        return TraefikAnswer(replica.pod, replica.zone, None, str(error))
    if not isinstance(found, list) or not all(isinstance(router, dict) for router in found):
        return TraefikAnswer(replica.pod, replica.zone, None, "it did not answer with a list of routers")
    return TraefikAnswer(replica.pod, replica.zone, tuple(sorted(found, key=lambda router: str(router.get("name")))))
