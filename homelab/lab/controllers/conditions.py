"""Conditions of a status: lists whose entries remember since when they hold."""

from __future__ import annotations

from datetime import datetime

from homelab.lab.controllers.clock import stamp
from homelab.observe.raw import items, text
from homelab.ports import Raw


def condition(status: Raw, kind: str) -> Raw:
    """One condition; empty when the status has none of this type."""
    return next((found for found in items(status, "conditions") if found.get("type") == kind), {})


def holds(obj: Raw, kind: str) -> bool:
    """Whether an object's condition is True."""
    return condition(obj.get("status") or {}, kind).get("status") == "True"


def conditions(before: Raw, now: datetime, *wanted: Raw) -> list[Raw]:
    """The wanted conditions, with the time of their last transition; further ones of the status stay."""
    types = {text(one, "type") for one in wanted}
    others = [one for one in items(before, "conditions") if text(one, "type") not in types]
    return [*others, *(_since(condition(before, one["type"]), one, now) for one in wanted)]


def wished(kind: str, holding: bool, reason: str = "", message: str = "") -> Raw:
    """A condition without its time."""
    said = {"reason": reason} if reason else {}
    return {"type": kind, "status": str(holding), **said, **({"message": message} if message else {})}


def _since(old: Raw, new: Raw, now: datetime) -> Raw:
    same = old.get("status") == new["status"] and "lastTransitionTime" in old
    return {**new, "lastTransitionTime": old["lastTransitionTime"] if same else stamp(now)}
