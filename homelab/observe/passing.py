"""The middlewares of a route as hops, chains unfolded. Pure.

What they are set to is never asked of Traefik, whose list of them has secrets in it: the objects tell the kind.
"""

from __future__ import annotations

from collections.abc import Iterator

from homelab.observe.auth import CRD, DEEPEST, KINDS, Middlewares, by_reference, members
from homelab.observe.hop import Hop, HopState
from homelab.observe.ingress import TRAFFIC_TYPE, Wish
from homelab.observe.parts import MIDDLEWARE, Parts
from homelab.observe.raw import dig, full_name, label, name, namespace, text
from homelab.observe.routes import Route
from homelab.observe.traefik import Router
from homelab.observe.verdict import Case, remedy
from homelab.ports import Kind, Raw, Ref

SECRET = Kind("v1", "Secret")
SECRETIVE = ("basicAuth", "digestAuth")
PROVIDERS = {"consul": "kept in Consul", "file": "kept in a file", "internal": "Traefik's own"}


def passing(route: Route, routers: tuple[Router, ...], parts: Parts, wish: Wish | None) -> Iterator[Hop]:
    """Each middleware in its order; one hop that says so where there is none."""
    listed = [one for router in routers for one in router.middlewares]
    wished = list(wish.middlewares) if wish else []
    references = tuple(dict.fromkeys(listed or wished))
    if not references:
        facts = (("Means", "nobody is asked for a password here, and every request gets through"),)
        yield Hop("middleware", "none", HopState.NOTHING, "none", None, facts)
    errors = " ".join(error for router in routers for error in router.errors)
    known = by_reference(parts.middlewares)
    for one in references:
        yield from unfolded(one, route, known, errors, 0)


def unfolded(reference: str, route: Route, known: Middlewares | None, errors: str, depth: int) -> Iterator[Hop]:
    """One middleware; of a chain its members after it."""
    yield middleware(reference, route, known, errors, depth)
    one = (known or {}).get(reference)
    for member in members(one) if one and depth < DEEPEST else ():
        yield from unfolded(member, route, known, errors, depth + 1)


def middleware(reference: str, route: Route, known: Middlewares | None, errors: str, depth: int) -> Hop:
    """One of them."""
    provider = reference.rpartition("@")[2]
    if not reference.endswith(CRD):
        word = PROVIDERS.get(provider, f"of {provider}")
        return Hop("middleware", reference, HopState.FINE, word, None, (("Name", reference),), (), depth)
    one = (known or {}).get(reference)
    if known is None:
        return Hop("middleware", reference, HopState.UNKNOWN, "not known", "Middlewares cannot be read", (), (), depth)
    facts = (("Name", reference), *(described(one) if one else ()))
    hidden = one is not None and route.zone == "external" and label(one, TRAFFIC_TYPE) != "external"
    if one is None or hidden or f'"{reference}"' in errors:
        absent = f'middleware "{reference}" does not exist'
        why = absent + remedy(absent, Case(route.zone, (), middlewares=known))
        word = "missing" if one is None else "not taken"
        return Hop("middleware", called(one, reference), HopState.BROKEN, word, why, facts, objects(one), depth)
    return Hop("middleware", called(one, reference), HopState.FINE, kind(one), None, facts, objects(one), depth)


def called(one: Raw | None, reference: str) -> str:
    """`namespace/name` where it is there."""
    return full_name(one) if one else reference


def kind(one: Raw) -> str:
    """What it does, in the word of its manifest."""
    spec = dig(one, "spec")
    return next(iter(spec), "empty") if isinstance(spec, dict) else "empty"


def described(one: Raw) -> tuple[tuple[str, str], ...]:
    """What a person asks of one."""
    secret = secret_of(one)
    found = (
        ("Middleware", full_name(one)),
        ("Kind", kind(one)),
        ("Asks", {"basic": "for a user and a password"}.get(KINDS.get(kind(one), ""))),
        ("Users", f"in Secret {secret.namespace}/{secret.name}" if secret else None),
        ("Chain of", ", ".join(members(one)) or None),
    )
    return tuple((name, value) for name, value in found if value)


def secret_of(one: Raw) -> Ref | None:
    """The Secret with the users."""
    found = next((secret for part in SECRETIVE if (secret := text(one, "spec", part, "secret"))), None)
    return Ref(SECRET, namespace(one), found) if found else None


def objects(one: Raw | None) -> tuple[Ref, ...]:
    """The object and its Secret."""
    if one is None:
        return ()
    return tuple(filter(None, (Ref(MIDDLEWARE, namespace(one), name(one)), secret_of(one))))
