"""The users of one file: who they are, how their passwords are kept, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence

from homelab.observe.snapshot import SourceState
from homelab.ports import Kind, Ref
from screens.freshness import Freshness
from screens.scene import Scene
from screens.users import texts
from screens.widgets.pane import LOADING, Table, TablePane

MIDDLEWARE, SECRET = Kind("traefik.io/v1alpha1", "Middleware"), Kind("v1", "Secret")


class Users(TablePane):
    """The rows of the file in front."""

    TITLE = "Users"
    NEEDS = ("middlewares", "ingresses")
    EMPTY = texts.NO_STACK
    SPEAKS = False

    def fresh(self, scene: Scene) -> Freshness:
        """Followed by itself, while it is in front."""
        return texts.freshness(scene.access, super().fresh(scene))

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """Which Secret it is, and how much its users open."""
        return texts.summary(scene.access) if scene.access else ()

    def face(self, scene: Scene, fresh: Freshness) -> tuple[Sequence[str], str]:
        """Without users there is another thing to do than without a list of them."""
        file = scene.access.front if scene.access else None
        if file is None or not file.users:
            if fresh.state is SourceState.LOADING:
                return (LOADING,), "dim"
            if fresh.state in {SourceState.FAILED, SourceState.STALE}:
                return (fresh.trouble or fresh.word,), fresh.style
            there = file if fresh.state is not SourceState.ABSENT else None
            return texts.empty(there), "warn" if there and there.refusal else "dim"
        return (), ""

    def data(self, scene: Scene) -> Table | None:
        """One row per user."""
        file = scene.access.front if scene.access else None
        return Table(texts.HEAD, texts.rows(file.users, self.size.width)) if file else None

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """What asks for the password, and where it is kept: the values of a Secret are never shown."""
        file = scene.access.front if scene.access else None
        if file is None:
            return ()
        named = [*((MIDDLEWARE, one) for one in file.middlewares), *(((SECRET, file.secret),) if file.version else ())]
        return tuple(Ref(kind, *one.split("/")) for kind, one in named)
