"""What is sent to the terminal of lines that change: all of it, also when more changes before it is painted."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from textual.app import App, ComposeResult
from textual.geometry import Region

from screens.widgets.lines import Line, Lines


class Noting(Lines):
    """Notes which of its rows Textual takes to paint them."""

    def __init__(self, lines: list[Line]) -> None:
        super().__init__(lines)
        self.painted: set[int] = set()

    def _exchange_repaint_regions(self) -> Collection[Region]:
        found = super()._exchange_repaint_regions()
        self.painted |= {region.y for region in found}
        return found


class Page(App[None]):
    """Three lines."""

    def compose(self) -> ComposeResult:
        """Just them."""
        yield Noting(said("a", "b", "c"))


def said(*texts: str) -> list[Line]:
    """Lines without a style."""
    return [((text, ""),) for text in texts]


async def test_a_line_that_waits_for_its_painting_is_painted_although_another_changes_meanwhile() -> None:
    app = Page()
    async with app.run_test() as pilot:
        shown = app.query_one(Noting)
        async with asyncio.timeout(10):
            while not shown.size:
                await asyncio.sleep(0.01)
            with app.batch_update():  # nothing is painted
                shown.show_lines(said("A", "b", "c"))
                await pilot.pause()
                shown.show_lines(said("A", "b", "C"))
                await pilot.pause()
            shown.show_lines(said("A", "B", "C"))

            while shown.painted != {0, 1, 2}:
                await asyncio.sleep(0.01)
