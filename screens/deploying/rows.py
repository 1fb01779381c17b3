"""The rows of the deploy view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

from homelab.observe.text import NOTHING, Head, Row
from homelab.plan.model import Plan
from homelab.stack.components import COMPONENTS, SAMPLES, is_wished
from homelab.stack.deployment import Awaited, Comparison, Deployment, StageProgress
from homelab.stack.diff import Action, Difference
from screens.freshness import MINUTE
from screens.scene import Scene
from screens.widgets.pane import Table


class Phase(Enum):
    """What the view is about."""

    BEFORE = "what a deploy would change"
    RUNNING = "a deploy that goes on"
    DONE = "a deploy that was seen to its end"
    ENDED = "a deploy that did not come to its end"


MOST_AWAITED = 3
"""Objects named below a stage; the others mostly wait for these."""
CHANGES = Head(("STAGE", "NEW", "CHANGED", "REMOVED", "AS WISHED", "STATE"), drops=("AS WISHED", "REMOVED"))
PROGRESS = Head(("STAGE", "OBJECTS", "WRITTEN", f"{'TIME':>7}", "STATE"), drops=("WRITTEN", "OBJECTS"))
ACTIONS = {
    Action.NEW: "○ new",
    Action.UNVERIFIED: "○ new",
    Action.CHANGE: "○ change",
    Action.SAME: "✓ as wished",
    Action.THEIRS: "▲ left alone",
    Action.REMOVE: "▲ remove",
    Action.BLOCKED: "✗ blocked",
}


def phase_of(scene: Scene, looks: bool) -> Phase:
    """How the last run ended matters until somebody looks at what is left; one that is done has nothing left."""
    run = scene.deployment
    if run and run.ending is None:
        return Phase.RUNNING
    if run is None or looks or (run.ending == "done" and scene.comparison):
        return Phase.BEFORE
    return Phase.DONE if run.ending == "done" else Phase.ENDED


def table(scene: Scene, phase: Phase, opened: frozenset[str]) -> Table:
    """One row for each part of the stack, or for each stage of a run."""
    if phase is not Phase.BEFORE and scene.deployment:
        return Table(PROGRESS, tuple(progress(scene.deployment, scene.now.timestamp())))
    return Table(CHANGES, tuple(parts(scene.comparison, scene.plan, opened)))


def parts(found: Comparison | None, plan: Plan | None, opened: frozenset[str]) -> Iterator[Row]:
    """Every component with what would happen to its objects, and the objects of those that are open."""
    of = grouped(found)
    rendered = {one.component for one in found.rendered} if found else set()
    wished = [
        one for one in COMPONENTS if one.stage != SAMPLES or one.id in rendered or (plan and is_wished(one, plan))
    ]
    for name in dict.fromkeys([*(f"{one.stage}/{one.id}" for one in wished), *of]):
        inside = of.get(name, [])
        yield part(name, inside, known=bool(found and found.differences))
        if name in opened:
            yield from (Row((f"  {one.ref}", "", "", "", "", ACTIONS[one.action]), (), str(one.ref)) for one in inside)


def grouped(found: Comparison | None) -> dict[str, list[Difference]]:
    """Differences by stage and component; what is removed is of no component any more."""
    if found is None:
        return {}
    component = {one.ref: one.component for one in found.rendered}
    groups: dict[str, list[Difference]] = {}
    for one in found.differences:
        groups.setdefault(f"{one.stage}/{component.get(one.ref, 'no longer wished')}", []).append(one)
    return groups


def part(name: str, inside: Iterable[Difference], *, known: bool) -> Row:
    """One component."""
    counts = Counter(one.action for one in inside)
    new = counts[Action.NEW] + counts[Action.UNVERIFIED]
    numbers = (new, counts[Action.CHANGE], counts[Action.REMOVE], counts[Action.SAME] + counts[Action.THEIRS])
    stage, _, component = name.partition("/")
    label = stage if component == stage else f"{stage}: {component}"
    shown = (str(number) if number else NOTHING for number in numbers)
    return Row((label, *shown, worth(counts) if known else "○ not known"), (), name)


def worth(counts: Counter[Action]) -> str:
    """The state of a component: the worst of its objects."""
    if counts[Action.BLOCKED]:
        return f"✗ {counts[Action.BLOCKED]} blocked"
    if counts[Action.REMOVE]:
        return "▲ removes"
    if any(counts[one] for one in (Action.NEW, Action.UNVERIFIED, Action.CHANGE)):
        return "○ to do"
    return "✓ as wished"


def progress(run: Deployment, now: float) -> Iterator[Row]:
    """Every stage of a run, and what it waits for, unless the reason of the end says so already."""
    for stage in run.stages:
        numbers = (str(stage.objects or NOTHING), str(stage.written or NOTHING))
        cells = (stage.stage, *numbers, f"{passed(stage, now):>7}", state(stage, run))
        yield Row(cells, () if run.error else tuple(hindrances(stage.awaiting)), stage.stage)


def passed(stage: StageProgress, now: float) -> str:
    """Whole seconds, or minutes and seconds."""
    if stage.began is None:
        return NOTHING
    seconds = max(int((stage.ended or now) - stage.began), 0)
    return f"{seconds // MINUTE}:{seconds % MINUTE:02} min" if seconds >= MINUTE else f"{seconds} s"


def state(stage: StageProgress, run: Deployment) -> str:
    """Sign and word."""
    if stage.state == "ready":
        return "✓ ready"
    if stage.state == "failed":
        return "✗ failed"
    if stage.state == "applying":
        hangs = any(one.reasons for one in stage.awaiting)
        return f"{'▲' if hangs else '○'} waiting for {len(stage.awaiting)}" if stage.awaiting else "○ applying"
    if run.ending and stage.began:
        return f"▲ {run.ending}"
    return "- not begun"


def hindrances(awaiting: Iterable[Awaited]) -> Iterator[str]:
    """What is awaited, and what its pods and events say."""
    found = list(awaiting)
    for one in found[:MOST_AWAITED]:
        yield f"{one.ref}: {one.why}"
        yield from (f"  {reason}" for reason in one.reasons)
    if len(found) > MOST_AWAITED:
        yield f"and {len(found) - MOST_AWAITED} more"
