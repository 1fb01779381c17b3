"""Apps on show: which Services could be, what is proposed, and how an app is said in Ingresses.

All of it is pure. `around.look` reads the cluster, `judging.judge` finds what is wrong, `publishing` previews, applies
and withdraws, `following` tells how far it has come.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, count
from typing import Any

from homelab.access.around import HOME_AUTH, INGRESS, Around
from homelab.access.model import ZONES, App, Candidate
from homelab.access.refusing import faults, refusal
from homelab.observe.auth import CRD
from homelab.observe.backends import backends, named
from homelab.observe.ingress import EVERY_NAME, ROUTER, TRAFFIC_TYPE, Backend, Wish, wishes_of
from homelab.observe.raw import annotation, full_name, items, label, name, namespace, number, text
from homelab.plan.model import Plan
from homelab.ports import Raw
from homelab.stack.ownership import Owner, owner
from homelab.stack.render import COMPONENT, MANAGED_BY, OURS

APP = "homelab-tui/app"
"""Label of an app's Ingresses: its name. The stack's own have none, and nothing of the stack's prunes what has one."""
AUTH = "homelab-tui/auth"
"""Annotation: the Middleware as a person named it, `namespace/name`; Traefik's way to say it has no such border."""
CLASS = "traefik"
MIDDLEWARES = ROUTER + "middlewares"
LIKELY_NAMES = ("http", "web", "ui", "dashboard", "http-web")
LIKELY_NUMBERS = (80, 8080, 3000, 8000)
LONGEST = 56
"""Characters of a Service's name that an app's is made from: with a number behind it, it is a label's value still."""


def candidates(around: Around) -> tuple[Candidate, ...]:
    """Every Service, those that can be shown first, each with its likeliest port first; the others say why not."""
    known = backends(around.services, around.slices)
    dying = frozenset(name(one) for one in around.namespaces or () if text(one, "metadata", "deletionTimestamp"))
    found = (
        Candidate(namespace(one), name(one), ports(one), _ready(one, known.ready), refusal(one, dying))
        for one in around.services or ()
    )
    return tuple(sorted(found, key=lambda one: (one.refusal is not None, one.namespace, one.name)))


def ports(service: Raw) -> tuple[str, ...]:
    """TCP ports by name, else by number; the likeliest for a web page first."""
    found = [one for one in items(service, "spec", "ports") if (text(one, "protocol") or "TCP") == "TCP"]
    return tuple(named(one) or str(number(one, "port")) for one in sorted(found, key=_likelihood))


def _likelihood(port: Raw) -> tuple[int, int]:
    called, value = named(port), number(port, "port")
    by_name = LIKELY_NAMES.index(called) if called in LIKELY_NAMES else len(LIKELY_NAMES)
    by_number = LIKELY_NUMBERS.index(value) if value in LIKELY_NUMBERS else len(LIKELY_NUMBERS)
    return by_name, by_number


def _ready(service: Raw, ready: Any) -> int | None:
    first = next(iter(ports(service)), None)
    found: int | None = ready(Backend(full_name(service), port_of(first))) if first else None
    return found


def port_of(text: str) -> int | str:
    """A port as it was typed or listed: a number, else a name."""
    return int(text) if text.isascii() and text.isdecimal() else text


def propose(namespace: str, service: str, plan: Plan, around: Around) -> App:
    """A first form for a Service: shown internally, under a name that nobody else has, without a password."""
    found = next((one for one in around.services or () if full_name(one) == f"{namespace}/{service}"), None)
    first = next(iter(ports(found)), "80") if found else "80"
    app = App(namespace, service, port_of(first), {}, name=_free_name(namespace, service, around))
    return zoned(app, ("internal",), plan, around)


def zoned(app: App, zones: Iterable[str], plan: Plan, around: Around) -> App:
    """The app in other zones. Hosts that were typed stay, missing ones are proposed.

    It is guarded as soon as external is among them and was not before. A password stays when external goes: nobody
    who takes an app off the internet asks for more to be let in.
    """
    wanted = [zone for zone in ZONES if zone in set(zones)]
    hosts = {zone: app.hosts.get(zone) or _free_host(app, zone, plan, around) for zone in wanted}
    becomes_public = "external" in wanted and "external" not in app.hosts
    return replace(app, hosts=hosts, auth=app.auth or (_first_auth(around) if becomes_public else None))


def _first_auth(around: Around) -> str:
    """The home's own list, unless there are others alone."""
    return next(iter(around.auths), HOME_AUTH)


def _free_name(space: str, service: str, around: Around) -> str:
    """A name whose Ingresses are nobody's yet."""
    taken = {name(one) for one in around.ingresses or () if namespace(one) == space}
    return next(one for one in _numbered(service[:LONGEST]) if not taken & {f"{one}-{zone}" for zone in ZONES})


def _free_host(app: App, zone: str, plan: Plan, around: Around) -> str:
    """A host below the zone's domain that no Ingress of others names."""
    taken = {wish.host.lower() for one in around.ingresses or () if not own(app, one) for wish in wishes_of(one)}
    below = domain(plan, zone)
    stems = chain([app.service], _numbered(f"{app.service}-{app.namespace}"))
    return next(host for stem in stems if (host := f"{stem[:63].rstrip('-')}.{below}") not in taken)


def _numbered(stem: str) -> Iterable[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


def domain(plan: Plan, zone: str) -> str:
    """Below which a zone's hosts are."""
    ingress = plan.ingress.external if zone == "external" else plan.ingress.internal
    return ingress.domain.lower()


def own(app: App, ingress: Raw) -> bool:
    """Whether an Ingress is one of those that an app was read from."""
    return namespace(ingress) == app.namespace and name(ingress) in app.version


def normal(app: App) -> App:
    """The app as it is written: hosts in lower case without spaces and trailing dot, the path with its slash."""
    hosts = {zone: app.hosts[zone].strip().removesuffix(".").lower() for zone in app.zones}
    path = app.path.strip()
    return replace(app, hosts=hosts, path=path if path.startswith("/") else f"/{path}", name=app.name or app.service)


def ingresses(app: App) -> tuple[Raw, ...]:
    """One Ingress for each zone, ready to be applied."""
    return tuple(_ingress(normal(app), zone) for zone in app.zones)


def _ingress(app: App, zone: str) -> Raw:
    """The zone is said also where it is internal, so that what a hand has made public is taken back."""
    asks = {AUTH: app.auth, MIDDLEWARES: reference(app.auth)} if app.auth else None
    meta = {
        "name": f"{app.name}-{zone}",
        "namespace": app.namespace,
        "labels": {MANAGED_BY: OURS, APP: app.name, TRAFFIC_TYPE: zone},
        **({"annotations": asks} if asks else {}),
    }
    port = {"number": app.port} if isinstance(app.port, int) else {"name": app.port}
    backend = {"service": {"name": app.service, "port": port}}
    paths = [{"path": app.path, "pathType": "Prefix", "backend": backend}]
    rules = [{"host": app.hosts[zone], "http": {"paths": paths}}]
    return {
        "apiVersion": INGRESS.api_version,
        "kind": INGRESS.name,
        "metadata": meta,
        "spec": {"ingressClassName": CLASS, "rules": rules},
    }


def reference(middleware: str) -> str:
    """How an Ingress names a Middleware, `namespace/name`. Source: Traefik docs, annotation router.middlewares."""
    space, _, called = middleware.partition("/")
    return f"{space}-{called}{CRD}"


def exposed(found: Iterable[Raw], middlewares: Iterable[Raw] | None = None) -> tuple[App, ...]:
    """Every app on show, by key: the inverse of `ingresses`; Ingresses of others are apps of their own, `foreign`.

    `refusal` of an app says why it cannot be edited, `foreign` why it cannot be withdrawn either.
    """
    known = {reference(full_name(one)): full_name(one) for one in middlewares or ()}
    groups: dict[tuple[str, bool, str], list[Raw]] = {}
    for one in found:
        groups.setdefault(_group(one), []).append(one)
    return tuple(sorted((_app(group, known) for group in groups.values()), key=_place))


def _place(app: App) -> tuple[str, tuple[str, ...], bool]:
    """In which order they are shown; of two that are called alike ours comes first."""
    return app.key, app.zones, app.foreign is not None


def _group(ingress: Raw) -> tuple[str, bool, str]:
    """What the Ingresses of one app share; everybody else's stand alone."""
    app = app_of(ingress)
    return namespace(ingress), app is None, app or name(ingress)


def app_of(ingress: Raw) -> str | None:
    """Name of the app that an Ingress is of; None for everybody else's, the stack's too."""
    called = label(ingress, APP)
    return called if called and owner(ingress).ours else None


def _app(group: list[Raw], known: Mapping[str, str]) -> App:
    """One app from its Ingresses, the internal one first; what they say beyond an app is its refusal."""
    group.sort(key=lambda one: ZONES.index(_zone(one)))
    first = _said(group[0], known)
    if (called := app_of(group[0])) is None:
        keeper = Owner("the stack itself") if label(group[0], COMPONENT) else owner(group[0])
        return replace(first, name=name(group[0]), foreign=keeper.name, refusal=_foreign(group[0], keeper))
    each = [_said(one, known) for one in group]
    return replace(
        first,
        name=called,
        hosts={zone: host for one in each for zone, host in one.hosts.items()},
        version={key: value for one in each for key, value in one.version.items()},
        refusal=faults(group, each),
    )


def _zone(ingress: Raw) -> str:
    return "external" if label(ingress, TRAFFIC_TYPE) == "external" else "internal"


def _said(ingress: Raw, known: Mapping[str, str]) -> App:
    """What one Ingress says; what it lacks is written as a question mark, and is a fault of it."""
    wish: Wish | None = next(iter(wishes_of(ingress)), None)
    backend = wish.backend if wish else None
    return App(
        namespace(ingress),
        backend.service.partition("/")[2] if backend else "?",
        backend.port if backend else 0,
        {_zone(ingress): wish.host if wish else EVERY_NAME},
        path=wish.path if wish else "/",
        auth=_auth(ingress, known),
        version={name(ingress): text(ingress, "metadata", "resourceVersion") or ""},
    )


def _auth(ingress: Raw, known: Mapping[str, str]) -> str | None:
    """The Middleware that it names: as the person wrote it, as long as that is what Traefik is told."""
    told, written = annotation(ingress, MIDDLEWARES), annotation(ingress, AUTH)
    if not told:
        return None
    if written and reference(written) == told:
        return written
    space, _, called = told.removesuffix(CRD).partition("-")
    return known.get(told) or (f"{space}/{called}" if told.endswith(CRD) and "," not in told else told)


def _foreign(ingress: Raw, keeper: Owner) -> str:
    """Why an Ingress of others cannot be edited here."""
    what = f"Ingress {full_name(ingress)}"
    if label(ingress, COMPONENT):
        return (
            f"{what} is part of the stack, which would put it back; take it out of the plan, or show its Service anew"
        )
    if keeper.tool:
        return f"{what} is kept by {keeper.name}, which would put its own state back; change it there"
    return (
        f"{what} was made by {keeper.name}; change it where it was made, or delete it there and show its Service here"
    )
