"""Whether a built-in object has the types that typed clients read: those end at the first value that is of another.

`fields.txt` names every field of every built-in kind that the lab serves, so a field that is not there is unknown:
refused where the writer asks for strictness, else dropped, as a real server does it. A custom resource's fields are
those of its schema, which also says what is wrong with their values.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from homelab.lab.refusal import bad_request
from homelab.lab.resources import Resource
from homelab.lab.schemas import pruned
from homelab.ports import Raw

Fields = Mapping[str, str]
_QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?")
_NO_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_ALPHABET = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_IN_GO = {"bytes": "[]uint8", "intstr": "int32", "number": "float64"}
_SIZES = {"int32": 2**31, "int64": 2**63, "intstr": 2**31}
_SAID = {str: "string", bool: "bool", dict: "object", list: "array"}
_EMPTY: Mapping[str, Any] = {"int32": 0, "int64": 0, "intstr": 0, "bool": False, "quantity": "0", "number": 0}


class _MisfitError(Exception):
    """A value of another type; `type_` is the wanted one, `owner` the type that has the field."""

    def __init__(self, value: Any, type_: str, owner: str, path: str) -> None:
        said = _SAID.get(type(value)) or (f"number {value}" if type_ in _SIZES else "number")
        place = re.sub(r"\[[^]]*\]", "", path)
        super().__init__(f"json: cannot unmarshal {said} into Go struct field {owner}.{place} of type {_in_go(type_)}")


def decoded(resource: Resource, obj: Raw, *, strict: bool = False) -> Raw:
    """The object without what its kind does not know and without nulls. Raises Refusal 400."""
    wanted = known().get(f"{resource.api_version}/{resource.kind}") if resource.built_in else None
    unknown: list[str] = []
    try:
        if wanted is None:
            meta = _struct("ObjectMeta", obj.get("metadata") or {}, "metadata", unknown)
            read: Raw = pruned(resource.schema or {}, obj | {"metadata": meta}, unknown)
        else:
            read = _fields(wanted, obj, resource.kind, "", unknown)
        if strict and unknown:
            raise _strict(unknown)
    except (_MisfitError, ValueError) as error:
        version = f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}'
        raise bad_request(f"{version}: {error}") from None
    return read


@cache
def known() -> Mapping[str, Fields]:
    """Types by their names, kinds as `apps/v1/Deployment`."""
    written = (files("homelab.lab") / "fields.txt").read_text()
    lines = (line for line in written.replace("\n    ", " ").splitlines() if line and not line.startswith("#"))
    return dict(_type(line) for line in lines)


def _type(line: str) -> tuple[str, Fields]:
    name, *listed = line.split()
    fields = dict(word.partition(":")[::2] for word in listed)
    kind = {"apiVersion": "", "kind": "", "metadata": "ObjectMeta"} if "/" in name else {}
    return name, {**kind, **{field: type_ or "string" for field, type_ in {**fields, **kind}.items()}}


def _strict(unknown: list[str]) -> ValueError:
    listed = ", ".join(f'unknown field "{path}"' for path in unknown)
    return ValueError(f"strict decoding error: {listed}")


def _fields(wanted: Fields, value: Raw, owner: str, path: str, unknown: list[str]) -> Raw:
    found = {}
    for name, inner in value.items():
        below = f"{path}.{name}" if path else str(name)
        type_ = wanted.get(name)
        if type_ is None:
            unknown.append(below)
        elif inner is not None:
            found[name] = _value(type_, inner, owner, below, unknown)
    return found


def _struct(type_: str, value: Any, path: str, unknown: list[str], owner: str = "") -> Raw:
    if not isinstance(value, dict):
        raise _MisfitError(value, type_, owner, path)
    return _fields(known()[type_], value, type_, path, unknown)


def _value(type_: str, value: Any, owner: str, path: str, unknown: list[str]) -> Any:
    if read := _SCALARS.get(type_):
        return read(value, type_, owner, path)
    form, of = type_[:2], type_[2:]
    if form == "[]":
        if not isinstance(value, list):
            raise _MisfitError(value, type_, owner, path)
        return [
            _empty(of) if inner is None else _value(of, inner, owner, f"{path}[{number}]", unknown)
            for number, inner in enumerate(value)
        ]
    if form == "{}":
        if not isinstance(value, dict):
            raise _MisfitError(value, type_, owner, path)
        return {
            str(key): _empty(of) if inner is None else _value(of, inner, owner, f"{path}[{key}]", unknown)
            for key, inner in value.items()
        }
    return _struct(type_, value, path, unknown, owner)


def _empty(type_: str) -> Any:
    """What a null stands for."""
    if type_ in _EMPTY:
        return _EMPTY[type_]
    return "" if type_ in _SCALARS else [] if type_.startswith("[]") else {}


def _in_go(type_: str) -> str:
    if type_[:2] == "[]":
        return f"[]{_in_go(type_[2:])}"
    if type_[:2] == "{}":
        return f"map[string]{_in_go(type_[2:])}"
    return _IN_GO.get(type_, type_ if type_ in _SCALARS else f"v1.{type_.rpartition('/')[2]}")


# Scalars


def _any(value: Any, type_: str, owner: str, path: str) -> Any:
    return value


def _string(value: Any, type_: str, owner: str, path: str) -> Any:
    if not isinstance(value, str):
        raise _MisfitError(value, type_, owner, path)
    return value


def _bool(value: Any, type_: str, owner: str, path: str) -> Any:
    if not isinstance(value, bool):
        raise _MisfitError(value, type_, owner, path)
    return value


def _whole(value: Any, type_: str, owner: str, path: str) -> Any:
    if type_ == "intstr" and isinstance(value, str):
        return value
    size = _SIZES[type_]
    if not isinstance(value, int) or isinstance(value, bool) or not -size <= value < size:
        raise _MisfitError(value, type_, owner, path)
    return value


def _number(value: Any, type_: str, owner: str, path: str) -> Any:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _MisfitError(value, type_, owner, path)
    return value


def _quantity(value: Any, type_: str, owner: str, path: str) -> str:
    said = str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if not _QUANTITY.fullmatch(said):
        raise ValueError(_NO_QUANTITY)
    return said


def _time(value: Any, type_: str, owner: str, path: str) -> str:
    said = _string(value, "string", owner, path)
    try:
        if not _TIME.fullmatch(said):
            raise ValueError
        datetime.fromisoformat(said.partition(".")[0].rstrip("Z"))
    except ValueError:
        raise ValueError(
            f'parsing time "{said}" as "2006-01-02T15:04:05Z07:00": cannot parse "{said}" as "2006"'
        ) from None
    return str(said)


def _bytes(value: Any, type_: str, owner: str, path: str) -> str:
    said = _string(value, type_, owner, path).replace("\n", "").replace("\r", "")
    fits = _ALPHABET.match(said)
    try:
        base64.b64decode(said, validate=True)
    except (ValueError, binascii.Error):
        place = fits.end() if fits and fits.end() < len(said) else len(said) // 4 * 4
        raise ValueError(f"illegal base64 data at input byte {place}") from None
    return str(said)


_SCALARS: Mapping[str, Callable[[Any, str, str, str], Any]] = {
    "any": _any,
    "string": _string,
    "bool": _bool,
    "int32": _whole,
    "int64": _whole,
    "intstr": _whole,
    "number": _number,
    "quantity": _quantity,
    "time": _time,
    "bytes": _bytes,
}
