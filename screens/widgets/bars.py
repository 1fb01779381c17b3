"""The first and the last line of every screen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.events import Resize

from homelab.observe.nodes import Node
from homelab.observe.snapshot import KINDS, Asked, SourceState
from homelab.observe.text import cells, clean, shortened
from screens.commands import Command, sign
from screens.freshness import SIGNS, STYLES, WORST_FIRST
from screens.scene import Scene
from screens.widgets.lines import Line, Lines, Span

GAP = "  "
MOST_NAMED = 2
MANY = 6
"""Traefiks of which each has a sign of its own."""


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
    """What can be pressed."""

    def __init__(self, commands: Sequence[Command], current: str) -> None:
        super().__init__([keys(commands, current)], classes="key-line")


def status(scene: Scene, width: int) -> Line:
    """What is left and right; where the room is short the middle gap goes first, then words of the left."""
    right = health(scene)
    room = width - length(right) - 1
    left = next((line for line in lefts(scene) if length(line) <= room), [(" homelab", "title")])
    gap = " " * max(room - length(left), 1)
    return (*left, (gap, ""), *right, (" ", ""))


def lefts(scene: Scene) -> Iterable[list[Span]]:
    """The left side, the longest form first."""
    found = scene.snapshot.nodes if scene.snapshot else ()
    mode: Span = (GAP + ("read-only" if scene.read_only else "read-write"), "warn" if scene.read_only else "dim")
    title: Span = (" homelab", "title")
    cluster: Span = (GAP + clean(name_of(scene, found)), "strong")
    version: Span = (GAP + f"k8s {clean(scene.version or '…')}", "")
    machines = nodes(found)
    yield [title, cluster, version, *machines, mode]
    yield [title, version, *machines, mode]
    yield [title, *machines, mode]
    yield [title, mode]


def name_of(scene: Scene, found: Sequence[Node]) -> str:
    """What to call the cluster: its name, else its first machine's."""
    return scene.name or (found[0].name if found else "…")


def nodes(found: Sequence[Node]) -> list[Span]:
    """How many are ready, and which are not."""
    if not found:
        return [(GAP + "… nodes", "dim")]
    lost = [clean(node.name) for node in found if node.ready is not True]
    count = f"{GAP}{len(found) - len(lost)}/{len(found)} nodes "
    if not lost:
        return [(count, ""), ("●", "good")]
    named = ", ".join(shortened(name, 12) for name in lost[:MOST_NAMED]) + (" …" if len(lost) > MOST_NAMED else "")
    return [(count, ""), (f"✗ {named}", "bad")]


def health(scene: Scene) -> list[Span]:
    """A sign for the API and one for each Traefik."""
    kinds = {name: scene.source(name).state for name in KINDS}
    worst = min(kinds.values(), key=WORST_FIRST.index)
    if worst is SourceState.ABSENT:  # a kind that is not there yet says nothing of the API
        worst = SourceState.LIVE
    return [("api ", ""), (SIGNS[worst], STYLES[worst]), (GAP + "traefik ", ""), *traefiks(scene)]


def traefiks(scene: Scene) -> list[Span]:
    """One sign a replica, equal neighbours together."""
    asked = scene.snapshot.traefiks if scene.snapshot else ()
    state = scene.source("traefik").state
    if not asked or len(asked) > MANY or state is SourceState.LOADING:
        return [(SIGNS[state], STYLES[state])]
    return [(SIGNS[one], STYLES[one]) for one in map(answered, asked)]


def answered(asked: Asked) -> SourceState:
    """How one Traefik fares."""
    return SourceState.FAILED if asked.error else SourceState.LIVE


def keys(commands: Sequence[Command], current: str) -> Line:
    """`1 home  2 addresses …`, the current one marked."""
    spans: list[Span] = []
    for command in commands:
        here = command.id == current
        spans += [(f" {sign(command)}", "accent"), (f" {command.label} ", "cursor" if here else "dim")]
    return tuple(spans)


def length(line: Iterable[Span]) -> int:
    """Columns."""
    return sum(cells(text) for text, _ in line)
