"""Long texts about the objects of a row: their YAML, and what their pods say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.types import CSSPathType
from textual.widget import Widget

from homelab.observe.inspection import Inspection
from homelab.observe.text import Row, clean, wrapped
from homelab.ports import Ref
from screens.board import path_of
from screens.closer import Closer
from screens.commands import COMMANDS, Command
from screens.dialogs.filtering import Filter
from screens.inspect.states import fresh
from screens.scene import Said, Scene
from screens.widgets.lens import Lens
from screens.widgets.lines import Line, Lines
from screens.widgets.pane import LOADING, title_line
from screens.widgets.reading import Reading

COPIED = "sent to the terminal's clipboard; where it has none, select what stands here"
NOBODY = "Nothing runs behind this row, so nothing speaks for it."
SILENT = "They have said nothing yet."
NONE_LEFT = "No line passes the filter."
NOT_FOUND = "no line has that"
GONE = "The objects of this row are gone."


class TextView(Closer):
    """A title, a text, keys."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "inspect.tcss"]
    NAME: ClassVar[str]
    IS_LIVE: ClassVar[bool]
    """Whether it is what there is now, rather than what there was when it was opened."""

    def __init__(self, command: Command, scene: Callable[[], Scene], row: str, refs: tuple[Ref, ...]) -> None:
        super().__init__(command, scene, row, refs)
        self._title, self.reading = Lines(classes="title"), Reading()
        self._drawn: Inspection | None = None
        for one in COMMANDS:
            if one.on == path_of(self) and one.key:
                self._bindings.bind(one.key, f"app.run('{one.id}')", show=False)

    def compose_body(self) -> Iterable[Widget]:
        """Title and text."""
        yield self._title
        yield self.reading

    def on_mount(self) -> None:
        """The keys are the text's."""
        self.reading.focus()

    def on_reading_copied(self) -> None:
        """Say so, until the next key."""
        self._keys.show(self.footer(), Said(COPIED))

    @property
    def pointed(self) -> str | None:
        """The text is all that there is."""
        return self.row

    def _offers(self, command: Command, scene: Scene) -> bool:
        return command.on == path_of(self)

    @property
    def found(self) -> Inspection | None:
        """What was read for this view."""
        told = self._scene().inspection
        return told if told and told.token == self.token else None

    def show(self, scene: Scene) -> None:
        """Draw from what is known now; a text that is the same is not drawn again."""
        super().show(scene)
        found = self.found
        if found is not None and found is not self._drawn:
            self._drawn = found
            self.show_text(found)
        elif self._drawn is None:
            self._say(LOADING)
        self.show_title()

    def show_text(self, found: Inspection) -> None:
        """The text, or why there is none."""

    def show_title(self) -> None:
        """What it is, and of what."""
        found = self.found
        line = title_line(self.NAME, self.summary(found), fresh(found, self.IS_LIVE), self.size.width, pointed=True)
        self._title.show_lines([line])

    def summary(self, found: Inspection | None) -> tuple[str, ...]:
        """A few words each."""
        return tuple(map(str, self.refs[:1]))

    def _say(self, *sentences: str, style: str = "dim") -> None:
        room = max(self.size.width - 1, 1)
        lines = [line for one in sentences for line in wrapped(f"  {one}", room)]
        self.reading.show_text([((line, style),) for line in lines], is_text=False)


class Yaml(TextView):
    """The objects, a document each."""

    NAME, LOOKS, IS_LIVE = "YAML", "yaml", False

    def __init__(self, command: Command, scene: Callable[[], Scene], row: str, refs: tuple[Ref, ...]) -> None:
        super().__init__(command, scene, row, refs)
        self._words = ""

    def summary(self, found: Inspection | None) -> tuple[str, ...]:
        """The first object, and how many more there are."""
        more = (f"and {len(self.refs) - 1} more",) if self.refs[1:] else ()
        return (str(self.refs[0]), *more)

    def show_text(self, found: Inspection) -> None:
        """Keys in another colour than values."""
        if found.trouble or not found.lines:
            self._say(found.trouble or GONE, style="bad" if found.trouble else "dim")
            return
        self.reading.show_text([yaml_line(line) for line in found.lines], "\n".join(found.lines))

    def do(self, id: str, row: str) -> None:
        """Look for words."""
        if id == "yaml.find":
            self.app.push_screen(Filter(self._words, self._look_for))
        else:
            self._look_for(self._words, after=True)

    def _look_for(self, words: str, after: bool = False) -> None:
        """Scroll to the next line that has them; from the top again behind the last one."""
        self._words = words
        lens, top = Lens(words), self.reading.scroll_offset.y
        found = [at for at, line in enumerate(self.reading.lines) if lens.sees(Row((told(line),)))]
        if lens.words and found:
            self.reading.show_at(next((at for at in found if at >= top + after), found[0]))
        elif lens.words and after:
            self._keys.show(self.footer(), Said(NOT_FOUND, "▲"))


class Logs(TextView):
    """The last of what the pods say, as they say it."""

    NAME, LOOKS, IS_LIVE = "Logs", "logs", True

    def __init__(self, command: Command, scene: Callable[[], Scene], row: str, refs: tuple[Ref, ...]) -> None:
        super().__init__(command, scene, row, refs)
        self._lens = Lens()
        self._follows, self._previous = True, False
        self._gone = 0
        self._lines: dict[str, Line] = {}
        """As they are drawn: most of them were there before."""

    def asked(self) -> Sequence[object]:
        """Which life of the containers, too."""
        return (self.refs, self._previous)

    def summary(self, found: Inspection | None) -> tuple[str, ...]:
        """Who speaks, and how it is looked at."""
        if found is None:
            return ()
        one = found.sources[0] if len(found.sources) == 1 else f"{len(found.sources)} containers"
        life = "before the last restart" if self._previous else ""
        still = "" if self._follows else "not following"
        said = self._lens.said(len(self.reading.lines), len(found.lines or ()))
        return tuple(filter(None, (one, life, still, *said)))

    def show_text(self, found: Inspection) -> None:
        """Those that pass; whoever reads an older part keeps it in view, whatever comes."""
        lines = [line for line in found.lines or () if self._lens.sees(Row((line,)))]
        shift, self._gone = found.gone - self._gone, found.gone
        if not lines:
            empty = found.trouble or (NONE_LEFT if found.lines else SILENT if found.sources else NOBODY)
            self._say(empty, style="bad" if found.trouble else "dim")
            return
        known = self._lines
        self._lines = {line: known.get(line) or (("  ", ""), (line, "")) for line in lines}
        self.reading.show_text([self._lines[line] for line in lines])
        if self._follows:
            self.reading.show_at(len(lines))
        elif shift and not self._lens.words:
            self.reading.action_scroll_by(-shift)

    def show_title(self) -> None:
        """What it is, and of whom; trouble beside lines is told in the place of the keys."""
        super().show_title()
        found = self.found
        if found and found.trouble and found.lines:
            self._keys.show(self.footer(), self._scene().said or Said(clean(found.trouble), "▲"))

    def do(self, id: str, row: str) -> None:
        """Filter, follow or not, or the life before."""
        if id == "logs.filter":
            self.app.push_screen(Filter(self._lens.text, self._filter))
        elif id == "logs.follow":
            self._follows = not self._follows
            self._again()
        else:
            self._previous = not self._previous
            self.go()
            self.come()

    def _filter(self, text: str) -> None:
        self._lens = Lens(text)
        self._again()

    def _again(self) -> None:
        if self._drawn:
            self.show_text(self._drawn)
            self.show_title()


def told(line: Line) -> str:
    """Its text."""
    return "".join(text for text, _ in line)


def yaml_line(line: str) -> Line:
    """Key and value apart."""
    key, colon, value = line.partition(":")
    is_key = value.startswith(" ") and not key.strip().startswith("#")
    if line == "---":
        return (("  ", ""), (line, "dim"))
    return (
        (("  ", ""), (key + colon, "accent"), (value, "")) if is_key or line.endswith(":") else (("  ", ""), (line, ""))
    )
