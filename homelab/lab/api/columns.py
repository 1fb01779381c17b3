"""The columns that kubectl prints of built-in kinds, those of `-o wide` among them.

Source: Kubernetes, pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

Read = Callable[[Raw], Any]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Column:
    """One column; what has a priority is printed with `-o wide` only."""

    name: str
    read: Read
    priority: int = 0


def built_in(kind: str, name: Column) -> tuple[Column, ...]:
    """All columns of a kind: its name, its own, its age, the wide ones."""
    if kind == "Event":
        return _own(kind)
    own = (name, *_own(kind))
    wide = tuple(Column(*column, 1) for column in _WIDE.get(kind, ()))
    return (*own, *(() if AGE in own else (AGE,)), *wide)


def age(stamp: Any) -> str:
    """As kubectl shortens it: 90s, 5m, 3h, 2d."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(str(stamp))).total_seconds())
    except (ValueError, TypeError):
        return "<unknown>"
    return _shortened(seconds)


def _shortened(seconds: int) -> str:
    for unit, length, most in (("s", 1, 2 * _MINUTE), ("m", _MINUTE, 3 * _HOUR), ("h", _HOUR, 2 * _DAY)):
        if seconds < most:
            return f"{max(seconds, 0) // length}{unit}"
    return f"{seconds // _DAY}d"


AGE = Column("Age", lambda obj: age(obj["metadata"].get("creationTimestamp")))


def _own(kind: str) -> tuple[Column, ...]:
    return tuple(column if isinstance(column, Column) else Column(*column) for column in _COLUMNS.get(kind, ()))


def _of(*path: str) -> Read:
    return lambda obj: dig(obj, *path)


def _count(*path: str) -> Callable[[Raw], int]:
    return lambda obj: dig(obj, *path) or 0


def _size(*path: str) -> Callable[[Raw], int]:
    return lambda obj: len(dig(obj, *path) or ())


def _ready(obj: Raw) -> str:
    return f"{dig(obj, 'status', 'readyReplicas') or 0}/{dig(obj, 'spec', 'replicas') or 0}"


def _pod_ready(obj: Raw) -> str:
    states = items(obj, "status", "containerStatuses")
    return f"{sum(bool(state.get('ready')) for state in states)}/{len(items(obj, 'spec', 'containers'))}"


def _pod_status(obj: Raw) -> Any:
    """The reason of a container that does not run says more than the phase."""
    if dig(obj, "metadata", "deletionTimestamp"):
        return "Terminating"
    states = [dig(one, "state") for one in items(obj, "status", "containerStatuses")]
    reasons = [text(state, how, "reason") for state in states for how in ("waiting", "terminated")]
    return next(filter(None, reasons), dig(obj, "status", "phase"))


def _pod_restarts(obj: Raw) -> int:
    return sum(state.get("restartCount") or 0 for state in items(obj, "status", "containerStatuses"))


def _node_status(obj: Raw) -> str:
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in items(obj, "status", "conditions"))
    closed = ",SchedulingDisabled" if dig(obj, "spec", "unschedulable") else ""
    return ("Ready" if ready else "NotReady") + closed


def _node_roles(obj: Raw) -> str:
    mark = "node-role.kubernetes.io/"
    labels = dig(obj, "metadata", "labels") or {}
    return ",".join(sorted(name.removeprefix(mark) for name in labels if name.startswith(mark)))


def _addresses(obj: Raw) -> str:
    found = [text(one, "ip") or text(one, "hostname") or "" for one in items(obj, "status", "loadBalancer", "ingress")]
    waiting = dig(obj, "spec", "type") == "LoadBalancer" and not found
    return "<pending>" if waiting else ",".join(found)


def _ports(obj: Raw) -> str:
    def shown(port: Raw) -> str:
        node = f":{port['nodePort']}" if port.get("nodePort") else ""
        return f"{port.get('port')}{node}/{port.get('protocol', 'TCP')}"

    return ",".join(map(shown, items(obj, "spec", "ports")))


def _hosts(obj: Raw) -> str:
    return ",".join(text(rule, "host") or "*" for rule in items(obj, "spec", "rules")) or "*"


def _ingress_ports(obj: Raw) -> str:
    return "80, 443" if items(obj, "spec", "tls") else "80"


def _last_schedule(obj: Raw) -> str | None:
    found = text(obj, "status", "lastScheduleTime")
    return age(found) if found else None


def _job_status(obj: Raw) -> str:
    done = {c.get("type") for c in items(obj, "status", "conditions") if c.get("status") == "True"}
    return next((state for state in ("Complete", "Failed", "Suspended") if state in done), "Running")


def _duration(obj: Raw) -> str | None:
    begun, ended = text(obj, "status", "startTime"), text(obj, "status", "completionTime")
    if begun and ended:
        return _shortened(int((datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()))
    return age(begun) if begun else None


def _of_containers(field: str, *path: str) -> Read:
    """One field of all containers of a workload."""
    at = (*path, "spec", "template", "spec", "containers")
    return lambda obj: ",".join(text(one, field) or "" for one in items(obj, *at))


def _labels(*path: str) -> Read:
    return lambda obj: ",".join(f"{key}={value}" for key, value in sorted((dig(obj, *path) or {}).items()))


def _node_address(kind: str) -> Read:
    def read(obj: Raw) -> str | None:
        found = items(obj, "status", "addresses")
        return next((text(one, "address") for one in found if one.get("type") == kind), None)

    return read


def _modes(obj: Raw) -> str:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(short.get(mode, mode) for mode in strings(obj, "spec", "accessModes"))


def _completions(obj: Raw) -> str:
    return f"{dig(obj, 'status', 'succeeded') or 0}/{dig(obj, 'spec', 'completions') or 1}"


def _endpoints(obj: Raw) -> str:
    return ",".join(address for endpoint in items(obj, "endpoints") for address in strings(endpoint, "addresses"))


def _involved(obj: Raw) -> str:
    return f"{str(dig(obj, 'involvedObject', 'kind')).lower()}/{dig(obj, 'involvedObject', 'name')}"


def _last_seen(obj: Raw) -> str:
    return age(text(obj, "lastTimestamp") or text(obj, "eventTime") or obj["metadata"].get("creationTimestamp"))


_COLUMNS: Mapping[str, tuple[tuple[str, Read] | Column, ...]] = {
    "ConfigMap": (("Data", _size("data")),),
    "CronJob": (
        ("Schedule", _of("spec", "schedule")),
        ("Timezone", _of("spec", "timeZone")),
        ("Suspend", lambda obj: bool(dig(obj, "spec", "suspend"))),
        ("Active", _size("status", "active")),
        ("Last Schedule", _last_schedule),
    ),
    "DaemonSet": (
        ("Desired", _count("status", "desiredNumberScheduled")),
        ("Current", _count("status", "currentNumberScheduled")),
        ("Ready", _count("status", "numberReady")),
        ("Up-to-date", _count("status", "updatedNumberScheduled")),
        ("Available", _count("status", "numberAvailable")),
        ("Node Selector", _labels("spec", "template", "spec", "nodeSelector")),
    ),
    "Deployment": (
        ("Ready", _ready),
        ("Up-to-date", _count("status", "updatedReplicas")),
        ("Available", _count("status", "availableReplicas")),
    ),
    "EndpointSlice": (("AddressType", _of("addressType")), ("Endpoints", _endpoints)),
    "Event": (
        ("Last Seen", _last_seen),
        ("Type", _of("type")),
        ("Reason", _of("reason")),
        ("Object", _involved),
        ("Message", _of("message")),
    ),
    "Ingress": (
        ("Class", _of("spec", "ingressClassName")),
        ("Hosts", _hosts),
        ("Address", _addresses),
        ("Ports", _ingress_ports),
    ),
    "IngressClass": (("Controller", _of("spec", "controller")),),
    "Job": (("Status", _job_status), ("Completions", _completions), ("Duration", _duration)),
    "Lease": (("Holder", _of("spec", "holderIdentity")),),
    "Namespace": (("Status", _of("status", "phase")),),
    "Node": (
        ("Status", _node_status),
        ("Roles", _node_roles),
        AGE,
        ("Version", _of("status", "nodeInfo", "kubeletVersion")),
    ),
    "PersistentVolumeClaim": (
        ("Status", _of("status", "phase")),
        ("Volume", _of("spec", "volumeName")),
        ("Capacity", _of("status", "capacity", "storage")),
        ("Access Modes", _modes),
        ("StorageClass", _of("spec", "storageClassName")),
    ),
    "Pod": (("Ready", _pod_ready), ("Status", _pod_status), ("Restarts", _pod_restarts)),
    "ReplicaSet": (
        ("Desired", _count("spec", "replicas")),
        ("Current", _count("status", "replicas")),
        ("Ready", _count("status", "readyReplicas")),
    ),
    "Secret": (("Type", _of("type")), ("Data", _size("data"))),
    "Service": (
        ("Type", _of("spec", "type")),
        ("Cluster-IP", _of("spec", "clusterIP")),
        ("External-IP", _addresses),
        ("Port(s)", _ports),
    ),
    "StatefulSet": (("Ready", _ready),),
}
_SHOWN = (
    ("Containers", _of_containers("name")),
    ("Images", _of_containers("image")),
)
_SELECTED = (*_SHOWN, ("Selector", _labels("spec", "selector", "matchLabels")))
_WIDE: Mapping[str, tuple[tuple[str, Read], ...]] = {
    "CronJob": (
        ("Containers", _of_containers("name", "spec", "jobTemplate")),
        ("Images", _of_containers("image", "spec", "jobTemplate")),
    ),
    **dict.fromkeys(("DaemonSet", "Deployment", "Job", "ReplicaSet"), _SELECTED),
    "Node": (
        ("Internal-IP", _node_address("InternalIP")),
        ("External-IP", _node_address("ExternalIP")),
        ("OS-Image", _of("status", "nodeInfo", "osImage")),
        ("Kernel-Version", _of("status", "nodeInfo", "kernelVersion")),
        ("Container-Runtime", _of("status", "nodeInfo", "containerRuntimeVersion")),
    ),
    "Pod": (
        ("IP", _of("status", "podIP")),
        ("Node", _of("spec", "nodeName")),
        ("Nominated Node", _of("status", "nominatedNodeName")),
        ("Readiness Gates", lambda _: None),
    ),
    "Service": (("Selector", _labels("spec", "selector")),),
    "StatefulSet": _SHOWN,
}
