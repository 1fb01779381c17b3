"""What was answered so far, in a file beside the plan: a dropped session goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from homelab.plan import file
from homelab.plan.document import PlanError
from homelab.setup.fields import FIELDS, KUBECONFIG, OF_PLAN
from homelab.setup.model import Draft
from homelab.setup.place import place

VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as its file has it."""

    draft: Draft
    base: str
    """Mark of the plan that it was begun on."""
    saved: str
    """When; RFC 3339."""


def mark(text: str | None) -> str:
    """Another one for another text; empty where there is no file."""
    return "" if text is None else sha256(text.encode(errors="surrogatepass")).hexdigest()


def load(plan: Path) -> Kept | None:
    """The draft of a plan. None where there is none, or it is torn or odd: nothing of it may keep one from starting."""
    with suppress(PlanError, ValueError, RecursionError):
        return _kept(json.loads(file.content(place(plan), "delete it")))
    return None


def save(plan: Path, kept: Kept) -> None:
    """Write it whole or not at all, for its owner alone. Raises PlanError; the draft before is then as it was."""
    said = {"version": VERSION, "step": kept.draft.step, "values": dict(kept.draft.values)}
    text = json.dumps({**said, "base": kept.base, "saved": kept.saved}, indent=1)
    file.save(place(plan), f"{text}\n", apart=True)


def remove(plan: Path) -> None:
    """Nothing is left to go on with."""
    with suppress(OSError):
        place(plan).unlink()


def _kept(said: object) -> Kept | None:
    if not isinstance(said, Mapping) or said.get("version") != VERSION or not isinstance(said.get("values"), Mapping):
        return None
    step, base, saved = (str(said.get(key) or "") for key in ("step", "base", "saved"))
    known = (KUBECONFIG, *OF_PLAN)
    values = {path: text for path, text in said["values"].items() if path in known and isinstance(text, str)}
    return Kept(Draft(step, values), base, saved) if step in FIELDS else None
