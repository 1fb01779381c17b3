"""What an app is judged by: everything on the cluster that has a say in whether it can be put on show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.access.files import PLAIN, content_of, data_of, secret_of
from homelab.access.htpasswd import users
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
HOME_AUTH = "homelab/auth"
"""The home's own list of users. Source: manifests/traefik-external/access.yaml."""


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
    userless: Mapping[str, str] = field(default_factory=dict)
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


async def _userless(cluster: Cluster, middlewares: tuple[Raw, ...]) -> Mapping[str, str]:
    """Of those that ask for a password by a Secret: whose Secret has no user."""
    named = {full_name(one): secret for one in middlewares if (secret := secret_of(one))}
    why = await together(partial(_fault, cluster, secret) for secret in named.values())
    return {name: said for name, said in zip(named, why, strict=True) if said}


async def _fault(cluster: Cluster, place: str) -> str | None:
    """Why a Secret lets nobody in; None where it does, or may not be read. Its values go no further than this."""
    space, _, called = place.partition("/")
    try:
        found = await cluster.get(Ref(SECRET, space, called))
    except Forbidden:
        return None
    if found is None:
        return f"Secret {place} is missing"
    if text(found, "type") == PLAIN:
        return None
    if len(keys := sorted(data_of(found))) > 1:
        return f"Secret {place} has {len(keys)} keys ({', '.join(keys)}), and Traefik wants one"
    return None if users(content_of(found)) else f"Secret {place} has no user"
