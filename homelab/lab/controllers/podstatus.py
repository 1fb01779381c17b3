"""The status of a pod, as its kubelet would write it. Pure."""

from __future__ import annotations

from datetime import datetime

from homelab.lab.controllers.clock import stamp
from homelab.lab.controllers.conditions import conditions, holds, wished
from homelab.observe.raw import items
from homelab.ports import Raw


def repository(image: str) -> str:
    """`traefik` of `docker.io/library/traefik:v3.7@sha256:...`."""
    name = image.partition("@")[0]
    path, _, last = name.rpartition("/")
    whole = "/".join(part for part in (path, last.partition(":")[0]) if part)
    return whole.removeprefix("docker.io/").removeprefix("library/")


def unschedulable(pod: Raw, why: str, now: datetime) -> Raw:
    """No node will have it."""
    before = pod.get("status") or {}
    return {
        **before,
        "phase": "Pending",
        "conditions": conditions(before, now, wished("PodScheduled", False, "Unschedulable", why)),
    }


def running(pod: Raw, host: str, address: str, *, ready: bool, now: datetime) -> Raw:
    """Its containers run; whether it can be used depends on its node too: see `with_readiness`."""
    at = stamp(now)
    state = {"running": {"startedAt": at}}
    told = [_container(one, state, ready) for one in items(pod, "spec", "containers")]
    return {**_placed(pod, host, address, now), "phase": "Running", "containerStatuses": told}


def initializing(pod: Raw, host: str, address: str, now: datetime) -> Raw:
    """What has to be done before its containers is being done."""
    found = _placed(pod, host, address, now)
    names = [one["name"] for one in items(pod, "spec", "initContainers")]
    why = f"containers with incomplete status: [{' '.join(names)}]"
    waits = wished("Initialized", False, "ContainersNotInitialized", why)
    state, waiting = {"running": {"startedAt": stamp(now)}}, {"waiting": {"reason": "PodInitializing"}}
    return {
        **found,
        "phase": "Pending",
        "conditions": conditions(found, now, waits),
        "initContainerStatuses": [_container(one, state, False) for one in items(pod, "spec", "initContainers")],
        "containerStatuses": [_container(one, waiting, False) for one in items(pod, "spec", "containers")],
    }


def ended(pod: Raw, code: int, why: str, now: datetime) -> Raw:
    """What ran in its containers has ended with this exit code."""
    status, phase = pod["status"], "Failed" if code else "Succeeded"
    done = ("PodFailed" if code else "PodCompleted", "")
    ends = (wished("ContainersReady", False, *done), wished("Ready", False, *done))
    reason = {"exitCode": code, "reason": "Error" if code else "Completed", "message": why, "finishedAt": stamp(now)}
    told = [_container(one, {"terminated": reason}, False) for one in items(pod, "spec", "containers")]
    return {**status, "phase": phase, "containerStatuses": told, "conditions": conditions(status, now, *ends)}


def completed(pod: Raw, host: str, address: str, now: datetime) -> Raw:
    """Its containers have run and are done."""
    done = ("PodCompleted", "")
    status = {**_placed(pod, host, address, now), "phase": "Succeeded"}
    ends = (wished("ContainersReady", False, *done), wished("Ready", False, *done))
    told = [_container(one, _ended(now), False) for one in items(pod, "spec", "containers")]
    return {**status, "containerStatuses": told, "conditions": conditions(status, now, *ends)}


def with_readiness(pod: Raw, node: Raw, now: datetime, why: str = "") -> Raw:
    """The status of a started pod: ready when its containers are and its node can be reached."""
    status = pod["status"]
    if status["phase"] != "Running":
        return dict(status)
    waiting = [one["name"] for one in status["containerStatuses"] if not one["ready"]]
    said = why or f"containers with unready status: [{' '.join(waiting)}]"
    contained = wished("ContainersReady", False, "ContainersNotReady", said) if waiting else _true("ContainersReady")
    if waiting:
        usable = wished("Ready", False, "ContainersNotReady", said)
    elif holds(node, "Ready"):
        usable = _true("Ready")
    else:
        usable = wished("Ready", False, "NodeNotReady", f"node {node['metadata']['name']} is not ready")
    return {**status, "conditions": conditions(status, now, contained, usable)}


def _placed(pod: Raw, host: str, address: str, now: datetime) -> Raw:
    inits = [_container(one, _ended(now), True) for one in items(pod, "spec", "initContainers")]
    so_far = (_true("PodReadyToStartContainers"), _true("Initialized"), _true("PodScheduled"))
    return {
        "hostIP": host,
        "hostIPs": [{"ip": host}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": stamp(now),
        "qosClass": "BestEffort",
        "conditions": conditions(pod.get("status") or {}, now, *so_far),
        **({"initContainerStatuses": inits} if inits else {}),
    }


def _true(kind: str) -> Raw:
    return wished(kind, True)


def _ended(now: datetime) -> Raw:
    at = stamp(now)
    return {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at}}


def _container(spec: Raw, state: Raw, ready: bool) -> Raw:
    return {
        "name": spec["name"],
        "image": spec["image"],
        "imageID": spec["image"],
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
        "state": state,
        "lastState": {},
    }
