"""What is asked before a deploy begins, and before one is stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from homelab.stack.deployment import Comparison
from homelab.stack.diff import Action
from screens.dialogs.confirm import Question
from screens.scene import Scene

WORD = "remove"
OUTLIVES = "It goes on when this console or the connection ends; view 6 shows it again."
MOST_LOSSES = 3
OTHER_HOME = "The plan is another cluster's: the console was begun with that one."


def starting(row: str, scene: Scene) -> Question | str:
    """The question, or why nothing can begin."""
    if scene.deployment and scene.deployment.ending is None:
        return "a deploy goes on already: x stops it"
    if scene.comparison is None:
        return "the cluster is still being compared with the plan; wait for that"
    if scene.comparison.hindrance:
        return scene.comparison.hindrance
    asked = question(scene.comparison)
    return replace(asked, sentences=(OTHER_HOME, *asked.sentences)) if scene.is_foreign else asked


def question(found: Comparison) -> Question:
    """What will happen; what others may miss asks for a word."""
    losses = found.losses
    more = (f"... and {len(losses) - MOST_LOSSES} more.",) if len(losses) > MOST_LOSSES else ()
    return Question(
        title="Bring the plan onto the cluster?",
        sentences=(*losses[:MOST_LOSSES], *more, *told(found), OUTLIVES),
        verb="Apply",
        doing="beginning the deploy ...",
        word=WORD if losses else None,
    )


def told(found: Comparison) -> tuple[str, ...]:
    """What is made, changed and removed, and in which stages."""
    counts = Counter(one.action for one in found.differences)
    new = counts[Action.NEW] + counts[Action.UNVERIFIED]
    stages = dict.fromkeys(one.stage for one in found.differences if one.changes)
    if not stages:
        return ("Every object is as wished: nothing is made, changed or removed.",)
    made = f"{new or 'No'} object{' is' if new == 1 else 's are'} made"
    changed, removed = (counts[one] or "none" for one in (Action.CHANGE, Action.REMOVE))
    return (f"{made}, {changed} changed, {removed} removed.", f"Stages: {', '.join(stages)}.")


def counted(found: Comparison) -> str:
    """How many objects meet which fate, in words."""
    counts = Counter(one.action for one in found.differences)
    words = {
        "new": counts[Action.NEW] + counts[Action.UNVERIFIED],
        "changed": counts[Action.CHANGE],
        "removed": counts[Action.REMOVE],
        "as wished": counts[Action.SAME],
        "left alone": counts[Action.THEIRS],
        "blocked": counts[Action.BLOCKED],
    }
    return ", ".join(f"{number} {word}" for word, number in words.items() if number) or "no objects"


def stopping(row: str, scene: Scene) -> Question | str:
    """The question, or why there is nothing to stop."""
    if scene.deployment is None or scene.deployment.ending:
        return "no deploy goes on: there is nothing to stop"
    return Question(
        title="Stop the deploy?",
        sentences=("What is under way is finished, and nothing new begins.", "The next apply goes on from there."),
        verb="Stop",
        doing="stopping before the next step ...",
    )
