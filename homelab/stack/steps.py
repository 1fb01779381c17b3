"""What ends a stage when its objects are ready: what no object of Kubernetes can wish for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from http import HTTPStatus

from homelab.observe.traefik import is_ready
from homelab.ports import Cluster, Kind, Raw, Ref, StoreAccess, StoreError
from homelab.stack.access import MANAGEMENT, NAMESPACE, ensure, grants, token
from homelab.stack.apply import Step
from homelab.stack.order import CONFIG_MAP
from homelab.together import together

POD = Kind("v1", "Pod")
API_PORT = 8080
REPLICAS = "homelab-tui/zone=external"
SERVERS = "app.kubernetes.io/name=consul"

Connect = Callable[[str, str], StoreAccess]
"""Speaks to the server of this pod with this token."""


def steps(cluster: Cluster, connect: Connect) -> Mapping[str, Step]:
    """The last step of each stage that has one."""

    async def admit() -> int:
        server = await _server(cluster)
        return await ensure(connect(server, await token(cluster, MANAGEMENT)), await grants(cluster))

    return {"store": admit, "external": partial(_taken, cluster)}


async def _taken(cluster: Cluster) -> int:
    """Every replica of the external Traefik serves the configuration that the cluster wishes. Raises StoreError.

    Asked of each one's API: one unknown key makes Traefik refuse all of it, and only its log says so.
    """
    wished = await cluster.get(Ref(CONFIG_MAP, NAMESPACE, "traefik-external-config"))
    if wished is None:
        return 0
    found = await cluster.list(POD, namespace=NAMESPACE, labels=REPLICAS)
    await together(partial(_asked, cluster, _name(pod), marker(wished)) for pod in found if is_ready(pod))
    return 0


async def _asked(cluster: Cluster, pod: str, wanted: str) -> None:
    answer = await cluster.ask_pod(NAMESPACE, pod, API_PORT, f"/api/http/middlewares/{wanted}")
    if answer.status != HTTPStatus.OK:
        raise StoreError(
            f"{pod} serves an older configuration: it takes a new one within seconds, unless it cannot reach Consul "
            f"or does not know a key; see kubectl -n {NAMESPACE} logs {pod}"
        )


def marker(config: Raw) -> str:
    """The middleware that says which configuration a replica has taken: named by the digest of its text."""
    text: str = config["data"]["config"]
    return f"homelab-{sha256(text.encode()).hexdigest()[:16]}@consul"


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
