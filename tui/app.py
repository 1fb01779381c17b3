"""The console: one Textual app that holds the scene and shows it on the screen in front."""

from __future__ import annotations

import asyncio
import os
import select
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import import_module
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App
from textual.events import Event, Key
from textual.screen import Screen
from textual.theme import Theme

from homelab.observe.live import utc_now
from homelab.observe.snapshot import SourceState
from screens.board import Board, named
from screens.commands import COMMANDS, HOME, Command
from screens.scene import Said, Scene
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
READ_ONLY = "--read-only is set: {} does nothing"
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
        self._told_to_leave = False
        for command in COMMANDS:
            if command.screen:
                self.add_mode(command.id, partial(self._view, command, command.screen))
            for key in () if command.on else (command.key, *command.keys):
                everywhere = bool(command.screen) or key.startswith("ctrl+")  # over a dialog too
                self._bindings.bind(key, f"run('{command.id}')", show=False, priority=everywhere)

    def _view(self, command: Command, path: str) -> Screen[None]:
        made = named(path)(command, lambda: self.scene)
        assert isinstance(made, Board)
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
        self.run_worker(self._feed.run, exit_on_error=True)  # type: ignore[arg-type]  # mypy takes it for a plain function

    async def on_event(self, event: Event) -> None:
        """A key takes away what was said and seen, whatever else it does."""
        if isinstance(event, Key) and not event.is_forwarded and self.scene.said and isinstance(self.screen, Board):
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
        self._show()

    def _bring(self, **news: object) -> None:
        self.scene = replace(self.scene, now=utc_now(), **news)  # type: ignore[arg-type]  # callers name its fields

    def _age(self) -> None:
        """Ages move on only where something is not live: a healthy screen costs nothing."""
        sources = self.scene.snapshot.sources.values() if self.scene.snapshot else (self.scene.link,)
        if any(source.state in {SourceState.STALE, SourceState.FAILED} for source in sources):
            self.tell()

    def _show(self) -> None:
        self._shown = self.scene
        for screen in reversed(self.screen_stack):
            if isinstance(screen, Board) and screen.is_mounted:
                screen.show(self.scene)
                return

    def _fatal_error(self) -> None:
        """A fault of ours: Textual's own report would print every variable, and with them whatever is secret."""
        self._exit_renderables.append(Text(import_module("tui.faults").told()))
        self._close_messages_no_wait()

    def action_run(self, id: str) -> None:
        """Do what a command says."""
        if id in self._modes:
            if not isinstance(self.screen, Board):  # else it would lie over its view when that is opened again
                self.pop_screen()
            self.switch_mode(id)
        elif id == "help":
            self.push_screen(import_module("screens.help").Help())
        elif id == "quit":
            self.exit(0)
        elif isinstance(self.screen, Board) and (row := self.screen.pointed):
            self._ask(next(one for one in COMMANDS if one.id == id), row)

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
                self.run_worker(self._write(command.id, row))

        self.push_screen(import_module("screens.dialogs.confirm").Confirm(asked), answered)

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


def run(world: World, *, read_only: bool, name: str | None = None) -> int:
    """Show the console until it is left; the exit code."""
    app = Console(world, read_only=read_only, name=name)
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
