"""When is an object done: the kstatus rules, and one of our own for LoadBalancer Services.

Source: sigs.k8s.io/cli-utils, pkg/kstatus/status/core.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homelab.ports import Raw


class State(StrEnum):
    """How far an object is."""

    READY = "ready"
    PROGRESSING = "progressing"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Status:
    """How far, and what is still missing."""

    state: State
    why: str = ""

    @property
    def ready(self) -> bool:
        """Whether nothing is awaited any more."""
        return self.state is State.READY


READY = Status(State.READY)
WANTED_ADDRESS = "metallb.io/loadBalancerIPs"


def status(obj: Raw) -> Status:
    """How far a live object is. Pure, and total: a kind without a rule is ready when it exists."""
    meta, spec, seen = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    if meta.get("deletionTimestamp"):
        return _progressing("it is being deleted")
    if (observed := seen.get("observedGeneration")) is not None and observed < meta.get("generation", 0):
        return _progressing("its controller has not seen the change yet")
    rule = _RULES.get(obj["kind"], _generic)
    return rule(meta, spec, seen)


Part = Mapping[str, Any]


def _progressing(why: str) -> Status:
    return Status(State.PROGRESSING, why)


def _failed(why: str) -> Status:
    return Status(State.FAILED, why)


def _condition(seen: Part, kind: str) -> Part:
    return next((found for found in seen.get("conditions") or () if found.get("type") == kind), {})


def _counts(seen: Part, wanted: int, *names: str) -> Status:
    """Ready when each count of the status has reached what is wanted."""
    for name in names:
        if (count := seen.get(name) or 0) < wanted:
            return _progressing(f"{count} of {wanted} {_WORDS[name]}")
    return READY


_WORDS = {
    "updatedReplicas": "replicas updated",
    "readyReplicas": "replicas ready",
    "availableReplicas": "replicas available",
    "currentReplicas": "replicas current",
    "updatedNumberScheduled": "pods updated",
    "numberAvailable": "pods available",
    "numberReady": "pods ready",
}


def _deployment(meta: Part, spec: Part, seen: Part) -> Status:
    if "observedGeneration" not in seen:
        return _progressing("its controller has not seen it yet")
    progress = _condition(seen, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return _failed(progress.get("message") or "it made no progress in time")
    wanted = spec.get("replicas", 1)
    if (seen.get("replicas") or 0) > wanted:
        return _progressing(f"{seen['replicas'] - wanted} old replicas still running")
    return _counts(seen, wanted, "updatedReplicas", "readyReplicas", "availableReplicas")


def _stateful_set(meta: Part, spec: Part, seen: Part) -> Status:
    if "observedGeneration" not in seen:
        return _progressing("its controller has not seen it yet")
    found = _counts(seen, spec.get("replicas", 1), "readyReplicas", "currentReplicas")
    if found.ready and seen.get("currentRevision") != seen.get("updateRevision"):
        return _progressing("replicas of the old revision are still running")
    return found


def _daemon_set(meta: Part, spec: Part, seen: Part) -> Status:
    if "observedGeneration" not in seen or "desiredNumberScheduled" not in seen:
        return _progressing("its controller has not seen it yet")
    return _counts(seen, seen["desiredNumberScheduled"], "updatedNumberScheduled", "numberReady", "numberAvailable")


def _job(meta: Part, spec: Part, seen: Part) -> Status:
    failed = _condition(seen, "Failed")
    if failed.get("status") == "True":
        return _failed(failed.get("message") or "it failed")
    done = _condition(seen, "Complete").get("status") == "True"
    return READY if done else _progressing("it has not completed")


def _definition(meta: Part, spec: Part, seen: Part) -> Status:
    names = _condition(seen, "NamesAccepted")
    if names.get("status") == "False":
        return _failed(names.get("message") or "its names are taken")
    established = _condition(seen, "Established").get("status") == "True"
    return READY if established else _progressing("its kind is not served yet")


def _claim(meta: Part, spec: Part, seen: Part) -> Status:
    phase = seen.get("phase") or "Pending"
    return READY if phase == "Bound" else _progressing(f"its volume is {phase}")


def _service(meta: Part, spec: Part, seen: Part) -> Status:
    """Our own rule: kstatus takes a LoadBalancer as done once it has a cluster address."""
    if spec.get("type") != "LoadBalancer":
        return READY
    given = {entry.get("ip") for entry in (seen.get("loadBalancer") or {}).get("ingress") or ()} - {None}
    wanted = (meta.get("annotations") or {}).get(WANTED_ADDRESS)
    if not given:
        return _progressing(f"it has no address yet (wanted {wanted})" if wanted else "it has no address yet")
    if wanted and wanted not in given:
        return _progressing(f"it has {', '.join(sorted(given))}, wanted is {wanted}")
    return READY


def _namespace(meta: Part, spec: Part, seen: Part) -> Status:
    return _progressing("it is being deleted") if seen.get("phase") == "Terminating" else READY


def _generic(meta: Part, spec: Part, seen: Part) -> Status:
    """Conditions that other kinds may carry: Stalled, Reconciling, Ready."""
    for name, meaning in (("Stalled", _failed), ("Reconciling", _progressing)):
        if (found := _condition(seen, name)).get("status") == "True":
            return meaning(found.get("message") or name.lower())
    found = _condition(seen, "Ready")
    return _progressing(found.get("message") or "it is not ready") if found.get("status") == "False" else READY


_RULES: Mapping[str, Callable[[Part, Part, Part], Status]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CustomResourceDefinition": _definition,
    "PersistentVolumeClaim": _claim,
    "Service": _service,
    "Namespace": _namespace,
}
