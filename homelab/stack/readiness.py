"""When is an object done: the kstatus rules, and one of our own for LoadBalancer Services.

Source: sigs.k8s.io/cli-utils, pkg/kstatus/status/core.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from homelab.observe.raw import dig, items, number, text
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
    meta, spec, seen = (_part(obj, name) for name in ("metadata", "spec", "status"))
    if meta.get("deletionTimestamp"):
        return _progressing("it is being deleted")
    if (observed := number(seen, "observedGeneration")) is not None and observed < (number(meta, "generation") or 0):
        return _progressing("its controller has not seen the change yet")
    rule = _RULES.get(text(obj, "kind") or "", _generic)
    return rule(meta, spec, seen)


def gone(live: Raw | None, uid: str) -> Status:
    """How far the deletion of the object with this uid is: ready when it is gone, or another bears its name."""
    if live is None or live["metadata"]["uid"] != uid:
        return READY
    holders = live["metadata"].get("finalizers") or ()
    held = f", held by {', '.join(holders)}" if holders else ""
    return _progressing(f"it is being deleted{held}")


Part = Mapping[str, Any]


def _part(obj: Raw, name: str) -> Part:
    found = dig(obj, name)
    return found if isinstance(found, dict) else {}


def _progressing(why: str) -> Status:
    return Status(State.PROGRESSING, why)


def _failed(why: str) -> Status:
    return Status(State.FAILED, why)


def _condition(seen: Part, kind: str) -> Part:
    return next((found for found in items(seen, "conditions") if found.get("type") == kind), {})


def _said(condition: Part, otherwise: str) -> str:
    return text(condition, "message") or otherwise


def _surplus(spec: Part, seen: Part) -> int:
    """Replicas that are still to end."""
    return (number(seen, "replicas") or 0) - _replicas(spec)


def _replicas(spec: Part) -> int:
    found = number(spec, "replicas")
    return 1 if found is None else found


def _counts(seen: Part, wanted: int, *names: str) -> Status:
    """Ready when each count of the status has reached what is wanted."""
    for name in names:
        if (count := number(seen, name) or 0) < wanted:
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
    if seen.get("observedGeneration") is None:
        return _progressing("its controller has not seen it yet")
    progress = _condition(seen, "Progressing")
    if progress.get("reason") == "ProgressDeadlineExceeded":
        return _failed(_said(progress, "it made no progress in time"))
    if (old := _surplus(spec, seen)) > 0:
        return _progressing(f"{old} old replicas still running")
    return _counts(seen, _replicas(spec), "updatedReplicas", "readyReplicas", "availableReplicas")


def _stateful_set(meta: Part, spec: Part, seen: Part) -> Status:
    if seen.get("observedGeneration") is None:
        return _progressing("its controller has not seen it yet")
    if (old := _surplus(spec, seen)) > 0:
        return _progressing(f"{old} old replicas still running")
    found = _counts(seen, _replicas(spec), "readyReplicas", "currentReplicas")
    if found.ready and seen.get("currentRevision") != seen.get("updateRevision"):
        return _progressing("replicas of the old revision are still running")
    return found


def _daemon_set(meta: Part, spec: Part, seen: Part) -> Status:
    wanted = number(seen, "desiredNumberScheduled")
    if seen.get("observedGeneration") is None or wanted is None:
        return _progressing("its controller has not seen it yet")
    return _counts(seen, wanted, "updatedNumberScheduled", "numberReady", "numberAvailable")


def _job(meta: Part, spec: Part, seen: Part) -> Status:
    failed = _condition(seen, "Failed")
    if failed.get("status") == "True":
        return _failed(_said(failed, "it failed"))
    done = _condition(seen, "Complete").get("status") == "True"
    return READY if done else _progressing("it has not completed")


def _definition(meta: Part, spec: Part, seen: Part) -> Status:
    names = _condition(seen, "NamesAccepted")
    if names.get("status") == "False":
        return _failed(_said(names, "its names are taken"))
    established = _condition(seen, "Established").get("status") == "True"
    return READY if established else _progressing("its kind is not served yet")


def _claim(meta: Part, spec: Part, seen: Part) -> Status:
    phase = text(seen, "phase") or "Pending"
    return READY if phase == "Bound" else _progressing(f"its volume is {phase}")


def _service(meta: Part, spec: Part, seen: Part) -> Status:
    """Our own rule: kstatus takes a LoadBalancer as done once it has a cluster address."""
    if spec.get("type") != "LoadBalancer":
        return READY
    given = {ip for entry in items(seen, "loadBalancer", "ingress") if (ip := text(entry, "ip"))}
    wanted = text(meta, "annotations", WANTED_ADDRESS)
    if not given:
        return _progressing(f"it has no address yet (wanted {wanted})" if wanted else "it has no address yet")
    if wanted and not {part.strip() for part in wanted.split(",")} <= given:
        return _progressing(f"it has {', '.join(sorted(given))}, wanted is {wanted}")
    return READY


def _namespace(meta: Part, spec: Part, seen: Part) -> Status:
    return _progressing("it is being deleted") if seen.get("phase") == "Terminating" else READY


def _generic(meta: Part, spec: Part, seen: Part) -> Status:
    """Conditions that other kinds may carry: Stalled, Reconciling, Ready."""
    for name, meaning in (("Stalled", _failed), ("Reconciling", _progressing)):
        if (found := _condition(seen, name)).get("status") == "True":
            return meaning(_said(found, name.lower()))
    found = _condition(seen, "Ready")
    return _progressing(_said(found, "it is not ready")) if found.get("status") == "False" else READY


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
