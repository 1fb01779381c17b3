"""Asking the replicas of the external Traefik which configuration they have taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from homelab.observe.traefik import Replica
from homelab.ports import Cluster, ClusterError, Unreachable
from homelab.together import together

API_PORT = 8080
NOT_READY = "it is not ready"


@dataclass(frozen=True, slots=True)
class Took:
    """One replica that was asked for a configuration."""

    pod: str
    """`namespace/name`."""
    marker: str
    """The middleware that it lists when it has taken it."""
    error: str | None
    """Why it has not, as far as can be seen from outside; None when it has."""


async def took(cluster: Cluster, replica: Replica, marker: str) -> Took:
    """Ask one. Raises Unreachable, which says nothing of it."""
    if not replica.ready:
        return Took(replica.pod, marker, NOT_READY)
    namespace, _, pod = replica.pod.partition("/")
    try:
        answer = await cluster.ask_pod(namespace, pod, API_PORT, f"/api/http/middlewares/{marker}")
    except Unreachable:
        raise
    except ClusterError as error:
        return Took(replica.pod, marker, str(error))
    return Took(replica.pod, marker, None if answer.status == HTTPStatus.OK else older(replica.pod))


def older(pod: str) -> str:
    """What it means that a replica does not list the marker."""
    namespace, _, name = pod.partition("/")
    return (
        "it serves an older configuration: it takes a new one within seconds, or a minute after one that it refused, "
        f"unless it cannot reach Consul or does not know a key; see kubectl -n {namespace} logs {name}"
    )


class Taking:
    """Asks again and again; who has taken a configuration has it for as long as it is ready, and is asked no more."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._known: dict[str, Took] = {}

    async def ask(self, replicas: Iterable[Replica], marker: str | None) -> tuple[Took, ...]:
        """Of every replica; of none while there is no configuration. Never raises ClusterError."""
        found = await together(partial(self._of, one, marker) for one in replicas) if marker else []
        self._known = {one.pod: one for one in found}
        return tuple(found)

    async def _of(self, replica: Replica, marker: str) -> Took:
        before = self._known.get(replica.pod)
        if before == Took(replica.pod, marker, None) and replica.ready:
            return before
        try:
            return await took(self._cluster, replica, marker)
        except Unreachable as error:
            return before or Took(replica.pod, marker, str(error))
