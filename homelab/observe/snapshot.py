"""Everything that is live at one moment, and which objects have to be watched to know it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

from homelab.configuration import HASH
from homelab.observe.allocations import Allocation, allocations
from homelab.observe.certificates import Certificate, Listed, certificates
from homelab.observe.configuration import CONFIG_MAP, Configuration, configuration
from homelab.observe.consul import Consul
from homelab.observe.issuer import Issuer, issuer
from homelab.observe.nodes import Node, nodes
from homelab.observe.routes import Route, routes
from homelab.observe.taking import Took
from homelab.observe.traefik import TraefikAnswer
from homelab.ports import Kind, Raw, Value

if TYPE_CHECKING:
    from homelab.access.model import App

Apps = Callable[[tuple[Raw, ...], tuple[Raw, ...] | None], "tuple[App, ...]"]
VERSION = 1
"""Of the JSON; later versions of the program only add keys."""


class SourceState(StrEnum):
    """How fresh one kind of fact is."""

    LIVE = "live"
    LOADING = "loading"
    """Asked, not answered yet."""
    STALE = "stale"
    """Answered once; the connection is lost and being made anew."""
    FAILED = "failed"
    """Refused, such as by a missing right."""
    ABSENT = "absent"
    """The cluster has no such kind (yet)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts come from, and whether they can be trusted."""

    state: SourceState
    since: str | None = None
    """RFC 3339; None when it never changed."""
    error: str | None = None
    """What went wrong and how to mend it; None while live."""
    retry: str | None = field(default=None, compare=False)
    """When it is tried again, RFC 3339; None while live. Another time of it is no other state."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Which objects of a kind to watch."""

    kind: Kind
    namespace: str | None = None
    """None: those of every namespace."""
    labels: str | None = None
    """Label selector."""
    fields: str | None = None
    """Field selector."""


TRAEFIK_NAMESPACE = "homelab"
"""Where our manifests put the Traefiks; anybody may set our labels elsewhere."""
ISSUER_LABEL = "app.kubernetes.io/name=issuer"
KINDS: Mapping[str, Watched] = {
    "nodes": Watched(Kind("v1", "Node")),
    "services": Watched(Kind("v1", "Service")),
    "servicel2statuses": Watched(Kind("metallb.io/v1beta1", "ServiceL2Status")),
    "events": Watched(Kind("v1", "Event"), fields="involvedObject.kind=Service"),
    "ingresses": Watched(Kind("networking.k8s.io/v1", "Ingress")),
    "endpointslices": Watched(Kind("discovery.k8s.io/v1", "EndpointSlice")),
    "middlewares": Watched(Kind("traefik.io/v1alpha1", "Middleware")),
    "ingressroutes": Watched(Kind("traefik.io/v1alpha1", "IngressRoute")),
    "pods": Watched(
        Kind("v1", "Pod"), namespace=TRAEFIK_NAMESPACE, labels="app.kubernetes.io/name in (traefik,consul,issuer)"
    ),
    "configmaps": Watched(Kind("v1", "ConfigMap"), namespace=TRAEFIK_NAMESPACE, fields=f"metadata.name={CONFIG_MAP}"),
    "cronjobs": Watched(Kind("batch/v1", "CronJob"), namespace=TRAEFIK_NAMESPACE, labels=ISSUER_LABEL),
    "jobs": Watched(Kind("batch/v1", "Job"), namespace=TRAEFIK_NAMESPACE, labels=ISSUER_LABEL),
}
"""What to watch, by source name."""
TRAEFIK, CONSUL, ISSUER = "traefik", "consul", "issuer"
"""Sources beyond: the Traefiks' own answers, Consul's, and whether the issuer runs as it should."""
SOURCES = (*KINDS, TRAEFIK, CONSUL, ISSUER)


@dataclass(frozen=True, slots=True)
class World:
    """Everything raw: the objects of each source of KINDS, and what the Traefiks answered."""

    objects: Mapping[str, Sequence[Raw]] = field(default_factory=dict)
    """By source name. A source that is not in here was never read: what depends on it is unknown, not absent."""
    traefiks: Sequence[TraefikAnswer] = ()
    fresh: Collection[str] = ()
    """Ingresses, `namespace/name`, that changed so lately that a Traefik need not have taken them in."""
    consul: Consul | None = None
    """None where there is none, or nobody has asked yet."""
    values: Mapping[str, Value] | None = None
    """What the store has for the console; None when it was never read."""
    replicas: Sequence[Listed] = ()
    """What the external Traefiks serve."""
    took: Sequence[Took] = ()
    """Which of them have taken the dynamic configuration."""

    def known(self, source: str) -> tuple[Raw, ...] | None:
        """The objects of a source; None when it was never read."""
        found = self.objects.get(source)
        return None if found is None else tuple(one for one in found if isinstance(one, dict))

    def of(self, source: str) -> tuple[Raw, ...]:
        """The objects of a source; none when it was never read."""
        return self.known(source) or ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One Traefik that was asked what it serves."""

    pod: str
    """`namespace/name`."""
    zone: str
    error: str | None
    """Why it did not answer; None when it did."""
    known: bool
    """Whether it has said what it serves, now or before its connection was lost."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is live, as of one moment. Never changes; the next moment has its own."""

    taken: str
    """RFC 3339."""
    sources: Mapping[str, Source]
    """By the names of SOURCES."""
    nodes: tuple[Node, ...]
    allocations: tuple[Allocation, ...]
    routes: tuple[Route, ...]
    traefiks: tuple[Asked, ...] = ()
    """The replicas of both zones, by name."""
    consul: Consul | None = None
    """None where there is none."""
    certificates: tuple[Certificate, ...] = ()
    """One for each host that Ingresses publish to the internet."""
    issuer: Issuer | None = None
    """Who orders them; None where there is none."""
    configuration: Configuration | None = None
    """Of the external Traefiks; None where none is wished."""
    apps: tuple[App, ...] = ()
    """What Ingresses have on show, ours and everybody else's."""

    @property
    def is_loading(self) -> bool:
        """Whether a source has not answered for the first time yet."""
        return any(source.state is SourceState.LOADING for source in self.sources.values())


def on_show(ingresses: tuple[Raw, ...], middlewares: tuple[Raw, ...] | None) -> tuple[App, ...]:
    """What Ingresses have on show."""
    from homelab.access.expose import exposed  # noqa: PLC0415 - the first paint does not need what renders manifests

    return exposed(ingresses, middlewares)


def snapshot(world: World, sources: Mapping[str, Source], taken: str, apps: Apps = on_show) -> Snapshot:
    """Every fact from every raw object. `apps` may know its latest answer."""
    held = allocations(world.of("services"), world.of("servicel2statuses"), world.of("events"))
    orders = issuer(world.of("cronjobs"), world.of("jobs"), world.of("pods"))
    return Snapshot(
        taken=taken,
        sources=dict(sources),
        nodes=nodes(world.of("nodes")),
        allocations=held,
        routes=routes(
            world.known("ingresses"),
            services=world.known("services"),
            endpoint_slices=world.known("endpointslices"),
            middlewares=world.known("middlewares"),
            traefiks=world.traefiks,
            addresses={one.zone: one.address for one in held if one.zone and one.address},
            fresh=world.fresh,
            ingress_routes=world.known("ingressroutes"),
            loaded=HASH in (world.values or {}),
        ),
        traefiks=tuple(Asked(each.pod, each.zone, each.error, each.routers is not None) for each in world.traefiks),
        consul=world.consul,
        certificates=certificates(
            world.of("ingresses"),
            orders,
            world.values,
            world.replicas,
            datetime.fromisoformat(taken),
        ),
        issuer=orders,
        configuration=configuration(world.of("configmaps"), world.values, world.took),
        apps=apps(world.of("ingresses"), world.known("middlewares")),
    )


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The object that `status --json` prints: the dataclasses' field names, plain lists and strings."""
    return {"version": VERSION, **plain(snapshot)}


def plain(value: Any) -> Any:
    """Dataclasses as objects, tuples as lists, enums as their values, times as seconds."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, timedelta):
        return value.total_seconds()
    return [plain(one) for one in value] if isinstance(value, (tuple, list)) else value
