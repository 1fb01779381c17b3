"""What every step of the set-up has: progress on top, fields and parts between, the hint and the keys below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget

from homelab.finding import Finding
from homelab.setup.fields import FIELDS, Field, field_of, step_of
from homelab.setup.model import Setup
from screens.commands import HOME, SETUP
from screens.form import Form
from screens.messages import Go, Opening, Wished
from screens.scene import Scene
from screens.widgets import hints
from screens.widgets.lines import Line, Lines, Span
from screens.widgets.patch_table import PatchTable
from screens.widgets.reading import Reading
from screens.wizard import words


class Frame(Form):
    """A step; its file says which parts stand below the fields."""

    STEP: ClassVar[str]
    LOOK: ClassVar[str | None] = None
    """What F5 wishes of the service: to look again at what this step shows."""
    SERVICE: ClassVar[str] = SETUP.id
    CSS_PATH: ClassVar[CSSPathType | None] = ["../form.tcss", "frame.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "look", show=False),
        Binding("ctrl+s", "leave", show=False),
    ]
    _is_open = False
    """Whether there was a set-up to show: then its end is the end of this view too."""
    _behind = HOME.id
    """The view that comes once the set-up has closed."""
    _placed = False
    """Whether the cursor was put where it belongs when the step was opened."""

    @property
    def fields(self) -> Sequence[Field]:
        """What is asked here."""
        return FIELDS[self.STEP]

    def pressed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Those of every step."""
        return [("Keys", words.HELP)]

    def show_parts(self, setup: Setup) -> None:
        """Draw what is below the fields."""

    def remark(self, path: str, setup: Setup) -> Span:
        """What is to be said of a field that has no finding, in a few words."""
        return "", ""

    def help(self, setup: Setup) -> Sequence[Span]:
        """What is said while the cursor is in none of the fields: sentences."""
        return ()

    # Drawing

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        if not self.is_mounted or not self.size.width:
            return
        if (setup := scene.setup) is None and self._is_open:
            self._is_open = False
            self.post_message(Go(self._behind))
            return
        self._is_open = setup is not None
        self._top.show_lines(words.top(self.STEP, scene, self.size.width))
        for entry in self._entries:
            found = self._remark(entry.field.path, setup) if setup else ("", "")
            value = words.value(setup, entry.field.path) if setup else ""
            entry.show(value, found, locked=setup is None or self._is_locked(scene))
        if setup and all(part.is_mounted for part in self.query(Lines)):  # before that Textual forgets other heights
            self.show_parts(setup)
            self._place(setup)
        self._show_hint(scene)

    def _remark(self, path: str, setup: Setup) -> Span:
        finding = words.worst(setup, path)
        if finding:
            return words.brief(finding, words.value(setup, path), setup)
        return self.remark(path, setup) if words.value(setup, path) else words.OPTIONAL

    def _is_locked(self, scene: Scene) -> bool:
        return scene.read_only or bool(scene.setup and scene.setup.holder)

    def _place(self, setup: Setup) -> None:
        """The cursor, when the step is opened: in the first field that lacks its answer, else where one is wrong."""
        if not self._placed or self.focused is None:  # what is locked cannot have it
            self._placed = True
            lacking = (one for one in self._entries if words.is_lacking(setup, one.field))
            if entry := next(lacking, None):
                entry.control.focus()
            elif not (words.is_passed(self.STEP, setup) and self._go_to_wrong(setup)) and self.focused is None:
                self.set_focus(next((one.control for one in self._entries), next(iter(self.focus_chain), None)))

    def _go_to_wrong(self, setup: Setup) -> bool:
        wrong = {field_of(finding.at) for finding in self.errors(setup)}
        entry = next((entry for entry in self._entries if entry.field.path in wrong), None)
        if entry and not entry.control.has_focus:
            entry.control.focus()
        return entry is not None

    def errors(self, setup: Setup) -> Sequence[Finding]:
        """What keeps a person here."""
        return [one for one in setup.judged.findings if one.is_error and step_of(one.at) == self.STEP]

    def sentences(self, scene: Scene) -> Sequence[Span]:
        """The most important first."""
        setup = scene.setup
        if setup is None:
            return [self._note or (scene.said.text if scene.said else words.OPENING, "dim")]
        found: list[Span] = [*words.standing(scene.read_only, setup), *([self._note] if self._note else [])]
        entry = self._entry
        return [*found, *(words.hint(entry.field, setup) if entry else self.help(setup))]

    def keys(self, width: int) -> Line:
        """What can be pressed."""
        here = self.focused
        kinds = ((Reading, hints.READING), (PatchTable, hints.TABLE), (Widget, hints.FIELD))
        own = next((keys for kind, keys in kinds if isinstance(here, kind)), hints.FIELD)
        look = words.LOOK if self.LOOK else ()
        return words.keys(self.on_enter, (*own, *self.own_keys), look, width)

    own_keys: ClassVar[hints.Keys] = ()
    """What can be pressed here and in no other step."""
    on_enter: ClassVar[str] = "continue"
    """What enter does, in a word."""

    # Doing

    def _go_on(self) -> None:
        """To the next step; where something is wrong, to that."""
        scene = self._scene()
        if (setup := scene.setup) is None:
            self._say(words.AWAITED)
            return
        if not self._is_locked(scene):
            if self.errors(setup):
                self._go_to_wrong(setup)
                if setup.looked is None:
                    self._say(words.AWAITED)
                return
            self.post_message(Wished("setup", "confirm", self.STEP))
        self.post_message(Go(words.following(self.STEP, scene)))

    def action_go_back(self) -> None:
        """To the step before; from the first one, and from a setting, out of the set-up."""
        if (before := words.preceding(self.STEP, self._scene())) is None:
            self.action_leave()
            return
        self.post_message(Go(before))

    def action_leave(self) -> None:
        """Keep the answers and go: at once where nothing is open yet, else when the set-up has closed."""
        self.post_message(Opening("setup", "close") if self._scene().setup else Go(HOME.id))

    def suggestion(self, path: str) -> str | None:
        """What is proposed for the field."""
        setup = self._scene().setup
        return words.suggestion(setup, path) if setup else None

    def action_look(self) -> None:
        """Look again."""
        if self.LOOK:
            self.post_message(Wished("setup", self.LOOK))

    def on_screen_resume(self) -> None:
        """Opened anew: the cursor goes where it belongs."""
        self._placed = self._is_open = False
        self._behind = HOME.id
        super().on_screen_resume()
