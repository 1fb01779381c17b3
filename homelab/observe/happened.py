"""Events about objects and what stands behind them, as a person reads them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from homelab.observe.allocations import NEVER, involved, message, seen
from homelab.observe.inspection import Happening
from homelab.observe.raw import dig, number, text
from homelab.observe.text import NOTHING, UNITS
from homelab.ports import Kind, Raw, Ref

EVENT = Kind("v1", "Event")


def happened(events: Iterable[Raw], family: Iterable[Raw], now: datetime) -> tuple[Happening, ...]:
    """Those about one of the objects, the newest last."""
    uids, refs = set[str](), set[tuple[str, str | None, str]]()
    for one in family:
        ref = Ref.of(one)
        uids.add(text(one, "metadata", "uid") or "")
        refs.add((ref.kind.name, ref.namespace, ref.name))
    mine = [one for one in events if _is_about(one, uids, refs)]
    return tuple(_happening(one, now) for one in sorted(mine, key=seen))


def _is_about(event: Raw, uids: set[str], refs: set[tuple[str, str | None, str]]) -> bool:
    """By uid, since another object may have had the name before; some writers leave it out."""
    about = involved(event)
    if uid := text(about, "uid"):
        return uid in uids
    return (text(about, "kind") or "", text(about, "namespace"), text(about, "name") or "") in refs


def _happening(event: Raw, now: datetime) -> Happening:
    about = involved(event)
    kind = Kind(text(about, "apiVersion") or "v1", text(about, "kind") or "?")
    return Happening(
        key=text(event, "metadata", "uid") or text(event, "metadata", "name") or "?",
        age=age(seen(event), now),
        about=Ref(kind, text(about, "namespace"), text(about, "name") or "?"),
        reason=text(event, "reason") or NOTHING,
        message=message(event) or NOTHING,
        count=number(event, "count") or number(dig(event, "series"), "count") or 1,
        is_warning=text(event, "type") == "Warning",
    )


def age(moment: datetime, now: datetime) -> str:
    """In one unit; seconds are not counted, since they would be painted anew each second."""
    if moment == NEVER:
        return NOTHING
    passed = max((now - moment).total_seconds(), 0)
    return next((f"{passed // size:.0f} {unit}" for size, unit in UNITS if passed >= size), "< 1 min")
