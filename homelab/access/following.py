"""What has to come true after an app was applied, zone by zone, until it answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus

from homelab.access.doors import asked, doors
from homelab.access.expose import ingresses, normal
from homelab.access.model import App, Door, Step, StepState
from homelab.observe.certificates import Certificate
from homelab.observe.fate import CertificateState
from homelab.observe.ingress import wishes
from homelab.observe.routes import Route, RouteState
from homelab.observe.snapshot import Snapshot
from homelab.ports import Names, NamesError, Web
from homelab.together import together

WAITING, DONE, FAILED, UNKNOWN = StepState.WAITING, StepState.DONE, StepState.FAILED, StepState.UNKNOWN
HERE = "cannot be told from here"
ROUTES = {
    RouteState.SERVED: DONE,
    RouteState.PARTLY: WAITING,
    RouteState.AWAITED: WAITING,
    RouteState.NO_ENDPOINT: WAITING,
    RouteState.UNKNOWN: WAITING,
}
"""How a route's state reads while it is waited for; all others are faults."""
CERTIFICATES = {
    CertificateState.VALID: DONE,
    CertificateState.LATE: DONE,
    CertificateState.FAILING: DONE,
    CertificateState.AWAITED: WAITING,
    CertificateState.PARTLY: WAITING,
    CertificateState.UNKNOWN: UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Looked:
    """What was asked of the network about one zone."""

    addresses: tuple[str, ...] | None = None
    """IPv4 addresses of the host; None: not asked, or nobody can be asked: `silence` says why then."""
    silence: str | None = None
    answer: int | str | None = None
    """What the host answers without a password: a status, or why there was no answer; None: not asked yet."""


def steps(app: App, snapshot: Snapshot, looked: Mapping[str, Looked]) -> tuple[Step, ...]:
    """Every step of every zone: ingress, route, endpoints, name, certificate (external), answer. Pure."""
    app = normal(app)
    return tuple(step for zone in app.zones for step in _of_zone(app, zone, snapshot, looked.get(zone, Looked())))


def is_over(found: Iterable[Step]) -> bool:
    """Whether nothing is waited for any more: every step is done, or cannot be told from here."""
    return all(step.state in (DONE, UNKNOWN) for step in found)


def _of_zone(app: App, zone: str, snapshot: Snapshot, looked: Looked) -> Iterator[Step]:
    source, host = f"Ingress {app.namespace}/{app.name}-{zone}", app.hosts[zone]
    route = next((one for one in snapshot.routes if (one.source, one.host, one.path) == (source, host, app.path)), None)
    yield Step(zone, "ingress", f"{source} is there", DONE if route else WAITING)
    yield _route(zone, route)
    yield _endpoints(zone, route)
    yield _name(zone, host, looked, snapshot)
    if zone == "external":
        yield _certificate(host, snapshot)
    yield _answer(app, zone, route, looked)


def _route(zone: str, route: Route | None) -> Step:
    step = partial(Step, zone, "route", f"every {zone} Traefik has the route")
    if route is None:
        return step(WAITING, "for the Ingress")
    return step(ROUTES.get(route.state, FAILED), route.error)


def _endpoints(zone: str, route: Route | None) -> Step:
    step = partial(Step, zone, "endpoints", "somebody is behind it")
    if route is None:
        return step(WAITING, "for the Ingress")
    if route.endpoints is None:
        return step(UNKNOWN, HERE)
    return step(DONE) if route.endpoints else step(WAITING, route.error or "no ready endpoint; look at its pods")


def _address(zone: str, snapshot: Snapshot) -> str | None:
    return next((one.address for one in snapshot.allocations if one.zone == zone and one.address), None)


def _name(zone: str, host: str, looked: Looked, snapshot: Snapshot) -> Step:
    step = partial(Step, zone, "name", f"{host} resolves")
    if looked.addresses is None:
        return step(UNKNOWN, f"{HERE}: {looked.silence}") if looked.silence else step(WAITING, "for an answer")
    wrong = (_public if zone == "external" else _local)(host, looked.addresses, snapshot)
    return step(FAILED, wrong) if wrong else step(DONE, f"to {', '.join(looked.addresses)}")


def _public(host: str, led: tuple[str, ...], snapshot: Snapshot) -> str | None:
    """A public name leads to the home, whose address only the router knows."""
    if not led:
        return f"no name server has {host}; let the public DNS lead it to your home's address"
    internal = _address("internal", snapshot)
    return f"it leads to {internal}, the internal ingress; see homelab-tui doctor" if internal in led else None


def _local(host: str, led: tuple[str, ...], snapshot: Snapshot) -> str | None:
    """An internal name leads to the ingress itself."""
    if not led:
        return f"no name server has {host}; set the wildcard in the router: homelab-tui router"
    if (address := _address("internal", snapshot)) in led:
        return None
    return f"it leads to {', '.join(led)}, not to {address}; correct the router: homelab-tui router"


def _certificate(host: str, snapshot: Snapshot) -> Step:
    step = partial(Step, "external", "certificate", f"{host} has a certificate")
    if snapshot.issuer is None:
        return step(FAILED, "there is no issuer to order it; it comes with the stack: homelab-tui apply")
    found: Certificate | None = next((one for one in snapshot.certificates if one.host == host), None)
    if found is None:
        return step(WAITING, "for the issuer's next run")
    said = found.error or (f"from {found.issuer}" if found.issuer else None)
    return step(CERTIFICATES.get(found.state, FAILED), said)


def _answer(app: App, zone: str, route: Route | None, looked: Looked) -> Step:
    step = partial(Step, zone, "answer", f"{_scheme(zone)}://{app.hosts[zone]}{app.path} answers")
    if looked.answer is None or route is None or route.state is not RouteState.SERVED:
        return step(WAITING, "for the route")
    if isinstance(looked.answer, str):
        return step(WAITING, looked.answer)
    return step(*(_guarded(app.auth, looked.answer) if app.auth else _open(looked.answer)))


def _scheme(zone: str) -> str:
    return "https" if zone == "external" else "http"


def _guarded(auth: str, status: int) -> tuple[StepState, str]:
    """What an answer without a password means where one is asked for."""
    if status == HTTPStatus.UNAUTHORIZED:
        return DONE, "401 without a password, as it must be"
    if status == HTTPStatus.NOT_FOUND:
        return FAILED, f"404: Traefik cannot use {auth}; see its users, and its label traffic-type"
    return FAILED, f"{status} without a password; Traefik may need a few seconds to ask for one"


def _open(status: int) -> tuple[StepState, str]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FAILED, f"{status}: the app does not answer; is the port right, and may Traefik reach its pods?"
    return DONE, f"{status}" if status < HTTPStatus.BAD_REQUEST else f"{status}, by the app itself"


class Following:
    """Follows one app: judges a snapshot, and asks names and doors for what is not settled."""

    def __init__(self, app: App, names: Names, web: Web) -> None:
        self._app, self._names, self._web = normal(app), names, web
        self._looked: dict[str, Looked] = {zone: Looked() for zone in app.zones}

    async def look(self, snapshot: Snapshot) -> tuple[Step, ...]:
        """The steps now. Asks each name and door once, and only what is not done yet; again with the next look.

        Never raises for what the network answers or does not.
        """
        now = steps(self._app, snapshot, self._looked)
        open_steps = {(one.zone, one.id) for one in now if one.state is not DONE}
        served = {one.zone for one in now if one.id == "route" and one.state is DONE}
        names = [zone for zone in self._app.zones if (zone, "name") in open_steps]
        answers = [one for one in self._doors(snapshot) if one.zone in served and (one.zone, "answer") in open_steps]
        jobs = [*(partial(self._ask_name, zone) for zone in names), *(partial(self._ask, one) for one in answers)]
        await together(jobs)
        return steps(self._app, snapshot, self._looked)

    def _doors(self, snapshot: Snapshot) -> tuple[Door, ...]:
        """One for each zone: what is external is asked at its own address alone."""
        hosts = {zone: f"//{host}" for zone, host in self._app.hosts.items()}
        found = doors(wishes(ingresses(self._app)), snapshot.allocations)
        return tuple(one for one in found if hosts.get(one.zone, "?") in one.url)

    async def _ask_name(self, zone: str) -> None:
        try:
            found = await self._names.addresses(self._app.hosts[zone], "A")
        except NamesError as error:
            self._looked[zone] = replace(self._looked[zone], addresses=None, silence=str(error))
        else:
            self._looked[zone] = replace(self._looked[zone], addresses=found, silence=None)

    async def _ask(self, door: Door) -> None:
        answer = await asked(self._web, door, lambda status: True, patience=0)
        self._looked[door.zone] = replace(self._looked[door.zone], answer=answer)
