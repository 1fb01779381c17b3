"""Ingresses and their classes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from homelab.lab.validation.faults import Fault, invalid, port, required, subdomain, unsupported
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

_WILD = r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_SAYS_WILD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character "
    f"(e.g. '*.example.com', regex used for validation is '{_WILD}')"
)
_KINDS = ("Exact", "ImplementationSpecific", "Prefix")
_NEVER = ("//", "/./", "/../", "%2f", "%2F")


def ingress(obj: Raw) -> Iterable[Fault]:
    """Hosts, paths and what they lead to."""
    spec = obj.get("spec") or {}
    if not spec.get("rules") and not isinstance(spec.get("defaultBackend"), dict):
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if isinstance(spec.get("defaultBackend"), dict):
        yield from _backend("spec.defaultBackend", spec["defaultBackend"])
    for number, rule in enumerate(items(spec, "rules")):
        yield from _rule(f"spec.rules[{number}]", rule)
    for number, entry in enumerate(items(spec, "tls")):
        for place, host in enumerate(strings(entry, "hosts")):
            yield from _dns(f"spec.tls[{number}].hosts[{place}]", host)
    if name := text(spec, "ingressClassName"):
        yield from subdomain("spec.ingressClassName", name)


def ingress_class(obj: Raw) -> Iterable[Fault]:
    """Who serves it."""
    name = text(obj, "spec", "controller")
    if not name:
        yield required("spec.controller")
    elif "/" not in name.strip("/"):
        yield invalid("spec.controller", name, 'must be a domain-prefixed path (such as "acme.io/foo")')


def _rule(path: str, rule: Raw) -> Iterable[Fault]:
    if host := text(rule, "host"):
        try:
            ip_address(host)
            yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
        except ValueError:
            yield from _dns(f"{path}.host", host)
    if not isinstance(rule.get("http"), dict):
        return
    paths = items(rule, "http", "paths")
    if not paths:
        yield required(f"{path}.http.paths")
    for number, one in enumerate(paths):
        yield from _path(f"{path}.http.paths[{number}]", one)


def _path(path: str, one: Raw) -> Iterable[Fault]:
    kind, way = text(one, "pathType"), text(one, "path") or ""
    if not kind:
        yield required(f"{path}.pathType", "pathType must be specified")
    elif kind not in _KINDS:
        yield unsupported(f"{path}.pathType", kind, *_KINDS)
    elif not way.startswith("/") and (way or kind != "ImplementationSpecific"):
        yield invalid(f"{path}.path", way, "must be an absolute path")
    elif kind != "ImplementationSpecific":
        for never in _NEVER:
            if never in way:
                yield invalid(f"{path}.path", way, f"must not contain '{never}'")
        for never in ("/..", "/."):
            if way.endswith(never):
                yield invalid(f"{path}.path", way, f"cannot end with '{never}'")
    yield from _backend(f"{path}.backend", one.get("backend") or {})


def _backend(path: str, backend: Raw) -> Iterable[Fault]:
    service: Any = backend.get("service")
    if service is None:
        if backend.get("resource") is None:
            yield invalid(path, "", "resource or service backend is required")
        return
    if backend.get("resource") is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    if not service.get("name"):
        yield required(f"{path}.service.name")
    name, number = text(service, "port", "name"), dig(service, "port", "number") or 0
    if name and number:
        yield invalid(path, "", "cannot set both port name & port number")
    elif name:
        yield from port(f"{path}.service.port.name", name)
    elif number:
        yield from port(f"{path}.service.port.number", number)
    else:
        yield required(path, "port name or number is required")


def _dns(field: str, host: str) -> Iterable[Fault]:
    if "*" not in host:
        yield from subdomain(field, host)
    elif not re.fullmatch(_WILD, host):
        yield invalid(field, host, _SAYS_WILD)
