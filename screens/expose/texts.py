"""What the screens of apps say: pure functions from apps, routes and steps to rows and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from homelab.access.model import App, Candidate, Exposure, Step, StepState
from homelab.finding import Finding
from homelab.observe.routes import Route, RouteState
from homelab.observe.text import NOTHING, Head, Row, state_word
from homelab.setup.fields import Field
from screens.scene import Scene
from screens.widgets.lines import Span

SERVICE = "apps"
"""What does what these screens wish."""
BOTH = "both"
OPEN = "none"
"""The word for no password."""
APPS_HEAD = Head(("APP", "SERVICE", "ZONE", "HOST", "AUTH", "STATE"), drops=("SERVICE",))
STEPS_HEAD = Head(("ZONE", "STEP", "STATE"), drops=())
SHORT = {"internal": "int", "external": "ext"}
WORST_FIRST = (
    RouteState.PARTLY,
    RouteState.UNKNOWN,
    RouteState.AWAITED,
    RouteState.SERVED,
)
"""States that are no plain fault; every other one is worse."""
UNSEEN = "○ awaited"
STEP_SIGNS = {StepState.DONE: "✓", StepState.WAITING: "○", StepState.FAILED: "✗", StepState.UNKNOWN: "?"}
FIELDS = (
    Field("port", "Port", "The port of the Service that answers in a browser.", ("80",)),
    Field(
        "zone",
        "Zone",
        "internal: for your home alone. external: for the whole world, by HTTPS. both: each under a name of its own.",
        ("internal", "external", BOTH),
    ),
    Field("internal", "Internal host", "The name at home: below the internal domain, which your router answers."),
    Field("external", "External host", "The public name: below the external domain; a certificate is ordered for it."),
    Field("path", "Path", "Only addresses that begin with it lead there; / is everything."),
    Field("auth", "Password", "Whether a password is asked for, and whose: key 7 has the users.", (OPEN,)),
)


# Apps


def ingresses_of(app: App) -> tuple[str, ...]:
    """`namespace/name` of each."""
    return tuple(f"{app.namespace}/{name}" for name in app.version)


def row_key(app: App) -> str:
    """Which app a row shows: its first Ingress, since somebody else's may be called like ours."""
    return next(iter(ingresses_of(app)), app.key)


def app_of(row: str, scene: Scene) -> App | None:
    """The app of a row."""
    found = scene.snapshot.apps if scene.snapshot else ()
    return next((one for one in found if row_key(one) == row), None)


def by_source(scene: Scene) -> Mapping[str, Sequence[Route]]:
    """Every route, by the object that asks for it: there may be a thousand."""
    found: dict[str, list[Route]] = {}
    for one in scene.snapshot.routes if scene.snapshot else ():
        found.setdefault(one.source, []).append(one)
    return found


def routes_of(app: App, known: Mapping[str, Sequence[Route]]) -> list[Route]:
    """What the Traefiks say of it, the worst first."""
    found = [one for name in ingresses_of(app) for one in known.get(f"Ingress {name}", ())]
    return sorted(found, key=lambda one: WORST_FIRST.index(one.state) if one.state in WORST_FIRST else -1)


def state(app: App, known: Mapping[str, Sequence[Route]]) -> str:
    """The worst of its routes."""
    found = routes_of(app, known)
    return state_word(found[0]) if found else UNSEEN


def zone_word(zones: Sequence[str]) -> str:
    """All of them in one word."""
    return BOTH if len(zones) > 1 else next(iter(zones), NOTHING)


def hosts(app: App) -> str:
    """Every name, with the path where that is more than a slash."""
    path = "" if app.path == "/" else app.path
    return ", ".join(f"{app.hosts[zone]}{path}" for zone in app.zones)


def app_row(app: App, known: Mapping[str, Sequence[Route]]) -> Row:
    """One app."""
    found = routes_of(app, known)
    error = next((one.error for one in found if one.error), None)
    made = (f"made by {app.foreign}",) if app.foreign else ()
    cells = (
        app.called,
        f"{app.service}:{app.port}",
        SHORT.get(zone_word(app.zones), zone_word(app.zones)),
        hosts(app),
        "yes" if app.auth else NOTHING,
        state(app, known),
    )
    return Row(cells, tuple(filter(None, (error,))) or made, row_key(app))


def facts(app: App, scene: Scene) -> tuple[tuple[str, str], ...]:
    """Everything about one app, as names and values."""
    by_host = {one.host: one for one in routes_of(app, by_source(scene))}
    shown = tuple(
        (zone.capitalize(), f"{url(app, zone)}  {state_word(by_host[host]) if host in by_host else UNSEEN}")
        for zone, host in ((zone, app.hosts[zone]) for zone in app.zones)
    )
    found = (
        ("Service", f"{app.namespace}/{app.service}:{app.port}"),
        *shown,
        ("Password", f"asked for by {app.auth}" if app.auth else "none: whoever reaches it may look"),
        ("Ingresses", ", ".join(ingresses_of(app))),
        ("Made by", app.foreign or "homelab-tui"),
        ("Note", app.refusal or ""),
    )
    return tuple((name, value) for name, value in found if value)


def url(app: App, zone: str) -> str:
    """What one opens."""
    return f"{'https' if zone == 'external' else 'http'}://{app.hosts[zone].strip()}{app.path.strip()}"


# The choice of a Service


def ready_word(one: Candidate) -> str:
    """How many pods are behind it."""
    return "? ready" if one.ready is None else f"{one.ready} ready"


def shown_already(one: Candidate, scene: Scene) -> str:
    """That it is on show, and as what."""
    found = scene.snapshot.apps if scene.snapshot else ()
    names = [each.key for each in found if (each.namespace, each.service) == (one.namespace, one.name)]
    return f"on show as {', '.join(names)}" if names else ""


# The form


def value(app: App, path: str) -> str:
    """What stands in a field."""
    plain = {"port": str(app.port), "zone": zone_word(app.zones), "path": app.path, "auth": app.auth or OPEN}
    return plain.get(path, app.hosts.get(path, ""))


def worst(found: Exposure, paths: Iterable[str]) -> Finding | None:
    """The first error of some fields, else their first warning."""
    wanted = frozenset(paths)
    own = [one for one in found.findings if one.at in wanted]
    return min(own, key=lambda one: not one.is_error, default=None)


def meaning(app: App, zone: str) -> Span:
    """What one zone comes to, for somebody who opens it."""
    where = "worldwide" if zone == "external" else "at home"
    clear = " unencrypted" if zone == "internal" else ""
    who = f"password{clear}" if app.auth else "for everybody"
    is_risky = (zone == "external") is not bool(app.auth)
    return f"{'▲' if is_risky else ' '} {url(app, zone)}  {where}, {who}", "warn" if is_risky else "dim"


# What has to come true


def step_row(one: Step) -> Row:
    """One thing, and why it is not so yet."""
    return Row(
        (one.zone, one.what, f"{STEP_SIGNS[one.state]} {one.state}"),
        (one.why,) if one.why else (),
        f"{one.zone} {one.id}",
    )


def steps_summary(found: Exposure) -> tuple[str, ...]:
    """How far it is."""
    if not found.steps:
        return ()
    done = sum(one.state is StepState.DONE for one in found.steps)
    return (found.app.key if found.app else "", f"{done} of {len(found.steps)} done")


def steps_word(found: Sequence[Step]) -> str:
    """How it stands, in a word or two."""
    states = {one.state for one in found}
    if StepState.FAILED in states:
        return "✗ stuck"
    if StepState.WAITING in states:
        return "○ goes on"
    unknown = sum(one.state is StepState.UNKNOWN for one in found)
    answers = all(one.state is StepState.DONE for one in found if one.id == "answer")
    return f"{'✓ answers' if answers else '?'}{',' if answers else ''} {unknown} not known" if unknown else "✓ done"


def view_of(found: Exposure | None) -> str:
    """Id of the view that shows it."""
    if found is None:
        return "view.apps"
    return "apps.steps" if found.is_applied else "apps.pick" if found.app is None else "apps.form"
