"""A route hop by hop: from the name to the pods, each with what is wrong there and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homelab.observe.allocations import Allocation
from homelab.observe.backing import backing
from homelab.observe.behind import ISSUER, POD, SERVICE
from homelab.observe.hop import Hop, HopState
from homelab.observe.ingress import EVERY_NAME, Wish
from homelab.observe.parts import Parts, source_of, wish_of
from homelab.observe.passing import passing
from homelab.observe.routes import Route, claimed, group, listing
from homelab.observe.snapshot import Snapshot
from homelab.observe.text import NOTHING, certificate_word
from homelab.observe.traefik import Router, TraefikAnswer, hosts_of, path_of, routers
from homelab.observe.verdict import RouteState
from homelab.plan.model import Plan
from homelab.ports import Ref

LOOKED_UP = "asked about by homelab-tui doctor"
OF_STATE = {
    RouteState.PARTLY: HopState.WARNS,
    RouteState.AWAITED: HopState.AWAITED,
    RouteState.UNKNOWN: HopState.UNKNOWN,
    RouteState.SERVED: HopState.FINE,
}
"""How the router of a route fares; in all other states it is broken."""
OF_CERTIFICATE = {"✓": HopState.FINE, "▲": HopState.WARNS, "○": HopState.AWAITED, "?": HopState.UNKNOWN}
Met = Mapping[str, tuple[Router, ...]]
"""Routers of the route by pod; none where it lists none, and no entry where it did not answer."""


@dataclass(frozen=True, slots=True)
class Way:
    """What all hops are made from."""

    route: Route
    snapshot: Snapshot
    parts: Parts
    domains: Mapping[str, str]
    """By zone; empty without a plan."""
    wish: Wish | None
    met: Met

    @property
    def routers(self) -> tuple[Router, ...]:
        """Of every replica."""
        return tuple(one for found in self.met.values() for one in found)


def chain(route: Route, snapshot: Snapshot, parts: Parts, domains: Mapping[str, str]) -> tuple[Hop, ...]:
    """Every hop in the order of a request. The same facts give the same hops."""
    wish = wish_of(route, parts.source)
    way = Way(route, snapshot, parts, domains, wish, met(route, wish, parts.answers))
    return (
        host(way),
        address(way),
        entry_point(way),
        *routing(way),
        *passing(route, way.routers, parts, wish),
        *backing(route, parts, wish, snapshot),
        *certificate(way),
    )


def domains_of(plan: Plan | None) -> Mapping[str, str]:
    """The domain of each zone; none without a plan."""
    if plan is None:
        return {}
    return {"internal": plan.ingress.internal.domain, "external": plan.ingress.external.domain}


def met(route: Route, wish: Wish | None, answers: tuple[TraefikAnswer, ...]) -> Met:
    """The routers that the Traefiks of the zone made of a route."""
    told = [one for one in answers if one.routers is not None]
    if wish:
        return {one.pod: tuple(claimed(wish, listing(one))) for one in told}
    return {one.pod: tuple(router for router in routers(one) if is_of(route, router)) for one in told}


def is_of(route: Route, router: Router) -> bool:
    """Whether a router that no Ingress asks for is that of the route."""
    named = router.owner == route.source or f"router {group(router)[0]}" == route.source
    prefixed = [f"router {name}@{router.provider}" for name in router.plain_names]
    here = (route.path, route.path_type) == path_of(router.rule) and route.host in hosts_of(router.rule)
    return here and (named or route.source in prefixed)


def host(way: Way) -> Hop:
    """The name, which has to be one of the zone's domain: the router at home sends only those to its address."""
    route, domain = way.route, way.domains.get(way.route.zone)
    facts: tuple[tuple[str, str], ...] = (
        ("Host", f"{route.host}{route.path}" + (f" ({route.path_type})" if route.path_type else "")),
    )
    facts += (("Zone", route.zone), ("Domain", domain or "no plan says it"), ("DNS", LOOKED_UP))
    state, word, error = named(route, way.domains)
    if error is None and route.note:
        facts += (("Note", route.note),)
    return Hop("host", f"{route.host}{route.path}", state, word, error, facts, tuple(filter(None, [source_of(route)])))


def named(route: Route, domains: Mapping[str, str]) -> tuple[HopState, str, str | None]:
    """State, word and what is wrong with a host."""
    domain = domains.get(route.zone)
    if route.host == EVERY_NAME or route.host.startswith("~"):
        return HopState.FINE, "any name" if route.host == EVERY_NAME else "a pattern of names", None
    if domain is None:
        return HopState.NOTHING, "no plan", None
    if is_below(route.host, domain):
        return HopState.FINE, "in its domain", None
    other = next((zone for zone, one in domains.items() if is_below(route.host, one)), None)
    if other:
        label = "traffic-type=external"
        fix = f"give it the label {label}" if other == "external" else f"take its label {label} away"
        why = (
            f"{route.host} is a name of the {other} zone, and {route.source} is {route.zone}: {fix}, or change the host"
        )
        return HopState.WARNS, f"in the {other} domain", why
    why = (
        f"{route.host} is outside {domain}, whose names lead here; it needs an entry of its own in DNS, or another host"
    )
    return HopState.WARNS, "in no domain of the plan", why


def is_below(host: str, domain: str) -> bool:
    """Whether a name is a domain's own or below it."""
    found = host.lower().rstrip(".")
    return found == domain or found.endswith(f".{domain}")


def address(way: Way) -> Hop:
    """Where the zone is reached, and which node answers for it."""
    zone = way.route.zone
    held = next((one for one in way.snapshot.allocations if one.zone == zone), None)
    if held is None:
        why = f"no Service of the {zone} Traefik asks for an address; homelab-tui apply brings it"
        return Hop("address", "none", HopState.BROKEN, "none", why)
    space, _, name = held.service.partition("/")
    pods = tuple(Ref(POD, *one.pod.split("/", 1)) for one in way.snapshot.traefiks if one.zone == zone)
    word = f"at {held.announced_by}" if held.announced_by else "given"
    state = HopState.FINE
    if held.pending:
        state, word = (HopState.WARNS, word) if held.address else (HopState.BROKEN, "pending")
    objects = (Ref(SERVICE, space, name), *pods)
    return Hop("address", held.address or "none", state, word, held.pending, given(held), objects)


def given(held: Allocation) -> tuple[tuple[str, str], ...]:
    """What is known of an address."""
    facts = (
        ("Address", " ".join(filter(None, (held.address, *held.more))) or "none"),
        ("Service", held.service),
        ("Announced by", held.announced_by or "nobody"),
        ("Policy", held.policy),
        ("Ports", ", ".join(held.ports)),
        ("In the lab", held.loopback),
    )
    return tuple((name, value) for name, value in facts if value)


def entry_point(way: Way) -> Hop:
    """By which doors of the Traefiks it comes in."""
    names = tuple(dict.fromkeys(point for one in way.routers for point in one.entry_points))
    if not names:
        return Hop("entry point", NOTHING, HopState.NOTHING, "no router")
    secure = "HTTPS" if any(one.tls for one in way.routers) else "plain HTTP"
    plain = any(not one.tls for one in way.routers)
    word = f"{secure} and plain HTTP" if secure == "HTTPS" and plain else secure
    held = next((one for one in way.snapshot.allocations if one.zone == way.route.zone), None)
    facts = (
        ("Entry points", ", ".join(names)),
        ("Answers", word),
        ("Ports", ", ".join(held.ports) if held else NOTHING),
    )
    return Hop("entry point", ", ".join(names), HopState.FINE, word, None, facts)


def routing(way: Way) -> Iterator[Hop]:
    """One hop for each router; the first has what is wrong with the route as a whole."""
    names = tuple(dict.fromkeys(one.name for one in way.routers))
    state = OF_STATE.get(way.route.state, HopState.BROKEN)
    error = way.route.error
    if way.route.state is RouteState.NO_ENDPOINT:
        state, error = (HopState.FINE, None) if names else (HopState.NOTHING, None)
    if not names:
        word = "Traefik makes none" if state is HopState.NOTHING else way.route.state.value
        facts = (("Why", "Traefik leaves a route out while nobody is behind it"),) if word.startswith("T") else ()
        yield Hop("router", "none", state, word, error, facts, replicas_of(way))
    for at, name in enumerate(names):
        yield router(way, name, (state, error) if at == 0 else (HopState.FINE, None))


def router(way: Way, name: str, told: tuple[HopState, str | None]) -> Hop:
    """One router over all replicas."""
    by_pod = {pod: next((one for one in found if one.name == name), None) for pod, found in way.met.items()}
    having = [one for one in by_pod.values() if one]
    serving = sum(not one.is_refused for one in having)
    state, error = told
    if serving < len(by_pod) and state is HopState.FINE:
        state = HopState.WARNS if serving else HopState.BROKEN
        error = "; ".join(dict.fromkeys(said for one in having for said in one.errors)) or None
    silent = {one.pod: one.error or "no answer" for one in way.parts.answers if one.routers is None}
    facts = (
        ("Name", name),
        ("Rule", having[0].rule),
        ("Priority", str(having[0].priority) if having[0].priority else "Traefik's own"),
        ("Service", having[0].service or NOTHING),
        *((pod.rpartition("/")[2], listed(one)) for pod, one in by_pod.items()),
        *((pod.rpartition("/")[2], why) for pod, why in silent.items()),
    )
    word = f"{serving} of {len(by_pod) + len(silent)}"
    return Hop("router", name, state, word, error, facts, replicas_of(way))


def listed(one: Router | None) -> str:
    """What one replica says of a router."""
    if one is None:
        return "does not list it"
    said = f": {'; '.join(one.errors)}" if one.errors else ""
    return f"{one.status}, priority {one.priority}{said}" if one.priority else f"{one.status}{said}"


def replicas_of(way: Way) -> tuple[Ref, ...]:
    """What a router is made from, and who has it."""
    pods = tuple(Ref(POD, *one.pod.split("/", 1)) for one in way.parts.answers)
    return (*filter(None, [source_of(way.route)]), *pods)


def certificate(way: Way) -> Iterator[Hop]:
    """What browsers are shown; of public routes alone."""
    if way.route.zone != "external":
        return
    found = next((one for one in way.snapshot.certificates if one.host == way.route.host.lower()), None)
    if found is None:
        why = "the issuer orders one for each host that an Ingress names"
        yield Hop("certificate", NOTHING, HopState.NOTHING, "none", None, (("Why", why),))
        return
    sign, _, word = certificate_word(found).partition(" ")
    facts = (
        ("Issuer", f"{found.origin.value}{f', {found.issuer}' if found.issuer else ''}"),
        ("Valid", f"{found.not_before or NOTHING} to {found.not_after}" if found.not_after else None),
        ("Renewal", found.next_renewal),
        ("Fingerprint", found.fingerprint),
        *((one.pod.rpartition("/")[2], one.error or one.fingerprint or "Traefik default") for one in found.served),
    )
    told = tuple((name, value) for name, value in facts if value)
    state = OF_CERTIFICATE.get(sign, HopState.BROKEN)
    objects = (ISSUER, *filter(None, [source_of(way.route)]))
    yield Hop("certificate", found.origin.value, state, word, found.error, told, objects)
