"""Answers as a client wants them: whole objects, or a table of the columns that kubectl prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from homelab.lab.api.asked import Asked
from homelab.lab.resources import Resource
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

Column = tuple[str, Callable[[Raw], Any]]
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Form(Protocol):
    """How objects are written into an answer."""

    def one(self, obj: Raw) -> Raw:
        """A single object."""

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        """A list."""


@dataclass(frozen=True, slots=True)
class _Plain:
    resource: Resource

    def one(self, obj: Raw) -> Raw:
        return obj

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        kind = {"kind": f"{self.resource.kind}List", "apiVersion": self.resource.api_version}
        return kind | {"metadata": meta, "items": objects}


@dataclass(frozen=True, slots=True)
class _Table:
    columns: tuple[Column, ...]
    include: str
    """`None`, `Metadata` or `Object`."""

    def one(self, obj: Raw) -> Raw:
        bookmark = "uid" not in obj["metadata"]
        return self._table(() if bookmark else (obj,), {"resourceVersion": obj["metadata"]["resourceVersion"]})

    def many(self, objects: Sequence[Raw], meta: Raw) -> Raw:
        return self._table(objects, meta)

    def _table(self, objects: Iterable[Raw], meta: Raw) -> Raw:
        definitions = [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name, _ in self.columns
        ]
        rows = [{"cells": [_cell(read, obj) for _, read in self.columns], "object": self._part(obj)} for obj in objects]
        head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
        return head | {"columnDefinitions": definitions, "rows": rows}

    def _part(self, obj: Raw) -> Raw | None:
        if self.include == "None":
            return None
        if self.include == "Object":
            return obj
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def form(asked: Asked) -> Form:
    """A table for whoever accepts it first, else whole objects."""
    resource = asked.place.resource
    if "as=Table" not in asked.request.headers.get("Accept", "").split(",")[0]:
        return _Plain(resource)
    return _Table(_columns(resource), asked.option("includeObject") or "Metadata")


def _cell(read: Callable[[Raw], Any], obj: Raw) -> Any:
    found = read(obj)
    return "<none>" if found in (None, "") else str(found)


def _columns(resource: Resource) -> tuple[Column, ...]:
    own = _COLUMNS.get(resource.kind, ()) if resource.built_in else tuple(map(_printer_column, resource.columns))
    if resource.kind == "Event":
        return own
    has_age = any(name.lower() == "age" for name, _ in own)
    return (("Name", lambda obj: obj["metadata"]["name"]), *own, *(() if has_age else (("Age", _age),)))


def _printer_column(column: Raw) -> Column:
    """An additionalPrinterColumn; filters other than `[?(@.type=="X")]` print nothing."""
    path, date = text(column, "jsonPath") or "", column.get("type") == "date"
    steps = re.findall(r'\[\?\(@\.(\w+)==["\'](\w+)["\']\)\]|\[(\d+)\]|\.((?:\\.|[^.\[\\])+)', path)

    def read(obj: Raw) -> Any:
        found: Any = obj
        for key, wanted, index, name in steps:
            if key:
                found = next((item for item in found or () if dig(item, key) == wanted), None)
            elif index:
                found = found[int(index)] if isinstance(found, list) and int(index) < len(found) else None
            else:
                found = dig(found, name.replace("\\", ""))
        return _since(found) if date and found else found

    return str(column.get("name", "")), read


def _age(obj: Raw) -> str:
    return _since(obj["metadata"].get("creationTimestamp"))


def _since(stamp: Any) -> str:
    """As kubectl shortens it: 90s, 5m, 3h, 2d."""
    try:
        seconds = int((datetime.now(UTC) - datetime.fromisoformat(str(stamp))).total_seconds())
    except (ValueError, TypeError):
        return "<unknown>"
    for unit, length, most in (("s", 1, 2 * _MINUTE), ("m", _MINUTE, 3 * _HOUR), ("h", _HOUR, 2 * _DAY)):
        if seconds < most:
            return f"{max(seconds, 0) // length}{unit}"
    return f"{seconds // _DAY}d"


def _of(*path: str) -> Callable[[Raw], Any]:
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
    return "Terminating" if dig(obj, "metadata", "deletionTimestamp") else dig(obj, "status", "phase")


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


def _job_status(obj: Raw) -> str:
    done = {c.get("type") for c in items(obj, "status", "conditions") if c.get("status") == "True"}
    return next((state for state in ("Complete", "Failed", "Suspended") if state in done), "Running")


def _completions(obj: Raw) -> str:
    return f"{dig(obj, 'status', 'succeeded') or 0}/{dig(obj, 'spec', 'completions') or 1}"


def _endpoints(obj: Raw) -> str:
    return ",".join(address for endpoint in items(obj, "endpoints") for address in strings(endpoint, "addresses"))


def _involved(obj: Raw) -> str:
    return f"{str(dig(obj, 'involvedObject', 'kind')).lower()}/{dig(obj, 'involvedObject', 'name')}"


def _last_seen(obj: Raw) -> str:
    return _since(text(obj, "lastTimestamp") or text(obj, "eventTime") or obj["metadata"].get("creationTimestamp"))


_COLUMNS: Mapping[str, tuple[Column, ...]] = {
    "ConfigMap": (("Data", _size("data")),),
    "CronJob": (("Schedule", _of("spec", "schedule")), ("Suspend", _of("spec", "suspend"))),
    "DaemonSet": (
        ("Desired", _count("status", "desiredNumberScheduled")),
        ("Ready", _count("status", "numberReady")),
        ("Available", _count("status", "numberAvailable")),
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
    "Ingress": (("Class", _of("spec", "ingressClassName")), ("Hosts", _hosts), ("Address", _addresses)),
    "IngressClass": (("Controller", _of("spec", "controller")),),
    "Job": (("Status", _job_status), ("Completions", _completions)),
    "Lease": (("Holder", _of("spec", "holderIdentity")),),
    "Namespace": (("Status", _of("status", "phase")),),
    "Node": (
        ("Status", _node_status),
        ("Roles", _node_roles),
        ("Version", _of("status", "nodeInfo", "kubeletVersion")),
    ),
    "PersistentVolumeClaim": (("Status", _of("status", "phase")), ("StorageClass", _of("spec", "storageClassName"))),
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
