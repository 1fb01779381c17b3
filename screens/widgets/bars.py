"""The first and the last line of every screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.events import Resize

from homelab.observe.nodes import Node
from homelab.observe.snapshot import CONSUL, KINDS, Asked, SourceState
from homelab.observe.text import clean, shortened, wrapped
from screens.commands import MOVES, ROWS, TABLES, Command, sign
from screens.freshness import SIGNS, STYLES, WORST_FIRST, clock
from screens.scene import Said, Scene
from screens.widgets.lines import Line, Lines, Span, length
from screens.widgets.pane import cut
from screens.widgets.patch_table import STYLE_OF_SIGN

MARGIN, GAP = " ", "  "
MOST_NAMED = 2
MANY = 6
"""Traefiks of which each has a sign of its own."""
WIDE = (None, ROWS, TABLES)
"""Where commands mean something everywhere."""
SAID_LINES = 5
"""At most, of what is said in the place of the keys."""


class StatusLine(Lines):
    """Which cluster, how its nodes are, whether we may write, and the health of each source."""

    def __init__(self) -> None:
        super().__init__(classes="status-line")
        self._scene: Scene | None = None

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        self._scene = scene
        if self.size.width:
            self.show_lines([status(scene, self.size.width)])

    def on_resize(self, event: Resize) -> None:
        """Another width: other gaps."""
        if self._scene:
            self.show(self._scene)


class KeyLine(Lines):
    """What can be pressed, or what became of the last key."""

    def __init__(self, current: str) -> None:
        super().__init__(classes="key-line")
        self._current = current
        self._commands: Sequence[Command] = ()
        self._said: Said | None = None

    def show(self, commands: Sequence[Command], said: Said | None) -> None:
        """Show these keys, or what is to be said in their place."""
        if (commands, said) != (self._commands, self._said):
            self._commands, self._said = commands, said
            self._show()

    def on_resize(self, event: Resize) -> None:
        """Another width: other words."""
        self._show()

    def _show(self) -> None:
        if width := self.size.width:
            self.show_lines(said(self._said, width) if self._said else [keys(self._commands, self._current, width)])


def status(scene: Scene, width: int) -> Line:
    """What is left and right; where the room is short words of the left go first, then the Traefiks."""
    for right in rights(scene):
        room = width - length(right) - len(MARGIN)
        for left in lefts(scene):
            if length(left) + len(MARGIN) < room:
                return (*left, (" " * (room - length(left)), ""), *right, (MARGIN, ""))
    return ((shortened(f"{MARGIN}homelab", width), "title"),)


def lefts(scene: Scene) -> Iterable[list[Span]]:
    """The left side, the longest form first."""
    found = scene.snapshot.nodes if scene.snapshot else ()
    mode = modes(scene)
    title: Span = (f"{MARGIN}homelab", "title")
    cluster: Span = (GAP + clean(name_of(scene, found)), "strong")
    other: list[Span] = [(f"{GAP}▲ not the plan's", "warn")] if scene.is_foreign else []
    version: Span = (GAP + f"k8s {clean(scene.version or '…')}", "")
    machines = nodes(found)
    yield [title, cluster, *other, version, *machines, *mode]
    yield from () if other else ([title, version, *machines, *mode], [title, version, *nodes(found, word=""), *mode])
    yield [title, *([cluster, *other] if other else machines), *mode]
    yield [title, *other, *mode]
    yield [title, *mode]
    if not (scene.read_only or scene.paused):  # those are said rather than how Consul and the Traefiks fare
        yield [title]


def modes(scene: Scene) -> list[Span]:
    """Since when the screen stands still, and whether anything may be written."""
    still: list[Span] = [(f"{GAP}paused since {clock(scene.paused)[:5]}", "warn")] if scene.paused else []
    word = "read-only " if scene.read_only else "read-write"  # equally wide: nothing moves when it turns
    return [*still, (GAP + word, "warn" if scene.read_only else "dim")]


def name_of(scene: Scene, found: Sequence[Node]) -> str:
    """What to call the cluster: its name, else its first machine's."""
    return scene.name or (found[0].name if found else "…")


def nodes(found: Sequence[Node], word: str = "nodes ") -> list[Span]:
    """How many are ready, and which are not."""
    if not found:
        return [(GAP + "… nodes", "dim")]
    lost = [clean(node.name) for node in found if node.ready is not True]
    count = f"{GAP}{len(found) - len(lost)}/{len(found)} {word}"
    if not lost:
        return [(count, ""), ("●", "good")]
    named = ", ".join(shortened(name, 12) for name in lost[:MOST_NAMED]) + (" …" if len(lost) > MOST_NAMED else "")
    return [(count, ""), (f"✗ {named}", "bad")]


def rights(scene: Scene) -> Iterable[list[Span]]:
    """The right side, the longest form first."""
    yield [*api(scene), (f"{GAP}consul ", ""), consul(scene), (f"{GAP}traefik ", ""), *traefiks(scene)]
    yield [*api(scene), (f"{GAP}consul ", ""), consul(scene)]
    yield api(scene)


def api(scene: Scene) -> list[Span]:
    """A sign for the API: that of the worst of its kinds."""
    kinds = {name: scene.source(name).state for name in KINDS}
    worst = min(kinds.values(), key=WORST_FIRST.index)
    if worst is SourceState.ABSENT:  # a kind that is not there yet says nothing of the API
        worst = SourceState.LIVE
    return [("api ", ""), (SIGNS[worst], STYLES[worst])]


def consul(scene: Scene) -> Span:
    """A sign for Consul: that of its source, or that not every server works."""
    state = scene.source(CONSUL).state
    found = scene.snapshot.consul if scene.snapshot else None
    if state is SourceState.LIVE and found and found.working < len(found.servers):
        state = SourceState.STALE
    return SIGNS[state], STYLES[state]


def traefiks(scene: Scene) -> list[Span]:
    """One sign a replica, equal neighbours together."""
    asked = scene.snapshot.traefiks if scene.snapshot else ()
    state = scene.source("traefik").state
    if not asked or len(asked) > MANY or state is SourceState.LOADING:
        return [(SIGNS[state], STYLES[state])]
    return [(SIGNS[one], STYLES[one]) for one in map(answered, asked)]


def answered(asked: Asked) -> SourceState:
    """How one Traefik fares."""
    if not asked.error:
        return SourceState.LIVE
    return SourceState.STALE if asked.known else SourceState.FAILED


def said(told: Said, width: int) -> list[Line]:
    """A sign and sentences."""
    sign = f"{MARGIN}{told.sign} "
    room = width - len(sign) - len(MARGIN)
    first, *rest = cut(wrapped(clean(told.text), room), SAID_LINES, room)
    below = " " * len(sign)
    return [((sign, STYLE_OF_SIGN[told.sign]), (first, "")), *[((below + line.strip(), ""),) for line in rest]]


def keys(commands: Sequence[Command], current: str, width: int) -> Line:
    """`1 home  2 allocations …`, the current one marked; where the room is short names go one by one from the right.

    Those of the view in front and of what can be done to rows like the one under the cursor stay longest.
    """
    moves = [span for key, what in MOVES for span in ((f"{GAP}{key}", "accent"), (f" {what}", "dim"))]
    going = sorted((one for one in reversed(commands) if one.id != current), key=lambda one: one.on not in WIDE)
    for gone in range(len(going) + 1):
        bare = going[:gone]
        shown: list[Span] = []
        for before, one in zip((None, *commands), commands, strict=False):
            here = one.id == current
            shown += [(MARGIN, "")] if here and before in bare else []
            shown += key(one, here, bare=one in bare)
        if length(shown) <= width:
            break
    room = width - length(shown) - length(moves) - len(MARGIN)
    return (*shown, (" " * room, ""), *moves, (MARGIN, "")) if room > 0 and not bare else tuple(shown)


def key(command: Command, here: bool, *, bare: bool = False) -> list[Span]:
    """One key with its name; the view in front is marked by sign and colour."""
    mark = "▸" if here else MARGIN
    name = [] if bare and not here else [(f" {command.label} ", "cursor" if here else "dim")]
    return [(f"{mark}{sign(command)}", "accent"), *name]
