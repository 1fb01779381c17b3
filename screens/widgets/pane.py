"""A pane: a title that says what it shows and how old that is, and below it one of four faces.

The faces are loading, data, empty (with what to do about it) and failed (why, since when, next try).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import DescendantBlur, DescendantFocus, Resize

from homelab.observe.snapshot import SourceState
from homelab.observe.text import Head, Row, cells, clean, shortened, wrapped
from homelab.ports import Ref
from screens.freshness import Freshness, freshness
from screens.scene import Scene
from screens.widgets.lens import Lens
from screens.widgets.lines import Line, Lines, Span, length
from screens.widgets.patch_table import NO_HEAD, PatchTable, is_troubled, worst

RULE = "─"
NOTICE_LINES = 3
"""Of trouble above data; the whole of it is in `status`."""
INDENT = "  "
LOADING = "Asking the cluster …"
LOGS = "rows.logs"
"""The command that shows what pods say."""
NONE_LEFT = "No row passes the filter."
MOODS = ("bad", "warn", "")
"""Styles of a summary, the worst first."""


class Pane(Vertical):
    """The frame of every pane."""

    TITLE: ClassVar[str]
    NEEDS: ClassVar[tuple[str, ...]]
    """Sources of the snapshot that it is drawn from."""
    DEFAULT_CSS = """
    Pane { height: auto; }
    Pane .notice { display: none; }
    Pane.troubled .notice { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._title, self._notice = Lines(classes="pane-title"), Lines(classes="notice")
        self._scene: Scene | None = None
        self._brief = False
        self._mood = ""
        """The style of the summary: that of the worst that is shown."""

    def compose(self) -> ComposeResult:
        """Title, notice, and the pane's own part."""
        yield self._title
        yield self._notice
        yield from self.compose_body()

    def compose_body(self) -> Iterable[Lines]:
        """What is below the title."""
        return ()

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """A few words each, after the title, the most important first: where the room is short the last ones go."""
        return ()

    def headline(self, scene: Scene) -> tuple[str, ...]:
        """The summary, and before it how the pane is looked at."""
        return self.summary(scene)

    def show_body(self, scene: Scene, sentences: Sequence[str], style: str) -> None:
        """Show the data, or the sentences where there are any: another face than data."""

    def fresh(self, scene: Scene) -> Freshness:
        """How old what it is drawn from is."""
        return freshness(scene, self.NEEDS)

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Sentences that stand in the place of data, and their style; none when there is data."""
        return (), ""

    def notice(self, fresh: Freshness) -> str | None:
        """What is said above data that cannot be trusted."""
        return fresh.trouble if fresh.state in {SourceState.STALE, SourceState.FAILED} else None

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        self._scene = scene
        if self.size.width:
            self._show(scene)

    def _show(self, scene: Scene) -> None:
        fresh = self.fresh(scene)
        sentences, style = self.face(scene, fresh)
        notice = None if sentences else self.notice(fresh)
        self.set_class(bool(notice), "troubled")
        room = self.size.width - 1
        said = wrapped(INDENT + notice, room) if notice else []
        self._notice.show_lines(
            [((line, fresh.style),) for line in cut(said, 1 if self._brief else NOTICE_LINES, room)]
        )
        self.show_body(scene, sentences, style)
        width, summary = self.size.width, self.headline(scene)
        self._title.show_lines(
            [title_line(self.TITLE, summary, fresh, width, pointed=self.is_pointed, mood=self._mood)]
        )

    def be_brief(self, brief: bool) -> None:
        """Say in one line what is wrong: the data below it must not go."""
        if brief != self._brief:
            self._brief = brief
            self._redraw()

    @property
    def is_pointed(self) -> bool:
        """Whether the cursor is in this pane."""
        return any(child.has_focus for child in self.children)

    def on_resize(self, event: Resize) -> None:
        """Another width: other lines."""
        self._redraw()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """The title says where the cursor is."""
        self._redraw()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """The title says where the cursor is."""
        self._redraw()

    def _redraw(self) -> None:
        if self._scene and self.size.width:
            self._show(self._scene)


@dataclass(frozen=True, slots=True)
class Table:
    """What a table pane shows."""

    head: Head
    rows: tuple[Row, ...]


class TablePane(Pane):
    """A pane whose data are rows."""

    EMPTY: ClassVar[str]
    """What to do where there are no rows."""
    QUIET: ClassVar[bool] = False
    """Whether the title says enough of rows that are well: where lines are few, only the others are shown."""
    STEPS: ClassVar[bool] = False
    """Whether the order of the rows is what they tell: then they are not sorted."""
    SPEAKS: ClassVar[bool] = True
    """Whether pods may stand behind its rows, which say something."""
    DEFAULT_CSS = """
    TablePane PatchTable { display: block; }
    TablePane .face { display: none; }
    TablePane.faced PatchTable { display: none; }
    TablePane.faced .face { display: block; }
    TablePane.folded PatchTable { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.table, self._face = PatchTable(), Lines(classes="face")
        self._limits: tuple[int | None, int | None] = (None, None)
        self.is_worst_first = False
        """Whether rows in trouble come before the others: where not all of them are in view."""
        self.lens = Lens()
        """How a person looks at it; kept as long as the console is open."""
        self.seen: Table | None = None
        """The rows as they are filtered and sorted, each of them whole; None while there is no table."""
        self._all = 0
        """Rows without the filter."""

    def look(self, lens: Lens) -> None:
        """Show it like this from now on."""
        self.lens = lens
        self._redraw()

    def headline(self, scene: Scene) -> tuple[str, ...]:
        """The filter comes first."""
        found = self.lens.said(len(self.seen.rows), self._all) if self.seen else ()
        return (*found, *self.summary(scene))

    def compose_body(self) -> Iterable[Lines]:
        """Either of them is seen."""
        yield self.table
        yield self._face

    @property
    def wanted(self) -> int:
        """Lines that it would fill."""
        if self.is_folded:
            return 1 + self._noticed
        below = self._face if self.has_class("faced") else self.table
        return 1 + self._noticed + len(below.lines)

    @property
    def is_folded(self) -> bool:
        """Whether its title says all."""
        return self.has_class("folded")

    @property
    def _noticed(self) -> int:
        return len(self._notice.lines) if self.has_class("troubled") else 0

    def limit(self, lines: int | None) -> None:
        """Take no more lines than these; None leaves it to the style sheet."""
        rows = None if lines is None else max(lines - 1 - self._noticed, 1)
        if (lines, rows) != self._limits:
            self._limits = lines, rows
            self.styles.max_height, self.table.styles.max_height = lines, rows

    def data(self, scene: Scene) -> Table | None:
        """The rows; None while not enough is known."""
        return None

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one row, as names and values: shown below the table where it has a screen alone."""
        return ()

    def shows(self, id: str) -> bool:
        """Whether a command for rows that stand for objects of the cluster finds anything behind those of this pane."""
        return type(self).objects is not TablePane.objects and (self.SPEAKS or id != LOGS)

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """The objects of the cluster that one row stands for, the most telling first."""
        return ()

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Loading, failed or empty; with rows there is nothing to say in their place."""
        if fresh.state is SourceState.LOADING:
            return (LOADING,), "dim"
        if (table := self.data(scene)) and table.rows:
            return (), ""
        if fresh.state in {SourceState.FAILED, SourceState.STALE}:
            return (fresh.trouble or fresh.word,), fresh.style
        return (self.EMPTY,), "dim"

    def show_body(self, scene: Scene, sentences: Sequence[str], style: str) -> None:
        """Rows or sentences."""
        self.set_class(bool(sentences), "faced")
        room = self.size.width - 1
        said = [line for one in sentences for line in wrapped(INDENT + one, room)]
        self._face.show_lines([((line, style),) for line in cut(said, 1 if self._brief else len(said), room)])
        table = None if sentences else self.data(scene)
        self._mood = MOODS[min(map(urgency, table.rows), default=-1)] if table else ""
        self.seen = table = self._looked_at(table) if table else None
        if table and self._brief and not self.lens.words:
            table = shorter(table, self.QUIET)
        self.set_class(bool(table and not table.rows and not self.lens.words), "folded")
        head, rows = (self.lens.marked(table.head), table.rows) if table else (NO_HEAD, ())
        self.table.show_rows(head, rows, NONE_LEFT)

    def _looked_at(self, table: Table) -> Table:
        """What is wanted of it, in the order that is wanted."""
        rows = tuple(sorted(table.rows, key=urgency)) if self.is_worst_first else table.rows
        self._all = len(rows)
        return replace(table, rows=self.lens.ordered(table.head, [row for row in rows if self.lens.sees(row)]))


def urgency(row: Row) -> int:
    """Place of a row's state among the moods, the worst first."""
    return MOODS.index(worst(row.cells) if is_troubled(row.cells) else "")


def shorter(table: Table, quiet: bool) -> Table:
    """The same with what is well in fewer words: without its sentences, or without its rows."""
    well = {row.key for row in table.rows if not is_troubled(row.cells)}
    if quiet:
        return replace(table, rows=tuple(row for row in table.rows if row.key not in well))
    return replace(table, rows=tuple(replace(row, below=()) if row.key in well else row for row in table.rows))


def title_line(
    title: str, summary: Sequence[str], fresh: Freshness, width: int, *, pointed: bool, mood: str = ""
) -> Line:
    """`Title ─ summary ─────── ● live`, over the whole width; how fresh it is goes last."""
    end: list[Span] = [(f" {fresh.word} ", fresh.style), (RULE, "dim")]
    mark = "▸" if pointed else " "
    name = shortened(title, max(width - length(end) - len(mark), 1))
    room = width - length(end) - len(mark) - cells(name)
    said = fitting(summary, room)
    left = room - cells(said)
    rule = " " + RULE * (left - 1) if left > 0 else ""
    return ((mark, "accent"), (name, "title"), (said, mood), (rule, "dim"), *end)


def fitting(parts: Sequence[str], room: int) -> str:
    """As many of the parts as there is room for, each whole."""
    said = ""
    for part in parts:
        longer = f"{said} {RULE} {clean(part)}"
        if cells(longer) > room:
            break
        said = longer
    return said


def cut(lines: list[str], most: int, width: int) -> list[str]:
    """The first lines; the last one says that there is more."""
    return lines if len(lines) <= most else [*lines[: most - 1], shortened(f"{lines[most - 1]} …", width)]
