"""Who holds which address of the pool, and why somebody has none."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.observe.allocations import Allocation
from homelab.observe.behind import SERVICE
from homelab.observe.text import ALLOCATION_HEAD, NOTHING, allocation_row
from homelab.ports import Ref
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane


class Allocations(TablePane):
    """The LoadBalancer Services."""

    TITLE = "Allocations"
    NEEDS = ("services", "servicel2statuses", "events")
    EMPTY = "No Service wants an address yet: press 6 to deploy"

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """How many have what they asked for."""
        found = scene.snapshot.allocations if scene.snapshot else ()
        pending = sum(one.pending is not None for one in found)
        counted = (f"{len(found) - pending} given{f', {pending} pending' if pending else ''}",) if found else ()
        return (*counted, *(("layer 2",) if any(one.announced_by for one in found) else ()))

    def data(self, scene: Scene) -> Table | None:
        """One row per Service."""
        if scene.snapshot is None:
            return None
        return Table(ALLOCATION_HEAD, tuple(map(allocation_row, scene.snapshot.allocations)))

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one Service's address."""
        found = scene.snapshot.allocations if scene.snapshot else ()
        return next((facts(one) for one in found if one.service == key), ())

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """The Service."""
        space, _, name = key.partition("/")
        return (Ref(SERVICE, space, name),)


def facts(one: Allocation) -> tuple[tuple[str, str], ...]:
    """Names and values."""
    address = " ".join(filter(None, (one.address, *one.more)))
    loopback = (("In the lab", f"reached at {one.loopback}"),) if one.loopback else ()
    return (
        ("Service", one.service),
        ("Address", address or "none"),
        *((("Pending", one.pending),) if one.pending else ()),
        ("Wanted", one.wanted or "any of the pool"),
        ("Pool", one.pool or NOTHING),
        ("Announced by", one.announced_by or "nobody"),
        ("Policy", f"{one.policy}: {POLICIES.get(one.policy, 'not known here')}"),
        ("Ports", ", ".join(one.ports) or NOTHING),
        *loopback,
    )


POLICIES = {
    "Local": "keeps the client's address; only nodes with a ready pod announce",
    "Cluster": "any node announces; the client's address is lost",
}
