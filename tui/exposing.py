"""Apps on show as a service of the console: a Service is chosen, a form is judged, then it is applied and followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Protocol

from homelab.access.around import Around, look
from homelab.access.expose import candidates, exposed, port_of, ports, propose, zoned
from homelab.access.following import Following, is_over
from homelab.access.judging import consent, judge
from homelab.access.model import ZONES, App, Exposure
from homelab.access.publishing import as_diff, order, preview, publish, withdraw
from homelab.observe.raw import full_name
from homelab.observe.snapshot import Snapshot
from homelab.plan.model import Plan
from homelab.ports import Cluster, Exists, Outdated
from homelab.stack.diff import Action
from homelab.stack.journal import Journal
from screens.scene import Said
from tui import wiring
from tui.console import explaining
from tui.feed import CannotConnect
from tui.options import Options

SOON = 2.0
"""Seconds between two looks while something is waited for: names and doors tell nobody that they have changed."""
READ_ONLY = "read-only: nothing is written"
GONE = "that app is no longer there"
CHANGED = "It was read again: enter shows your answers on top of what it is now. What had happened: {}"
BUSY = "the last change is not written yet; wait for what comes of it"
BOTH = "both"


class Home(Protocol):
    """Where to show, and under which names."""

    def plan(self) -> Plan:
        """The plan; called in a thread. Raises CannotConnect with what to do."""

    async def attached(self) -> Options:
        """What is to be used, once the lab is there where it is to be the lab. Raises CannotConnect."""

    def reached(self) -> AbstractAsyncContextManager[Cluster]:
        """The connection that there is, else one of its own. Raises CannotConnect."""


class Exposing:
    """One for each console; `tell` gets the scene's `exposure` and `said`. All methods are awaited but `answer`."""

    def __init__(self, home: Home, tell: Callable[..., None]) -> None:
        self._home, self._tell = home, tell
        self._form: Exposure | None = None
        self._plan: Plan
        self._around = Around()
        self._snapshot: Snapshot | None = None
        self._news = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self.writing = ""
        """What is on its way to the cluster: nobody may leave before it is known what came of it."""

    def see(self, snapshot: Snapshot | None) -> None:
        """What is observed now."""
        self._snapshot = snapshot
        self._news.set()

    # Choosing

    async def pick(self) -> None:
        """Tell which Services there are. Raises CannotConnect."""
        await self._may_write()
        await self._read()
        trouble = "; ".join(self._around.unread) or None
        self._show(Exposure(candidates=candidates(self._around), trouble=trouble))

    async def choose(self, namespace: str, service: str) -> None:
        """Fill in a form for a Service."""
        self._judged(self._filled(propose(namespace, service, self._plan, self._around)))

    async def edit(self, row: str) -> None:
        """Fill in the form of an app, by one of its Ingresses. Raises CannotConnect where it cannot be edited."""
        await self._may_write()
        await self._read()
        app = self._found(row)
        if app.refusal:
            raise CannotConnect(app.refusal)
        self._judged(self._filled(app, app))

    async def back(self) -> None:
        """To where one came from: from the form of a new app to the Services, else to the apps."""
        form = self._form
        is_new = form is not None and form.app is not None and form.before is None and not form.is_applied
        self._show(Exposure(candidates=candidates(self._around)) if is_new else None)

    def _filled(self, app: App, before: App | None = None) -> Exposure:
        service = next(
            (one for one in self._around.services or () if full_name(one) == f"{app.namespace}/{app.service}"), None
        )
        return Exposure(app, before, ports=ports(service) if service else (), auths=self._around.auths)

    def _found(self, row: str) -> App:
        apps = exposed(self._around.ingresses or (), self._around.middlewares)
        app = next((one for one in apps if row in {f"{one.namespace}/{name}" for name in one.version}), None)
        if app is None:
            raise CannotConnect(GONE)
        return app

    # Answering

    def answer(self, path: str, text: str) -> None:
        """Something was typed."""
        form = self._form
        if form and form.app and not form.is_applied:
            app = self._answered(form.app, path, text)
            if app != form.app:
                self._judged(replace(form, app=app))

    def _answered(self, app: App, path: str, text: str) -> App:
        if path == "zone":
            return zoned(app, ZONES if text == BOTH else (text,), self._plan, self._around)
        if path in ZONES:
            return replace(app, hosts={**app.hosts, path: text})
        if path == "port":
            return replace(app, port=port_of(text))
        return replace(app, auth=None if text == "none" else text) if path == "auth" else replace(app, path=text)

    def _judged(self, form: Exposure) -> None:
        """What is wrong with it, and what is proposed instead; what was looked at before is void."""
        assert form.app
        bare = zoned(replace(form.app, hosts={}), form.app.zones, self._plan, self._around)
        self._show(
            replace(
                form,
                proposals={**bare.hosts, "path": "/"},
                findings=judge(form.app, self._plan, self._around),
                consent=consent(form.app, form.before),
                changes=None,
                hindrance=None,
                trouble=None,
                busy=None,
            )
        )

    # Writing

    async def look(self) -> None:
        """Tell what applying would change, as the cluster is now."""
        if (form := self._form) is None or form.app is None:
            return
        self._show(replace(form, busy="asking what would change"))
        try:
            await self._read()
            self._judged(form)
            async with self._home.reached() as cluster:
                with explaining():
                    found = await preview(cluster, form.app, form.before)
        except CannotConnect as error:
            await self._refused(form, error)
            return
        now = self._form
        if now is None or now.app != form.app or any(one.is_error for one in now.findings):
            return  # something was typed meanwhile, or somebody has taken the name
        blocked = next((one.note or str(one.ref) for one in found if one.action is Action.BLOCKED), None)
        changed = as_diff([one for one in found if one.action is not Action.SAME])
        self._show(replace(now, changes=changed, hindrance=blocked, busy=None))

    async def _refused(self, form: Exposure, error: CannotConnect) -> None:
        """Tell it; where somebody else was first, on top of what they did."""
        self._judged(form)
        if isinstance(error.__context__, (Outdated, Exists)):
            with suppress(CannotConnect):
                await self._read()
                form = self._anew(form)
                self._judged(form)
                error = CannotConnect(CHANGED.format(error))
        assert self._form
        self._show(replace(self._form, trouble=str(error)))

    def _anew(self, form: Exposure) -> Exposure:
        """The same answers, to what the app is now; to none where it is gone."""
        assert form.app
        key = form.app.key
        apps = exposed(self._around.ingresses or (), self._around.middlewares)
        now = next((one for one in apps if one.key == key and not one.foreign), None)
        return replace(form, before=now, app=replace(form.app, version=now.version if now else {}))

    async def apply(self) -> None:
        """Put it on show as it stands, and follow it. Raises CannotConnect."""
        options = await self._may_write()
        form = self._form
        if form is None or form.app is None:
            return
        self._show(replace(form, busy="applying"))
        try:
            async with self._changing(form.app, options) as (cluster, journal):
                app = await publish(cluster, journal, form.app, form.before)
                ordered = await order(cluster, journal, app, form.before)
        except CannotConnect as error:
            self._tell(said=None)
            await self._refused(form, error)
            return
        self._tell(said=Said(f"{app.key} is written{f'; {ordered}' if ordered else ''}"))
        self._begin(app)

    async def withdraw(self, row: str) -> None:
        """Take an app off. Raises CannotConnect."""
        options = await self._may_write()
        await self._read()
        app = self._found(row)
        async with self._changing(app, options) as (cluster, journal):
            told = await withdraw(cluster, journal, app)
        self._tell(said=Said(f"{app.key} is withdrawn: {'; '.join(told)}"))

    @asynccontextmanager
    async def _changing(self, app: App, options: Options) -> AsyncIterator[tuple[Cluster, Journal]]:
        """One change at a time. Raises CannotConnect."""
        if self.writing:
            raise CannotConnect(BUSY)
        self.writing = app.key
        try:
            async with self._home.reached() as cluster:
                with explaining(), await wiring.journal(cluster, options) as journal:
                    yield cluster, journal
        finally:
            self.writing = ""

    # Following

    async def watch(self, row: str) -> None:
        """Follow an app that is on show. Raises CannotConnect."""
        await self._read()
        app = self._found(row)
        if app.foreign:
            raise CannotConnect(f"{app.key} was made by {app.foreign}: key 3 shows how its routes fare")
        self._begin(app)

    async def follow(self) -> None:
        """The steps are in front."""
        if self._form and self._form.is_applied and self._form.app and self._watching is None:
            self._watching = asyncio.create_task(self._watch(self._form.app))

    async def leave(self) -> None:
        """They are not: nothing is looked at."""
        if self._watching:
            self._watching.cancel()
        self._watching = None

    def _begin(self, app: App) -> None:
        if self._watching:
            self._watching.cancel()
        self._watching = None
        self._show(Exposure(app, app, is_applied=True))

    async def _watch(self, app: App) -> None:
        options = await self._home.attached()
        following = Following(app, wiring.names(options), wiring.web(options))
        while True:
            self._news.clear()
            if self._snapshot:
                steps = await following.look(self._snapshot)
                if self._form and self._form.is_applied and steps != self._form.steps:
                    self._show(replace(self._form, steps=steps))
            over = bool(self._form and self._form.steps and is_over(self._form.steps))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), None if over else SOON)

    # Knowing

    async def _may_write(self) -> Options:
        options = await self._home.attached()
        if options.read_only:
            raise CannotConnect(READ_ONLY)
        return options

    async def _read(self) -> None:
        """The plan, and all on the cluster that has a say. Raises CannotConnect."""
        self._plan = await asyncio.to_thread(self._home.plan)
        async with self._home.reached() as cluster:
            with explaining():
                self._around = await look(cluster)

    def _show(self, form: Exposure | None) -> None:
        self._form = form
        self._tell(exposure=form)
