"""Secrets whose values are made once: tokens and keys that must outlive every later apply."""

from __future__ import annotations

import re
import secrets
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping

from homelab.ports import ClusterError, Raw

KEY_BYTES = 32
"""Of a gossip key. Source: Consul docs, agent encryption."""
_NAME = re.compile(r"\$\{made\.([a-z]+)\}")
_USABLE = re.compile(r"[!-~]+")
"""What a token or a key consists of, and what can be sent in a header."""
_QUOTED = r"([!#-\[\]-~]+)"
"""The same between quotes, without them and escapes."""

MAKERS: Mapping[str, Callable[[], str]] = {
    "uuid": lambda: str(uuid.uuid4()),
    "key": lambda: b64encode(secrets.token_bytes(KEY_BYTES)).decode(),
}
"""What `${made.NAME}` stands for in the `stringData` of a manifest; one value a name and Secret."""
NAMES = frozenset(f"made.{name}" for name in MAKERS)


class Unusable(ClusterError):
    """A Secret has nothing of use where a token or key belongs, and only a person can tell which one was meant."""


def value_of(secret: Raw | None, key: str) -> str:
    """A value that was made once, without space around it; empty where there is none. Raises Unusable."""
    if key not in (data := (secret or {}).get("data") or {}):
        return ""
    found = b64decode(data[key]).decode(errors="replace").strip()
    if _USABLE.fullmatch(found):
        return found
    raise Unusable(unusable((secret or {})["metadata"], key, data))


def unusable(metadata: Raw, key: str, data: Mapping[str, str]) -> str:
    """How to mend such a Secret; one whose settings tell the value keeps them, since a key in there is told nowhere."""
    space, name = metadata["namespace"], metadata["name"]
    what = f"Secret {space}/{name} has no usable {key}: it is empty, or not one plain word"
    if settings := next((one for one in data if one.endswith(".json")), None):
        return f"{what}; its {settings} names the right one, write that back: kubectl -n {space} edit secret {name}"
    return f"{what}; kubectl -n {space} delete secret {name}, then homelab-tui apply makes another"


def completed(skeleton: Raw, templates: Mapping[str, str], live: Raw | None) -> Raw | None:
    """The Secret to write so that every key has a value; None when the live one has them all. Those there stay.

    Raises Unusable where one that is missing must be like one that cannot be used, or that nothing tells any more.
    """
    missing = {key: text for key, text in templates.items() if key not in ((live or {}).get("data") or {})}
    if not missing:
        return None
    values = _kept(templates, live)
    lost = [key for key, text in missing.items() if not values.keys() >= set(_NAME.findall(text))]
    if live and lost and len(missing) < len(templates):
        raise Unusable(_lost(live["metadata"], lost[0]))
    filled = {key: _NAME.sub(lambda found: _value(values, found[1]), text) for key, text in missing.items()}
    return {**(live or skeleton), "stringData": filled}


def _kept(templates: Mapping[str, str], live: Raw | None) -> dict[str, str]:
    """What was made before, alone or among settings: another key that is missing must tell the same."""
    values: dict[str, str] = {}
    for key, text in templates.items():
        if not (found := _NAME.fullmatch(text)):
            values |= _among(text, ((live or {}).get("data") or {}).get(key, ""))
        elif value := value_of(live, key):
            values[found[1]] = value
    return values


def _among(template: str, stored: str) -> dict[str, str]:
    """The values in settings that were made from a template, however laid out; none where they are other settings."""
    plain, *rest = _NAME.split("".join(template.split()))
    pattern = re.escape(plain) + "".join(_QUOTED + re.escape(after) for after in rest[1::2])
    found = re.fullmatch(pattern, "".join(b64decode(stored).decode(errors="replace").split()))
    return dict(zip(rest[::2], found.groups(), strict=True)) if found else {}


def _lost(metadata: Raw, key: str) -> str:
    return (
        f"Secret {metadata['namespace']}/{metadata['name']} lacks {key}, and what is left of it does not tell what was "
        "made for it; Consul would not accept another. homelab-tui restore FILE puts it back from a backup; without "
        "one, homelab-tui delete --include volumes, then homelab-tui apply, begin with an empty Consul"
    )


def _value(values: dict[str, str], name: str) -> str:
    if name not in values:
        values[name] = MAKERS[name]()
    return values[name]
