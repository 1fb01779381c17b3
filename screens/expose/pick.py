"""Which Service is to be shown: typed letters choose among all there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.types import CSSPathType
from textual.widgets import Input

from homelab.access.model import Candidate
from homelab.observe.text import cells, clean, padded, shortened
from screens.board import View
from screens.expose.texts import SERVICE, ready_word, shown_already, view_of
from screens.messages import Go, Opening
from screens.scene import Scene
from screens.widgets import hints
from screens.widgets.bars import said
from screens.widgets.form import Text
from screens.widgets.lines import Line, Lines

NONE = "No Service has that in its name or namespace."
NO_SERVICE = "There is no Service yet: start an app on the cluster, with a Service in front of it."
MARK = "   "
GAP = "  "
HEAD, FEET = 2, 4
"""Lines above the list and below it."""
NAME, LEAST_NAME = 40, 16
"""Columns of a Service's name, at most and at least."""
PORTS, READY = 20, 8
HELP = (
    ("letters", "Services with these words; what cannot be shown says why."),
    ("↑ ↓", "The Service above or below."),
    ("enter", "Show it: a form, filled with what is proposed."),
    ("esc", "Back to the apps."),
)


class Pick(View):
    """A line to type in, and the Services."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../form.tcss", "expose.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down,tab", "move(1)", show=False),
        Binding("pageup", "move(-10)", show=False),
        Binding("pagedown", "move(10)", show=False),
        Binding("escape", "go_back", show=False),
    ]

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        self._at = 0
        self._input = Text(classes="control")
        self._top, self._list = Lines(classes="top"), Lines(classes="form")
        self._hint, self._foot = Lines(classes="hint"), Lines(classes="foot")
        yield self._top
        with Horizontal(classes="prompt"):
            yield Lines([((" Service ", "accent"),)], classes="prompt")
            yield self._input
        yield self._list
        with Vertical(classes="bottom"):
            yield self._hint
            yield self._foot

    @property
    def is_form(self) -> bool:
        """Digits are text here."""
        return True

    @property
    def names(self) -> str:
        """Colons are text too."""
        return "ctrl+p"

    def pressed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Every key."""
        return (("Keys", HELP),)

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        if not self.is_mounted or not self.size.width:
            return
        if view_of(scene.exposure) != self._command.id and self.app.screen is self:
            self.post_message(Go(view_of(scene.exposure)))
            return
        if self.focused is None:
            self._input.focus()
        self._show()

    def on_resize(self, event: object) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        """Chosen anew."""
        if self.is_mounted:
            self._at, self._input.value = 0, ""
        super().on_screen_resume()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other letters, other Services."""
        self._at = 0
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the one that is marked, if it can be shown."""
        if (one := self._marked) and not one.refusal:
            self.post_message(Opening(SERVICE, "choose", one.namespace, one.name))

    def action_move(self, by: int) -> None:
        """Another one."""
        if found := self._found:
            self._at = max(0, min(self._at + by, len(found) - 1)) if abs(by) > 1 else (self._at + by) % len(found)
            self._show()

    def action_go_back(self) -> None:
        """To the apps."""
        self.post_message(Opening(SERVICE, "back"))

    @property
    def _found(self) -> list[Candidate]:
        scene = self._scene()
        return matching(scene.exposure.candidates if scene.exposure else (), self._input.value)

    @property
    def _marked(self) -> Candidate | None:
        found = self._found
        return found[min(self._at, len(found) - 1)] if found else None

    def _show(self) -> None:
        scene, (width, height) = self._scene(), self.size
        found, rows = self._found, max(height - HEAD - FEET - 1, 1)
        count = f"{len(found)} Service{'' if len(found) == 1 else 's'}"
        self._top.show_lines([((" Show an app  ", "title"), (count, "dim")), hints.rule(width)])
        self._list.show_lines(listed(found, self._at, rows, width, scene) or [((f"   {self._none(scene)}", "dim"),)])
        one, told = self._marked, scene.exposure.trouble if scene.exposure else None
        why = one.refusal or shown_already(one, scene) if one else ""
        sentence = (
            (f"▲ {told}", "warn") if told else (clean(f"{one.namespace}/{one.name}: {why}") if one and why else "", "")
        )
        self._hint.show_lines([hints.rule(width), *hints.block([sentence], 2, width)])
        keys = (("↑ ↓", "choose"), ("enter", "take it"), ("esc", "back"), ("F1", "help"))
        self._foot.show_lines(said(scene.said, width) if scene.said else [hints.keys(keys, width)])

    def _none(self, scene: Scene) -> str:
        return NONE if scene.exposure and scene.exposure.candidates else NO_SERVICE


def matching(found: Sequence[Candidate], typed: str) -> list[Candidate]:
    """Those with every typed word in `namespace/name`."""
    words = typed.lower().split()
    return [one for one in found if all(word in f"{one.namespace}/{one.name}" for word in words)]


def listed(found: Sequence[Candidate], at: int, rows: int, width: int, scene: Scene) -> list[Line]:
    """So many lines, those around the marked one."""
    first = max(0, min(at - rows // 2, len(found) - rows))
    room = max(
        LEAST_NAME, min(NAME, max((cells(f"{one.namespace}/{one.name}") for one in found), default=0), width // 2)
    )
    ports = min(PORTS, max((cells(", ".join(one.ports)) for one in found if not one.refusal), default=0))
    lines = [line(one, number == at, (room, ports), width, scene) for number, one in enumerate(found)]
    return lines[first : first + rows]


def line(one: Candidate, here: bool, rooms: tuple[int, int], width: int, scene: Scene) -> Line:
    """Name, ports, ready pods, and what else is to be said; what cannot be shown is dim."""
    room, ports = rooms
    name = padded(clean(f"{one.namespace}/{one.name}"), room)
    facts = "" if one.refusal else f"{padded(', '.join(one.ports), ports)}{GAP}{padded(ready_word(one), READY)}{GAP}"
    more = one.refusal or shown_already(one, scene)
    told = shortened(clean(f"{GAP}{facts}{more}"), width - len(MARK) - room - 1)
    if here:
        return ((" ▸ ", "accent"), (padded(f"{name}{told}", width - len(MARK)), "cursor"))
    return ((MARK, ""), (name, "dim" if one.refusal else "strong"), (told, "dim"))
