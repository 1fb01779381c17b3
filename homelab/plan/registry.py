"""Where rules sign up. A rule is one function of the plan; its finding gets its line later, from the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from homelab.finding import Finding, Severity
from homelab.plan.model import Plan

Rule = Callable[[Plan], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule on the plan alone."""

    id: str
    title: str
    """What is wrong when it fires, in one line."""
    run: Rule


CHECKS: dict[str, Check] = {}
"""Every check by its id, in the order of the rules' files."""


def check(id: str, title: str) -> Callable[[Rule], Rule]:
    """Registers a rule. Raises ValueError for an id that is taken."""

    def register(rule: Rule) -> Rule:
        if id in CHECKS:
            raise ValueError(f"two checks are called {id}")
        CHECKS[id] = Check(id, title, rule)
        return rule

    return register


def error(at: str, what: str, why: str, fix: str) -> Finding:
    """A finding that stops a deploy."""
    return Finding(Severity.ERROR, at, what, why, fix)


def warning(at: str, what: str, why: str, fix: str) -> Finding:
    """A finding that stops nothing."""
    return Finding(Severity.WARNING, at, what, why, fix)
