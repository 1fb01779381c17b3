"""What is asked before the answers of a set-up are thrown away."""

from __future__ import annotations

from screens.dialogs.confirm import Question
from screens.scene import Scene


def discarding(row: str, scene: Scene) -> Question | str:
    """The question, or why nothing can be thrown away."""
    if scene.setup is None or scene.setup.holder:
        return "somebody else is at this set-up: its answers are theirs"
    stays = "The plan stays as it is." if scene.setup.before is not None else "There is no plan then."
    return Question(
        title="Throw away the answers?",
        sentences=("What was answered in this set-up is gone then.", stays),
        verb="Throw away",
        doing="throwing the answers away ...",
    )
