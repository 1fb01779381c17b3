"""What an apply would change, as text; the values of Secrets are never part of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from homelab.ports import Contest, Raw, Ref

MANAGER = "homelab-tui"
"""Under which what we apply is written down."""
_SERVER_OWNED = ("managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink")
_COPY = "kubectl.kubernetes.io/last-applied-configuration"


class Action(StrEnum):
    """What would happen to an object."""

    NEW = "new"
    UNVERIFIED = "new (not verified)"
    CHANGE = "change"
    SAME = "same"
    THEIRS = "theirs"
    REMOVE = "remove"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Difference:
    """One object and what would happen to it."""

    stage: str
    ref: Ref
    action: Action
    text: str = ""
    """Unified diff of the YAML; empty for what does not change."""
    note: str = ""
    """Whose it is, or why nothing can be said."""
    contests: tuple[Contest, ...] = ()
    """Fields that others hold and that we would take back."""

    @property
    def changes(self) -> bool:
        """Whether applying would write."""
        return self.action in (Action.NEW, Action.UNVERIFIED, Action.CHANGE, Action.REMOVE)


def holds(live: Any, wished: Any) -> bool:
    """Whether a live value already is all that is wished, so that applying would change nothing.

    Maps may hold more, as the server adds defaults; lists must match item by item. A no may be wrong, a yes never is.
    """
    if isinstance(wished, dict):
        return isinstance(live, dict) and all(key in live and holds(live[key], wished[key]) for key in wished)
    if isinstance(wished, list):
        same = isinstance(live, list) and len(live) == len(wished)
        return same and all(holds(old, new) for old, new in zip(live, wished, strict=True))
    return type(live) is type(wished) and bool(live == wished)


def drops(live: Raw, wished: Raw) -> bool:
    """Whether a field that we have set is no longer wished: applying takes it away. Items of lists are for `holds`.

    Source: Kubernetes documentation, server-side apply, managedFields.
    """
    books = live["metadata"].get("managedFields") or ()
    own = [book for book in books if (book.get("manager"), book.get("operation")) == (MANAGER, "Apply")]
    return any(not _has(wished, book.get("fieldsV1") or {}) for book in own)


def _has(wished: Any, fields: Raw) -> bool:
    """Whether all that is written down as ours is there still."""
    named = {key[2:]: inner for key, inner in fields.items() if key.startswith("f:")}
    return not named or (
        isinstance(wished, dict) and all(key in wished and _has(wished[key], inner) for key, inner in named.items())
    )


def difference_text(before: Raw | None, after: Raw) -> str:
    """Unified diff between two states of an object, without what the server writes by itself; empty when equal."""
    old, new = _hidden(_wished(before or {}), _wished(after))
    lines = difflib.unified_diff(_lines(old), _lines(new), lineterm="", n=2)
    return "\n".join(list(lines)[2:])


def as_text(wished: Raw) -> str:
    """An object as it is wished, as YAML; the values of a Secret are words."""
    return "\n".join(_lines(_hidden({}, _wished(wished))[1]))


def _wished(obj: Raw) -> Raw:
    meta = {key: value for key, value in obj.get("metadata", {}).items() if key not in _SERVER_OWNED}
    if notes := meta.get("annotations"):  # a copy of the whole object, values of a Secret included
        meta["annotations"] = {key: value for key, value in notes.items() if key != _COPY}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta} if obj else {}


def _hidden(before: Raw, after: Raw) -> tuple[Raw, Raw]:
    """Both states with a Secret's values replaced by words that differ exactly where the values do."""
    if after.get("kind") != "Secret":
        return before, after
    return _masked(before, before, "hidden"), _masked(after, before, "hidden")


def _masked(obj: Raw, before: Raw, word: str) -> Raw:
    def mask(part: str) -> dict[str, str]:
        old: dict[str, Any] = before.get(part) or {}
        return {key: f"<{word}{_how(old, key, value)}>" for key, value in (obj.get(part) or {}).items()}

    return {key: mask(key) if key in ("data", "stringData") else value for key, value in obj.items()}


def _how(old: dict[str, Any], key: str, value: Any) -> str:
    """What became of one value, without a hint of what it is."""
    if key not in old:
        return ", new"
    return "" if old[key] == value else ", changed"


def _lines(obj: Raw) -> list[str]:
    text: str = yaml.dump(obj, Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, width=110) if obj else ""
    return text.splitlines()
