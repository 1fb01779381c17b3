"""What stands behind objects: the Services of an Ingress, the pods of a Service, what a CronJob has started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from homelab.observe.ingress import wishes_of
from homelab.observe.raw import annotation, dig, items, name, namespace, text
from homelab.ports import Cluster, Kind, Raw, Ref
from homelab.together import together

POD, SERVICE = Kind("v1", "Pod"), Kind("v1", "Service")
JOB, CRON_JOB = Kind("batch/v1", "Job"), Kind("batch/v1", "CronJob")
REPLICA_SET = Kind("apps/v1", "ReplicaSet")
INGRESS = Kind("networking.k8s.io/v1", "Ingress")
INGRESS_ROUTE = Kind("traefik.io/v1alpha1", "IngressRoute")
RUNS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob"})
"""Kinds that have pods of their own."""
LEADS = frozenset({"Ingress", "IngressRoute"})
ISSUER = Ref(CRON_JOB, "homelab", "issuer")
"""Who orders certificates."""
MAIN_CONTAINER = "kubectl.kubernetes.io/default-container"


@dataclass(frozen=True, slots=True)
class Container:
    """One container that says something."""

    namespace: str
    pod: str
    name: str
    is_alone: bool
    """Whether it is the only one of its pod that is looked at."""
    restarts: int = 0

    @property
    def label(self) -> str:
        """What its lines are told by among those of others."""
        return self.pod if self.is_alone else f"{self.pod}/{self.name}"


def running(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    """Of a row's objects those whose pods speak for it: its own pods, else what has pods, else what leads there."""
    found = tuple(refs)
    for kinds in (frozenset({"Pod"}), RUNS, frozenset({"Service"}), LEADS):
        if chosen := tuple(ref for ref in found if ref.kind.name in kinds):
            return chosen
    return ()


def services_of(obj: Raw) -> tuple[Ref, ...]:
    """The Services that an Ingress or IngressRoute leads to."""
    if obj.get("kind") == INGRESS_ROUTE.name:
        named = [one for route in items(obj, "spec", "routes") for one in items(route, "services")]
        plain = [one for one in named if (text(one, "kind") or "Service") == "Service" and text(one, "name")]
        places = [(text(one, "namespace") or namespace(obj), name({"metadata": one})) for one in plain]
    else:
        places = [
            (one.backend.service.partition("/")[0], one.backend.service.partition("/")[2])
            for one in wishes_of(obj)
            if one.backend
        ]
    return tuple(dict.fromkeys(Ref(SERVICE, space, called) for space, called in places))


def selector(obj: Raw) -> str | None:
    """The label selector of what has pods; None where it selects none."""
    found = dig(obj, "spec", "selector")
    labels = found if obj.get("kind") == "Service" else dig(found, "matchLabels")
    if not isinstance(labels, dict) or not labels:
        return None
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def owned(obj: Raw, found: Iterable[Raw]) -> tuple[Raw, ...]:
    """Those that an object has made."""
    uid = text(obj, "metadata", "uid")
    return tuple(
        one for one in found if uid and any(text(by, "uid") == uid for by in items(one, "metadata", "ownerReferences"))
    )


async def family(cluster: Cluster, refs: Sequence[Ref]) -> tuple[Raw, ...]:
    """The objects that are there and what stands behind each, down to the pods; each once. Raises ClusterError."""
    found: dict[Ref, Raw] = {}
    for each in await together(partial(_family, cluster, ref) for ref in refs):
        found |= {Ref.of(one): one for one in each}
    return tuple(found.values())


async def _family(cluster: Cluster, ref: Ref) -> list[Raw]:
    if (obj := await cluster.get(ref)) is None:
        return []
    space = ref.namespace
    if ref.kind.name in LEADS:
        behind = [await _family(cluster, service) for service in services_of(obj)]
        return [obj, *(one for each in behind for one in each)]
    if ref.kind == CRON_JOB:
        jobs = owned(obj, await cluster.list(JOB, namespace=space))
        pods = await cluster.list(POD, namespace=space)
        return [obj, *jobs, *(pod for job in jobs for pod in owned(job, pods))]
    if not (chosen := selector(obj)):
        return [obj]
    sets = owned(obj, await cluster.list(REPLICA_SET, namespace=space)) if ref.kind.name == "Deployment" else ()
    pods = await cluster.list(POD, namespace=space, labels=chosen)
    return [obj, *sets, *pods]


async def pods_of(cluster: Cluster, refs: Sequence[Ref]) -> tuple[Raw, ...]:
    """The pods that speak for a row's objects, the oldest first. Raises ClusterError."""
    found = [one for one in await family(cluster, running(refs)) if one.get("kind") == POD.name]
    return tuple(sorted(found, key=lambda pod: (text(pod, "metadata", "creationTimestamp") or "", name(pod))))


def containers(pods: Iterable[Raw]) -> tuple[Container, ...]:
    """Whose words count: of each pod its main containers, or the one before them that has not ended well yet."""
    return tuple(one for pod in pods for one in _containers(pod))


def _containers(pod: Raw) -> list[Container]:
    seen = {name({"metadata": one}): one for one in _statuses(pod)}
    chosen = [one for one in _waiting(pod, seen) if _has_begun(seen.get(one))]
    if not chosen:
        chosen = [one for one in _mains(pod) if _has_begun(seen.get(one))]
    return [Container(namespace(pod), name(pod), one, len(chosen) == 1, _restarts(seen.get(one))) for one in chosen]


def _statuses(pod: Raw) -> list[Raw]:
    return [*items(pod, "status", "initContainerStatuses"), *items(pod, "status", "containerStatuses")]


def _mains(pod: Raw) -> list[str]:
    every = [called for one in items(pod, "spec", "containers") if (called := text(one, "name"))]
    main = annotation(pod, MAIN_CONTAINER)
    return [main] if main in every else every


def _waiting(pod: Raw, seen: Mapping[str, Raw]) -> list[str]:
    """The initContainer that the others wait for."""
    every = [called for one in items(pod, "spec", "initContainers") if (called := text(one, "name"))]
    return [one for one in every if one in seen and dig(seen[one], "state", "terminated", "exitCode") != 0][:1]


def _has_begun(status: Raw | None) -> bool:
    """Whether it has said anything, in this life or the last; where nobody tells, it is asked."""
    if status is None or not dig(status, "state", "waiting"):
        return True
    return bool(dig(status, "lastState", "terminated"))


def _restarts(status: Raw | None) -> int:
    found = dig(status, "restartCount")
    return found if isinstance(found, int) else 0
