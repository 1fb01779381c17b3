"""Somebody else wrote the file of users meanwhile: what they changed, and a choice that starts on leaving it so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import ModalScreen

from homelab.access.model import Clash, Edit, Verb
from screens.dialogs.confirm import KEYS, Choices, layout, word
from screens.widgets.lines import Line, Lines
from screens.widgets.pane import INDENT

DROP, MERGE, OVERWRITE = "drop", "merge", "overwrite"
WORDS = {DROP: "Drop mine", MERGE: "Merge", OVERWRITE: "Overwrite"}
MEANS = {
    DROP: "Drop mine: the file stays as they left it.",
    MERGE: "Merge: mine is done on top of theirs.",
    OVERWRITE: "Overwrite: the file as it was before, with mine; what they changed is lost.",
}


class Clashing(ModalScreen[str]):
    """The answer: one of the words above."""

    CSS_PATH = "confirm.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "turn(-1)", show=False),
        Binding("right,tab", "turn(1)", show=False),
        Binding("enter", "choose", show=False),
        Binding("escape,q", "dismiss('drop')", show=False),
    ]

    def __init__(self, clash: Clash, secret: str) -> None:
        super().__init__()
        self._clash, self._secret = clash, secret
        self._words = [one for one in WORDS if one != MERGE or clash.can_merge]
        self._at = 0
        self._lines = Lines()

    def compose(self) -> ComposeResult:
        """All of it is text."""
        yield self._lines

    def on_resize(self, event: Resize) -> None:
        """Another size: other lines."""
        self._show()

    def action_turn(self, by: int) -> None:
        """The next choice, or the one before."""
        self._at = (self._at + by) % len(self._words)
        self._show()

    def action_choose(self) -> None:
        """Take the one that is marked."""
        self.dismiss(self._words[self._at])

    def _show(self) -> None:
        chosen: Line = tuple(
            span for at, one in enumerate(self._words) for span in ((INDENT, ""), *word(WORDS[one], at == self._at))
        )
        title = f"Somebody else changed {self._secret}"
        shown = layout(title, [*self._sentences()], Choices(chosen, KEYS), self.size.width, self.size.height)
        self._lines.show_lines(shown)

    def _sentences(self) -> Iterator[str]:
        yield f"Theirs: {'; '.join(self._clash.theirs)}. Mine: {told(self._clash.mine)}."
        yield MEANS[self._words[self._at]]
        if not self._clash.can_merge:
            yield "Both cannot be had: they concern the same user."


def told(edit: Edit) -> str:
    """An edit in a few words."""
    return {
        Verb.ADD: f"{edit.user} is added",
        Verb.PASSWORD: f"{edit.user} gets another password",
        Verb.RENAME: f"{edit.user} is called {edit.name}",
        Verb.REMOVE: f"{edit.user} is removed",
    }[edit.verb]
