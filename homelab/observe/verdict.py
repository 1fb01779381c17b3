"""How a route fares: one small rule for each thing that can be wrong, the most urgent first."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from homelab.observe.auth import CRD, USERS, Middlewares
from homelab.observe.ingress import TRAFFIC_TYPE, Wish
from homelab.observe.raw import label, name, namespace, text
from homelab.observe.traefik import Router
from homelab.ports import Raw

ABSENT = re.compile(r'middleware "([^"]+)" does not exist')


class RouteState(StrEnum):
    """How a route fares."""

    SERVED = "served"
    PARTLY = "partly"
    """Not by every Traefik of its zone, or with a warning."""
    REFUSED = "refused"
    """A Traefik lists the router as disabled: a middleware, rule or TLS option is wrong."""
    NO_ENDPOINT = "no-endpoint"
    """Nobody is behind it: no Service, no such port, or no ready pod."""
    AWAITED = "awaited"
    """Asked for so lately that not every Traefik of the zone need have taken it in."""
    MISSING = "missing"
    """No Traefik of the zone lists it."""
    UNKNOWN = "unknown"
    """No Traefik of the zone could be asked."""
    CONFLICT = "conflict"
    """The same host and path is asked for twice."""
    EXPOSED = "exposed"
    """Meant for the internal zone, and an external Traefik serves it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one Traefik has of one route."""

    pod: str
    zone: str
    routers: tuple[Router, ...] | None
    """Usually one, or one for each entry point; None when the Traefik did not answer."""
    error: str | None = None
    """Why it did not answer."""

    @property
    def refused(self) -> tuple[Router, ...]:
        """Routers that are not served."""
        return tuple(router for router in self.routers or () if router.is_refused)

    @property
    def serves(self) -> bool:
        """Whether every router of the route works."""
        return bool(self.routers) and not self.refused


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known about one route."""

    zone: str
    seen: tuple[Seen, ...]
    """By the Traefiks of every zone."""
    wish: Wish | None = None
    """None for routes that come from no Ingress."""
    rivals: tuple[str, ...] = ()
    """Ingresses that ask for the same host and path."""
    trouble: str | None = None
    """What is wrong with the Service behind it."""
    middlewares: Middlewares | None = None
    fresh: bool = False
    """Whether the Ingress was made or changed a moment ago."""

    @property
    def asked(self) -> tuple[Seen, ...]:
        """The Traefiks of the route's own zone; the internal ones see every Ingress."""
        return tuple(seen for seen in self.seen if seen.zone == self.zone)


Rule = Callable[[Case], str | None]


def verdict(case: Case) -> tuple[RouteState, str | None]:
    """The state, and for every state but `served` a sentence: what, why, how to mend it."""
    return next(((state, said) for state, rule in RULES if (said := rule(case))), (RouteState.SERVED, None))


def exposed(case: Case) -> str | None:
    """An internal route that an external Traefik serves is public."""
    pods = [seen.pod for seen in case.seen if seen.zone == "external" and seen.serves]
    if case.zone == "external" or not pods:
        return None
    return f"public: {', '.join(pods)} serves it too; give that Traefik the label selector traffic-type=external"


def impossible(case: Case) -> str | None:
    """No Traefik ever serves this."""
    return case.wish.wrong if case.wish else None


def conflict(case: Case) -> str | None:
    """Rules of the same length have the same priority: which one answers is up to chance."""
    if not case.rivals:
        return None
    return f"{', '.join(case.rivals)} asks for the same host and path, and either may answer; change or delete one"


def refused(case: Case) -> str | None:
    """Traefik's own words, with what they most often mean."""
    broken = {seen.pod: seen.refused for seen in case.asked if seen.refused}
    errors = dict.fromkeys(error for routers in broken.values() for router in routers for error in router.errors)
    if not broken:
        return None
    said = [error + remedy(error, case) for error in errors]
    return f"{', '.join(broken)} refuses it: {'; '.join(said) or 'no reason given, see its log'}"


def remedy(error: str, case: Case) -> str:
    """What Traefik cannot see or build counts as absent: no label, no user and a wrong name have the same error."""
    found = ABSENT.search(error)
    if not found or case.middlewares is None or not found[1].endswith(CRD):
        return ""
    if (one := case.middlewares.get(found[1])) is None:
        return "; create it, or take it out of the annotation router.middlewares"
    if case.zone == "external" and label(one, TRAFFIC_TYPE) != "external":
        labelled = f"kubectl -n {namespace(one)} label --overwrite middleware {name(one)} {TRAFFIC_TYPE}=external"
        return f" for the external Traefik, which sees it only with the label: {labelled}"
    return f" for Traefik, because {flaw(one)}"


def flaw(middleware: Raw) -> str:
    """What most often makes a Middleware of its kind invalid, and the cure."""
    basic, digest = (text(middleware, "spec", kind, "secret") for kind in ("basicAuth", "digestAuth"))
    file = f"{namespace(middleware)}/{basic or digest}"
    if not basic:
        return f"its Secret {file} is missing or has no user" if digest else "it is not valid; its log says why"
    which = "" if file == USERS else f" --secret {file}"
    cure = f"key 7, or `homelab-tui users add NAME{which}`, adds the first"
    return f"its Secret {file} is missing or has no user: {cure}"


def no_endpoint(case: Case) -> str | None:
    """Traefik leaves such routes out without a router or an error, so this comes before `missing`."""
    return case.trouble


def unknown(case: Case) -> str | None:
    """Nobody to ask, or nobody who answered."""
    silent = [f"{seen.pod}: {seen.error or 'no answer'}" for seen in case.asked if seen.routers is None]
    if len(silent) < len(case.asked):
        return None
    if not silent:
        return f"there is no {case.zone} Traefik to ask; deploy it with `homelab-tui apply`"
    return f"no {case.zone} Traefik answered: {'; '.join(silent)}"


def awaited(case: Case) -> str | None:
    """Traefik gathers changes for two seconds before it takes them in, and is asked every two."""
    if not case.fresh or all(seen.routers is None or seen.routers for seen in case.asked):
        return None
    return "asked for a moment ago; Traefik takes it in within a few seconds"


def missing(case: Case) -> str | None:
    """Everybody who answered does not know it."""
    if any(seen.routers for seen in case.asked):
        return None
    pod = next(seen.pod for seen in case.asked if seen.routers is not None)
    space, _, name = pod.rpartition("/")
    asked = case.wish.ingress_class if case.wish else None
    why = f'; is its ingress class "{asked}" that of Traefik?' if asked else "."
    return f"no {case.zone} Traefik lists it{why} The log says why: kubectl -n {space} logs {name}"


def partly(case: Case) -> str | None:
    """Some serve it and some do not, or with a warning."""
    return "; ".join(said for seen in case.asked if (said := lack(seen))) or None


def lack(seen: Seen) -> str | None:
    """What keeps one Traefik from serving it without a flaw."""
    if seen.routers is None:
        return f"{seen.pod} did not answer: {seen.error or 'no reason given'}"
    if not seen.routers:
        return f"{seen.pod} does not list it (yet)"
    warnings = dict.fromkeys(error for router in seen.routers for error in router.errors)
    return f"{seen.pod} warns: {'; '.join(warnings)}" if warnings else None


RULES: tuple[tuple[RouteState, Rule], ...] = (
    (RouteState.EXPOSED, exposed),
    (RouteState.MISSING, impossible),
    (RouteState.CONFLICT, conflict),
    (RouteState.REFUSED, refused),
    (RouteState.NO_ENDPOINT, no_endpoint),
    (RouteState.UNKNOWN, unknown),
    (RouteState.AWAITED, awaited),
    (RouteState.MISSING, missing),
    (RouteState.PARTLY, partly),
)
