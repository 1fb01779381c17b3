"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping

from homelab.lab.validation.faults import Fault, forbidden, invalid, required
from homelab.observe.raw import dig
from homelab.ports import Raw

_SAYS_KEY = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_LONGEST = 253
_DOCKER = "kubernetes.io/dockerconfigjson"
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    _DOCKER: (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}
"""Type of a Secret -> keys that its data has. Source: Kubernetes docs, Secret."""


def config_map(obj: Raw) -> Iterable[Fault]:
    """Keys."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for field, found in (("data", data), ("binaryData", binary)):
        for key in found:
            yield from _key(field, key)
    for key in data.keys() & binary.keys():
        yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")


def secret(obj: Raw) -> Iterable[Fault]:
    """Keys, and what the type asks for."""
    data, kind = obj.get("data") or {}, obj.get("type")
    for key in data:
        yield from _key("data", key)
    for key in _NEEDED.get(kind or "", ()):
        if key not in data:
            yield required(f"data[{key}]")
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield required("data[username]")
        yield required("data[password]")
    if kind == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        if not dig(obj, "metadata", "annotations", name):
            yield required(f"metadata.annotations[{name}]")
    if kind == _DOCKER and ".dockerconfigjson" in data:
        try:
            json.loads(base64.b64decode(data[".dockerconfigjson"]))
        except ValueError as error:
            yield invalid("data[.dockerconfigjson]", "<secret contents redacted>", str(error))


def unlike(obj: Raw, old: Raw) -> Iterable[Fault]:
    """An immutable one stays what it is."""
    if not old.get("immutable"):
        return
    if not obj.get("immutable"):
        yield forbidden("immutable", "field is immutable when `immutable` is set")
    for field in ("data", "binaryData"):
        if (obj.get(field) or {}) != (old.get(field) or {}):
            yield forbidden(field, "field is immutable when `immutable` is set")


def _key(field: str, key: str) -> Iterable[Fault]:
    where = f"{field}[{key}]"
    if not re.fullmatch("[-._a-zA-Z0-9]+", key):
        yield invalid(where, key, _SAYS_KEY)
    elif len(key) > _LONGEST:
        yield invalid(where, key, f"must be no more than {_LONGEST} bytes")
    elif key in (".", ".."):
        yield invalid(where, key, f"must not be '{key}'")
    elif key.startswith(".."):
        yield invalid(where, key, "must not start with '..'")
