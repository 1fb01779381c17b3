"""Which names lead where, and whether that works."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from shlex import quote

from homelab.observe.behind import POD, SERVICE
from homelab.observe.parts import source_of
from homelab.observe.routes import Route, RouteState
from homelab.observe.snapshot import Asked
from homelab.observe.text import NOTHING, ROUTE_COLUMNS, Row, route_head, route_key, route_row, state_word
from homelab.ports import Ref
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

ZONE = ROUTE_COLUMNS.index("ZONE")
ZONES = {"internal": "int", "external": "ext"}


class Routes(TablePane):
    """Every host and path, as every Traefik serves it."""

    TITLE = "Routes"
    NEEDS = ("ingresses", "services", "endpointslices", "middlewares", "ingressroutes", "pods", "traefik")
    EMPTY = "No Ingress names a host yet: press 6 to deploy a sample app"

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """How many work."""
        found = scene.snapshot.routes if scene.snapshot else ()
        if not found:
            return ()
        served = sum(route.state is RouteState.SERVED for route in found)
        awaited = sum(route.state is RouteState.AWAITED for route in found)
        problems = len(found) - served - awaited
        told = [f"{served} served", *([f"{awaited} awaited"] if awaited else [])]
        return (", ".join([*told, *([f"{problems} problem{'s' if problems > 1 else ''}"] if problems else [])]),)

    def data(self, scene: Scene) -> Table | None:
        """One row per host and path."""
        if scene.snapshot is None:
            return None
        return Table(route_head(scene.snapshot.routes), tuple(map(row, scene.snapshot.routes)))

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one route."""
        found = scene.snapshot.routes if scene.snapshot else ()
        return next((facts(one, scene) for one in found if route_key(one) == key), ())

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """The Ingress or IngressRoute, and the Service; of other routes the Traefiks that have them."""
        if scene.snapshot is None:
            return ()
        return next(
            (behind(one, scene.snapshot.traefiks) for one in scene.snapshot.routes if route_key(one) == key), ()
        )


def behind(one: Route, traefiks: Iterable[Asked]) -> tuple[Ref, ...]:
    """What a route is in the cluster."""
    if source := source_of(one):
        space, _, name = (one.service or "").partition(":")[0].partition("/")
        return (source, Ref(SERVICE, space, name)) if name else (source,)
    return tuple(Ref(POD, *each.pod.split("/", 1)) for each in traefiks if each.zone == one.zone)


def row(one: Route) -> Row:
    """One line; the zone in a few letters, which leaves room for long names."""
    found = route_row(one)
    return replace(found, cells=(*found.cells[:ZONE], ZONES.get(one.zone, one.zone), *found.cells[ZONE + 1 :]))


def facts(one: Route, scene: Scene) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    held = scene.snapshot.allocations if scene.snapshot else ()
    loopback = next((each.loopback for each in held if each.zone == one.zone and each.loopback), None)
    found = (
        ("Host", f"{one.host}{one.path}" + (f" ({one.path_type})" if one.path_type else "")),
        ("State", state_word(one)),
        ("Why", one.error),
        ("Zone", f"{one.zone}, at {one.address or 'no address'}"),
        ("Service", f"{one.service or NOTHING}, {ready(one.endpoints)}"),
        ("From", one.source),
        ("Auth", one.auth or "none"),
        ("Note", one.note),
        ("Try", attempt(one, loopback) if loopback else None),
    )
    return tuple((name, value) for name, value in found if value)


def attempt(one: Route, loopback: str) -> str:
    """How to ask for it where the lab serves it: plain HTTP first, then HTTPS where there is any."""
    plain, *secure = loopback.split(", ")
    if one.tls and secure:
        address, _, port = secure[0].rpartition(":")
        place, url = f"{one.host}:{port}:{address}", f"https://{one.host}:{port}{one.path}"
        return f"curl -k --resolve {quote(place)} {quote(url)}"
    return f"curl -H {quote(f'Host: {one.host}')} {quote(f'http://{plain}{one.path}')}"


def ready(endpoints: int | None) -> str:
    """How many pods are behind it."""
    return "ready endpoints not known" if endpoints is None else f"{endpoints} ready"
