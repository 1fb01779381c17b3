"""Whether a custom resource fits its schema: types, required fields, allowed values, unknown fields.

Patterns, bounds, alternatives (`oneOf`, ...) and CEL rules are not looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from homelab.lab.refusal import bad_request
from homelab.observe.raw import strings

_FITS: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", dict: "object", list: "array"}
_ROOT = ("apiVersion", "kind", "metadata")
Misfit = tuple[str, str, str]
"""Field, reason as causes name it, message."""


def misfits(schema: Mapping[str, Any], value: Any, path: str = "") -> Iterator[Misfit]:
    """Everything that does not fit. Raises Refusal 400 for a field that the schema does not know."""
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type", "")
    if not schema.get("x-kubernetes-int-or-string") and not _FITS.get(wanted, lambda _: True)(value):
        found = _NAMES.get(type(value), "null")
        yield (
            path,
            "FieldValueTypeInvalid",
            f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"',
        )
        return
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(json.dumps(one) for one in schema["enum"])
        yield path, "FieldValueNotSupported", f"Unsupported value: {json.dumps(value)}: supported values: {known}"
    if isinstance(value, dict):
        yield from _fields(schema, value, path)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from misfits(schema["items"], item, f"{path}[{number}]")


def _fields(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[Misfit]:
    properties, others = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in strings(schema, "required"):
        if value.get(name) is None:
            yield _below(path, name), "FieldValueRequired", "Required value"
    for name, inner in value.items():
        if not path and name in _ROOT:
            continue
        if name in properties:
            yield from misfits(properties[name], inner, _below(path, name))
        elif isinstance(others, dict):
            yield from misfits(others, inner, _below(path, name))
        elif properties and not (others or schema.get("x-kubernetes-preserve-unknown-fields")):
            raise bad_request(f'strict decoding error: unknown field "{_below(path, name)}"')


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
