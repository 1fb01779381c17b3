"""Selectors as objects carry them, and which pods may run on which node. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

Labels = Mapping[str, Any]


def labels(obj: Raw) -> Labels:
    """The labels of an object."""
    return obj["metadata"].get("labels") or {}


def selected(selector: Raw | None, found: Labels) -> bool:
    """Whether a LabelSelector matches; an empty one matches everything."""
    wanted = (selector or {}).get("matchLabels") or {}
    exact = all(found.get(key) == value for key, value in wanted.items())
    return exact and all(_meets(one, found) for one in items(selector, "matchExpressions"))


def has_all(selector: Labels | None, found: Labels) -> bool:
    """Whether a Service's selector matches; an empty one matches nothing."""
    return bool(selector) and all(found.get(key) == value for key, value in (selector or {}).items())


def fits(spec: Raw, node: Raw) -> bool:
    """Whether a pod may run on a node: node selector, required node affinity and taints."""
    here = labels(node)
    wanted = spec.get("nodeSelector") or {}
    terms = dig(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    return (
        all(here.get(key) == value for key, value in wanted.items())
        and (not terms or any(_on(term, node) for term in terms))
        and all(_tolerated(taint, spec) for taint in items(node, "spec", "taints"))
    )


def _on(term: Raw, node: Raw) -> bool:
    fields = {"metadata.name": node["metadata"]["name"]}
    by_label = all(_meets(one, labels(node)) for one in items(term, "matchExpressions"))
    return by_label and all(_meets(one, fields) for one in items(term, "matchFields"))


def _meets(wanted: Raw, found: Labels) -> bool:
    value, values = found.get(wanted["key"]), strings(wanted, "values")
    match wanted["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return wanted["key"] in found
        case "DoesNotExist":
            return wanted["key"] not in found
        case operator:
            return _compared(str(value), str(operator), values[0] if values else "")


def _compared(value: str, operator: str, limit: str) -> bool:
    """`Gt` and `Lt`, of node affinity; whatever is no number does not match."""
    try:
        return int(value) > int(limit) if operator == "Gt" else operator == "Lt" and int(value) < int(limit)
    except ValueError:
        return False


def _tolerated(taint: Raw, spec: Raw) -> bool:
    return taint.get("effect") == "PreferNoSchedule" or any(_covers(one, taint) for one in items(spec, "tolerations"))


def _covers(toleration: Raw, taint: Raw) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    return text(toleration, "operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or "")
