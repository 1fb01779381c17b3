"""What every program of ours does on a terminal: colours, signals, thrift, and an end without a trace on the screen."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from threading import Thread
from typing import Any, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.events import Event, Key, Paste, Resize
from textual.screen import Screen
from textual.worker import Worker

from screens.thrift import Shown
from tui.themes import THEMES, fitting
from tui.typeahead import Pressed, TypeAhead

STDIN = 0
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
REST = 1.0
"""Seconds that leaving waits at most for what was pressed before it to begin."""
ROUND = 0.1
"""Seconds between two looks at whether what is being written is written."""
CUT = "homelab-tui: left in the middle of writing ({}): look whether it was written before you count on it"


class Shell(App[int], inherit_bindings=False):
    """Keyboard only, no animation, nothing that blinks."""

    ENABLE_COMMAND_PALETTE = False
    AT_ONCE: ClassVar[frozenset[str]] = frozenset()
    """Keys that wait for nothing: something may hang."""

    def __init__(self, theme: str) -> None:
        super().__init__()
        self.animation_level = "none"
        for one in THEMES:
            self.register_theme(one)
        self.paint(theme)
        self._on_terminal = Shown()
        self._told_to_leave = False
        self.has_pressed = False
        """Whether a person has pressed a key."""
        self.ahead = TypeAhead(self, self.press)
        self._leaves = False
        self.cut = ""
        """What was being written when the app was left."""

    def paint(self, theme: str) -> bool:
        """Take these colours; whether the terminal has enough for them."""
        self.theme = fitting(theme, self.console.color_system)
        return self.theme == theme

    def on_mount(self) -> None:
        """Leave in good order when told to."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.exit, 0)
        self.work(self.ahead.run)
        if self._told_to_leave:
            self.exit(0)

    @property
    def unfinished(self) -> str:
        """What is being written now, in a few words; empty where nothing is."""
        return ""

    def leave(self) -> None:
        """Leave as soon as what is being written is written; asked once more, at once."""
        if self._leaves:
            self.exit(0)
        else:
            self._leaves = True
            self.work(self._leave_then)

    async def _leave_then(self) -> None:
        await self.ahead.comes_to_rest(REST)  # what was entered just before may not have begun
        if self.unfinished:
            self.told_to_wait()
        while self.unfinished:
            await asyncio.sleep(ROUND)
        self.exit(0)

    def told_to_wait(self) -> None:
        """Say what is waited for."""

    def exit(self, result: int | None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """At once; what that cuts off is told in the end."""
        self.cut = self.cut or self.unfinished
        super().exit(result, return_code, message)

    @property
    def is_up(self) -> bool:
        """Whether there is a screen, and will be: while the app is left, what comes late must not look for one."""
        return self._running and not self._exit and bool(self.screen_stack)

    def work(self, job: Callable[[], Awaitable[None]], group: str = "default") -> Worker[None]:
        """Have it done in the background; what is cancelled before its turn comes was never begun."""
        return self.run_worker(job, group=group)  # type: ignore[arg-type]  # mypy takes it for a plain function

    def leave_early(self) -> None:
        """Leave as soon as the terminal can be given back as it was: a signal came before the first screen."""
        self._told_to_leave = True

    async def on_event(self, event: Event) -> None:
        """After another size the terminal may show anything; keys wait for their turn."""
        if isinstance(event, Resize):
            self._on_terminal.forget()
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self.has_pressed = self.has_pressed or isinstance(event, Key)
        if isinstance(event, Key) and event.key in self.AT_ONCE:
            await self.press(event)
        else:
            self.ahead.take(event)

    async def press(self, pressed: Pressed) -> None:
        """It is the turn of a key, or of what was pasted."""
        if self.is_up:
            await super().on_event(pressed)

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Only what does not stand there yet."""
        if isinstance(renderable, CompositorUpdate) and self._running and not (self._closed or self._batch_count):
            renderable = self._on_terminal.left(renderable, self.size.width)
        super()._display(screen, renderable)

    def _fatal_error(self) -> None:
        """A fault of ours: Textual's own report would print every variable, and with them whatever is secret."""
        self._exit_renderables.append(Text(import_module("tui.faults").told()))
        self._close_messages_no_wait()


def shown(app: Shell) -> int:
    """Show it until it is left, or until the terminal is gone; the exit code."""
    _leave_with_the_terminal(partial(app.call_from_thread, app.exit, 0))
    for number in SIGNALS:
        signal.signal(number, lambda *_: app.leave_early())
    code = app.run(mouse=False)
    if app.cut:
        with suppress(OSError):
            print(CUT.format(app.cut), file=sys.stderr)
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
