"""What confirming the set-up would change in the plan's file."""

from __future__ import annotations

from difflib import unified_diff


def changes(before: str | None, after: str) -> tuple[str, ...]:
    """Lines of a unified diff without its head; of a new file every line is new."""
    return tuple(unified_diff((before or "").splitlines(), after.splitlines(), n=2, lineterm=""))[2:]
