"""One line of a form: what is asked, what was answered, and what is to be said of it."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.events import Blur, DescendantBlur, DescendantFocus, Focus, Key, Resize
from textual.widget import Widget
from textual.widgets import Input

from homelab.observe.text import clean, padded, shortened
from homelab.setup.fields import Field
from screens.messages import Answered
from screens.widgets.lines import Line, Lines, Span

MARK = "▸"
GAP = "  "
C = TypeVar("C", bound=Widget)


class Choice(Lines, can_focus=True):
    """One word of a few: left and right go through them; letters do nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right", "turn(1)", show=False),
    ]

    def __init__(self, service: str, path: str, words: tuple[str, ...], *, classes: str) -> None:
        super().__init__(classes=classes)
        self._service, self._path, self._words, self.value = service, path, words, ""

    def offer(self, words: tuple[str, ...]) -> None:
        """It can be one of these from now on."""
        self._words = words

    def follow(self, value: str) -> None:
        """Show a word that was chosen elsewhere."""
        self.value = value
        self._show(is_here=self.has_focus)

    def take(self, value: str) -> None:
        """Choose a word, and tell."""
        if value != self.value and not self.disabled:
            self.follow(value)
            self.post_message(Answered(self._service, self._path, value))

    def action_turn(self, by: int) -> None:
        """The word before or behind."""
        at = self._words.index(self.value) + by if self.value in self._words else 0
        self.take(self._words[at % len(self._words)])

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Letters and digits mean nothing else here."""
        return character is not None and character.isprintable() and character != ":"

    def on_key(self, event: Key) -> None:
        """They do nothing elsewhere either: whoever types here takes it for a field to type in."""
        if self.check_consume_key(event.key, event.character):
            event.stop()
            event.prevent_default()

    def on_focus(self, event: Focus) -> None:
        """What can be pressed appears."""
        self._show(is_here=True)

    def on_blur(self, event: Blur) -> None:
        """It goes."""
        self._show(is_here=False)

    def _show(self, *, is_here: bool) -> None:
        word = clean(self.value)
        chosen: Line = (("◂ ", "accent"), (word, "strong"), (" ▸", "accent")) if is_here else ((word, ""),)
        self.show_lines([chosen])


class Text(Input):
    """A line to type in: nothing blinks, and ctrl+u empties it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+u", "empty", show=False)]

    def __init__(self, *, classes: str, password: bool = False) -> None:
        super().__init__(compact=True, select_on_focus=False, classes=classes, password=password)
        self.cursor_blink = False

    def action_empty(self) -> None:
        """Begin anew, wherever the cursor is."""
        self.value = ""

    def action_copy(self) -> None:
        """Not what is masked."""
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        """Not what is masked."""
        if not self.password:
            super().action_cut()

    def take(self, value: str) -> None:
        """Put a text in, as if it had been typed."""
        self.value = value
        self.cursor_position = len(value)


class Typed(Text):
    """A text; until a person has typed, it follows what is proposed."""

    def __init__(self, service: str, path: str, *, classes: str) -> None:
        super().__init__(classes=classes)
        self._service, self._path, self._is_own = service, path, False

    def follow(self, value: str) -> None:
        """Show what was answered or proposed elsewhere, unless somebody is typing here."""
        if value != self.value and not (self._is_own and self.has_focus):
            with self.prevent(Input.Changed):
                self.value = value
            self._is_own = False
            self._rest(is_here=self.has_focus)

    def watch_value(self, before: str, after: str) -> None:
        """Typed, unless `follow` says otherwise; at once, since an answer from before may come back at any time."""
        self._is_own = before != after

    def on_focus(self, event: Focus) -> None:
        """What is typed is added, unless that would hide how the text begins."""
        self._rest(is_here=True)

    def on_blur(self, event: Blur) -> None:
        """Its beginning is what tells it from others."""
        self._is_own = False
        if self.app.screen_stack:  # else another view is being opened, and Textual looks for the one in front in vain
            self.cursor_position = 0

    def _rest(self, *, is_here: bool) -> None:
        is_seen = is_here and len(self.value) < self.size.width
        self.cursor_position = len(self.value) if is_seen else 0

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell what stands here now."""
        event.stop()
        self.post_message(Answered(self._service, self._path, event.value))


class Remark(Lines):
    """A few words beside an answer, shortened to their place whenever that becomes another one."""

    _said: Span = ("", "")

    def say(self, said: Span) -> None:
        """These from now on."""
        self._said = said
        self.show_lines([((shortened(f"{GAP}{said[0]}", self.size.width), said[1]),)])

    def on_resize(self, event: Resize) -> None:
        """Another width: other words."""
        self.say(self._said)


class Asked(Horizontal, Generic[C]):
    """Label, answer, remark."""

    def __init__(self, label: str, control: C) -> None:
        super().__init__()
        self.control = control
        self._called = label
        self._label, self._remark = Lines(classes="label"), Remark(classes="remark")

    def compose(self) -> ComposeResult:
        """From left to right."""
        yield self._label
        yield self.control
        yield self._remark

    @property
    def room(self) -> int:
        """Columns for what is said beside the answer."""
        return max(self._remark.size.width - len(GAP), 0)

    def remark(self, said: Span) -> None:
        """What is to be said of the answer, in a few words."""
        self._remark.say(said)
        self._show_label()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The mark appears."""
        self._show_label()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """The mark goes."""
        self._show_label()

    def _show_label(self) -> None:
        here = self.control.has_focus
        name = padded(self._called, max(self._label.size.width - len(GAP) - 1, 0))
        self._label.show_lines([((f" {MARK}" if here else GAP, "accent"), (f" {name}", "strong" if here else "dim"))])


class Entry(Asked[Choice | Typed]):
    """One of the fields that a service is told of."""

    def __init__(self, service: str, field: Field) -> None:
        """`service` is told what is answered."""
        super().__init__(
            field.label,
            Choice(service, field.path, field.choices, classes="control")
            if field.choices
            else Typed(service, field.path, classes="control"),
        )
        self.field = field

    def show(self, value: str, remark: Span, *, locked: bool) -> None:
        """What was answered, and what is to be said of it in a few words."""
        self.control.follow(value)
        self.control.disabled = locked
        self.remark(remark)
