"""Server-side apply and the record of who set what (`metadata.managedFields`). Pure.

Source: sigs.k8s.io/structured-merge-diff, merge/update.go; wording from k8s.io/apimachinery/pkg/util/managedfields.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homelab.lab.fields import (
    Difference,
    Paths,
    contested,
    difference,
    merged,
    paths,
    pruned,
    read,
    shown,
    with_containers,
    written,
)
from homelab.lab.refusal import Refusal
from homelab.lab.shapes import Shape
from homelab.observe.raw import dig, items, text
from homelab.ports import Raw

NOTHING: Raw = {"metadata": {}}
_STRUCTS = frozenset({("f:metadata",), ("f:spec",), ("f:status",)})


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, how, and when."""

    manager: str
    operation: str
    """`Apply` or `Update`."""
    api_version: str
    subresource: str = ""
    time: str = ""

    def same(self, entry: Raw) -> bool:
        """Whether an entry is this writer's; an applier has one whatever the version."""
        one = (text(entry, "manager"), text(entry, "operation"), text(entry, "subresource") or "")
        return one == (self.manager, self.operation, self.subresource) and (
            self.operation == "Apply" or entry.get("apiVersion") == self.api_version
        )

    def entry(self, found: Paths) -> Raw:
        """The record of these fields."""
        where = {"subresource": self.subresource} if self.subresource else {}
        return {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "time": self.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": written(found),
            **where,
        }


@dataclass(frozen=True, slots=True)
class _Holding:
    """The fields of one manager."""

    entry: Raw
    found: Paths

    def without(self, change: Difference) -> _Holding:
        """What is left after somebody else's change."""
        left = self.found - change.changed - change.removed
        return self if left == self.found else _Holding(self.entry | {"fieldsV1": written(left)}, left)


def applied(live: Raw | None, wish: Raw, shape: Shape, writer: Writer, *, force: bool) -> Raw:
    """The object after an apply. Raises Refusal 409 naming managers and fields, unless forced."""
    mine = paths(contested(wish), shape) - _STRUCTS
    mine_before, others = _holdings(live or NOTHING, writer)
    if live is None:
        return _recorded(wish, others, mine_before, writer.entry(mine), mine)
    held = with_containers(mine.union(*(other.found for other in others)))
    both = merged(live, wish, shape)
    let_go = mine_before.found - mine
    new = pruned(both, shape, with_containers(mine_before.found), held) if let_go else both
    change = difference(contested(live), contested(new), shape)
    contests = [(other.entry, path) for other in others for path in sorted(other.found & change.changed)]
    if contests and not force:
        raise _conflict(contests)
    return _recorded(new, [other.without(change) for other in others], mine_before, writer.entry(mine), mine)


def updated(live: Raw | None, new: Raw, shape: Shape, writer: Writer) -> Raw:
    """The object after a create, replace or patch: the writer holds what it changed, and nobody else does."""
    change = difference(contested(live or NOTHING), contested(new), shape)
    before, others = _holdings(new if "managedFields" in new["metadata"] else live or NOTHING, writer)
    mine = (before.found - change.removed) | (change.changed - _STRUCTS)
    return _recorded(new, [other.without(change) for other in others], before, writer.entry(mine), mine)


def readable(entries: Any) -> bool:
    """Whether a record of managers can be understood; the API server passes over one that cannot."""
    return isinstance(entries, list) and all(
        isinstance(entry, dict)
        and all(isinstance(value, str) for key, value in entry.items() if key != "fieldsV1")
        and entry.get("operation") in ("Apply", "Update")
        and entry.get("apiVersion")
        and _is_set(entry.get("fieldsV1"))
        for entry in entries
    )


def _is_set(node: Any) -> bool:
    return isinstance(node, dict) and all(
        (element == "." or _is_element(element)) and _is_set(inner) for element, inner in node.items()
    )


def _is_element(element: str) -> bool:
    sort, _, rest = element.partition(":")
    try:
        return sort in ("f", "v", "i") or (sort == "k" and isinstance(json.loads(rest), dict))
    except (ValueError, RecursionError):
        return False


def _holdings(obj: Raw, writer: Writer) -> tuple[_Holding, list[_Holding]]:
    """The writer's own fields, and those of everybody else."""
    found = [
        _Holding(entry, frozenset(read(dig(entry, "fieldsV1") or {})))
        for entry in items(obj, "metadata", "managedFields")
    ]
    own = next((holding for holding in found if writer.same(holding.entry)), _Holding({}, frozenset()))
    return own, [holding for holding in found if holding is not own]


def _recorded(obj: Raw, others: list[_Holding], before: _Holding, entry: Raw, mine: Paths) -> Raw:
    """The object with its managers; an entry whose fields stayed the same keeps its time."""
    entries = [other.entry for other in others if other.found]
    if mine:
        entries.append(before.entry if before.found == mine else entry)
    entries.sort(key=lambda entry: (entry.get("operation", ""), entry.get("time", ""), entry.get("manager", "")))
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return obj | {"metadata": meta | {"managedFields": entries}}


def _conflict(contests: list[tuple[Raw, tuple[str, ...]]]) -> Refusal:
    """Worded as the real one: clients read the managers out of the causes."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {_who(entry)}", "field": shown(path)}
        for entry, path in contests
    ]
    if len(contests) == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        managers: dict[str, list[str]] = {}
        for entry, path in contests:
            managers.setdefault(_who(entry), []).append(f"- {shown(path)}")
        lines = [line for who in sorted(managers) for line in (f"conflicts with {who}:", *managers[who])]
        message = f"Apply failed with {len(contests)} conflicts: " + "\n".join(lines)
    return Refusal(409, "Conflict", message, {"causes": causes})


def _who(entry: Mapping[str, str]) -> str:
    where = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
    how = ""
    if entry.get("operation") == "Update":
        at = f" at {entry['time']}" if entry.get("time") else ""
        how = f" using {entry.get('apiVersion')}{at}"
    return f'"{entry.get("manager")}"{where}{how}'
