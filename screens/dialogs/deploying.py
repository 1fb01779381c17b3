"""What is asked before a deploy begins, and before one is stopped."""

from __future__ import annotations

from collections import Counter

from homelab.stack.deployment import Comparison
from homelab.stack.diff import Action
from screens.dialogs.confirm import Question
from screens.scene import Scene

WORD = "remove"
OUTLIVES = "It goes on when this console or the connection ends; view 6 shows it again."
MOST_LOSSES = 3


def starting(row: str, scene: Scene) -> Question | str:
    """The question, or why nothing can begin."""
    if scene.deployment and scene.deployment.ending is None:
        return "a deploy goes on already: x stops it"
    if scene.comparison is None:
        return "the cluster is still being compared with the plan; wait for that"
    return scene.comparison.hindrance or question(scene.comparison)


def question(found: Comparison) -> Question:
    """What will happen; what others may miss asks for a word."""
    losses = found.losses
    more = (f"... and {len(losses) - MOST_LOSSES} more.",) if len(losses) > MOST_LOSSES else ()
    return Question(
        title="Bring the plan onto the cluster?",
        sentences=(*losses[:MOST_LOSSES], *more, f"{counted(found)}.", OUTLIVES),
        verb="Apply",
        doing="beginning the deploy ...",
        word=WORD if losses else None,
    )


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
