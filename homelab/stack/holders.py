"""Which addresses Services of others have, or ask for: the load balancer gives none of them to an ingress."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address

from homelab.finding import Finding, Severity
from homelab.observe.allocations import addresses, wish
from homelab.observe.raw import full_name, text, zone
from homelab.plan.model import Plan
from homelab.ports import Raw
from homelab.stack.ownership import owner

INGRESSES = ("ingress.internal.address", "ingress.external.address")
"""Where the plan says what the ingresses ask for."""


def held(services: Iterable[Raw]) -> Mapping[IPv4Address, str]:
    """Addresses of other people's Services, with the Service's name. Pure.

    One that is asked for counts: whoever has asked first is served first. An ingress that a tool keeps in step is no
    other.
    """
    found: dict[IPv4Address, str] = {}
    for service in services:
        if not (owner(service).ours or zone(service)):
            for written in _claims(service):
                with suppress(ValueError):  # an IPv6 address, or a host name
                    found.setdefault(IPv4Address(written.strip()), full_name(service))
    return found


def _claims(service: Raw) -> Iterator[str]:
    yield from addresses(service)
    if text(service, "spec", "type") == "LoadBalancer":
        yield from (wish(service) or "").split(",")


def in_use(plan: Plan, others: Mapping[IPv4Address, str]) -> Iterator[Finding]:
    """Ingresses that want what a Service of somebody else has. Pure."""
    for path, ingress in zip(INGRESSES, (plan.ingress.internal, plan.ingress.external), strict=True):
        if name := others.get(ingress.address):
            yield Finding(
                Severity.ERROR,
                at=path,
                what=f"{ingress.address} is taken by Service {name}, which is not ours",
                why="an address is given to one Service, so this ingress would get none, and nobody could reach it",
                fix="choose another address of the pool; or delete that Service, or let it ask for another address",
            )
