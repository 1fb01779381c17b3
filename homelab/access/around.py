"""What an app is judged by: everything on the cluster that has a say in whether it can be put on show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.access.files import HOME, PLAIN, content_of, data_of, refusal_of, secret_of
from homelab.access.htpasswd import lines, users
from homelab.access.model import HashKind
from homelab.observe.auth import auth, by_reference
from homelab.observe.raw import full_name, text
from homelab.ports import Cluster, Forbidden, Kind, NotServed, Raw, Ref
from homelab.together import together

INGRESS = Kind("networking.k8s.io/v1", "Ingress")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
NAMESPACE = Kind("v1", "Namespace")
SECRET = Kind("v1", "Secret")
KINDS: Mapping[str, Kind] = {
    "services": Kind("v1", "Service"),
    "slices": Kind("discovery.k8s.io/v1", "EndpointSlice"),
    "ingresses": INGRESS,
    "ingress_routes": Kind("traefik.io/v1alpha1", "IngressRoute"),
    "middlewares": MIDDLEWARE,
    "namespaces": NAMESPACE,
    "policies": Kind("networking.k8s.io/v1", "NetworkPolicy"),
}
NOT_FOUND = "Traefik answers 404 for a route whose list of users it cannot use"
HOME_AUTH = "homelab/auth"
"""The home's own list of users. Source: manifests/traefik-external/access.yaml."""


@dataclass(frozen=True, slots=True)
class Shut:
    """A list of users by which nobody comes in."""

    what: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Around:
    """Raw objects by kind; None for a kind that could not be read, which is no proof of absence."""

    services: tuple[Raw, ...] | None = None
    slices: tuple[Raw, ...] | None = None
    ingresses: tuple[Raw, ...] | None = None
    ingress_routes: tuple[Raw, ...] | None = None
    middlewares: tuple[Raw, ...] | None = None
    namespaces: tuple[Raw, ...] | None = None
    policies: tuple[Raw, ...] | None = None
    userless: Mapping[str, Shut] = field(default_factory=dict)
    """Middlewares, `namespace/name`, that let nobody in, each with why."""
    unread: tuple[str, ...] = ()
    """Why kinds could not be read, a sentence each."""

    @property
    def auths(self) -> tuple[str, ...]:
        """Middlewares that ask for a password, `namespace/name`; the home's own first."""
        by_name = by_reference(self.middlewares)
        found = [full_name(one) for ref, one in (by_name or {}).items() if auth([ref], by_name) is not None]
        return tuple(sorted(found, key=lambda name: (name != HOME_AUTH, name)))


async def look(cluster: Cluster) -> Around:
    """Read all of it. A kind that may not be read is left out and said. Raises ClusterError where nothing answers."""
    found = await together(partial(_listed, cluster, kind) for kind in KINDS.values())
    read = dict(zip(KINDS, found, strict=True))
    objects = {name: one for name, one in read.items() if not isinstance(one, str)}
    unread = tuple(one for one in found if isinstance(one, str))
    userless = await _userless(cluster, objects.get("middlewares", ()))
    return Around(**objects, userless=userless, unread=unread)


async def _listed(cluster: Cluster, kind: Kind) -> tuple[Raw, ...] | str:
    try:
        return await cluster.list(kind)
    except NotServed:
        return ()
    except Forbidden as error:
        return str(error)


async def _userless(cluster: Cluster, middlewares: tuple[Raw, ...]) -> Mapping[str, Shut]:
    """Of those that ask for a password by a Secret: by whose Secret nobody comes in."""
    named = {full_name(one): secret for one in middlewares if (secret := secret_of(one))}
    why = await together(partial(_fault, cluster, secret) for secret in named.values())
    return {name: said for name, said in zip(named, why, strict=True) if said}


async def _fault(cluster: Cluster, place: str) -> Shut | None:
    """Why a Secret lets nobody in; None where it does, or may not be read. Its values go no further than this."""
    space, _, called = place.partition("/")
    try:
        found = await cluster.get(Ref(SECRET, space, called))
    except Forbidden:
        return None
    return None if found and text(found, "type") == PLAIN else shut(place, found)


def shut(place: str, secret: Raw | None) -> Shut | None:
    """What keeps everybody out of a file of users; None where somebody comes in. Pure."""
    known, chosen = users(content_of(secret)), "" if place == HOME else f" --secret {place}"
    add = f"add a user first: key 7, or `homelab-tui users add NAME{chosen}`"
    if secret is None:
        return Shut(f"Secret {place} is missing", NOT_FOUND, add)
    if text(secret, "metadata", "deletionTimestamp") or len(data_of(secret)) > 1:
        what, _, fix = (refusal_of(secret) or "").partition("; ")
        return Shut(what, NOT_FOUND, fix)
    if not all(line.is_read for line in lines(content_of(secret))):
        mend = (
            f"`homelab-tui users list{chosen}` names it; export the file, mend it, and see docs/users.md for the rest"
        )
        return Shut(f"Secret {place} has a line that Traefik cannot read", NOT_FOUND, mend)
    if not known:
        return Shut(f"Secret {place} has no user", NOT_FOUND, add)
    if all(user.kind is HashKind.UNKNOWN for user in known):
        anew = f"set a password: key 7, or `homelab-tui users passwd {known[0].name}{chosen}`"
        return Shut(
            f"Secret {place} keeps no password in a way that Traefik takes", "Traefik answers 401 to everybody", anew
        )
    return None
