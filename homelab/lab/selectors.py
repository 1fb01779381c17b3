"""Label and field selectors, as the query parameters spell them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from homelab.lab.refusal import bad_request
from homelab.observe.raw import dig
from homelab.ports import Kind, Raw

Test = Callable[[Raw], bool]
_PARTS = re.compile(r",(?![^(]*\))")
_AMONG = re.compile(r"^(\S+)\s+(in|notin)\s*\(([^()]*)\)$")
_COMPARED = re.compile(r"^([^\s=!<>]+)\s*(==|=|!=|<|>)\s*([^\s=!<>]*)$")
_NUMBER = re.compile("-?[0-9]{1,18}")
_EXISTS = re.compile(r"^(!?)\s*([^\s=!<>(),]+)$")
_FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind("v1", "Event"): (
        *(f"involvedObject.{name}" for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion")),
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    Kind("v1", "Namespace"): ("status.phase", "name"),
    Kind("v1", "Node"): ("spec.unschedulable",),
    Kind("v1", "Pod"): (
        *(f"spec.{name}" for name in ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName")),
        *(f"status.{name}" for name in ("phase", "podIP", "nominatedNodeName")),
    ),
    Kind("v1", "Secret"): ("type",),
    Kind("v1", "Service"): ("spec.clusterIP", "spec.type"),
    Kind("apps/v1", "ReplicaSet"): ("status.replicas",),
    Kind("batch/v1", "Job"): ("status.successful",),
}
"""What else than the name can be selected. Source: the conversion functions of Kubernetes' API groups."""
_MOVED = {"source": "source.component", "name": "metadata.name", "status.successful": "status.succeeded"}


def selecting(kind: Kind, labels: str, fields: str) -> Test:
    """Whether an object matches both selectors. Raises Refusal 400."""
    tests = (*label_tests(labels), *field_tests(kind, fields))
    return lambda obj: all(test(obj) for test in tests)


def label_tests(selector: str) -> tuple[Test, ...]:
    """One test per requirement, such as `app=web`, `tier in (a, b)`, `!legacy`. Raises Refusal 400."""
    return tuple(_label_test(part.strip()) for part in _PARTS.split(selector)) if selector.strip() else ()


def field_tests(kind: Kind, selector: str) -> tuple[Test, ...]:
    """One test per requirement, such as `metadata.name=web`. Raises Refusal 400."""
    return tuple(_field_test(kind, part.strip()) for part in selector.split(",") if part.strip())


def _label_test(part: str) -> Test:
    if found := _AMONG.match(part):
        return _among(found[1], frozenset(v.strip() for v in found[3].split(",")), wanted=found[2] == "in")
    if found := _COMPARED.match(part):
        key, operator, value = found.groups()
        if operator in ("<", ">"):
            return _ordered(key, operator, value)
        return _among(key, frozenset({value}), wanted=operator != "!=")
    if found := _EXISTS.match(part):
        key, wanted = found[2], not found[1]
        return lambda obj: (key in _labels(obj)) == wanted
    raise bad_request(f"unable to parse requirement: {json.dumps(part)} is not understood")


def _among(key: str, values: frozenset[str], *, wanted: bool) -> Test:
    """An object without the label is in no set, and therefore outside of every set."""
    return lambda obj: (_labels(obj).get(key) in values) == wanted


def _ordered(key: str, operator: str, value: str) -> Test:
    if not _NUMBER.fullmatch(value):
        raise bad_request(f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": not a number')
    limit = int(value)

    def test(obj: Raw) -> bool:
        found = str(_labels(obj).get(key, ""))
        return _NUMBER.fullmatch(found) is not None and (int(found) > limit if operator == ">" else int(found) < limit)

    return test


def _labels(obj: Raw) -> Mapping[str, Any]:
    return obj["metadata"].get("labels") or {}


def _field_test(kind: Kind, part: str) -> Test:
    found = _COMPARED.match(part)
    if not found or found[2] in ("<", ">"):
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    key, operator, value = found.groups()
    if key not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())):
        if kind in _FIELDS:
            raise bad_request(f"field label not supported: {key}")
        raise bad_request(f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    path = _MOVED.get(key, key).split(".")
    return lambda obj: (_text(dig(obj, *path)) == value) == (operator != "!=")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
