"""Every rule on the plan, run over one reading. A new one is a function with `@check` in a `rules_*` file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from homelab.finding import Finding
from homelab.plan import rules_addresses, rules_claims, rules_cluster, rules_configuration, rules_names
from homelab.plan.file import Reading
from homelab.plan.model import Plan
from homelab.plan.registry import CHECKS, Check, check

__all__ = ["CHECKS", "RULES", "Check", "check", "findings_of", "run"]

RULES = (rules_claims, rules_addresses, rules_names, rules_cluster, rules_configuration)
"""The files of rules; importing them fills `CHECKS`."""


def run(plan: Plan) -> Iterator[Finding]:
    """What the rules say of a plan, without lines."""
    for registered in CHECKS.values():
        yield from registered.run(plan)


def findings_of(reading: Reading) -> tuple[Finding, ...]:
    """Everything wrong with a file, sorted by line: faults of form, and of meaning where there is a plan."""
    meaning = run(reading.plan) if reading.plan else ()
    found = [*reading.findings, *(replace(finding, line=reading.line(finding.at)) for finding in meaning)]
    return tuple(sorted(found, key=lambda finding: finding.line or 0))
