"""Which rows of a table are shown, in which order, and what a file of them holds."""

from __future__ import annotations

import csv
import json
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homelab.observe.export import as_csv, as_json, as_text
from homelab.observe.text import Head, Row
from screens.widgets.lens import Lens, natural

HEAD = Head(("NAME", "ADDRESS", "STATE"), drops=("ADDRESS",))
ROWS = (
    Row(("b", "192.168.1.10", "✓ fine"), (), "b"),
    Row(("a", "192.168.1.9", "✗ broken"), ("no ready Endpoint",), "a"),
    Row(("c", "-", "▲ pending"), (), "c"),
)


def names(lens: Lens, rows: tuple[Row, ...] = ROWS) -> str:
    """The rows that are left, in their order."""
    return "".join(row.cells[0] for row in lens.ordered(HEAD, [row for row in rows if lens.sees(row)]))


@pytest.mark.parametrize(
    ("text", "left"),
    [("", "bac"), ("BROKEN", "a"), ("no endpoint", "a"), ("!fine", "ac"), ("192 fine", "b"), ("!", "bac"), ("zzz", "")],
)
def test_words_are_looked_for_in_cells_and_sentences(text: str, left: str) -> None:
    assert names(Lens(text)) == left


def test_a_column_is_sorted_and_what_says_nothing_comes_last() -> None:
    assert names(Lens(column="ADDRESS")) == "abc"
    assert names(Lens(column="ADDRESS", falls=True)) == "bac"
    assert names(Lens(column="STATE")) == "acb"
    assert names(Lens(column="GONE")) == "bac"


def test_after_the_last_column_the_order_is_the_tables_own_again() -> None:
    lens, seen = Lens(), []
    for _ in range(4):
        lens = lens.next(HEAD.names)
        seen.append(lens.column)

    assert seen == ["NAME", "ADDRESS", "STATE", None]
    assert Lens().turned(HEAD.names).marked(HEAD).names[0] == "NAME ▾"


@pytest.mark.parametrize(
    "cells",
    [
        ["192.168.1.9", "192.168.1.10", "192.168.2.1"],
        ["40 s", "2 min", "1 h", "3 d"],
        ["▰▱▱ 9 d", "▰▰▱ 61 d"],
        ["in 59 min", "in 2 h"],
        ["9", "10", "10.5", "200"],
        ["within 0.05 s", "within 0.1 s"],
        ["v1.9.0", "v1.10.0"],
        ["✗ failed", "▲ stale", "✓ served by 2 of 2", "✓ served by 10 of 10"],
        ["12 s", "1:05 min"],
    ],
)
def test_an_order_is_that_of_people(cells: list[str]) -> None:
    assert sorted(reversed(cells), key=natural) == cells


@settings(max_examples=100)
@given(st.lists(st.text() | st.from_regex(r"[0-9]{1,40}")), st.text())
def test_any_cells_have_an_order_and_any_text_filters(found: list[str], text: str) -> None:
    sorted(found, key=natural)
    rows = tuple(Row((cell, "", "✓"), (), str(at)) for at, cell in enumerate(found))

    inside = {row.key for row in rows if Lens(text).sees(row)}
    outside = {row.key for row in rows if Lens(f"!{text}").sees(row)}

    assert not Lens(text).words or text.startswith("!") or not (inside & outside)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(), st.text(), st.text(min_size=1)), min_size=1))
def test_a_file_has_every_row_and_no_formula(found: list[tuple[str, str, str]]) -> None:
    rows = [Row(cells, ("=1+1",), str(at)) for at, cells in enumerate(found)]

    read = list(csv.reader(StringIO(as_csv(HEAD, rows))))

    assert len(read) == len(rows) + 1
    assert not [cell for line in read for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert len(json.loads(as_json(HEAD, rows))) == len(rows)
    assert len(as_text(HEAD, rows).splitlines()) == 2 * len(rows) + 1


def test_a_file_has_whole_cells_and_the_sentences() -> None:
    assert json.loads(as_json(HEAD, ROWS))[2] == {"NAME": "c", "ADDRESS": None, "STATE": "▲ pending", "NOTES": []}
    assert as_csv(HEAD, ROWS).splitlines()[2] == "a,192.168.1.9,✗ broken,no ready Endpoint"
    assert "    no ready Endpoint" in as_text(HEAD, ROWS).splitlines()
