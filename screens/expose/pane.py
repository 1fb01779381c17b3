"""What is on show: every app, ours and everybody else's, with the worst state of its routes."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.observe.text import PROBLEM
from homelab.ports import Kind, Ref
from screens.expose.texts import APPS_HEAD, app_of, app_row, by_source, facts, ingresses_of, state
from screens.scene import Scene
from screens.widgets.pane import Table, TablePane

INGRESS = Kind("networking.k8s.io/v1", "Ingress")


class Apps(TablePane):
    """One row per app."""

    TITLE = "Apps"
    NEEDS = ("ingresses", "services", "endpointslices", "middlewares", "pods", "traefik")
    EMPTY = "Nothing is on show yet: press a to choose a Service"

    def summary(self, scene: Scene) -> tuple[str, ...]:
        """How many, and how many are ill."""
        found, known = scene.snapshot.apps if scene.snapshot else (), by_source(scene)
        wrong = sum(state(one, known).startswith(PROBLEM) for one in found)
        told = f", {wrong} problem{'s' if wrong > 1 else ''}" if wrong else ""
        return (f"{len(found)} on show{told}",) if found else ()

    def data(self, scene: Scene) -> Table | None:
        """One row per app."""
        if scene.snapshot is None:
            return None
        known = by_source(scene)
        return Table(APPS_HEAD, tuple(app_row(one, known) for one in scene.snapshot.apps))

    def details(self, key: str, scene: Scene) -> Iterable[tuple[str, str]]:
        """Everything about one app."""
        return facts(found, scene) if (found := app_of(key, scene)) else ()

    def objects(self, key: str, scene: Scene) -> tuple[Ref, ...]:
        """Its Ingresses."""
        found = app_of(key, scene)
        return tuple(Ref(INGRESS, *name.split("/")) for name in ingresses_of(found)) if found else ()
