"""What to set in the router: text to paste, or values for its forms, for every kind that a plan may name.

A kind is a line of `RouterKind` and the module of that name, which has TITLE and `parts(plan, macs)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType, ModuleType

from homelab.plan.model import Plan, RouterKind
from homelab.plan.router.part import Part, Topic
from homelab.plan.rules_names import domains, form_fault

__all__ = ["Part", "Topic", "texts", "title"]

NOBODY: Mapping[str, str] = MappingProxyType({})

STANDS_FOR = {"ingress.internal.domain": "INTERNAL-DOMAIN", "ingress.external.domain": "EXTERNAL-DOMAIN"}
"""What stands in notes for a domain that is none; no DNS name of a plan has upper-case letters."""


def texts(plan: Plan, macs: Mapping[str, str] = NOBODY, kind: RouterKind | None = None) -> tuple[Part, ...]:
    """All that the plan wants of its router, or of one of another kind; `macs` are MAC addresses by node name.

    Pure, and never an exception: a plan with errors gives text with the same errors, except for what is no DNS name:
    such texts are pasted into shells, so a part that would hold it has none.
    """
    made = _module(kind or plan.router.kind)
    odd = {STANDS_FOR[at]: at for at, domain in domains(plan) if form_fault(domain)}
    found: tuple[Part, ...] = made.parts(_named(plan, set(odd.values())), macs)
    return tuple(_harmless(part, odd) for part in found)


def _named(plan: Plan, odd: set[str]) -> Plan:
    """The plan, with other words for domains that are none."""
    ingress = plan.ingress
    for at in odd:
        zone = at.split(".")[1]
        ingress = replace(ingress, **{zone: replace(getattr(ingress, zone), domain=STANDS_FOR[at])})
    return replace(plan, ingress=ingress)


def _harmless(part: Part, odd: Mapping[str, str]) -> Part:
    """Without its text where a domain of it is none."""
    missing = [at for words, at in odd.items() if words in part.text]
    if not missing:
        return part
    return replace(
        part, text="", notes=(f"{missing[0]} is no DNS name, so there is nothing to set yet: mend it first.",)
    )


def title(kind: RouterKind) -> str:
    """The name that people know this router by."""
    written: str = _module(kind).TITLE
    return written


def _module(kind: RouterKind) -> ModuleType:
    return import_module(f"{__name__}.{kind.replace('-', '_')}")
