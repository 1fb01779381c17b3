"""`homelab-tui router`: what to set in the router, as text to copy."""

from __future__ import annotations

import json
from argparse import Namespace
from dataclasses import asdict
from textwrap import fill

from homelab.observe.text import WIDTH
from homelab.plan.router import Part, texts, title
from tui.headless.stack import checked
from tui.headless.terminal import say, width
from tui.options import Options


def router(parsed: Namespace, options: Options) -> int:
    """Print every part for the plan's router, or for one of the kind that was named. Raises PlanError."""
    plan = checked(options)
    if plan is None:
        return 1
    kind = parsed.kind or plan.router.kind
    parts = texts(plan, kind=kind)
    if parsed.json:
        print(json.dumps({"version": 1, "kind": kind, "title": title(kind), "parts": [asdict(part) for part in parts]}))
    else:
        printed = (_printed(number, part) for number, part in enumerate(parts, 1))
        say("\n\n\n".join((f"What to set: {title(kind)}", *printed)))
    return 0


def _printed(number: int, part: Part) -> str:
    """The text stands alone, without indent or wrap, so that it can be marked and copied."""
    heading = f"{number}. {part.topic} - {part.where}"
    notes = "\n".join(_wrapped(note) for note in part.notes)
    return "\n\n".join(filter(None, (f"{heading}\n{'=' * min(len(heading), _columns())}", part.text, notes)))


def _wrapped(note: str) -> str:
    return fill(
        note, _columns(), initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _columns() -> int:
    return min(width(), WIDTH)
