"""Merge patch, strategic merge patch and JSON patch. Pure: what is given is never changed."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from homelab.lab.refusal import Refusal, bad_request
from homelab.lab.shapes import Shape
from homelab.ports import Raw

_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"


def merged(target: Any, patch: Any) -> Any:
    """A JSON merge patch. Source: RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def strategic(target: Any, patch: Any, shape: Shape) -> Any:
    """A strategic merge patch: as a merge patch, but lists with known keys merge by them.

    Source: Kubernetes, sig-api-machinery/strategic-merge-patch.md.
    """
    if not isinstance(patch, dict):
        return _list(target, patch, shape) if isinstance(patch, list) else patch
    how = patch.get("$patch")
    if how in ("replace", "delete"):
        return {key: value for key, value in patch.items() if key != "$patch"} if how == "replace" else {}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        kept = _listed(patch["$retainKeys"], "$retainKeys")
        result = {key: value for key, value in result.items() if key in kept}
    for key, value in patch.items():
        if key.startswith(_DROP):
            name, dropped = key.removeprefix(_DROP), _listed(value, key)
            result[name] = [item for item in _listed(result.get(name) or [], name) if item not in dropped]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value, shape.field(key))
    for key, order in patch.items():
        name = key.removeprefix(_ORDER)
        if key != name and isinstance(result.get(name), list):
            result[name] = _ordered(result[name], _listed(order, key), shape.field(name))
    return result


def _listed(value: Any, name: str) -> list[Any]:
    """Raises Refusal 400."""
    if not isinstance(value, list):
        raise bad_request(f"unable to apply the strategic merge patch: {name} must be a list")
    return value


def _list(target: Any, patch: list[Any], shape: Shape) -> list[Any]:
    old = target if isinstance(target, list) else []
    if shape.is_set:
        return [*old, *(item for item in patch if item not in old)]
    key = next(iter(shape.keys), None)
    if key is None:
        return patch
    if not all(isinstance(item, dict) for item in (*old, *patch)):
        raise bad_request(f"unable to apply the strategic merge patch: a list with the key {key} must hold objects")
    if any(item.get("$patch") == "replace" for item in patch):
        return [item for item in patch if item.get("$patch") != "replace"]
    result = list(old)
    for item in patch:
        at = next((n for n, known in enumerate(result) if known.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            result = [known for known in result if known.get(key) != item.get(key)]
        elif at is None:
            result.append(strategic({}, item, shape.item()))
        else:
            result[at] = strategic(result[at], item, shape.item())
    return result


def _ordered(found: list[Any], order: Sequence[Any], shape: Shape) -> list[Any]:
    """The items in the wished order; those it does not name come after them."""
    key = next(iter(shape.keys), None)

    def name(item: Any) -> Any:
        return item.get(key) if isinstance(item, dict) else item

    wished = [name(item) for item in order]
    return sorted(found, key=lambda item: wished.index(name(item)) if name(item) in wished else len(wished))


def json_patch(target: Raw, operations: Any) -> Raw:
    """A JSON patch. Raises Refusal 400 or 422 when it does not fit. Source: RFC 6902."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    result: Any = copy.deepcopy(target)
    for operation in operations:
        try:
            result = _OPERATIONS[operation["op"]](result, operation)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError):
            why = f"the server rejected our request due to an error in our request: {json.dumps(operation)}"
            raise Refusal(422, "Invalid", why) from None
    if not isinstance(result, dict):
        raise bad_request("the patch does not leave an object")
    return result


def _steps(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(f"{pointer} is not a JSON pointer")
    return [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]


def _index(step: str, size: int) -> int:
    """Of one of so many places, from the end when negative, as the API server has it. Raises IndexError."""
    if not re.fullmatch("-?[0-9]{1,9}", step) or not -size <= int(step) < size:
        raise IndexError(step)
    return int(step) % size


def _at(target: Any, steps: Sequence[str]) -> Any:
    for step in steps:
        target = target[_index(step, len(target))] if isinstance(target, list) else target[step]
    return target


def _add(target: Any, pointer: str, value: Any) -> Any:
    if not pointer:
        return value
    *steps, last = _steps(pointer)
    place = _at(target, steps)
    if isinstance(place, list):
        place.insert(len(place) if last == "-" else _index(last, len(place) + 1), value)
    else:
        place[last] = value
    return target


def _taken(target: Any, pointer: str) -> Any:
    """Remove a value and return it."""
    *steps, last = _steps(pointer)
    place = _at(target, steps)
    return place.pop(_index(last, len(place)) if isinstance(place, list) else last)


def _remove(target: Any, operation: Raw) -> Any:
    _taken(target, operation["path"])
    return target


def _replace(target: Any, operation: Raw) -> Any:
    if operation["path"]:
        _taken(target, operation["path"])
    return _add(target, operation["path"], operation["value"])


def _move(target: Any, operation: Raw) -> Any:
    return _add(target, operation["path"], _taken(target, operation["from"]))


def _copy(target: Any, operation: Raw) -> Any:
    return _add(target, operation["path"], copy.deepcopy(_at(target, _steps(operation["from"]))))


def _test(target: Any, operation: Raw) -> Any:
    if _at(target, _steps(operation["path"])) != operation.get("value"):
        raise ValueError("testing value failed")
    return target


_OPERATIONS: dict[str, Callable[[Any, Raw], Any]] = {
    "add": lambda target, operation: _add(target, operation["path"], operation["value"]),
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
