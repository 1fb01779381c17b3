"""Which Secrets are files of users, who is in them, and what they open: from raw objects, and pure."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from homelab.access.doors import doors
from homelab.access.htpasswd import notes, users
from homelab.access.model import UserFile
from homelab.observe.allocations import Allocation
from homelab.observe.auth import DEEPEST, USERS, Middlewares, by_reference, members, reference
from homelab.observe.ingress import TRAFFIC_TYPE, Wish, wishes
from homelab.observe.raw import dig, full_name, items, label, name, namespace, text
from homelab.observe.traefik import hosts_of
from homelab.ports import Raw

HOME = USERS
"""The home's own file."""
KEY = "users"
"""Of a Secret that we make."""
PLAIN = "kubernetes.io/basic-auth"


def files(
    middlewares: Iterable[Raw],
    ingresses: Iterable[Raw],
    secrets: Mapping[str, Raw],
    held: Iterable[Allocation] = (),
    routes: Iterable[Raw] = (),
) -> tuple[UserFile, ...]:
    """Every file that a basic-auth Middleware names; the home's own first, also while it is missing.

    `secrets` by `namespace/name`, `held` for the doors, `routes` are IngressRoutes: their hosts are
    counted, and have no doors. Pure: the same objects give the same answer.
    """
    known, given, wished = by_reference(middlewares) or {}, tuple(held), wishes(ingresses)
    places = sorted({HOME, *secrets_of(known.values())}, key=lambda place: (place != HOME, place))
    ways = tuple(_ways(routes))
    found = {place: _file(place, known, wished, ways, given) for place in places}
    return tuple(_with_users(one, secrets.get(place)) for place, one in found.items())


def _with_users(file: UserFile, secret: Raw | None) -> UserFile:
    """What is to be said of the Secret comes before what is to be said of those that name it."""
    read = as_read(file, secret)
    return replace(read, notes=(*read.notes, *file.notes))


def _ways(routes: Iterable[Raw]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each host of an IngressRoute with the Middlewares before it."""
    for one in routes:
        for way in items(one, "spec", "routes"):
            guards = tuple(reference(each, namespace(one)) for each in items(way, "middlewares"))
            yield from ((host, guards) for host in hosts_of(text(way, "match") or ""))


def secrets_of(middlewares: Iterable[Raw]) -> Iterator[str]:
    """Secrets that Middlewares name as their file of users; one lies in its Middleware's own namespace."""
    return (found for one in middlewares if (found := secret_of(one)))


def secret_of(middleware: Raw) -> str | None:
    """`namespace/name` of the Secret with its users; None where it asks for no password."""
    named = text(middleware, "spec", "basicAuth", "secret")
    return f"{namespace(middleware)}/{named}" if named else None


def _file(
    place: str,
    known: Middlewares,
    wished: Iterable[Wish],
    ways: Iterable[tuple[str, tuple[str, ...]]],
    held: tuple[Allocation, ...],
) -> UserFile:
    guards = {reference: one for reference, one in known.items() if secret_of(one) == place}
    opened = [wish for wish in wished if not guards.keys().isdisjoint(_reached(wish.middlewares, known))]
    further = {host for host, before in ways if not guards.keys().isdisjoint(_reached(before, known))}
    return UserFile(
        secret=place,
        users=(),
        middlewares=tuple(sorted(map(full_name, guards.values()))),
        hosts=tuple(sorted({wish.host for wish in opened} | further)),
        doors=doors(opened, held),
        notes=tuple(_unseen(guards.values(), opened)),
    )


def _reached(references: Iterable[str], known: Middlewares, depth: int = 0) -> set[str]:
    """Middlewares that these are, with the members of chains."""
    found = set(references)
    if depth < DEEPEST:
        inside = (members(known[one]) for one in tuple(found) if one in known)
        found |= {each for chain in inside for each in _reached(chain, known, depth + 1)}
    return found


def _unseen(guards: Iterable[Raw], opened: Iterable[Wish]) -> Iterator[str]:
    """The external ingress chooses Middlewares by the label too, and serves no route with one that it does not see."""
    outside = sorted({wish.host for wish in opened if wish.zone == "external"})
    for one in guards:
        if outside and label(one, TRAFFIC_TYPE) != "external":
            yield (
                f"the external ingress does not see Middleware {full_name(one)}, and so does not serve {outside[0]}: "
                f"kubectl -n {namespace(one)} label --overwrite middleware {name(one)} {TRAFFIC_TYPE}=external"
            )


def as_read(file: UserFile, secret: Raw | None) -> UserFile:
    """The file with what its Secret says now; None: there is none."""
    content = content_of(secret)
    refusal = refusal_of(secret) if secret else None
    can_be_read = not refusal or len(data_of(secret)) == 1
    return replace(
        file,
        users=users(content) if can_be_read else (),
        notes=notes(content) if can_be_read else (),
        version=text(secret, "metadata", "resourceVersion"),
        refusal=refusal,
        content=content,
    )


def data_of(secret: Raw | None) -> Mapping[str, str]:
    """Its keys and values, as they are written."""
    found = dig(secret, "data")
    return found if isinstance(found, dict) else {}


def content_of(secret: Raw | None) -> bytes:
    """The file in it; empty where it has none, or more than one."""
    values = list(data_of(secret).values())
    return b64decode(values[0]) if len(values) == 1 and isinstance(values[0], str) else b""


def refusal_of(secret: Raw) -> str | None:
    """Why it cannot be edited, and what to do; None when it can."""
    place, keys = full_name(secret), sorted(data_of(secret))
    if text(secret, "metadata", "deletionTimestamp"):
        return f"Secret {place} is being deleted; wait until it is gone, then add the users anew"
    if text(secret, "type") == PLAIN:
        return (
            f"Secret {place} is of the type {PLAIN}, which keeps one user with the password as it is; "
            f"let the Middleware name another Secret, and add the user there"
        )
    if len(keys) > 1:
        return (
            f"Secret {place} has {len(keys)} keys ({', '.join(keys)}), and Traefik answers 404 unless it has one; "
            "take the others out with kubectl edit"
        )
    if secret.get("immutable") is True:
        return f"Secret {place} is immutable: nobody can change it; let the Middleware name another one"
    return None
