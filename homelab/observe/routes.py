"""Which names lead where: Ingresses joined with what every Traefik says that it serves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from homelab.observe.auth import UNKNOWN, Middlewares, auth, by_reference
from homelab.observe.backends import Backends, backends
from homelab.observe.ingress import EVERY_NAME, TRAFFIC_TYPE, Wish, wishes
from homelab.observe.raw import full_name, label
from homelab.observe.traefik import Router, TraefikAnswer, by_key, hosts_of, path_of, routers
from homelab.observe.verdict import Case, RouteState, Seen, verdict
from homelab.ports import Raw

__all__ = ["Route", "RouteState", "routes"]

Place = tuple[str, str, bool, bool]
Group = tuple[str, str]
"""Name without prefix, and rule: the same router in several Traefiks and at several entry points."""
CHALLENGES = "/.well-known/acme-challenge/"
UNTAKEN = (
    "nothing is taken from Consul, no certificate either: one key that Traefik does not know makes it refuse all; "
    "delete the key that its log names: kubectl -n homelab logs -l homelab-tui/zone=external"
)


@dataclass(frozen=True, slots=True)
class Route:
    """One host and path, where it leads, and whether that works."""

    host: str
    """`*`: every name that reaches the zone, because the Ingress names none; `~PATTERN`: a regular expression."""
    path: str
    path_type: str | None
    """`Prefix`, `Exact`, `ImplementationSpecific` or None, as written."""
    zone: str
    """`internal`, or `external` for Ingresses labelled traffic-type=external."""
    tls: bool
    """Whether a Traefik of the zone answers with TLS; while none lists it, whether the Ingress asks for it."""
    auth: str | None
    """`basic`, `digest`, `forward`, several joined by `+`, None for none, `unknown` when it cannot be known."""
    service: str | None
    """`namespace/name:port`; Traefik's own name of it for routes that come from no Ingress."""
    endpoints: int | None
    """Ready endpoints; None when nobody knows."""
    state: RouteState
    error: str | None
    """What is wrong, why, and how to mend it; None while the state is `served`."""
    note: str | None
    """Good to know, though nothing is broken."""
    source: str
    """The object to look at: `Ingress apps/web`, `IngressRoute apps/web`, `router acme@consul`."""
    served_by: int
    """Traefiks of the zone that serve it."""
    asked: int
    """Traefiks of the zone."""
    address: str | None
    """Of the zone's load balancer."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The routers of one Traefik, found by key."""

    answer: TraefikAnswer
    routers: tuple[Router, ...]
    keys: Mapping[str, list[Router]]

    def seen(self, found: Iterable[Router]) -> Seen:
        """What this Traefik has of a route."""
        listed = None if self.answer.routers is None else tuple(found)
        return Seen(self.answer.pod, self.answer.zone, listed, self.answer.error)


@dataclass(frozen=True, slots=True)
class Known:
    """What every route is judged by."""

    backends: Backends
    middlewares: Middlewares | None
    addresses: Mapping[str, str]
    fresh: Collection[str]
    traffic_types: Mapping[str, str | None]
    """Of IngressRoutes, by source."""


def routes(
    ingresses: Iterable[Raw] | None,
    *,
    services: Iterable[Raw] | None,
    endpoint_slices: Iterable[Raw] | None,
    middlewares: Iterable[Raw] | None,
    traefiks: Iterable[TraefikAnswer],
    addresses: Mapping[str, str] | None = None,
    fresh: Collection[str] = (),
    ingress_routes: Iterable[Raw] | None = None,
    loaded: bool = False,
) -> tuple[Route, ...]:
    """Every path of every Ingress, then what Traefiks serve beyond them; sorted by host and path.

    None for a kind means that it could not be read: what depends on it is then unknown, not wrong. `addresses` are
    those of the load balancers by zone, `fresh` the Ingresses (`namespace/name`) that changed a moment ago; `loaded`
    says whether the store has a configuration for the external Traefiks. Pure: the same objects give the same answer.
    """
    labels = {f"IngressRoute {full_name(one)}": label(one, TRAFFIC_TYPE) for one in ingress_routes or ()}
    known = Known(backends(services, endpoint_slices), by_reference(middlewares), addresses or {}, fresh, labels)
    listings = [listing(answer) for answer in traefiks]
    wished = wishes(ingresses or ())
    seen = [tuple(one.seen(claimed(wish, one)) for one in listings) for wish in wished]
    taken = {(s.pod, router.name) for each in seen for s in each for router in s.routers or ()}
    rivals = rivals_of(wished)
    found = [from_wish(wish, each, rivals[wish.place], known) for wish, each in zip(wished, seen, strict=True)]
    found.extend(from_routers(listings, taken, known))
    found.extend(from_store(listings, known) if loaded else ())
    return tuple(sorted(found, key=lambda r: (r.host == EVERY_NAME, r.host, r.path, r.path_type or "", r.source)))


def listing(answer: TraefikAnswer) -> Listing:
    """One answer, read and indexed once."""
    found = routers(answer)
    return Listing(answer, found, by_key(found))


def claimed(wish: Wish, listing: Listing) -> list[Router]:
    """The routers that a Traefik made of a wish: name and rule agree, and the owner where the Traefik names it."""
    named = listing.keys.get(wish.key, [])
    return [router for router in named if router.rule in wish.rules and router.owner in {None, wish.source}]


def rivals_of(wished: Iterable[Wish]) -> Mapping[Place, list[str]]:
    """Who asks for each place; the default backends of all Ingresses share one."""
    found: dict[Place, list[str]] = {}
    for wish in wished:
        found.setdefault(wish.place, []).extend([] if wish.wrong else [wish.source])
    return found


def from_wish(wish: Wish, seen: tuple[Seen, ...], sources: list[str], known: Known) -> Route:
    """The route that an Ingress asks for."""
    rivals = list(sources)
    if wish.source in rivals:
        rivals.remove(wish.source)
    case = Case(
        wish.zone,
        seen,
        wish,
        tuple(dict.fromkeys(rivals)),
        known.backends.trouble(wish.backend),
        known.middlewares,
        fresh=wish.ingress in known.fresh,
    )
    met = [router for each in case.asked for router in each.routers or ()]
    return route(
        case,
        known,
        host=wish.host,
        path=(wish.path, wish.path_type),
        tls=any(router.tls for router in met) if met else wish.tls,
        auth=auth_of(wish.middlewares, met, known.middlewares),
        service=str(wish.backend) if wish.backend else None,
        source=wish.source,
    )


def route(
    case: Case,
    known: Known,
    *,
    host: str,
    path: tuple[str, str | None],
    tls: bool,
    auth: str | None,
    service: str | None,
    source: str,
) -> Route:
    """A route with its verdict."""
    state, error = verdict(case)
    return Route(
        host=host,
        path=path[0],
        path_type=path[1],
        zone=case.zone,
        tls=tls,
        auth=auth,
        service=service,
        endpoints=known.backends.ready(case.wish.backend) if case.wish else None,
        state=state,
        error=error,
        note="; ".join(notes(host, case, state, source, known)) or None,
        source=source,
        served_by=sum(each.serves for each in case.asked),
        asked=len(case.asked),
        address=known.addresses.get(case.zone),
    )


def notes(host: str, case: Case, state: RouteState, source: str, known: Known) -> Iterator[str]:
    """More than most people meant, though nothing is broken."""
    if host == EVERY_NAME and state in {RouteState.SERVED, RouteState.PARTLY}:
        yield f"no host: takes every name that reaches the {case.zone} ingress"
    value = case.wish.traffic_type if case.wish else known.traffic_types.get(source)
    if value == "external" and not case.wish:
        yield f"public by the label of {source}; the issuer reads Ingresses alone, so it orders no certificate for it"
    elif value not in {None, "external", "internal"}:
        yield f"internal, since its label is {TRAFFIC_TYPE}={value}: only the value external makes it public"


def auth_of(named: tuple[str, ...], met: list[Router], middlewares: Middlewares | None) -> str | None:
    """By the route's own middlewares and its entry point's; only the route's own can make it `unknown`."""
    found = auth([*named, *(one for router in met for one in router.middlewares)], middlewares)
    return auth(named, middlewares) if found == UNKNOWN else found


def from_routers(listings: list[Listing], taken: set[tuple[str, str]], known: Known) -> Iterator[Route]:
    """Routes that Traefiks serve without an Ingress: IngressRoutes, Consul's keys, files."""
    groups: dict[Group, dict[str, list[Router]]] = {}
    for one in listings:
        for router in one.routers:
            if (one.answer.pod, router.name) not in taken:
                groups.setdefault(group(router), {}).setdefault(one.answer.pod, []).append(router)
    for (name, rule), by_pod in groups.items():
        yield from from_group(name, rule, tuple(one.seen(by_pod.get(one.answer.pod, [])) for one in listings), known)


def group(router: Router) -> Group:
    """What the copies of one router have in common."""
    return (f"{min(router.plain_names, key=len)}@{router.provider}", router.rule)


def from_group(name: str, rule: str, seen: tuple[Seen, ...], known: Known) -> Iterator[Route]:
    """One route for each host of a rule; external as soon as an external Traefik lists it."""
    zone = "external" if any(each.zone == "external" and each.routers for each in seen) else "internal"
    case = Case(zone, seen, middlewares=known.middlewares)
    met = [router for each in case.asked for router in each.routers or ()]
    for host in hosts_of(rule):
        yield route(
            case,
            known,
            host=host,
            path=path_of(rule),
            tls=any(router.tls for router in met),
            auth=auth([one for router in met for one in router.middlewares], known.middlewares),
            service=next((router.service for router in met if router.service), None),
            source=next((router.owner for router in met if router.owner), f"router {name}"),
        )


def from_store(listings: list[Listing], known: Known) -> Iterator[Route]:
    """The way of the CA's challenges, where no external Traefik that answers has anything of the store's."""
    asked = [one for one in listings if one.answer.zone == "external" and one.answer.routers is not None]
    if not asked or any(router.provider == "consul" for one in asked for router in one.routers):
        return
    yield Route(
        host=EVERY_NAME,
        path=CHALLENGES,
        path_type="Prefix",
        zone="external",
        tls=False,
        auth=None,
        service=None,
        endpoints=None,
        state=RouteState.REFUSED,
        error=f"{', '.join(one.answer.pod for one in asked)}: {UNTAKEN}",
        note=None,
        source="Consul traefik-external",
        served_by=0,
        asked=len(asked),
        address=known.addresses.get("external"),
    )
