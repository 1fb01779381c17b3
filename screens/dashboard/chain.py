"""One route, hop by hop, from the name to the pods; live while it is in front."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from textual.types import CSSPathType

from homelab.observe.chain import chain, domains_of
from homelab.observe.hop import HEAD, Hop, HopState, hop_row
from homelab.observe.routes import Route
from homelab.observe.text import route_key, state_word
from homelab.ports import Ref
from screens.closer import Closer
from screens.commands import Command
from screens.dashboard.routes import Routes
from screens.detailed import Detailed
from screens.freshness import Freshness
from screens.scene import Scene
from screens.widgets.pane import LOADING, Table, TablePane

PANE = "screens.dashboard.chain:Hops"
GONE = "This route is gone: nobody asks for it any more, and no Traefik lists it."


class Hops(TablePane):
    """The chain of one route."""

    TITLE = "Route"
    NEEDS = Routes.NEEDS
    EMPTY = LOADING
    STEPS = True

    def __init__(self) -> None:
        super().__init__()
        self.key = ""
        """Of the row that was opened."""
        self._made: tuple[object, tuple[Hop, ...]] | None = None

    def route(self, scene: Scene) -> Route | None:
        """The one that was opened."""
        found = scene.snapshot.routes if scene.snapshot else ()
        return next((one for one in found if route_key(one) == self.key), None)

    def hops(self, scene: Scene) -> tuple[Hop, ...]:
        """Made anew only when something was learnt."""
        route, parts = self.route(scene), scene.parts
        if route is None or scene.snapshot is None or parts is None or parts.key != self.key or parts.trouble:
            return ()
        known = (scene.snapshot, parts, scene.plan)
        if self._made is None or self._made[0] != tuple(map(id, known)):
            made = chain(route, scene.snapshot, parts, domains_of(scene.plan))
            self._made = tuple(map(id, known)), made
        return self._made[1]

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Loading, failed or gone."""
        if scene.parts and scene.parts.key == self.key and scene.parts.trouble:
            return (scene.parts.trouble,), "bad"
        if scene.snapshot and not scene.snapshot.is_loading and self.route(scene) is None:
            return (GONE,), "warn"
        return ((), "") if self.hops(scene) else ((LOADING,), "dim")

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """Which route, and how it fares."""
        route = self.route(scene)
        broken = sum(one.state is HopState.BROKEN for one in self.hops(scene))
        told = (f"{broken} broken",) if broken else ()
        return (f"{route.host}{route.path}", *told, state_word(route)) if route else (self.key,)

    def data(self, scene: Scene) -> Table | None:
        """One row a hop."""
        return Table(HEAD, tuple(map(hop_row, self.hops(scene))))

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """All that is known of one hop."""
        return next((one.facts for one in self.hops(scene) if one.key == key), ())

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """What it is in the cluster."""
        return next((one.objects for one in self.hops(scene) if one.key == key), ())


class RouteView(Closer, Detailed):
    """The chain, and all that is known of the hop under the cursor."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["../board.tcss", "../detailed.tcss"]
    LOOKS = "chain"

    def __init__(self, command: Command, scene: Callable[[], Scene], row: str, refs: tuple[Ref, ...]) -> None:
        super().__init__(command, scene, row, refs, pane=PANE)

    def asked(self) -> Sequence[object]:
        """Which route."""
        found = self._scene().snapshot
        return (next((one for one in (found.routes if found else ()) if route_key(one) == self.row), None),)

    def show(self, scene: Scene) -> None:
        """Draw from what is known now."""
        self.query_one(Hops).key = self.row
        super().show(scene)
