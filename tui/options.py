"""What the command line says, for every command alike."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

PLAN = "homelab.yaml"


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

    @classmethod
    def of(cls, parsed: Namespace) -> Options:
        """Read them from parsed arguments."""
        found = vars(parsed)
        return cls(
            plan=_path(found.get("plan")),
            kubeconfig=found.get("kubeconfig"),
            context=found.get("context"),
            mirror=_path(found.get("mirror")),
            read_only=found.get("read_only", False),
        )

    def plan_files(self) -> tuple[Path, ...]:
        """Where the plan may be, best first."""
        if self.plan:
            return (self.plan,)
        configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        return (Path(PLAN), Path(configuration) / "homelab-tui" / PLAN)


def _path(text: str | None) -> Path | None:
    return Path(os.path.expanduser(text)) if text else None  # unlike Path.expanduser it lets `~nobody` stand
