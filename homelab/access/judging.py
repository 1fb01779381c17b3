"""What is wrong with an app before it is put on show: one small rule each, everything a person needs in its finding."""

from __future__ import annotations

from homelab.access.around import Around
from homelab.access.model import App
from homelab.finding import Finding
from homelab.plan.model import Plan


def judge(app: App, plan: Plan, around: Around) -> tuple[Finding, ...]:
    """Everything that is wrong, errors first; `at` is the field: service, port, zone, internal, external, path, auth."""
    raise NotImplementedError


def consent(app: App, before: App | None) -> str | None:
    """What a person has to type `yes` to before this is applied: an app that the whole world may look at; else None."""
    raise NotImplementedError
