"""What to set in the router: text to paste, or values for its forms, for every kind that a plan may name.

A kind is a line of `RouterKind` and the module of that name, which has TITLE and `parts(plan, macs)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType, ModuleType

from homelab.plan.model import Plan, RouterKind
from homelab.plan.router.part import Part, Topic

__all__ = ["Part", "Topic", "texts", "title"]

NOBODY: Mapping[str, str] = MappingProxyType({})


def texts(plan: Plan, macs: Mapping[str, str] = NOBODY, kind: RouterKind | None = None) -> tuple[Part, ...]:
    """All that the plan wants of its router, or of one of another kind; `macs` are MAC addresses by node name.

    Pure, and never an exception: a plan with errors gives text with the same errors.
    """
    found: tuple[Part, ...] = _module(kind or plan.router.kind).parts(plan, macs)
    return found


def title(kind: RouterKind) -> str:
    """The name that people know this router by."""
    written: str = _module(kind).TITLE
    return written


def _module(kind: RouterKind) -> ModuleType:
    return import_module(f"{__name__}.{kind.replace('-', '_')}")
