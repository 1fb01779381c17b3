"""Custom resources and their schemas: what is unknown goes, defaults come, and what does not fit is told.

Looked at are types, bounds, lengths, patterns, formats that numbers and times have, allowed values, required fields and
lists with keys; alternatives (`oneOf`, ...) and CEL rules are not: a definition with them is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from homelab.lab.validation.faults import Fault, duplicate, invalid, quoted, required
from homelab.observe.raw import dig, strings

_FITS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer,string": lambda value: isinstance(value, int | str) and not isinstance(value, bool),
}
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_FORMATS = {
    "byte": re.compile(r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"),
}
_SIZES = {"int32": 2**31, "int64": 2**63}
_ROOT = ("apiVersion", "kind", "metadata")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
Schema = Mapping[str, Any]


def pruned(schema: Schema, value: Any, unknown: list[str], path: str = "") -> Any:
    """The value without what the schema does not know, which is added to `unknown`."""
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [pruned(schema["items"], one, unknown, f"{path}[{number}]") for number, one in enumerate(value)]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        below, of = _below(path, name), _schema_of(schema, name)
        if not path and name in _ROOT:
            found[name] = inner
        elif of is None:
            unknown.append(below)
        elif inner is not None or of.get("nullable") or "default" not in of:
            found[name] = pruned(of, inner, unknown, below)
    return found


def completed(schema: Schema, value: Any) -> Any:
    """The value with the schema's defaults."""
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [completed(schema["items"], one) for one in value]
    if not isinstance(value, dict):
        return value
    properties = schema.get("properties") or {}
    missing = {name: of["default"] for name, of in properties.items() if "default" in of and name not in value}
    return {name: completed(_schema_of(schema, name) or {}, inner) for name, inner in {**value, **missing}.items()}


def misfits(schema: Schema, value: Any, path: str = "") -> Iterator[Fault]:
    """Everything that does not fit."""
    if value is None and schema.get("nullable"):
        return
    wanted = "integer,string" if schema.get("x-kubernetes-int-or-string") else schema.get("type", "")
    if not _FITS.get(wanted, lambda _: True)(value):
        found = _NAMES.get(type(value), "null")
        yield _wrong(path, found, f'must be of type {wanted}: "{found}"', "FieldValueTypeInvalid")
        return
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(json.dumps(one) for one in schema["enum"])
        yield Fault(path, "FieldValueNotSupported", f"Unsupported value: {quoted(value)}: supported values: {known}")
    if isinstance(value, str):
        yield from _text(schema, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(schema, value, path)
    elif isinstance(value, dict):
        yield from _fields(schema, value, path)
    elif isinstance(value, list):
        yield from _list(schema, value, path)


def _text(schema: Schema, value: str, path: str) -> Iterator[Fault]:
    if len(value) < schema.get("minLength", 0):
        yield _wrong(path, value, f"should be at least {schema['minLength']} chars long")
    if len(value) > schema.get("maxLength", len(value)):
        yield Fault(path, "FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield _wrong(path, value, f"should match '{schema['pattern']}'")
    rule = _FORMATS.get(schema.get("format", ""))
    if rule and not rule.fullmatch(value):
        yield _wrong(path, value, f"must be of type {schema['format']}: {quoted(value)}", "FieldValueTypeInvalid")


def _number(schema: Schema, value: float, path: str) -> Iterator[Fault]:
    low, high, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if low is not None and (value <= low if schema.get("exclusiveMinimum") else value < low):
        equal = "" if schema.get("exclusiveMinimum") else " or equal to"
        yield _wrong(path, value, f"should be greater than{equal} {low}")
    if high is not None and (value >= high if schema.get("exclusiveMaximum") else value > high):
        equal = "" if schema.get("exclusiveMaximum") else " or equal to"
        yield _wrong(path, value, f"should be less than{equal} {high}")
    if step and Decimal(str(value)) % Decimal(str(step)):
        yield _wrong(path, value, f"should be a multiple of {step}")
    size = _SIZES.get(schema.get("format", ""))
    if size and not -size <= value < size:
        why = f"Checked value must be of type integer with format {schema['format']} in {path}"
        yield invalid(path, "", why)


def _list(schema: Schema, value: list[Any], path: str) -> Iterator[Fault]:
    yield from _counted(schema, len(value), path, "Items")
    keys = strings(schema, "x-kubernetes-list-map-keys")
    kind = schema.get("x-kubernetes-list-type")
    seen = set()
    for number, one in enumerate(value):
        below = f"{path}[{number}]"
        if isinstance(schema.get("items"), dict):
            yield from misfits(schema["items"], one, below)
        key = {name: dig(one, name) for name in keys} if kind == "map" else one
        if kind in ("map", "set") and (said := json.dumps(key, sort_keys=True)) in seen:
            yield duplicate(below, key)
        elif kind in ("map", "set"):
            seen.add(said)


def _fields(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[Fault]:
    yield from _counted(schema, len(value), path, "Properties")
    for name in strings(schema, "required"):
        if name not in value:
            yield required(_below(path, name))
    for name, inner in value.items():
        of = _schema_of(schema, name)
        if of and (path or name not in _ROOT):
            yield from misfits(of, inner, _below(path, name))


def _counted(schema: Schema, size: int, path: str, what: str) -> Iterator[Fault]:
    if size < (least := schema.get(f"min{what}", 0)):
        yield _wrong(path, size, f"should have at least {least} {what.lower()}")
    if size > (most := schema.get(f"max{what}", size)):
        yield Fault(path, "FieldValueTooMany", f"Too many: {size}: must have at most {most} items")


def _schema_of(schema: Schema, name: str) -> Schema | None:
    """The schema of a field; an empty one where anything goes, None where there is no such field."""
    found = (schema.get("properties") or {}).get(name)
    if found is not None:
        return found if isinstance(found, dict) else {}
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        return others
    return {_PRESERVE: True} if others or schema.get(_PRESERVE) else None


def _wrong(path: str, value: Any, why: str, reason: str = "FieldValueInvalid") -> Fault:
    return Fault(path, reason, f"Invalid value: {quoted(value)}: {path} in body {why}")


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
