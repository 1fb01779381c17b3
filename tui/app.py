"""The console: one Textual app that holds the scene and shows it on the screen in front."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.worker import Worker

from homelab.observe.live import stamp, utc_now
from homelab.observe.snapshot import SourceState
from screens.board import View, named
from screens.commands import (
    COMMANDS,
    DEPLOY,
    FIRST_TIME,
    HOME,
    PALETTE,
    PAUSE,
    QUIT,
    READ_ONLY,
    SETUP,
    STEPS,
    TABLES,
    THEMES,
    Command,
    sign,
)
from screens.messages import Answered, Go, Opening, Wished
from screens.scene import Said, Scene
from tui.feed import CannotConnect, Feed, World
from tui.settings import Settings
from tui.shell import Shell, shown
from tui.typeahead import Pressed

if TYPE_CHECKING:
    from screens.dialogs.confirm import Confirm, Question
    from screens.palette import Palette

TICK = 1.0
"""Seconds between two looks at ages, while something is older than it should be."""
GATHERING = 0.05
"""Seconds after a repaint in which more news waits for the next one: at the start many a source answers at once."""
DEPLOYING = "deploy"
SERVICES: Mapping[str, str] = {
    DEPLOYING: "tui.deploying:Deploying",
    SETUP.id: "tui.setting:Setting",
    "users": "tui.accessing:Accessing",
    "export": "tui.exporting:Exporting",
    "inspect": "tui.inspecting:Inspecting",
    "apps": "tui.exposing:Exposing",
}
"""`module:Class` of what does what screens wish; loaded when the first wish comes."""
SETTINGS = "set-up: "
"""What finds the steps of the set-up among all commands."""
LOCKED = "--read-only is set: {} does nothing"
GUARDED = "read-only: {} does nothing; {} allows writing"
STILL = "the screen stands still: {} does nothing until {} lets it go on"
LEAVES = "still writing ({}); the console closes when that is done, or at once when asked again"
FEW = "; this terminal has 16 colours, so those for 16 are used"
GOES_ON = "a deploy goes on: key {} shows it"
NO_OBJECT = "no object of the cluster stands behind this row: there is nothing to look at"
BUSY = "the last wish is not done yet; wait for what comes of it"
SERVING = "services"
"""Workers of services: they end with the cluster that they serve."""
CONTEXT = "context."
"""What the command begins with that shows another cluster; its name is behind."""
SEEN = ("now", "link", "version", "snapshot", "plan", "plan_trouble", "deployment")
"""What stands still while the screen does; what a person asks for is shown."""


class Console(Shell, inherit_bindings=False):
    """Shows the scene, brings in what is learnt, and has done what is wished."""

    DEFAULT_MODE: ClassVar[str] = HOME.id
    TITLE = "homelab"
    AT_ONCE: ClassVar[frozenset[str]] = frozenset(QUIT.keys)

    def __init__(
        self,
        world: World,
        *,
        read_only: bool,
        name: str | None = None,
        settings: Settings | None = None,
        trouble: str | None = None,
    ) -> None:
        """`read_only`: whether writing is refused for good; `trouble`: what is wrong with the settings."""
        liked = settings or Settings()
        super().__init__(liked.theme)
        said = Said(trouble, "▲") if trouble else None
        self.scene = Scene(now=utc_now(), read_only=read_only or liked.read_only, name=name, said=said)
        self._world, self._feed = world, Feed(world, self.learn)
        self._is_locked = read_only
        if liked.read_only:
            world.guard(True)
        self._still: Scene | None = None
        """What is shown while the screen stands still."""
        self._era = 0
        """Counts clusters: what is told of one before the last is nobody's any more."""
        self._deeds: dict[Worker[None], str] = {}
        """What was said yes to and is not done yet, in a few words."""
        self._gathering = False
        self._shown: Scene | None = None
        self._services: dict[str, Any] = {}
        self._asked: tuple[str, str, Confirm] | None = None
        """What is asked right now before something long: its `module:function`, the row, the dialog."""
        for command in COMMANDS:
            if command.screen and not command.on:
                self.add_mode(command.id, partial(self._view, command, command.screen))
            for key in () if command.on else filter(None, (command.key, *command.keys)):
                opens = bool(command.screen) and not key.isalpha()  # a letter is a dialog's
                everywhere = opens or key.startswith("ctrl+")  # over a dialog too
                self._bindings.bind(key, f"run('{command.id}')", show=False, priority=everywhere)

    def _view(self, command: Command, path: str) -> Screen[None]:
        made = named(path)(command, lambda: self.seen)
        assert isinstance(made, View)
        return made

    def on_mount(self) -> None:
        """What is heavy begins after the first paint."""
        self.set_interval(TICK, self._age)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if HOME.id != self.DEFAULT_MODE:
            self.ahead.wait_for(self.work(self._resume))
        self.work(self._feed.run)
        self.work(self._come_back, SERVING)

    async def _come_back(self) -> None:
        """To the deploy that goes on, if any: whoever was cut off from it sees it again, unless busy by now."""
        await self._feed.answered()
        await self._serve(DEPLOYING, "notice")
        if self._deploys and self.current_mode != DEPLOY.id:
            if self.current_mode == HOME.id and not self.has_pressed:
                self.action_run(DEPLOY.id)
            else:
                self.tell(said=Said(GOES_ON.format(sign(DEPLOY)), "○"))
                await self._serve(DEPLOYING, "watch")

    async def on_unmount(self) -> None:
        """However it ends, what was typed is kept."""
        if setting := self._services.get(SETUP.id):
            await setting.end()

    async def press(self, pressed: Pressed) -> None:
        """A key takes away what was said and seen, whatever else it does."""
        if isinstance(pressed, Key) and self.is_up and self.scene.said and isinstance(self.screen, View):
            self.tell(said=None)
        await super().press(pressed)

    def learn(self, **news: object) -> None:
        """Bring what was observed into the scene; what comes at once is shown at once, for a slow line's sake."""
        self._bring(**news)
        if "snapshot" in news:
            self._see()
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
        if self.is_up:
            self._ask_no_more()
            self._show()

    def _ask_no_more(self) -> None:
        """A question that cannot be asked any more, since somebody else was first, is taken back with the reason."""
        if self._asked and self._asked[2] is self.screen:
            asks, row, dialog = self._asked
            if isinstance(why := named(asks)(row, self.scene), str):
                self._asked = None
                dialog.take_back(why)

    @property
    def seen(self) -> Scene:
        """What is on the screen: the scene, or what it was when it came to stand still."""
        if (still := self._still) is None:
            return self.scene
        return replace(self.scene, paused=still.paused, **{name: getattr(still, name) for name in SEEN})

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

    @property
    def unfinished(self) -> str:
        """The change that is on its way to the cluster."""
        self._deeds = {work: what for work, what in self._deeds.items() if not work.is_finished}
        written = (getattr(one, "writing", "") for one in self._services.values())
        return next(filter(None, (*written, *self._deeds.values())), "")

    def told_to_wait(self) -> None:
        """In the place of the keys."""
        self.tell(said=Said(LEAVES.format(self.unfinished), "○"))

    def _show(self) -> None:
        self._shown = self.scene
        for screen in reversed(self.screen_stack):
            if isinstance(screen, View) and screen.is_mounted:
                screen.show(self.seen)
                return

    def action_run(self, id: str) -> None:
        """Do what a command says."""
        own: Mapping[str, Callable[[], object]] = {
            "help": self._help,
            QUIT.id: self.leave,
            PALETTE.id: self._choose,
            SETUP.id: self._set_up,
            PAUSE.id: self._pause,
            READ_ONLY.id: self._guard,
            **{one.id: partial(self._paint, one) for one in THEMES},
        }
        if not self.is_up:
            return
        if id in self._modes:
            self._open(id)
        elif id in own:
            own[id]()
        elif id.startswith(CONTEXT):
            self.ahead.wait_for(self.work(partial(self._turn, id.removeprefix(CONTEXT)), CONTEXT))
        elif isinstance(self.screen, View):
            self._act(next(one for one in COMMANDS if one.id == id), self.screen)

    def _open(self, id: str) -> None:
        if id in map(attrgetter("id"), STEPS):
            self._wish(SETUP.id, "open", id.removeprefix(f"{SETUP.id}."))
        for _ in self.screen_stack[1:]:  # else they would lie over their view when that is opened again
            self.pop_screen()
        self.switch_mode(id)

    def _act(self, command: Command, view: View) -> None:
        """On what the cursor is at."""
        if command.on == TABLES:
            view.treat(command.id)
        elif row := view.pointed:
            if command.screen:
                self._look(command, row, view)
            elif command.asks:
                self._ask(command, row)
            elif command.begins and (why := self._refusal(command)):
                self.tell(said=Said(why, "▲"))
            else:
                view.do(command.id, row)

    def _paint_all(self) -> None:
        """What was held back; lines that stand there already are not sent."""
        self._end_batch()
        if self.is_up:
            self.screen.refresh(layout=True)

    def _look(self, command: Command, row: str, view: View) -> None:
        """At a row, closer: over the view in front."""
        assert command.screen
        if refs := view.objects:
            self._begin_batch()  # the first answer comes with the first paint, rather than after an empty one
            self.push_screen(named(command.screen)(command, lambda: self.scene, row, refs))
            self.set_timer(GATHERING, self._paint_all)
        else:
            self.tell(said=Said(NO_OBJECT, "▲"))

    def _pause(self) -> None:
        """Stand still, or go on."""
        if isinstance(self.screen, View) and not self.screen.is_form:
            self._still = None if self._still else replace(self.scene, paused=stamp(utc_now()))
            self._show()

    def _guard(self) -> None:
        """Refuse all writing, or allow it; not below a question that was asked before."""
        if not isinstance(self.screen, View):
            return
        if self._is_locked:
            self.tell(said=Said("--read-only was given when homelab-tui was started: it stays so to the end", "▲"))
        elif self.scene.setup or self.unfinished or self._deploys:
            self.tell(said=Said("first end what goes on: the set-up, a deploy, or what is being written", "▲"))
        else:
            is_on = not self.scene.read_only
            self._world.guard(is_on)
            self.tell(read_only=is_on, said=Said("nothing is written from now on" if is_on else "writing is allowed"))

    def _paint(self, command: Command) -> None:
        """Other colours, for as long as the console is open."""
        wanted = command.id.removeprefix("theme.")
        few, place = "" if self.paint(wanted) else FEW, import_module("tui.settings").file()
        self.tell(said=Said(f'{wanted} until you leave{few}; to keep it write theme = "{wanted}" in {place}'))

    async def _turn(self, context: str) -> None:
        """To another cluster: nothing that is known of this one stays."""
        if self.unfinished or self._deploys or self.scene.setup:
            self.tell(said=Said("first end what goes on here: the set-up, a deploy, or what is being written", "▲"))
            return
        try:
            is_home = await asyncio.to_thread(self._world.turn, context)
        except CannotConnect as error:
            self.tell(said=Said(str(error), "▲"))
            return
        self._era += 1
        self.workers.cancel_group(self, SERVING)
        self._services, self._still, before = {}, None, self.scene
        await self._feed.turn()
        self.scene = Scene(
            now=utc_now(),
            read_only=before.read_only,
            name=context,
            plan=before.plan,
            plan_trouble=before.plan_trouble,
            is_foreign=not is_home,
        )
        self.action_run(HOME.id)
        self._show()

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
            self.ahead.wait_for(self.work(self._resume))

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
            self.work(partial(self._offer_contexts, palette))

    async def _offer_contexts(self, palette: Palette) -> None:
        """Below the others, as soon as the kubeconfig is read."""
        names = await asyncio.to_thread(self._world.contexts)
        palette.add([Command(f"{CONTEXT}{name}", None, f"Cluster: {name}", "Show this one.") for name in names])

    def _chosen(self, id: str) -> None:
        self._bring(is_alone=True)
        self.action_run(id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where a person types, digits are text, and open no view; a key that means nothing now is another's."""
        if action == "run" and parameters[0] in self._modes and self._is_form:
            return False
        if action == "run" and isinstance(self.screen, View) and not self.screen.allows(str(parameters[0])):
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
        self._wish(message.service, message.name, *message.arguments)

    def on_opening(self, message: Opening) -> None:
        """The same; keys wait for what comes to the front."""
        self.ahead.wait_for(self._wish(message.service, message.name, *message.arguments))

    def _wish(self, service: str, name: str, *arguments: object) -> Worker[None]:
        return self.work(partial(self._serve, service, name, *arguments), SERVING)

    async def _serve(self, name: str, method: str, *arguments: object) -> None:
        try:
            await getattr(await self._service(name), method)(*arguments)
        except CannotConnect as error:
            self.tell(said=Said(str(error), "✗"))

    async def _service(self, name: str) -> Any:
        """The one of that name, made when it is first needed."""
        made = None if name in self._services else await asyncio.to_thread(named, SERVICES[name])
        if made and name not in self._services:
            self._services[name] = made(self._world, partial(self._tell_of, self._era))
            self._see()
        return self._services[name]

    def _see(self) -> None:
        """Services that follow what is observed are given it."""
        for service in self._services.values():
            if hasattr(service, "see"):
                service.see(self.scene.snapshot)

    def _tell_of(self, era: int, **news: object) -> None:
        """What a service tells; nothing where it is one of another cluster."""
        if era == self._era:
            self.tell(**news)

    def _refusal(self, command: Command) -> str | None:
        """Why nothing can be written now."""
        if self.unfinished:
            return BUSY
        if self.scene.read_only:
            return (LOCKED if self._is_locked else GUARDED).format(command.label, sign(READ_ONLY))
        return STILL.format(command.label, sign(PAUSE)) if self._still else None

    def _ask(self, command: Command, row: str) -> None:
        """Before something is written: what will happen, or why it cannot."""
        assert command.asks
        if why := self._refusal(command):
            self.tell(said=Said(why, "▲"))
            return
        asked: Question | ModalScreen[None] | str = named(command.asks)(row, self.scene)
        if isinstance(asked, str):
            self.tell(said=Said(asked, "▲"))
            return
        if isinstance(asked, ModalScreen):  # a form, which wishes what was filled in
            self.push_screen(asked)
            return
        wish = asked.wish or command.wish

        def answered(sure: bool | None) -> None:
            if sure:
                self.tell(said=Said(asked.doing, "○"))
                done = self._wish(*wish) if wish else self.work(partial(self._write, command.id, row))
                self._deeds[done] = f"{command.label} {row}"

        dialog = import_module("screens.dialogs.confirm").Confirm(asked)
        self._asked = (command.asks, row, dialog) if wish else None
        self.push_screen(dialog, answered)

    async def _write(self, id: str, row: str) -> None:
        """Do it, and say what became of it; another key may take that away, but does not stop it."""
        try:
            self.tell(said=Said(await self._world.write(id, row)))
        except CannotConnect as error:
            self.tell(said=Said(str(error), "✗"))


class FirstTime(Console):
    """The console where there is no plan yet: it opens at the set-up."""

    DEFAULT_MODE: ClassVar[str] = FIRST_TIME[0].id


def run(
    world: World,
    *,
    read_only: bool,
    name: str | None = None,
    setup: bool = False,
    settings: Settings | None = None,
    trouble: str | None = None,
) -> int:
    """Show the console until it is left; the exit code. `setup`: open the set-up though nothing asks for it."""
    begun = FirstTime if setup or world.needs_setup() else Console
    app = begun(world, read_only=read_only, name=name, settings=settings, trouble=trouble)
    return shown(app)
