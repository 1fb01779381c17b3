"""An object as YAML, for reading: without the books that the server keeps, and without what is secret."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from homelab.observe.text import clean
from homelab.ports import Raw

COPY = "kubectl.kubernetes.io/last-applied-configuration"
"""A copy of the whole object, values of a Secret included."""
FIRST = ("apiVersion", "kind", "metadata", "type", "spec", "data", "stringData")
"""Keys in the order of people; the others come behind."""


def documents(objects: Iterable[Raw]) -> list[str]:
    """One after the other."""
    lines: list[str] = []
    for one in objects:
        lines += [*(["---"] if lines else []), *document(one)]
    return lines


def document(obj: Raw) -> list[str]:
    """Lines. Values of a Secret are told by their length, those of its annotations too: they may be copies."""
    is_secret = obj.get("kind") == "Secret"
    hidden = _hidden(obj) if is_secret else obj
    meta = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "managedFields"}
    notes = {key: value for key, value in (meta.pop("annotations", None) or {}).items() if key != COPY}
    notes = _masked("annotations", notes) if is_secret else notes
    told = {**hidden, "metadata": {**meta, **({"annotations": notes} if notes else {})}}
    ordered = {key: told[key] for key in (*FIRST, *told) if key in told}
    text: str = yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return [clean(line) for line in text.splitlines()]


def _hidden(obj: Raw) -> Raw:
    return obj | {part: _masked(part, obj.get(part) or {}) for part in ("data", "stringData") if part in obj}


def _masked(part: str, values: Mapping[str, Any]) -> dict[str, str]:
    return {key: f"<{_length(part, value)} bytes, hidden>" for key, value in values.items()}


def _length(part: str, value: Any) -> int:
    """Of the value itself, which `data` has in base64."""
    try:
        return len(base64.b64decode(value)) if part == "data" else len(str(value).encode())
    except (binascii.Error, TypeError, ValueError):
        return len(str(value))


class _Dumper(yaml.CSafeDumper):
    """Texts of several lines as they are."""


def _text(dumper: yaml.CSafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
