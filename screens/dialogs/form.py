"""A few fields over the lower part of a view: judged while they are typed, and forgotten with the dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Input

from homelab.access.credentials import generated
from homelab.observe.text import cells
from screens.dialogs.confirm import title
from screens.messages import Wished
from screens.widgets.form import Asked, Text
from screens.widgets.hints import COPIED, Keys, block, keys
from screens.widgets.lines import Lines, Span

NOTED: Span = ("✓ made for you", "good")
NOTE_IT = "Note it now: it is shown here and nowhere else. F3 copies it, F2 makes another one."
TYPE_OR_MAKE = "Type it twice, or F2 makes one."
HINT = 2
"""Lines of the sentence."""
AT_EASE = 18
"""Lines of the terminal from which on there is room between the parts."""
SLIM = 60
"""Columns below which labels and fields are shorter."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One field."""

    key: str
    label: str
    is_secret: bool = False
    value: str = ""
    """What stands there at first."""


PASSWORD, AGAIN = Ask("password", "Password", is_secret=True), Ask("again", "Again", is_secret=True)
Written = Mapping[str, str]
"""What stands in the fields, by their keys."""


def _nothing(written: Written) -> Mapping[str, Span]:
    return {}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is asked, how it is judged, and what is wished then."""

    title: str
    asks: tuple[Ask, ...]
    faults: Callable[[Written], Mapping[str, str]]
    """Why it cannot be taken, by field; with none it can."""
    wish: Callable[[Written], tuple[str, ...]]
    """The service, its method and what that is told."""
    verb: str
    """What enter does, in a word."""
    about: str = ""
    """What is said while nothing is wrong."""
    remark: Callable[[Written], Mapping[str, Span]] = field(default=_nothing)
    """What is said beside what is right, in a few words."""

    @property
    def can_make(self) -> bool:
        """Whether a new password is asked for, so that one can be made."""
        return AGAIN in self.asks


class FormDialog(ModalScreen[None]):
    """What was typed leaves it once, as a wish; nobody else ever sees it."""

    CSS_PATH = "form.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "Text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", show=False, priority=True),
        Binding("escape", "leave", show=False),
        Binding("f2", "make", show=False),
        Binding("f3", "copy", show=False),
        Binding("down,tab", "turn(1)", show=False, priority=True),
        Binding("up,shift+tab", "turn(-1)", show=False, priority=True),
    ]

    def __init__(self, sheet: Sheet) -> None:
        super().__init__()
        self._sheet = sheet
        self._head, self._hint, self._foot = Lines(classes="head"), Lines(classes="hint"), Lines(classes="foot")
        self._rows = {one.key: Asked(one.label, Text(classes="control", password=one.is_secret)) for one in sheet.asks}
        self._first = {one.key: one.value for one in sheet.asks}
        self._tried = False
        """Whether enter was pressed: then what is still empty is wrong too."""
        self._made = ""
        """The password that was made here, while it stands in the field: the only one that is shown."""
        self._note: Span | None = None

    def compose(self) -> ComposeResult:
        """Title, fields, a sentence, keys."""
        with Vertical():
            yield self._head
            yield from self._rows.values()
            yield self._hint
            yield self._foot

    def on_mount(self) -> None:
        """What stands there at first."""
        for one in self._sheet.asks:
            if one.value:
                self._rows[one.key].control.take(one.value)
        self.call_after_refresh(self._show)

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self.call_after_refresh(self._show)

    def on_unmount(self) -> None:
        """However it ends, nothing that was typed stays."""
        self._made = self.app._clipboard = ""  # Textual keeps what was copied
        for row in self._rows.values():
            with row.control.prevent(Input.Changed):
                row.control.value = ""

    @property
    def _written(self) -> dict[str, str]:
        found = {key: row.control.value for key, row in self._rows.items()}
        return found | ({"again": self._made} if self._made else {})

    def on_input_changed(self, event: Input.Changed) -> None:
        """Judged at once; a password that was made and is changed is a person's own from then on."""
        event.stop()
        self._note = None
        if self._made and self._rows["password"].control.value != self._made:
            self._show_made("")
        self._show()

    def on_descendant_focus(self) -> None:
        """Another field: another sentence."""
        self._show()

    def action_turn(self, by: int) -> None:
        """The next field, or the one before."""
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_take(self) -> None:
        """Wish it and leave; where something is wrong, or missing, the cursor goes there."""
        written = self._written
        if wrong := self._sheet.faults(written):
            here = next((key for key, row in self._rows.items() if row.control.has_focus), None)
            self._tried = self._tried or here in wrong
            self.set_focus(self._rows[next(key for key in self._rows if key in wrong)].control)
            self._show()
            return
        self.app.post_message(Wished(*self._sheet.wish(written)))
        self.dismiss(None)

    def action_leave(self) -> None:
        """Nothing is wished."""
        self.dismiss(None)

    def action_make(self) -> None:
        """A new password in both fields, in clear: nobody has typed it, and somebody has to note it."""
        if self._sheet.can_make:
            self._show_made(generated())
            self._show()

    def _show_made(self, made: str) -> None:
        self._made = made
        password, again = self._rows["password"].control, self._rows["again"]
        password.password = not made
        again.display = not made
        with password.prevent(Input.Changed):
            if made:
                password.take(made)
                self.set_focus(password)
        with again.control.prevent(Input.Changed):
            again.control.value = ""

    def action_copy(self) -> None:
        """The password that was made, to the clipboard of the terminal. Source: OSC 52; some terminals have none."""
        if self._made:
            self.app.copy_to_clipboard(self._made)
            self._note = COPIED
            self._show()

    def _show(self) -> None:
        if not self.is_mounted or not self.size.width:
            return
        width, height = self.size
        written = self._written
        wrong, right = self._sheet.faults(written), self._sheet.remark(written)
        self.set_class(height >= AT_EASE, "airy")
        self.set_class(width < SLIM, "slim")
        self._head.show_lines([title(self._sheet.title, width)])
        for key, row in self._rows.items():
            row.remark(self._remark(key, written, wrong, right))
        self._hint.show_lines(block(self._sentences(written, wrong, right), HINT, width))
        self._foot.show_lines([keys(self._keys(), width)])

    def _remark(self, key: str, written: Written, wrong: Mapping[str, str], right: Mapping[str, Span]) -> Span:
        if key == "password" and self._made:
            return NOTED
        if written[key] == self._first[key] and not self._tried:
            return "", ""
        return (f"✗ {wrong[key]}", "bad") if key in wrong else right.get(key, ("", ""))

    def _sentences(self, written: Written, wrong: Mapping[str, str], right: Mapping[str, Span]) -> list[Span]:
        """Whatever of the field with the cursor is too long to stand beside it, or what the form is about."""
        if self._note:
            return [self._note]
        key, row = next((one for one in self._rows.items() if one[1].control.has_focus), (None, None))
        if key and row:
            said, style = self._remark(key, written, wrong, right)
            if cells(said) > row.room and said != NOTED[0]:
                return [(said, style)]
        if self._made:
            return [(NOTE_IT, "warn")]
        return [(TYPE_OR_MAKE if self._sheet.can_make else self._sheet.about, "dim")]

    def _keys(self) -> Keys:
        make = (("F2", "another" if self._made else "make one"),) if self._sheet.can_make else ()
        copy = (("F3", "copy"),) if self._made else ()
        return (("enter", self._sheet.verb), ("esc", "cancel"), *copy, *make, ("ctrl+u", "empty"))
