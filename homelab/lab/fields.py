"""Which fields of an object a manager set: sets of paths, how they are written down, and how two objects differ.

A path is a tuple of elements as `fieldsV1` spells them: `f:spec`, `k:{"name":"web"}`, `v:"finalizer"`.
Source: sigs.k8s.io/structured-merge-diff, fieldpath and typed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homelab.lab.refusal import Refusal
from homelab.lab.shapes import Shape
from homelab.ports import Raw

Path = tuple[str, ...]
Paths = frozenset[Path]
_SERVERS = frozenset(("name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields"))
_SERVERS_TOO = frozenset({"resourceVersion"})


def contested(obj: Raw) -> Raw:
    """The object without what belongs to no manager: its name and what the server writes."""
    meta = {k: v for k, v in obj["metadata"].items() if k not in _SERVERS | _SERVERS_TOO}
    return {k: v for k, v in obj.items() if k not in ("apiVersion", "kind", "metadata")} | {"metadata": meta}


def keyed(items: Iterable[Any], shape: Shape) -> dict[str, Any]:
    """The items of a list by their path elements. Raises Refusal when two have the same."""
    found: dict[str, Any] = {}
    for item in items:
        element = _element(item, shape)
        if element in found:
            raise Refusal(422, "Invalid", f"duplicate entries for key {shown((element,))}")
        found[element] = item
    return found


def _element(item: Any, shape: Shape) -> str:
    if shape.is_set:
        return "v:" + json.dumps(item, separators=(",", ":"), ensure_ascii=False)
    if not isinstance(item, dict):
        raise Refusal(
            422, "Invalid", f"a list of objects with the keys {', '.join(shape.keys)} has an item that is none"
        )
    key = {name: item.get(name, default) for name, default in sorted(shape.keys.items())}
    return "k:" + json.dumps(key, separators=(",", ":"), ensure_ascii=False)


def named(item: Any, shape: Shape) -> bool:
    """Whether the list's items are told apart and merge one by one."""
    return isinstance(item, list) and (shape.is_set or bool(shape.keys))


def children(value: Any, shape: Shape) -> Iterator[tuple[str, Any, Shape]]:
    """The parts that merge on their own: path element, value, shape. None for what is taken whole."""
    if isinstance(value, dict) and not shape.whole:
        for name, inner in value.items():
            yield f"f:{name}", inner, shape.field(name)
    elif named(value, shape):
        for element, inner in keyed(value, shape).items():
            yield element, inner, shape.item()


def _merges(value: Any, shape: Shape) -> bool:
    return (isinstance(value, dict) and not shape.whole) or named(value, shape)


def paths(value: Any, shape: Shape) -> Paths:
    """Every field that an applied object has an opinion on."""
    found: set[Path] = set()
    _collect(value, shape, (), found)
    return frozenset(found)


def _collect(value: Any, shape: Shape, path: Path, found: set[Path]) -> None:
    if not _merges(value, shape):
        found.add(path)
        return
    if value == {} and path:
        found.add(path)
    for element, inner, inner_shape in children(value, shape):
        if not element.startswith("f:"):
            found.add((*path, element))
        if not (element.startswith("v:")):
            _collect(inner, inner_shape, (*path, element), found)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is new, other or gone in the second of two objects."""

    changed: Paths
    removed: Paths


def difference(old: Raw, new: Raw, shape: Shape) -> Difference:
    """Compare two objects field by field; containers that come or go count themselves, too."""
    changed: set[Path] = set()
    removed: set[Path] = set()
    for path, gone in _changes(old, new, shape, ()):
        (removed if gone else changed).add(path)
    return Difference(frozenset(changed), frozenset(removed))


def _changes(old: Any, new: Any, shape: Shape, path: Path) -> Iterator[tuple[Path, bool]]:
    """Every path that differs, and whether it is gone."""
    if old == new:
        return
    before = {element: (value, inner) for element, value, inner in children(old, shape)}
    after = {element: (value, inner) for element, value, inner in children(new, shape)}
    for element in before.keys() | after.keys():
        inner = (after.get(element) or before[element])[1]
        was, now = before.get(element, (None,))[0], after.get(element, (None,))[0]
        yield from _changes(was, now, inner, (*path, element))
    if new is None:
        yield path, True
    elif old is None or not (_merges(old, shape) and _merges(new, shape)):
        yield path, False


def merged(live: Any, wish: Any, shape: Shape) -> Any:
    """The live value with what the wish says; what it does not name stays."""
    if wish is None:
        return live
    if named(wish, shape) and isinstance(live, list):
        return _merged_list(keyed(live, shape), keyed(wish, shape), shape)
    if isinstance(wish, dict) and isinstance(live, dict) and not shape.whole:
        return live | {name: merged(live.get(name), inner, shape.field(name)) for name, inner in wish.items()}
    return wish


def _merged_list(live: Mapping[str, Any], wish: Mapping[str, Any], shape: Shape) -> list[Any]:
    """In the wish's order; an item that only live has comes before the next one that both have."""
    waiting = list(live)
    found = []
    for element, inner in wish.items():
        while element in waiting:
            passed = waiting.pop(0)
            if passed not in wish:
                found.append(live[passed])
            elif passed == element:
                break
        found.append(merged(live.get(element), inner, shape.item()))
    return found + [live[element] for element in waiting if element not in wish]


def pruned(value: Any, shape: Shape, let_go: Paths, held: Paths, path: Path = ()) -> Any:
    """The value without the fields that were let go and that nobody holds; None when nothing is left of it."""
    left: list[tuple[str, Any]] = []
    for element, inner, inner_shape in children(value, shape):
        here = (*path, element)
        if here in let_go and here not in held and not (element.startswith("f:") and _merges(inner, inner_shape)):
            continue
        kept = pruned(inner, inner_shape, let_go, held, here) if _merges(inner, inner_shape) else inner
        if kept or not inner or here not in let_go or here in held:
            left.append((element, kept))
    if isinstance(value, dict):
        return {element.removeprefix("f:"): inner for element, inner in left}
    return [inner for _, inner in left]


def with_containers(found: Iterable[Path]) -> Paths:
    """The paths and all that lead to them."""
    return frozenset(path[:length] for path in found for length in range(1, len(path) + 1))


def written(found: Iterable[Path]) -> Raw:
    """As `fieldsV1` nests them."""
    root: Raw = {}
    for path in sorted(found):
        place = root
        for element in path:
            place = place.setdefault(element, {})
        place["."] = {}
    return {element: _without_dots(inner) for element, inner in root.items()}


def _without_dots(node: Raw) -> Raw:
    """A leaf needs no dot."""
    return {} if node.keys() == {"."} else {k: (v if k == "." else _without_dots(v)) for k, v in node.items()}


def read(node: Raw, path: Path = ()) -> Iterator[Path]:
    """The paths of a `fieldsV1`."""
    if path and (not node or "." in node):
        yield path
    for element, inner in node.items():
        if element != ".":
            yield from read(inner, (*path, element))


def shown(path: Path) -> str:
    """As messages spell it: `.spec.ports[port=80,protocol="TCP"].targetPort`."""
    return "".join(_shown(element) for element in path)


def _shown(element: str) -> str:
    sort, _, rest = element.partition(":")
    if sort == "f":
        return f".{rest}"
    if sort == "v":
        return f"[={rest}]"
    key = ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in json.loads(rest).items())
    return f"[{key}]"
