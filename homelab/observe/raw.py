"""Reading raw objects that may lack anything: null, a missing key or a wrong type reads as nothing, not as an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from homelab.ports import Raw

ZONE_LABEL = "homelab-tui/zone"
"""Set by our manifests on the Services and pods of both Traefiks."""
ZONES = ("internal", "external")


def dig(obj: Any, *keys: str) -> Any:
    """The value at the end of the keys, or None where the way ends early."""
    for key in keys:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(key)
    return obj


def text(obj: Any, *keys: str) -> str | None:
    """A string that is not empty, or None."""
    found = dig(obj, *keys)
    return found if isinstance(found, str) and found else None


def number(obj: Any, *keys: str) -> int | None:
    """A whole number, or None; true and false are no numbers."""
    found = dig(obj, *keys)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def items(obj: Any, *keys: str) -> list[Raw]:
    """The objects of a list; what is no object is left out."""
    found = dig(obj, *keys)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def strings(obj: Any, *keys: str) -> tuple[str, ...]:
    """The strings of a list that are not empty."""
    found = dig(obj, *keys)
    return tuple(item for item in found if isinstance(item, str) and item) if isinstance(found, list) else ()


def label(obj: Any, key: str) -> str | None:
    """The value of a label."""
    return text(obj, "metadata", "labels", key)


def annotation(obj: Any, key: str) -> str | None:
    """The value of an annotation."""
    return text(obj, "metadata", "annotations", key)


def name(obj: Any) -> str:
    """`name` of an object; `?` when it has none."""
    return text(obj, "metadata", "name") or "?"


def namespace(obj: Any) -> str:
    """`namespace` of an object; `default` when it names none."""
    return text(obj, "metadata", "namespace") or "default"


def full_name(obj: Any) -> str:
    """`namespace/name`."""
    return f"{namespace(obj)}/{name(obj)}"


def zone(obj: Any) -> str | None:
    """`internal` or `external` by our label; None for everybody else's objects."""
    found = label(obj, ZONE_LABEL)
    return found if found in ZONES else None


def moment(written: str | None) -> datetime | None:
    """A time as RFC 3339 writes it; None where there is none, or it is not one."""
    try:
        found = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None
