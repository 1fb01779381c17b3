"""`homelab-tui apps`, `expose` and `hide`: what is on show, one app more, one less."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from homelab.access.around import Around, look
from homelab.access.expose import exposed, ingresses, port_of, propose, zoned
from homelab.access.following import Following, is_over
from homelab.access.judging import consent, judge
from homelab.access.model import ZONES, App, Step, StepState
from homelab.access.publishing import as_diff, on_show, order, preview, publish, withdraw
from homelab.observe.live import Observer
from homelab.observe.snapshot import Snapshot, plain
from homelab.plan.model import Plan
from homelab.ports import Cluster
from homelab.stack.diff import Action
from homelab.stack.render import Rendered, as_yaml
from homelab.together import either
from tui import wiring
from tui.headless import running
from tui.headless.stack import checked, may_write
from tui.headless.terminal import Ticker, ask, say, show
from tui.options import Options, Refused

PATIENCE = 120.0
"""Seconds that an app is followed for; Ctrl-C leaves it sooner."""
ROUND = 1.0
"""Seconds between two looks at it."""
ADVICE = "what was applied stays; homelab-tui apps lists it, homelab-tui status says what becomes of it"
SIGNS = {StepState.DONE: "✓", StepState.FAILED: "✗", StepState.WAITING: "○", StepState.UNKNOWN: "?"}


def apps(parsed: Namespace, options: Options) -> int:
    """Print every app on show, whoever made it."""

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await on_show(cluster)
        if parsed.json:
            print(json.dumps({"version": 1, "apps": [plain(app) for app in found]}))
            return 0
        for app in found:
            say(_line(app))
        if not found:
            say("nothing is on show; homelab-tui expose SERVICE --namespace NAMESPACE changes that")
        return 0

    return running.run(work)


def _line(app: App) -> str:
    hosts = ", ".join(f"{zone} {host}{app.path.removesuffix('/')}" for zone, host in app.hosts.items())
    guard = f", password {app.auth}" if app.auth else ""
    return f"{app.called}: {hosts} -> {app.service}:{app.port}{guard}{f' (by {app.foreign})' if app.foreign else ''}"


def expose(parsed: Namespace, options: Options) -> int:
    """Put a Service on show, or change how it is: look, ask, apply, follow; 1 when that fails."""
    if not parsed.dry_run:
        may_write(parsed, options, "expose")
    plan = checked(options)
    if plan is None:
        return 1

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            around = await look(cluster)
            before = _before(parsed, around)
            app = wished(parsed, plan, around, before)
            if show(judge(app, plan, around)) or not await _previewed(cluster, parsed, app, before):
                return 1
            if parsed.dry_run:
                return 0
            if not await _agreed(parsed, app, before):
                say("nothing was changed")
                return 1
            with await wiring.journal(cluster, options) as journal:
                made = await publish(cluster, journal, app, before)
                if said := await order(cluster, journal, app, before):
                    say(said)
            return await _follow(cluster, made, options)

    return running.run(work, ADVICE)


def _before(parsed: Namespace, around: Around) -> App | None:
    """The app that the Service has already; of several nobody knows which is meant. Raises Refused."""
    ours = (app for app in exposed(around.ingresses or (), around.middlewares) if not app.foreign)
    found = [app for app in ours if (app.namespace, app.service) == (parsed.namespace, parsed.service)]
    if len(found) > 1:
        names = ", ".join(app.key for app in found)
        raise Refused(f"the Service is on show more than once ({names}); hide what is too much, or use the console")
    return next(iter(found), None)


def wished(parsed: Namespace, plan: Plan, around: Around, before: App | None) -> App:
    """The app as the options say; what they do not say is as it was, else as it is proposed. Pure. Raises Refused."""
    _said_nothing(parsed)
    app = before or propose(parsed.namespace, parsed.service, plan, around)
    given = {zone: host for zone, host in (("internal", parsed.host), ("external", parsed.external_host)) if host}
    app = zoned(app, _zones(parsed.zone, before, given), plan, around)
    if unused := sorted(set(given) - set(app.hosts)):
        raise Refused(f"a host is given for zone {', '.join(unused)}, in which the app is not shown; see --zone")
    app = replace(app, hosts={**app.hosts, **given}, path=parsed.path or app.path)
    if parsed.port:
        app = replace(app, port=port_of(parsed.port))
    if parsed.no_auth:
        return replace(app, auth=None)
    return replace(app, auth=parsed.auth) if parsed.auth else app


def _said_nothing(parsed: Namespace) -> None:
    """An empty word is no word left out: with an unset variable a password would be. Raises Refused."""
    for name in ("host", "external_host", "path", "port", "auth"):
        value: str | None = getattr(parsed, name)
        if value is not None and not value.strip():
            raise Refused(f"--{name.replace('_', '-')} is empty; write what it is to be, or leave the option out")


def _zones(zone: str | None, before: App | None, given: Iterable[str]) -> tuple[str, ...]:
    """Without a word those it has, and those that a host is given for; internal where there are none."""
    if zone:
        return ZONES if zone == "both" else (zone,)
    return (*(before.zones if before else ()), *given) or ZONES[:1]


async def _previewed(cluster: Cluster, parsed: Namespace, app: App, before: App | None) -> bool:
    """Show what applying would change; whether it may be."""
    found = await preview(cluster, app, before)
    if parsed.dry_run:
        print(as_yaml(Rendered("apps", app.key, one) for one in ingresses(app)), end="")
    say(as_diff(found) if any(one.changes or one.action is Action.BLOCKED for one in found) else "nothing to change")
    return not any(one.action is Action.BLOCKED for one in found)


async def _agreed(parsed: Namespace, app: App, before: App | None) -> bool:
    """A public app without a password needs its word also where nothing else is asked."""
    if said := consent(app, before):
        say(said)
        return await ask("Type yes to show it all the same:", "yes")
    return bool(parsed.yes) or await ask("Apply this? Type yes to go on:", "yes")


async def _follow(cluster: Cluster, app: App, options: Options) -> int:
    """Progress until it answers, or the patience is over."""
    follower = _Follower(app, options)
    try:
        async with asyncio.timeout(PATIENCE):
            await either(partial(follower.watch, Observer(cluster, wiring.store(cluster))), follower.tell)
    except TimeoutError:
        follower.rest()
        say(f"not everything came true within {PATIENCE:.0f} s; {ADVICE}")
        return 1
    say(f"{app.key} is on show")
    return 0


class _Follower:
    """Prints each step that came true once, and what is waited for as one changing line."""

    def __init__(self, app: App, options: Options) -> None:
        self._following = Following(app, wiring.names(options), wiring.web(options))
        self._snapshot: Snapshot | None = None
        self._steps: tuple[Step, ...] = ()
        self._told: set[Step] = set()
        self._ticker = Ticker()

    async def watch(self, observer: Observer) -> None:
        """Keep the newest snapshot, for ever."""
        async with aclosing(observer.follow()) as snapshots:
            async for self._snapshot in snapshots:
                pass

    async def tell(self) -> None:
        """Until nothing is waited for any more."""
        while not (self._steps and is_over(self._steps)):
            await asyncio.sleep(ROUND)
            if self._snapshot:
                self._steps = await self._following.look(self._snapshot)
                self._print()

    def _print(self) -> None:
        for step in self._open():
            if step.state in (StepState.DONE, StepState.UNKNOWN):
                self._told.add(step)
                self._ticker.line(_said(step))
        if left := self._open():
            self._ticker.set(_said(left[0]))

    def _open(self) -> list[Step]:
        return [step for step in self._steps if step not in self._told]

    def rest(self) -> None:
        """Print what did not come true."""
        self._ticker.clear()
        for step in self._open():
            say(_said(step))


def _said(step: Step) -> str:
    return f"{SIGNS[step.state]} {step.zone}: {step.what}{f': {step.why}' if step.why else ''}"


def hide(parsed: Namespace, options: Options) -> int:
    """Take an app off; 1 where there is none of that name, or it is not ours."""
    may_write(parsed, options, "hide")

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = _named(parsed, await on_show(cluster))
            say(_line(found))
            if not parsed.yes and not await ask("Take it off? Type yes to go on:", "yes"):
                say("nothing was changed")
                return 1
            with await wiring.journal(cluster, options) as journal:
                for line in await withdraw(cluster, journal, found):
                    say(line)
            return 0

    return running.run(work)


def _named(parsed: Namespace, found: Iterable[App]) -> App:
    """One of ours first: others may have Ingresses of the same name. Raises Refused."""
    fitting = [app for app in found if app.key == f"{parsed.namespace}/{parsed.name}"]
    if not fitting:
        raise Refused(f"no app {parsed.namespace}/{parsed.name} is on show; homelab-tui apps lists them")
    return min(fitting, key=lambda app: app.foreign is not None)
