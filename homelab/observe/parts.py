"""What is read of one route on demand: the objects on its way, and what the Traefiks of its zone list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.observe.asking import ask
from homelab.observe.behind import INGRESS, INGRESS_ROUTE, POD, SERVICE, selector, services_of
from homelab.observe.ingress import Wish, wishes_of
from homelab.observe.raw import ZONE_LABEL
from homelab.observe.routes import Route
from homelab.observe.snapshot import TRAEFIK_NAMESPACE
from homelab.observe.text import route_key
from homelab.observe.traefik import TraefikAnswer, replicas
from homelab.ports import Cluster, ClusterError, Kind, NotServed, Raw, Ref, Unauthorized, Unreachable
from homelab.together import together

MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice")
SOURCES = {kind.name: kind for kind in (INGRESS, INGRESS_ROUTE)}


@dataclass(frozen=True, slots=True)
class Behind:
    """One Service of a route, and what is behind it."""

    ref: Ref
    service: Raw | None
    slices: tuple[Raw, ...]
    pods: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything raw on the way of one route."""

    key: str
    """Of the route's row."""
    token: str = ""
    """Of the view that asked for it."""
    source: Raw | None = None
    """The Ingress or IngressRoute; None for routes that no object stands for."""
    behind: tuple[Behind, ...] = ()
    middlewares: tuple[Raw, ...] | None = None
    """None: they could not be read."""
    answers: tuple[TraefikAnswer, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why something could not be read, by what it is."""
    trouble: str | None = None
    """Why nothing could be read."""


def source_of(route: Route) -> Ref | None:
    """The object that a route comes from."""
    kind, _, place = route.source.partition(" ")
    namespace, _, name = place.partition("/")
    return Ref(SOURCES[kind], namespace, name) if kind in SOURCES and name else None


def wish_of(route: Route, source: Raw | None) -> Wish | None:
    """What the Ingress asks for in this route."""
    if source is None or source.get("kind") != INGRESS.name:
        return None
    place = (route.host, route.path, route.path_type)
    return next((one for one in wishes_of(source) if (one.host, one.path, one.path_type) == place), None)


def wanted(route: Route, source: Raw | None) -> tuple[Ref, ...]:
    """The Services that it leads to."""
    if wish := wish_of(route, source):
        space, _, name = (wish.backend.service if wish.backend else "").partition("/")
        return (Ref(SERVICE, space, name),) if name else ()
    return services_of(source) if source else ()


async def read(cluster: Cluster, route: Route) -> Parts:
    """Ask for all of it at once. Raises Unreachable, Unauthorized; what else is refused is told."""
    reader = _Reader(cluster, route)
    way, middlewares, answers = await asyncio.gather(
        reader.way(), reader.listed("middlewares", MIDDLEWARE), reader.answers()
    )
    return Parts(route_key(route), "", *way, middlewares, answers, reader.unread)


@dataclass(frozen=True, slots=True)
class _Reader:
    cluster: Cluster
    route: Route
    unread: dict[str, str] = field(default_factory=dict)

    async def way(self) -> tuple[Raw | None, tuple[Behind, ...]]:
        """From the object on: what it leads to."""
        ref = source_of(self.route)
        source = await self._told("source", self.cluster.get(ref)) if ref else None
        return source, tuple(await together(partial(self._behind, one) for one in wanted(self.route, source)))

    async def answers(self) -> tuple[TraefikAnswer, ...]:
        """Of every Traefik of the zone."""
        zone = f"{ZONE_LABEL}={self.route.zone}"
        pods = await self.listed("Traefiks", POD, namespace=TRAEFIK_NAMESPACE, labels=zone)
        return tuple(await together(partial(ask, self.cluster, one) for one in replicas(pods or ())))

    async def listed(
        self, what: str, kind: Kind, *, namespace: str | None = None, labels: str | None = None
    ) -> tuple[Raw, ...] | None:
        """Objects of a kind; None where they cannot be read. A kind that is not served has none."""
        try:
            return await self.cluster.list(kind, namespace=namespace, labels=labels)
        except NotServed:
            return ()
        except ClusterError as error:
            self._note(what, error)
            return None

    async def _behind(self, ref: Ref) -> Behind:
        service = await self._told("Service", self.cluster.get(ref))
        named = f"kubernetes.io/service-name={ref.name}"
        slices = await self.listed("endpoints", SLICE, namespace=ref.namespace, labels=named)
        chosen = selector(service) if service else None
        pods = await self.listed("pods", POD, namespace=ref.namespace, labels=chosen) if chosen else None
        return Behind(ref, service, slices or (), pods or ())

    async def _told(self, what: str, asking: Awaitable[Raw | None]) -> Raw | None:
        try:
            return await asking
        except ClusterError as error:
            self._note(what, error)
            return None

    def _note(self, what: str, error: ClusterError) -> None:
        """What could not be read; whatever concerns all is no one's alone."""
        if isinstance(error, Unreachable | Unauthorized):
            raise error
        self.unread[what] = str(error)
