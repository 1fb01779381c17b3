"""What goes over the line: nothing while nothing changes, and little for one change. Counts of bytes are exact."""

from __future__ import annotations

from difflib import unified_diff

import pytest
from consoles import Open

from benchmarks.service import NAME, Service
from benchmarks.terminal import DOWN, UP, Terminal
from homelab.observe.live import ASK_SECONDS

pytest_plugins = ("opening",)

SIZES = pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
ROW = 500
FACE = 12_000
"""Bytes of a whole screen that is another one in every line."""


def cost(terminal: Terminal, row: Service) -> int:
    """Bytes for a new address of the row."""
    before, address = terminal.count, row.address()
    row.move(address)
    terminal.arrival(address, since=before)
    return terminal.settled() - before


def test_a_healthy_cluster_at_rest_costs_not_one_byte(console: Open) -> None:
    terminal = console.ready(columns=120, lines=40)
    before = terminal.text

    if terminal.listen(1.5 * ASK_SECONDS):  # the Traefiks were asked, and said what they had said before
        pytest.fail("\n".join(unified_diff(before.splitlines(), terminal.text.splitlines(), n=0, lineterm="")))


@SIZES
def test_a_changed_row_costs_no_more_than_the_row(console: Open, row: Service, columns: int, lines: int) -> None:
    terminal = console.ready(columns=columns, lines=lines)

    assert cost(terminal, row) <= ROW, "the first change after the start costs no more than any other"


def test_a_change_that_no_pane_shows_costs_not_one_byte(console: Open, row: Service) -> None:
    terminal = console.ready()
    alone = cost(terminal, row)

    row.note("unseen")  # it comes before the next address: both are changes of one object

    assert cost(terminal, row) == alone


@pytest.mark.parametrize("key", ["\x1bOP", ":", "3"])
def test_what_comes_in_front_is_painted_once(console: Open, key: str) -> None:
    terminal = console.ready()
    before, shown = terminal.settled(), terminal.display

    terminal.send(key)
    terminal.next_arrival(before)
    opened = terminal.settled()
    terminal.send("1" if key == "3" else "\x1b")
    terminal.next_arrival(opened)

    assert opened - before <= FACE
    assert terminal.settled() - opened <= FACE
    assert terminal.display == shown


def test_moving_the_cursor_costs_two_rows(console: Open, row: Service) -> None:
    terminal = console.ready()
    terminal.shows(NAME)

    for key in (DOWN, UP):
        before = terminal.settled()
        terminal.send(key)
        terminal.next_arrival(before)
        assert terminal.settled() - before <= 2 * ROW
