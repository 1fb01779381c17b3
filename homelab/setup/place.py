"""Where the draft of a set-up lies; apart, so that whether there is one can be asked before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def place(plan: Path) -> Path:
    """The draft's file, beside the plan."""
    return plan.with_name(f".{plan.name}.draft")


def meant(plans: Sequence[Path]) -> Path:
    """Which of the usual places a set-up is about: the first with a plan or a draft, else the last."""
    return next((plan for plan in plans if plan.exists() or place(plan).exists()), plans[-1])
