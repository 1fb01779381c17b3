"""What a run does, as lines beside the journal: so that whoever looks sees it, from wherever it was begun.

The journal says what a next run has to know and is on disk before anything is done; this one is for the eye, begins
anew with every run, and its loss costs nothing but the picture. It holds names and reasons, never a value.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from homelab.stack.deployment import Awaited, Deployment, Ending, StageProgress
from homelab.stack.journal import Journal
from homelab.stack.progress import Awaiting, Done, Event, StageBegun, StageEnded

WRITES = frozenset({"created", "changed", "removed"})
MOST_AWAITED = 8
"""Objects told of those that a stage waits for."""
MOST_NOTES = 50


def path_of(journal: Journal) -> Path:
    """The record that belongs to a journal."""
    return journal.path.with_name("record.jsonl")


class Recording:
    """Writes one run down. A disk that is full costs lines, never the run: the journal decides about that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._torn = False

    def begin(self, stages: Sequence[str]) -> None:
        """Begin anew; only whoever holds the journal may."""
        with suppress(OSError):
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._write(event="begin", pid=os.getpid(), stages=list(stages))

    def __call__(self, event: Event) -> None:
        """Add what a run tells."""
        match event:
            case StageBegun(stage, objects):
                self._write(event="stage", stage=stage, objects=objects)
            case Done(stage, ref, outcome, note):
                self._write(event="done", stage=stage, ref=str(ref), outcome=outcome, note=note)
            case Awaiting(stage, missing, reasons):
                told = [
                    {"ref": str(ref), "why": found.why, "reasons": list(reasons.get(ref, ()))}
                    for ref, found in missing.items()
                ]
                told.sort(key=lambda one: not one["reasons"])
                self._write(event="awaiting", stage=stage, missing=told[:MOST_AWAITED])
            case StageEnded(stage):
                self._write(event="ready", stage=stage)

    def note(self, text: str) -> None:
        """Something that was noticed on the way."""
        self._write(event="note", text=text)

    def end(self, ending: Ending, error: str | None = None) -> None:
        """How it ended, and why; nothing can be added after it."""
        self._write(event="end", ending=ending, error=error)
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _write(self, **line: Any) -> None:
        if self._file is None:
            return
        text = ("\n" if self._torn else "") + json.dumps({"at": round(time.time(), 3), **line}) + "\n"
        left = text.encode()
        try:
            while left:
                left = left[os.write(self._file, left) :]
            self._torn = False
        except OSError:
            self._torn = True


def fold(lines: Iterable[str]) -> Deployment | None:
    """The run that the lines tell of; None before its first. Pure; what is no line of ours is passed over."""
    found: Deployment | None = None
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            entry = json.loads(line)
            found = _begun(entry) if entry["event"] == "begin" else found and _after(found, entry)
    return found


def _begun(entry: Mapping[str, Any]) -> Deployment:
    stages = tuple(StageProgress(str(stage), "waiting") for stage in entry["stages"])
    return Deployment(stages, int(entry["pid"]), float(entry["at"]))


def _after(run: Deployment, entry: Mapping[str, Any]) -> Deployment:
    match entry["event"]:
        case "end":
            return _ended(run, entry["ending"], float(entry["at"]), entry.get("error"))
        case "note":
            return _noted(run, str(entry["text"]))
        case "done" if entry["outcome"] == "left alone":
            return _noted(run, f"{entry['ref']}: left alone, {entry['note']}")
    stages = tuple(_moved(stage, entry) if stage.stage == entry["stage"] else stage for stage in run.stages)
    return replace(run, stages=stages)


def _noted(run: Deployment, text: str) -> Deployment:
    return run if text in run.notes else replace(run, notes=(*run.notes, text)[-MOST_NOTES:])


def _moved(stage: StageProgress, entry: Mapping[str, Any]) -> StageProgress:
    """What became of a stage by one of its lines."""
    at = float(entry["at"])
    match entry["event"]:
        case "stage":
            return replace(stage, state="applying", objects=int(entry["objects"]), began=at)
        case "done":
            return replace(stage, written=stage.written + (entry["outcome"] in WRITES))
        case "awaiting":
            missing = tuple(Awaited(one["ref"], one["why"], tuple(one["reasons"])) for one in entry["missing"])
            return replace(stage, awaiting=missing)
        case "ready":
            return replace(stage, state="ready", ended=at, awaiting=())
    return stage


def _ended(run: Deployment, ending: Ending, at: float, error: str | None) -> Deployment:
    """The stage that was under way did not come to its end."""
    stages = tuple(
        replace(stage, state="failed" if ending == "failed" else "waiting", ended=at)
        if stage.state == "applying"
        else stage
        for stage in run.stages
    )
    return replace(run, stages=stages, ending=ending, ended=at, error=error)


def read(journal: Journal) -> Deployment | None:
    """The last run; one that says no end, while its process no longer holds the journal, was cut. None without any.

    The lock dies with its process, so a number that was given anew to another process deceives nobody.
    """
    path = path_of(journal)
    found = _folded(path)
    if found is None or found.ending or journal.holder() == found.pid:
        return found
    again = _folded(path)  # its last line may have come just before it let go
    if again is None or again != found:
        return again
    with suppress(OSError):
        return _ended(found, "cut", path.stat().st_mtime, None)
    return None


def _folded(path: Path) -> Deployment | None:
    try:
        return fold(path.read_text(errors="replace").splitlines())
    except OSError:
        return None
