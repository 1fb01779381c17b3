"""Secrets whose values are made once: tokens and keys that must outlive every later apply."""

from __future__ import annotations

import re
import secrets
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

from homelab.ports import Raw

KEY_BYTES = 32
"""Of a gossip key. Source: Consul docs, agent encryption."""
_NAME = re.compile(r"\$\{made\.([a-z]+)\}")

MAKERS: Mapping[str, Callable[[], str]] = {
    "uuid": lambda: str(uuid.uuid4()),
    "key": lambda: b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
}
"""What `${made.NAME}` stands for in the `stringData` of a manifest; one value a name and Secret."""
NAMES = frozenset(f"made.{name}" for name in MAKERS)


def completed(skeleton: Raw, templates: Mapping[str, str], live: Raw | None) -> Raw | None:
    """The Secret to write so that every key has a value; None when the live one has them all. Those there stay."""
    missing = {key: text for key, text in templates.items() if key not in ((live or {}).get("data") or {})}
    if not missing:
        return None
    values = _kept(templates, (live or {}).get("data") or {})
    filled = {key: _NAME.sub(lambda found: _value(values, found[1]), text) for key, text in missing.items()}
    return {**(live or skeleton), "stringData": filled}


def _kept(templates: Mapping[str, str], data: Mapping[str, str]) -> dict[str, str]:
    """What was made before, where it stands alone: another key that is missing must tell the same."""
    alone = ((key, found[1]) for key, text in templates.items() if (found := _NAME.fullmatch(text)))
    return {name: b64decode(data[key]).decode() for key, name in alone if key in data}


def _value(values: dict[str, str], name: str) -> str:
    if name not in values:
        values[name] = MAKERS[name]()
    return values[name]
