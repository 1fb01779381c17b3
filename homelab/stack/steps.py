"""What ends a stage when its objects are ready: what no object of Kubernetes can wish for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from homelab.ports import Cluster, Kind, Raw, StoreAccess, StoreError
from homelab.stack.access import MANAGEMENT, NAMESPACE, ensure, grants, token
from homelab.stack.apply import Step
from homelab.observe.traefik import is_ready

POD = Kind("v1", "Pod")
SERVERS = "app.kubernetes.io/name=consul"

Connect = Callable[[str, str], StoreAccess]
"""Speaks to the server of this pod with this token."""


def steps(cluster: Cluster, connect: Connect) -> Mapping[str, Step]:
    """The last step of each stage that has one."""

    async def admit() -> int:
        server = await _server(cluster)
        return await ensure(connect(server, await token(cluster, MANAGEMENT)), await grants(cluster))

    return {"store": admit}


async def _server(cluster: Cluster) -> str:
    """A server of Consul that is ready. Raises StoreError."""
    pods = await cluster.list(POD, namespace=NAMESPACE, labels=SERVERS)
    ready = sorted(_name(pod) for pod in pods if is_ready(pod))
    if not ready:
        raise StoreError("no server of Consul is ready")
    return ready[0]


def _name(pod: Raw) -> str:
    name: str = pod["metadata"]["name"]
    return name
