"""A question before something is written: what will happen, in plain words, and a choice that starts on Cancel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key, Paste, Resize
from textual.screen import ModalScreen

from homelab.observe.text import cells, clean, shortened, wrapped
from screens.widgets.lines import Line, Lines
from screens.widgets.pane import INDENT, RULE, cut

KEYS = (("← →", "choose"), ("enter", "do it"), ("esc", "cancel"))
TYPING = (("type", "the word"), *KEYS[1:])
FRAME = 3
"""Lines that are not sentences: title, choice, keys."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    title: str
    """What would be done, to what."""
    sentences: tuple[str, ...]
    """What will happen, the most important first: a low terminal has no room for all."""
    verb: str
    """The word that does it."""
    doing: str
    """What is said while it is done."""
    word: str | None = None
    """What has to be typed first, where something is lost that does not come back by itself."""
    wish: tuple[str, ...] | None = None
    """The service, its method and what that is told, where the command alone does not say so."""


class Confirm(ModalScreen[bool]):
    """Over the lower part of a view; what is above it stays live. The answer: whether to do it."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right,tab,shift+tab", "other", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,q", "dismiss(False)", show=False),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question, self._sure = question, False
        self._typed, self._why = "", ""
        self._lines = Lines()

    def compose(self) -> ComposeResult:
        """All of it is text."""
        yield self._lines

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self._show()

    def take_back(self, why: str) -> None:
        """It cannot be asked any more: whoever is typing here reads the reason, and closes it."""
        self._why, self._sure = why, False
        self._show()

    def on_key(self, event: Key) -> None:
        """A letter of the word; where the question is taken back it must not mean anything elsewhere."""
        if (self._question.word or self._why) and (event.is_printable or event.key == "backspace"):
            event.stop()
            event.prevent_default()
            self._type(self._typed[:-1] if event.key == "backspace" else self._typed + (event.character or ""))

    def on_paste(self, event: Paste) -> None:
        """The word, copied from somewhere."""
        event.stop()
        self._type(self._typed + event.text.strip())

    def _type(self, typed: str) -> None:
        if (word := self._question.word) and not self._why:
            self._typed = typed[: len(word)]
            self._sure = self._typed == word
            self._show()

    def action_other(self) -> None:
        """The other one of the two choices; where a word is asked for it chooses."""
        self._sure = not (self._sure or self._question.word or self._why)
        self._show()

    def action_choose(self) -> None:
        """Take the choice that is marked."""
        self.dismiss(self._sure)

    def _show(self) -> None:
        width, height = self.size
        if self._why:
            self._lines.show_lines(layout(self._question.title, (f"▲ {self._why}",), CLOSING, width, height))
        else:
            self._lines.show_lines(lines(self._question, self._sure, width, height, self._typed))


@dataclass(frozen=True, slots=True)
class Choices:
    """What can be chosen, and how."""

    line: Line
    keys: Sequence[tuple[str, str]]
    typed: Line | None = None
    """What is to be typed before one of them, and what was."""


CLOSING = Choices(((INDENT, ""), ("▸", "accent"), (" Close ", "cursor")), (("enter", "close"), ("esc", "close")))


def lines(question: Question, sure: bool, width: int, height: int, typed: str = "") -> list[Line]:
    """The dialog of a question."""
    if not question.word:
        return layout(question.title, question.sentences, Choices(choice(question.verb, sure), KEYS), width, height)
    choices = Choices(choice(question.verb, sure), TYPING, typing(question.word, typed, width))
    return layout(question.title, question.sentences, choices, width, height)


def layout(name: str, sentences: Iterable[str], choices: Choices, width: int, height: int) -> list[Line]:
    """A dialog as low as the terminal: of the sentences the last go first, in the end the title too."""
    said = [line for told in sentences for line in wrapped(INDENT + clean(told), width - 1)]
    chosen = [choices.typed, choices.line] if choices.typed else [choices.line]
    room = max(height - FRAME - len(chosen) + 1, 0)
    airy = room >= len(said) + FRAME
    gap: list[Line] = [()] if airy else []
    shown: list[Line] = [((line, ""),) for line in cut(said, room, width - 1)] if room else []
    return [title(name, width), *gap, *shown, *gap, *chosen, *gap, keys(choices.keys)][-height:]


def title(text: str, width: int) -> Line:
    """A rule parts it from what is above, in terminals of few colours too."""
    name = shortened(clean(text), width - 2)
    return ((f" {name} ", "title"), (RULE * (width - cells(name) - 2), "dim"))


def choice(verb: str, sure: bool) -> Line:
    """Both words; the one that enter takes is marked by sign and colour."""
    return ((INDENT, ""), *word("Cancel", not sure), (INDENT, ""), *word(verb, sure))


def word(text: str, here: bool) -> Line:
    """One choice."""
    return (("▸" if here else " ", "accent"), (f" {text} ", "cursor" if here else "dim"))


def typing(word: str, typed: str, width: int) -> Line:
    """What is to be typed, and the end of what was: that is where the cursor is."""
    asked = f"{INDENT}type {shortened(word, width // 2)}: "
    room = width - cells(asked) - 1
    seen = clean(typed)
    while cells(seen) > room > 0:
        seen = f"…{seen[2:]}"
    return ((asked, ""), (seen, "strong"), ("▏", "accent"))


def keys(pressed: Sequence[tuple[str, str]] = KEYS) -> Line:
    """What can be pressed."""
    return tuple(span for key, what in pressed for span in ((f" {key}", "accent"), (f" {what} ", "dim")))
