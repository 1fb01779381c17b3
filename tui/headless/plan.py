"""`homelab-tui plan`: write a first plan, check one."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from dataclasses import asdict, replace
from pathlib import Path

from homelab.plan.checks import findings_of
from homelab.plan.file import initial, save
from tui import wiring
from tui.headless.terminal import say, show
from tui.options import Options, Refused


def init(parsed: Namespace, options: Options) -> int:
    """Write the article's plan. Raises Refused, PlanError."""
    path = options.plan_files()[0]
    if options.read_only:
        raise Refused("--read-only is set: no plan is written")
    if path.exists() and not parsed.force:
        raise Refused(f"{path} exists; edit it, or overwrite it with --force")
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent}; make it first")
    save(path, initial())
    say(f"{path} written: set your addresses and the two domains in it, then: homelab-tui plan check")
    return 0


def check(parsed: Namespace, options: Options) -> int:
    """Print every finding of the plan. Raises PlanError."""
    if parsed.file:
        options = replace(options, plan=Path(os.path.expanduser(parsed.file)))
    found = wiring.reading(options)
    findings = findings_of(found)
    errors = sum(finding.is_error for finding in findings)
    if parsed.json:
        print(json.dumps({"version": 1, "file": found.name, "findings": [asdict(finding) for finding in findings]}))
    else:
        show(findings, found.name)
        say(f"{found.name}: {_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}")
    return 1 if errors else 0


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
