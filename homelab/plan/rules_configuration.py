"""The user's own lines of dynamic configuration: what the loader in the cluster would refuse is told before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from homelab import configuration
from homelab.finding import Finding
from homelab.plan.model import Plan
from homelab.plan.registry import check, error

KEY = "ingress.external.config"


@check("config-file", "The file of dynamic configuration cannot be read")
def config_file(plan: Plan) -> Iterator[Finding]:
    """Without it nobody knows what is wished."""
    if file := plan.ingress.external.config:
        try:
            configuration.own(file)
        except (OSError, ValueError) as problem:
            why = getattr(problem, "strerror", None) or problem
            yield error(
                KEY,
                f"{file} cannot be read: {why}",
                "the external Traefik is to be configured by it, so nothing of the stack can be rendered",
                "name a text file of lines `key = value`, from the folder in which the command runs, or write null",
            )


@check("config-line", "A line of dynamic configuration is not accepted")
def config_line(plan: Plan) -> Iterator[Finding]:
    """By the rules of the loader, and without touching what is ours. Source: Traefik v3.7, pkg/config/dynamic."""
    for one in configuration.faults(_text(plan)):
        yield error(KEY, f"{plan.ingress.external.config}:{one.number}: {one.what}", one.why, one.fix)


@check("config-size", "The dynamic configuration is too long")
def config_size(plan: Plan) -> Iterator[Finding]:
    """All of it is written in one transaction. Source: Consul API docs, txn."""
    if (left := configuration.room(_text(plan))) < 0:
        yield error(
            KEY,
            f"{plan.ingress.external.config} has {-left} keys too many",
            "Traefik must meet the old configuration or the new one, so Consul takes it in one transaction",
            "write lists with commas on one line, or use objects of kind Middleware and IngressRoute",
        )


def _text(plan: Plan) -> str:
    """The user's lines; none where there is no file that can be read."""
    with suppress(OSError, ValueError):
        return configuration.own(plan.ingress.external.config) if plan.ingress.external.config else ""
    return ""
