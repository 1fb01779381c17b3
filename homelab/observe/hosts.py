"""Which public hosts get a certificate. The issuer decides it; this is its rule, so that the console says the same.

Source: manifests/certificates/decisions.py, `chosen`; the tests hold both against the same examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homelab.observe.raw import full_name, items, label, strings, text
from homelab.ports import Raw

NAME_LIMIT = 253
"""Characters of a host. Source: RFC 1035, 2.3.4."""
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
VALID = "at most 253 characters, each part 1 to 63 letters, digits and inner hyphens"
NO_HOST = "the Ingress names no host, so there is nothing to certify; give its rules a host"


@dataclass(frozen=True, slots=True)
class Hosts:
    """What external Ingresses publish."""

    chosen: Mapping[str, tuple[str, ...]]
    """Ingresses, `namespace/name`, of each host that gets a certificate."""
    passed: Mapping[str, str]
    """Why the others get none: by host, or by Ingress where it names no host."""


def hosts(ingresses: Iterable[Raw], domain: str | None) -> Hosts:
    """Every host of every Ingress for the internet. Without a known domain none is outside of it."""
    chosen: dict[str, tuple[str, ...]] = {}
    passed: dict[str, str] = {}
    for ingress in (one for one in ingresses if label(one, "traffic-type") == "external"):
        source, named = full_name(ingress), named_by(ingress)
        if not named:
            passed[source] = NO_HOST
        for host in named:
            if reason := unfit(host.lower(), domain.lower() if domain else None):
                passed[host] = f"{reason}; change the host in Ingress {source}"
            else:
                chosen[host.lower()] = (*chosen.get(host.lower(), ()), source)
    return Hosts(chosen, passed)


def named_by(ingress: Raw) -> list[str]:
    """Hosts of the rules and of the TLS part, each once."""
    found = [text(rule, "host") for rule in items(ingress, "spec", "rules")]
    found += [host for part in items(ingress, "spec", "tls") for host in strings(part, "hosts")]
    return list(dict.fromkeys(host for host in found if host))


def unfit(host: str, domain: str | None) -> str | None:
    """Why a host can have no certificate."""
    if host.startswith("*."):
        return "a wildcard needs a DNS challenge, which the issuer does not do: it takes each host by name"
    if len(host) > NAME_LIMIT or not all(LABEL.fullmatch(part) for part in host.split(".")):
        return f"not a valid DNS name: {VALID}"
    inside = domain is None or host == domain or host.endswith(f".{domain}")
    return None if inside else f"outside the external domain {domain}"
