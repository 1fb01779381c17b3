"""Why something is not ready: what its pods and the newest events say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from homelab.observe.issuer import last_word
from homelab.ports import Cluster, ClusterError, Kind, Raw, Ref

POD = Kind("v1", "Pod")
EVENT = Kind("v1", "Event")
_MOST = 3
"""Reasons shown for one object; the rest repeats them."""


async def reasons(cluster: Cluster, missing: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
    """For each object, sentences on what hangs; empty where the cluster cannot say. Never raises ClusterError."""
    found: dict[Ref, tuple[str, ...]] = {}
    about: dict[str, tuple[tuple[Raw, ...], tuple[Raw, ...]]] = {}
    for ref in missing:
        if ref.namespace is None:
            found[ref] = ()
            continue
        try:
            live = await cluster.get(ref)
            if ref.namespace not in about:
                about[ref.namespace] = (
                    await cluster.list(POD, namespace=ref.namespace),
                    await cluster.list(EVENT, namespace=ref.namespace),
                )
        except ClusterError as error:
            found[ref] = (f"its pods and events cannot be read: {error}",)
            continue
        found[ref] = explain(live or {}, *about[ref.namespace])
    return found


def explain(live: Raw, pods: Iterable[Raw], events: Iterable[Raw]) -> tuple[str, ...]:
    """What hangs: states of the object's pods first, then warnings about it and them. Pure."""
    mine = _last_try(live, pods) if live.get("kind") == "Job" else [pod for pod in pods if _selected(live, pod)]
    told = [sentence for pod in mine for sentence in hangs(pod)]
    warnings = [event for event in events if event.get("type") == "Warning" and _about(event, live, mine)]
    told += [_event(event) for event in sorted(warnings, key=_when, reverse=True)]
    return tuple(dict.fromkeys(told))[:_MOST]


def _last_try(job: Raw, pods: Iterable[Raw]) -> list[Raw]:
    """The newest pod of a Job; those before it failed likewise."""
    owned = [pod for pod in pods if job["metadata"]["uid"] in map(_uid, pod["metadata"].get("ownerReferences") or ())]
    return sorted(owned, key=lambda pod: str(pod["metadata"].get("creationTimestamp")))[-1:]


def _uid(owner: Raw) -> str:
    return str(owner.get("uid"))


def _selected(live: Raw, pod: Raw) -> bool:
    selector = ((live.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _about(event: Raw, live: Raw, pods: Iterable[Raw]) -> bool:
    """Of the object, of its pods, or of a ReplicaSet, which bears its Deployment's name and a hash.

    By uid: a Service bears its Deployment's name, and a deleted object its successor's.
    """
    involved = event.get("involvedObject") or {}
    if involved.get("kind") == "ReplicaSet" and live.get("kind") == "Deployment":
        return str(involved.get("name", "")).rpartition("-")[0] == str(live["metadata"]["name"])
    return involved.get("uid") in {obj["metadata"]["uid"] for obj in (live, *pods) if obj}


def hangs(pod: Raw) -> Iterator[str]:
    """What keeps one pod from being ready, a sentence each."""
    name, seen = pod["metadata"]["name"], pod.get("status") or {}
    for condition in seen.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            yield f"pod {name} finds no node: {condition.get('message', '')}"
    for container in [*(seen.get("initContainerStatuses") or ()), *(seen.get("containerStatuses") or ())]:
        yield from _container(name, container)


def _container(pod: str, container: Mapping[str, Any]) -> Iterator[str]:
    state = container.get("state") or {}
    waiting, failed = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        yield f"pod {pod}: {waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    ended = failed if failed.get("exitCode") else (container.get("lastState") or {}).get("terminated") or {}
    if ended and not container.get("ready"):  # a restart that it got over explains nothing
        how = f"pod {pod}: container {container['name']} ended with {ended.get('exitCode')} ({ended.get('reason')})"
        yield ": ".join(filter(None, (how, last_word(ended.get("message") or ""))))


def _event(event: Raw) -> str:
    involved = event.get("involvedObject") or {}
    return f"{involved.get('kind', '').lower()} {involved.get('name')}: {event.get('reason')}: {event.get('message')}"


def _when(event: Raw) -> str:
    last = (event.get("series") or {}).get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(last or event["metadata"].get("creationTimestamp") or "").rstrip("Z")  # else 0.5 s sorts before 0 s
