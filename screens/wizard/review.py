"""The plan as it will be written, or what changes in the one that is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from homelab.finding import Finding
from homelab.observe.text import clean
from homelab.setup.model import Setup
from homelab.setup.review import changes
from screens.board import path_of
from screens.commands import DEPLOY, DISCARD, Command
from screens.messages import Go, Opening
from screens.scene import Scene
from screens.widgets import hints
from screens.widgets.lines import Line, Lines, Span
from screens.widgets.reading import Reading
from screens.wizard import words
from screens.wizard.findings import finding_lines
from screens.wizard.frame import Frame

STYLES = {"+": "good", "-": "bad", "@": "accent"}
SAME = "Nothing differs from the plan that is there."


class Review(Frame):
    """The last step: enter writes the plan, and opens the deploy."""

    STEP: ClassVar[str] = "review"
    own_keys: ClassVar[hints.Keys] = ((DISCARD.key or "", DISCARD.label),)
    on_enter: ClassVar[str] = "save and deploy"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("x", f"app.run('{DISCARD.id}')", show=False)]

    def compose_parts(self) -> Iterable[Widget]:
        """What is to be said of it, and its text."""
        self._awaited = False
        """Whether the plan is being written."""
        self._about, self._text = Lines(classes="about"), Reading(classes="told")
        yield self._about
        yield self._text

    def show_parts(self, setup: Setup) -> None:
        """Draw both; once the plan is written, on to the deploy."""
        if self._awaited and (setup.is_written or setup.said):
            self._awaited = False
            if setup.is_written:
                self._behind = DEPLOY.id
                self.post_message(Opening("setup", "close"))
        self._about.show_lines([about(setup), hints.rule(self.size.width)])
        self._text.show_text(text_lines(setup, self.size.width), setup.judged.text)

    @property
    def pointed(self) -> str | None:
        """The answers as a whole, which can be thrown away."""
        return self.STEP

    def _offers(self, command: Command, scene: Scene) -> bool:
        return command.on == path_of(self) and not self._is_locked(scene)

    def help(self, setup: Setup) -> Sequence[Span]:
        """The first thing that is wrong, else what comes next."""
        first = min(setup.judged.findings, key=lambda one: not one.is_error, default=None)
        if first and first.is_error:
            return [hints.told(first)]
        next_one = ("Enter writes the plan; then the deploy shows what it would do, and asks before it begins.", "")
        return [next_one, *([hints.told(first)] if first else [])]

    def errors(self, setup: Setup) -> Sequence[Finding]:
        """Those of every step."""
        return [one for one in setup.judged.findings if one.is_error]

    def _go_on(self) -> None:
        """Write the plan; where something is wrong, to the step that asks for it."""
        scene = self._scene()
        if scene.setup is None or self._is_locked(scene):
            return
        if wrong := self.errors(scene.setup):
            self.post_message(Go(words.step_for(wrong[0].at)))
            return
        self._awaited = True
        self.post_message(Opening("setup", "finish"))


def about(setup: Setup) -> Line:
    """How much is wrong, and where the plan will be."""
    errors = sum(one.is_error for one in setup.judged.findings)
    warnings = len(setup.judged.findings) - errors
    counts: list[Span] = []
    if errors:
        counts.append((f"  ✗ {errors} {'error' if errors == 1 else 'errors'}", "bad"))
    if warnings:
        counts.append((f"  ▲ {warnings} {'warning' if warnings == 1 else 'warnings'}", "warn"))
    what = "changes of" if setup.before is not None else "to be written to"
    return (*(counts or [("  ✓ nothing is wrong", "good")]), (f"   {what} ", "dim"), (clean(setup.file), ""))


def text_lines(setup: Setup, width: int) -> list[Line]:
    """The whole plan, or the difference from the one that is there; while something is wrong, that."""
    if not setup.judged.text:
        return finding_lines((one for one in setup.judged.findings if one.is_error), width)
    if setup.before is None:
        return list(map(plan_line, setup.judged.text.splitlines()))
    changed = changes(setup.before, setup.judged.text)
    return [((f"  {clean(line)}", STYLES.get(line[:1], "dim")),) for line in changed] or [((f"  {SAME}", "dim"),)]


def plan_line(line: str) -> Line:
    """A line of the plan, its comment less important than what it says."""
    said, mark, comment = clean(line).partition("#")
    return ((f"  {said}", ""), (f"{mark}{comment}", "dim"))
