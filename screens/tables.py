"""What can be done to every table: only some of its rows, another order, and all of what is seen into a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from textual.screen import Screen

from screens.messages import Wished
from screens.scene import Scene
from screens.widgets.pane import TablePane

FILTER, ALL, SORT, TURN, WRITE = (f"table.{verb}" for verb in ("filter", "all", "sort", "turn", "write"))
"""Commands of the registry."""


def allows(id: str, pane: TablePane) -> bool:
    """Whether there is anything to do."""
    if id == ALL:
        return bool(pane.lens.words)
    if id in (SORT, TURN):
        return bool(pane.table.columns) and not pane.STEPS
    return pane.seen is not None


def act(id: str, pane: TablePane, screen: Screen[Any], scene: Scene) -> None:
    """Do it, or ask first what is to be done."""
    acts: dict[str, Callable[[], object]] = {
        FILTER: lambda: _filter(pane, screen),
        ALL: lambda: pane.look(replace(pane.lens, text="")),
        SORT: lambda: pane.look(pane.lens.next(_columns(pane))),
        TURN: lambda: pane.look(pane.lens.turned(_columns(pane))),
        WRITE: lambda: _write(pane, screen, scene),
    }
    acts[id]()


def _columns(pane: TablePane) -> list[str]:
    """Names of those that are in view."""
    return [pane.seen.head.names[at] for at in pane.table.columns] if pane.seen else []


def _filter(pane: TablePane, screen: Screen[Any]) -> None:
    """Rows come and go with every letter."""
    dialog = import_module("screens.dialogs.filtering").Filter(
        pane.lens.text, lambda text: pane.look(replace(pane.lens, text=text))
    )
    screen.app.push_screen(dialog)


def _write(pane: TablePane, screen: Screen[Any], scene: Scene) -> None:
    """The rows are those of now, however long it takes to name the file."""
    table = pane.seen
    title = " ".join((pane.TITLE, *(pane.headline(scene)[:1] if pane.lens.words else ())))
    if table is None:
        return

    def answered(chosen: tuple[str, str] | None) -> None:
        if chosen:
            form, name = chosen
            text = import_module("homelab.observe.export").exported(form, table.head, table.rows)
            screen.post_message(Wished("export", "write", name, text))

    dialog = import_module("screens.dialogs.exporting").Export(title, pane.TITLE, len(table.rows), scene.now)
    screen.app.push_screen(dialog, answered)
