"""Who has to say who they are: the kind of authentication behind a route's middlewares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from homelab.observe.raw import dig, items, name, namespace, text
from homelab.ports import Raw

KINDS = {"basicAuth": "basic", "digestAuth": "digest", "forwardAuth": "forward"}
UNKNOWN = "unknown"
USERS = "homelab/ingress-auth"
"""The home's own list of users: a Secret that the stack's Middleware homelab/auth names."""
CRD = "@kubernetescrd"
DEEPEST = 8
"""Chains of chains are followed this far; Traefik refuses those that bite their own tail."""

Middlewares = Mapping[str, Raw]


def by_reference(middlewares: Iterable[Raw] | None) -> Middlewares | None:
    """Middlewares by the name under which routers refer to them; None where they could not be read."""
    if middlewares is None:
        return None
    return {f"{namespace(one)}-{name(one)}{CRD}": one for one in middlewares}


def auth(references: Iterable[str], middlewares: Middlewares | None, depth: int = 0) -> str | None:
    """`basic`, `digest`, `forward`, None for none, or `unknown` when one of the references cannot be looked into.

    Those of other providers (`auth@consul`) could be anything, so they are unknown rather than nothing.
    """
    found = {kind for reference in references for kind in kinds(reference, middlewares, depth)}
    return "+".join(sorted(found - {UNKNOWN})) or (UNKNOWN if found else None)


def kinds(reference: str, middlewares: Middlewares | None, depth: int) -> set[str]:
    """Kinds of authentication in one middleware, or in the members of a chain."""
    one = (middlewares or {}).get(reference)
    if one is None or depth > DEEPEST:
        return {UNKNOWN}
    found = {kind for key, kind in KINDS.items() if dig(one, "spec", key) is not None}
    chained = auth(members(one), middlewares, depth + 1)
    return found | ({chained} if chained else set())


def members(chain: Raw) -> list[str]:
    """References of a chain's members, in the same form."""
    listed = items(chain, "spec", "chain", "middlewares")
    return [reference(one, namespace(chain)) for one in listed if text(one, "name")]


def reference(member: Raw, home: str) -> str:
    """A member's reference: its own namespace or the chain's, unless it names another provider."""
    called = text(member, "name") or "?"
    return called if "@" in called else f"{text(member, 'namespace') or home}-{called}{CRD}"
