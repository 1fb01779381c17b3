"""Who holds which address of the LAN: typed, judged and drawn at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from ipaddress import AddressValueError, IPv4Address
from typing import ClassVar

from textual.widget import Widget

from homelab.observe.addresses import LEGEND, Claim, Use, one
from homelab.plan.model import AddressRange, Plan
from homelab.setup.model import Found, Setup
from screens.widgets import hints
from screens.widgets.address_map import map_lines
from screens.widgets.lines import Lines, Span
from screens.wizard import words
from screens.wizard.frame import Frame

SIGNS = (
    *((use, "ours" if use is Use.USED else name) for use, name in LEGEND),
    (Use.ANSWERS, "taken"),
)
INGRESSES = ("ingress.internal.address", "ingress.external.address")


class Addresses(Frame):
    """What cannot be read is not on the map; without a LAN it stays as it was."""

    STEP: ClassVar[str] = "addresses"
    LOOK: ClassVar[str | None] = "look"

    def compose_parts(self) -> Iterable[Widget]:
        """The map."""
        self._plan: Plan | None = None
        self._map = Lines(classes="map")
        yield self._map

    def show_parts(self, setup: Setup) -> None:
        """Draw it."""
        if words.worst(setup, "network.lan") is None or self._plan is None:
            self._plan = setup.judged.sketch
        width = self.size.width
        shown = map_lines(self._plan, (), width, over(self._plan, setup.found), SIGNS) if self._plan else []
        self._map.show_lines([hints.rule(width), *shown])

    def remark(self, path: str, setup: Setup) -> Span:
        """What is known of an address that nothing is wrong with."""
        return remark(path, words.value(setup, path), setup.found)


def over(plan: Plan, found: Found) -> Iterator[Claim]:
    """What the ingresses ask for, and who answers where nobody should."""
    known = {plan.network.gateway, *(host.address for host in plan.network.hosts)}
    known |= {node.address for node in plan.nodes}
    expected = [*plan.network.reserved, *([plan.network.dhcp] if plan.network.dhcp else [])]
    yield from (one(each.address, Use.USED) for each in (plan.ingress.internal, plan.ingress.external))
    for address in found.taken:
        if address not in known and not any(address in each for each in expected):
            yield one(address, Use.ANSWERS)


def remark(path: str, written: str, found: Found) -> Span:
    """In a few words, by the field."""
    if path == "network.lan" and (interface := interface_of(written, found)):
        return f"found on {interface}", "dim"
    if path == "load_balancer.pool":
        return pool(written, found)
    address = parsed(written)
    if path in INGRESSES and address in found.searched:
        return ("✓ free", "good") if address not in found.taken else ("✗ answers already", "bad")
    return ("✓ answers", "good") if address in found.taken else ("", "")


def interface_of(written: str, found: Found) -> str | None:
    """Which of this machine's interfaces leads into a network."""
    interfaces = found.machine.interfaces if found.machine else ()
    return next((one.name for one in interfaces if str(one.address.network) == written.strip()), None)


def pool(written: str, found: Found) -> Span:
    """How many addresses, and whether any of them answers."""
    try:
        pool = AddressRange.parse(written.strip())
    except ValueError:
        return "", ""
    answering = sum(address in pool for address in found.taken)
    if answering:
        return f"▲ {len(pool)} addresses, {answering} taken", "warn"
    silent = found.searched and all(IPv4Address(at) in found.searched for at in (int(pool.first), int(pool.last)))
    return f"{len(pool)} addresses{', none answers' if silent else ''}", "dim"


def parsed(written: str) -> IPv4Address | None:
    """An address, where it is one."""
    with suppress(AddressValueError):
        return IPv4Address(written.strip())
    return None
