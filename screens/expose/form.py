"""How an app is shown: port, zone, names, path, password; then what that would change, and the question."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.types import CSSPathType
from textual.widget import Widget

from homelab.access.model import ZONES, Exposure
from homelab.finding import Finding
from homelab.observe.text import clean, shortened
from homelab.setup.fields import Field
from screens.dialogs.reading import Read
from screens.expose.texts import FIELDS, OPEN, SERVICE, meaning, value, view_of, worst
from screens.form import Form
from screens.messages import Go, Opening, Wished
from screens.scene import Scene
from screens.widgets import hints
from screens.widgets.form import Choice
from screens.widgets.lines import Line, Lines, Span

SAME = "✓ Nothing would change: it is on show as it stands here."
OPENING: Span = ("Reading …", "dim")
WAIT: Span = ("○ Still asking the cluster; wait for what it says.", "accent")
MARGIN = "    "
"""Before the lines of each object's diff."""
HELP = (
    ("enter", "See what would change; then it asks, and applies."),
    ("tab ↑ ↓", "The next field, or the one before; shift+tab too."),
    ("← →", "In a field with ◂ ▸: another word."),
    ("F2", "Take what is suggested for the field."),
    ("esc", "Back, with nothing changed."),
    ("ctrl+u", "Empty the field."),
)


class AppForm(Form):
    """One app; every answer is judged at once."""

    SERVICE: ClassVar[str] = SERVICE
    CSS_PATH: ClassVar[CSSPathType | None] = ["../form.tcss", "expose.tcss"]
    _read: str | None = None
    """The changes that were shown."""
    _placed = False
    """Whether the cursor was put into the first field."""

    @property
    def fields(self) -> Sequence[Field]:
        """Those of both zones: the form shows those that are chosen."""
        return FIELDS

    def pressed(self) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
        """Every key."""
        return (("Keys", HELP),)

    def compose_parts(self) -> Iterable[Widget]:
        """What the answers come to."""
        self._means = Lines(classes="means")
        yield self._means

    @property
    def pointed(self) -> str | None:
        """The app."""
        found = self._scene().exposure
        return found.app.key if found and found.app else None

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        if not self.is_mounted or not self.size.width:
            return
        found = scene.exposure
        if view_of(found) != self._command.id:
            if self.app.screen is self:
                self.post_message(Go(view_of(found)))
            return
        assert found and found.app
        self._top.show_lines([self._title(found), hints.rule(self.size.width, found.busy or "")])
        self._show_fields(found, locked=scene.read_only)
        if all(part.is_mounted for part in self.query(Lines)):
            zones = found.app.zones
            room = self.size.width - len(hints.INDENT)
            told = [meaning(found.app, zone) for zone in zones]
            self._means.show_lines(
                [((shortened(f"{hints.INDENT}{clean(said)}", room), style),) for said, style in told]
            )
        if not self._placed or self.focused is None:
            self._placed = True
            self.set_focus(next((one.control for one in self._entries if one.display), None))
        self._show_hint(scene)
        self._show_changes(found)

    def _title(self, found: Exposure) -> Line:
        assert found.app
        what = " Edit an app  " if found.before else " Show an app  "
        name = f"{found.app.namespace}/{found.app.service}"
        finding = worst(found, ("service",))
        said = (hints.brief(finding, name),) if finding else ()
        return ((what, "title"), (clean(name), "strong"), ("  ", ""), *said)

    def _show_fields(self, found: Exposure, *, locked: bool) -> None:
        assert found.app
        offered = {"port": found.ports, "auth": (OPEN, *found.auths)}
        for entry in self._entries:
            path = entry.field.path
            now = value(found.app, path)
            if isinstance(entry.control, Choice) and path in offered:
                words = offered[path]
                entry.control.offer(words if now in words else (*words, now))
            if entry.display is not (is_shown := path not in ZONES or path in found.app.hosts):
                entry.display = is_shown
                self.call_after_refresh(self._show_now)  # its label and remark have a width then
            finding = worst(found, (path,))
            entry.show(now, hints.brief(finding, now) if finding else ("", ""), locked=locked)

    def _show_now(self) -> None:
        self.show(self._scene())

    def _show_changes(self, found: Exposure) -> None:
        """Once they are known, over the form; enter asks."""
        if found.changes is None or found.changes == self._read:
            self._read = found.changes
            return
        self._read = found.changes
        if not found.changes:
            self._say((SAME, "good"))
        elif self.app.screen is self:
            assert found.app
            title = f"{found.app.key}: what would change"
            enter = "" if found.hindrance else "apply"
            diff = "\n".join(line.removeprefix(MARGIN) for line in found.changes.splitlines())  # so that it is coloured
            self.app.push_screen(Read(title, diff, enter), self._chosen)

    def _chosen(self, sure: bool | None) -> None:
        if sure:
            self.app.call_later(self.app.run_action, "run('apps.apply')")

    # What is said

    def sentences(self, scene: Scene) -> Sequence[Span]:
        """What went wrong, then what is to be said of the field with the cursor, or of the app as a whole."""
        found = scene.exposure
        if found is None or found.app is None:
            return [OPENING]
        told: list[Span] = [(f"{hints.WARNING} {hints.NOTHING_CHANGES}", "warn")] if scene.read_only else []
        told += [(f"▲ {found.trouble}", "warn")] if found.trouble else []
        told += [(f"▲ {found.hindrance}", "warn")] if found.hindrance else []
        told += [self._note] if self._note else []
        return told if found.trouble else [*told, *self._of_field(found)]

    def _of_field(self, found: Exposure) -> list[Span]:
        entry = self._entry
        path = entry.field.path if entry else ""
        finding = worst(found, (path,)) or worst(found, self._elsewhere(found))
        said: list[Span] = [hints.told(finding)] if finding else [(entry.field.help, "")] if entry else []
        proposed = self.suggestion(path)
        return [*said, *([(f"Suggested: {proposed} (F2 takes it).", "accent")] if proposed else [])]

    def _elsewhere(self, found: Exposure) -> set[str]:
        """Places of findings that no field on the screen has."""
        assert found.app
        return {one.at for one in found.findings} - {one.field.path for one in self._entries if one.display}

    def suggestion(self, path: str) -> str | None:
        """What is proposed, unless it stands there."""
        found = self._scene().exposure
        if found is None or found.app is None or (proposed := found.proposals.get(path)) is None:
            return None
        return proposed if proposed != value(found.app, path) else None

    def keys(self, width: int) -> Line:
        """What can be pressed."""
        turn = (("← →", "choose"),) if isinstance(self.focused, Choice) else ()
        return hints.keys(
            (
                ("enter", "see the changes"),
                ("esc", "back"),
                *turn,
                *hints.FIELD,
                ("F1", "help"),
                ("ctrl+p", "commands"),
            ),
            width,
        )

    # Doing

    def _go_on(self) -> None:
        """Look at what would change; where something is wrong, to that."""
        scene = self._scene()
        found = scene.exposure
        if found is None or found.app is None or scene.read_only:
            return
        if found.busy:
            self._say(WAIT)
        elif error := next((one for one in found.findings if one.is_error), None):
            self._go_to(error)
        else:
            self._read = None
            self.post_message(Wished(SERVICE, "look"))

    def _go_to(self, error: Finding) -> None:
        entry = next((one for one in self._entries if one.field.path == error.at), None)
        if entry and not entry.control.has_focus:
            entry.control.focus()
        self._say(hints.told(error)) if entry is None else self._show_hint(self._scene())

    def action_go_back(self) -> None:
        """To where the form was opened."""
        self.post_message(Opening(SERVICE, "back"))

    def on_screen_resume(self) -> None:
        """Opened anew, or a dialog was closed."""
        super().on_screen_resume()

    def on_screen_suspend(self) -> None:
        """Another view is in front: the next app begins in the first field."""
        if not self.app.screen.is_modal:
            self._placed, self._read, self._note = False, None, None
            self.set_focus(None)
