"""The console: one Textual app that holds the scene and shows it on the screen in front."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from operator import attrgetter
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.events import Event, Key, Resize
from textual.screen import ModalScreen, Screen
from textual.theme import Theme

from homelab.observe.live import utc_now
from homelab.observe.snapshot import SourceState
from screens.board import View, named
from screens.commands import COMMANDS, DEPLOY, FIRST_TIME, HOME, PALETTE, SETUP, STEPS, Command
from screens.messages import Answered, Go, Wished
from screens.scene import Said, Scene
from screens.thrift import Shown
from tui.feed import CannotConnect, Feed, World

if TYPE_CHECKING:
    from screens.dialogs.confirm import Question

STDIN = 0
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
TICK = 1.0
"""Seconds between two looks at ages, while something is older than it should be."""
GATHERING = 0.05
"""Seconds after a repaint in which more news waits for the next one: at the start many a source answers at once."""
CALM = Theme(
    name="homelab",
    primary="#7fb4ca",
    secondary="#9cabca",
    success="#98bb6c",
    warning="#e6c384",
    error="#e46876",
    foreground="#c8c6b8",
    background="#16171d",
    surface="#16171d",
    panel="#22232c",
    dark=True,
)

COARSE = Theme(
    name="homelab-16",
    primary="#00a8a8",
    secondary="#00a8a8",
    success="#00d000",
    warning="#c9a227",
    error="#ff0000",
    foreground="#c8c6b8",
    background="#000000",
    surface="#000000",
    panel="#000000",
    dark=True,
)
"""For terminals of 16 colours, where the calm ones would all become white."""
DEPLOYING = "deploy"
SERVICES: Mapping[str, str] = {DEPLOYING: "tui.deploying:Deploying", SETUP.id: "tui.setting:Setting"}
"""`module:Class` of what does what screens wish; loaded when the first wish comes."""
SETTINGS = "set-up: "
"""What finds the steps of the set-up among all commands."""
READ_ONLY = "--read-only is set: {} does nothing"
GOES_ON = f"a deploy goes on: key {DEPLOY.key} shows it"
BUSY = "the last wish is not done yet; wait for what comes of it"


class Console(App[int], inherit_bindings=False):
    """Keyboard only, no animation, nothing that blinks."""

    DEFAULT_MODE: ClassVar[str] = HOME.id
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False
    TITLE = "homelab"

    def __init__(self, world: World, *, read_only: bool, name: str | None = None) -> None:
        super().__init__()
        self.scene = Scene(now=utc_now(), read_only=read_only, name=name)
        self.animation_level = "none"
        self.register_theme(CALM)
        self.register_theme(COARSE)
        self.theme = COARSE.name if self.console.color_system == "standard" else CALM.name
        self._world, self._feed = world, Feed(world, self.learn)
        self._writing = False
        self._gathering = False
        self._shown: Scene | None = None
        self._services: dict[str, Any] = {}
        self._told_to_leave = self._has_pressed = False
        self._on_terminal = Shown()
        self._asked: tuple[str, str, ModalScreen[bool]] | None = None
        """What is asked right now before something long: its `module:function`, the row, the dialog."""
        for command in COMMANDS:
            if command.screen:
                self.add_mode(command.id, partial(self._view, command, command.screen))
            for key in () if command.on else filter(None, (command.key, *command.keys)):
                everywhere = bool(command.screen) or key.startswith("ctrl+")  # over a dialog too
                self._bindings.bind(key, f"run('{command.id}')", show=False, priority=everywhere)

    def _view(self, command: Command, path: str) -> Screen[None]:
        made = named(path)(command, lambda: self.scene)
        assert isinstance(made, View)
        return made

    def on_mount(self) -> None:
        """Leave in good order when told to; what is heavy begins after the first paint."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.exit, 0)
        if self._told_to_leave:
            self.exit(0)
        self.set_interval(TICK, self._age)
        self.call_after_refresh(self._begin)

    def leave_early(self) -> None:
        """Leave as soon as the terminal can be given back as it was: a signal came before the first screen."""
        self._told_to_leave = True

    def _begin(self) -> None:
        if HOME.id != self.DEFAULT_MODE:
            self.run_worker(self._resume())
        self.run_worker(self._feed.run, exit_on_error=True)  # type: ignore[arg-type]  # mypy takes it for a plain function
        self.run_worker(self._come_back())

    async def _come_back(self) -> None:
        """To the deploy that goes on, if any: whoever was cut off from it sees it again, unless busy by now."""
        await self._feed.answered()
        await self._serve(DEPLOYING, "notice")
        if self._deploys and self.current_mode != DEPLOY.id:
            if self.current_mode == HOME.id and not self._has_pressed:
                self.action_run(DEPLOY.id)
            else:
                self.tell(said=Said(GOES_ON, "○"))
                await self._serve(DEPLOYING, "watch")

    async def on_unmount(self) -> None:
        """However it ends, what was typed is kept."""
        if setting := self._services.get(SETUP.id):
            await setting.end()

    async def on_event(self, event: Event) -> None:
        """A key takes away what was said and seen, whatever else it does."""
        if isinstance(event, Resize):
            self._on_terminal.forget()
        self._has_pressed = self._has_pressed or isinstance(event, Key)
        if isinstance(event, Key) and not event.is_forwarded and self.scene.said and isinstance(self.screen, View):
            self.tell(said=None)
        await super().on_event(event)

    def learn(self, **news: object) -> None:
        """Bring what was observed into the scene; what comes at once is shown at once, for a slow line's sake."""
        self._bring(**news)
        if not self._gathering:
            self._gather()

    def _gather(self) -> None:
        self._gathering = True
        self._show()
        self.set_timer(GATHERING, self._gathered)

    def _gathered(self) -> None:
        self._gathering = False
        if self.scene is not self._shown:
            self._gather()

    def tell(self, **news: object) -> None:
        """Bring what became of a key, or only the time, into the scene, and show it."""
        self._bring(**news)
        self._ask_no_more()
        self._show()

    def _ask_no_more(self) -> None:
        """A question that can no longer be asked, since somebody else was first, is taken back with the reason."""
        if self._asked and self._asked[2] is self.screen:
            asks, row, dialog = self._asked
            if isinstance(why := named(asks)(row, self.scene), str):
                self._asked = None
                dialog.dismiss(None)
                self._bring(said=Said(why, "▲"))

    def _bring(self, **news: object) -> None:
        self.scene = replace(self.scene, now=utc_now(), **news)  # type: ignore[arg-type]  # callers name its fields

    def _age(self) -> None:
        """Time moves on only where something is not live, or a deploy goes on: a healthy screen costs nothing."""
        sources = self.scene.snapshot.sources.values() if self.scene.snapshot else (self.scene.link,)
        if self._deploys or any(source.state in {SourceState.STALE, SourceState.FAILED} for source in sources):
            self.tell()

    @property
    def _deploys(self) -> bool:
        return self.scene.deployment is not None and self.scene.deployment.ending is None

    def _show(self) -> None:
        self._shown = self.scene
        for screen in reversed(self.screen_stack):
            if isinstance(screen, View) and screen.is_mounted:
                screen.show(self.scene)
                return

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Only what does not stand there yet."""
        if isinstance(renderable, CompositorUpdate) and self._running and not (self._closed or self._batch_count):
            renderable = self._on_terminal.left(renderable, self.size.width)
        super()._display(screen, renderable)

    def _fatal_error(self) -> None:
        """A fault of ours: Textual's own report would print every variable, and with them whatever is secret."""
        self._exit_renderables.append(Text(import_module("tui.faults").told()))
        self._close_messages_no_wait()

    def action_run(self, id: str) -> None:
        """Do what a command says."""
        if id in self._modes:
            if id in map(attrgetter("id"), STEPS):
                self.run_worker(self._serve(SETUP.id, "open", id.removeprefix(f"{SETUP.id}.")))
            if not isinstance(self.screen, View):  # else it would lie over its view when that is opened again
                self.pop_screen()
            self.switch_mode(id)
        elif id == "help":
            self._help()
        elif id == "quit":
            self.exit(0)
        elif id == PALETTE.id:
            self._choose()
        elif id == SETUP.id:
            self._set_up()
        elif isinstance(self.screen, View) and (row := self.screen.pointed):
            command = next(one for one in COMMANDS if one.id == id)
            self._ask(command, row) if command.asks else self.screen.do(id, row)

    def on_go(self, message: Go) -> None:
        """A screen opens another."""
        self.action_run(message.id)

    def _help(self) -> None:
        """Of the view in front."""
        view = next(screen for screen in reversed(self.screen_stack) if isinstance(screen, View))
        self.push_screen(import_module("screens.help").Help(view.pressed(), view.names))

    def _set_up(self) -> None:
        """Where it was left; where there is a plan, a choice among its settings."""
        if self.scene.plan and not self._world.needs_setup():
            self._choose(SETTINGS)
        else:
            self.run_worker(self._resume())

    async def _resume(self) -> None:
        """Where it was left; where there is a finished plan, from the first step on."""
        self._bring(is_alone=False)
        await self._serve(SETUP.id, "open")
        if setup := self.scene.setup:
            is_kept = self._world.needs_setup()
            step = setup.draft.step if is_kept else FIRST_TIME[0].label
            self._bring(is_alone=is_kept and setup.before is not None and step == FIRST_TIME[-1].label)
            self.action_run(f"{SETUP.id}.{step}")

    def _choose(self, typed: str = "") -> None:
        """The palette, over the view in front."""
        if isinstance(self.screen, View):
            offered = [one for one in self.screen.offered() if one is not PALETTE]
            if self.screen.is_form:
                offered.sort(key=lambda one: one not in STEPS)
            palette = import_module("screens.palette").Palette(offered, typed)
            self.push_screen(palette, lambda id: self._chosen(id) if id else None)

    def _chosen(self, id: str) -> None:
        self._bring(is_alone=True)
        self.action_run(id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a person types, digits are text, and open no view."""
        if action == "run" and parameters[0] in self._modes and self._is_form:
            return False
        return super().check_action(action, parameters)

    @property
    def _is_form(self) -> bool:
        types = self.focused is not None and self.focused.check_consume_key("1", "1")
        return types or (isinstance(self.screen, View) and self.screen.is_form)

    def on_answered(self, message: Answered) -> None:
        """Judged at once, so that whatever is pressed next meets it."""
        if service := self._services.get(message.service):
            service.answer(message.path, message.text)

    def on_wished(self, message: Wished) -> None:
        """A screen wants something done; what comes of it is in the scene."""
        self.run_worker(self._serve(message.service, message.name, *message.arguments))

    async def _serve(self, name: str, method: str, *arguments: str) -> None:
        try:
            await getattr(await self._service(name), method)(*arguments)
        except CannotConnect as error:
            self.tell(said=Said(str(error), "✗"))

    async def _service(self, name: str) -> Any:
        """The one of that name, made when it is first needed."""
        made = await asyncio.to_thread(named, SERVICES[name])
        if name not in self._services:
            self._services[name] = made(self._world, self.tell)
        return self._services[name]

    def _ask(self, command: Command, row: str) -> None:
        """Before something is written: what will happen, or why it cannot."""
        assert command.asks
        if self.scene.read_only or self._writing:
            self.tell(said=Said(BUSY if self._writing else READ_ONLY.format(command.label), "▲"))
            return
        asked: Question | str = named(command.asks)(row, self.scene)
        if isinstance(asked, str):
            self.tell(said=Said(asked, "▲"))
            return

        def answered(sure: bool | None) -> None:
            if sure:
                self.tell(said=Said(asked.doing, "○"))
                self.run_worker(self._serve(*command.wish) if command.wish else self._write(command.id, row))

        dialog = import_module("screens.dialogs.confirm").Confirm(asked)
        self._asked = (command.asks, row, dialog) if command.wish else None
        self.push_screen(dialog, answered)

    async def _write(self, id: str, row: str) -> None:
        """Do it, and say what became of it; another key may take that away, but does not stop it."""
        self._writing = True
        try:
            said = Said(await self._world.write(id, row))
        except CannotConnect as error:
            said = Said(str(error), "✗")
        finally:
            self._writing = False
        self.tell(said=said)


class FirstTime(Console):
    """The console where there is no plan yet: it opens at the set-up."""

    DEFAULT_MODE: ClassVar[str] = FIRST_TIME[0].id


def run(world: World, *, read_only: bool, name: str | None = None, setup: bool = False) -> int:
    """Show the console until it is left; the exit code. `setup`: open the set-up though nothing asks for it."""
    begun = FirstTime if setup or world.needs_setup() else Console
    app = begun(world, read_only=read_only, name=name)
    _leave_with_the_terminal(partial(app.call_from_thread, app.exit, 0))
    for number in SIGNALS:
        signal.signal(number, lambda *_: app.leave_early())
    code = app.run(mouse=False)
    import_module("tui.headless.terminal").let_go()  # the terminal may be gone
    return app.return_code or 0 if code is None else code


def _leave_with_the_terminal(leave: Callable[[], object]) -> None:
    """End when the terminal is gone, even where SIGHUP is ignored: Textual would read its end for ever."""

    def wait() -> None:
        hung_up = select.poll()
        hung_up.register(STDIN, 0)  # no event is asked for: only a hang-up is reported
        hung_up.poll()
        try:
            leave()
        except RuntimeError:  # the console has ended by itself
            os._exit(0)

    Thread(target=wait, daemon=True, name="terminal").start()
