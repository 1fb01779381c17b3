"""What the command line says, for every command alike."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tui.settings import Settings, folder

if TYPE_CHECKING:
    from homelab.lab.process import Attached

PLAN = "homelab.yaml"
ELSEWHERE = ("kubeconfig", "context", "mirror")
"""Options that name something which the lab brings with it."""


class Refused(Exception):
    """Wrong use that the parser cannot see; the text says what and what to do instead."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options that every command accepts, before its name and after."""

    plan: Path | None
    """The plan file that was named; None: look in the usual places."""
    kubeconfig: str | None
    context: str | None
    mirror: Path | None
    read_only: bool
    lab: str | None = None
    """`deployed` or `bare` where the lab is to be used in place of a cluster."""
    journal: Path | None = None
    """Folder of the journal; None: one for each cluster among the user's state."""
    settings: Settings = field(default_factory=Settings)
    trouble: str | None = None
    """What is wrong with the settings' file, and the fix."""

    @classmethod
    def of(cls, parsed: Namespace) -> Options:
        """Read them from parsed arguments. Raises Refused when they contradict each other."""
        found = vars(parsed)
        if "lab" in found and (others := [f"--{name}" for name in ELSEWHERE if found.get(name)]):
            raise Refused(f"--lab brings its own cluster and its own upstream files: leave out {', '.join(others)}")
        return cls(
            plan=_path(found.get("plan")),
            kubeconfig=found.get("kubeconfig"),
            context=found.get("context"),
            mirror=_path(found.get("mirror")),
            read_only=found.get("read_only", False),
            lab=found.get("lab"),
        )

    def on(self, lab: Attached) -> Options:
        """The same for the lab: its cluster, its journal and, where none was named, its plan."""
        return replace(self, plan=self.plan or lab.plan, kubeconfig=str(lab.kubeconfig), journal=lab.journal)

    def arguments(self) -> list[str]:
        """The same as one types it; for a lab none of what it brings with it."""
        brought = {name: getattr(self, name) for name in ("plan", *(() if self.lab else ELSEWHERE))}
        typed = [part for name, value in brought.items() if value for part in (f"--{name}", str(value))]
        lab = {"deployed": ["--lab"], "bare": ["--lab=bare"]}.get(self.lab or "", [])
        return [*typed, *lab, *(["--read-only"] if self.read_only else [])]

    def plan_files(self) -> tuple[Path, ...]:
        """Where the plan may be, best first."""
        if self.plan:
            return (self.plan,)
        return (Path(PLAN), folder() / PLAN)


def _path(text: str | None) -> Path | None:
    return Path(os.path.expanduser(text)) if text else None  # unlike Path.expanduser it lets `~nobody` stand
