"""What the screens are drawn with: no line is wider than its place, nothing in it can steer a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from unicodedata import category

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from objects import article_plan, node

from homelab.access.model import Step, StepState
from homelab.observe.live import stamp
from homelab.observe.snapshot import KINDS, SOURCES, Asked, Source, SourceState, World, snapshot
from homelab.observe.text import Head, Row, cells, clean, fitted, wrapped
from screens.board import named
from screens.commands import CERTIFICATES, COMMANDS, KEY_SIGNS, ROWS, TABLES, key_words, name_of, panes
from screens.dialogs.confirm import Question, lines
from screens.expose.texts import steps_word
from screens.freshness import Freshness, clock, freshness
from screens.help import help_lines
from screens.scene import Said, Scene
from screens.widgets.address_map import map_lines
from screens.widgets.bars import api, keys, said, status
from screens.widgets.definitions import definitions
from screens.widgets.lines import Line, length
from screens.widgets.pane import TablePane, title_line
from screens.widgets.patch_table import MARGIN, drawn, head_line

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)
NAMES = st.text(max_size=60) | st.sampled_from(["家庭🏠" * 9, "\x1b[2J\x9b31m", "e\u0301" * 30, "x" * 300, "\u202eabc"])
WIDTHS = st.integers(10, 200)
FRESH = Freshness(SourceState.STALE, "▲ stale 40 s")


def text(line: Line) -> str:
    """A line without its styles."""
    return "".join(part for part, _ in line)


def steers(line: Line) -> bool:
    """Whether a line holds what a terminal might obey."""
    return any(category(char) in {"Cc", "Cf", "Cs"} for char in text(line))


def scene(**sources: Source) -> Scene:
    """An empty cluster; sources that are not named are live."""
    known = dict.fromkeys(SOURCES, Source(SourceState.LIVE)) | sources
    return Scene(NOW, read_only=False, snapshot=snapshot(World(), known, stamp(NOW)))


@given(NAMES, st.lists(NAMES, max_size=3), WIDTHS | st.integers(14, 20), st.booleans())
def test_a_title_is_as_wide_as_its_pane(title: str, summary: list[str], width: int, pointed: bool) -> None:
    line = title_line("Allocations", summary, FRESH, max(width, 17), pointed=pointed)

    assert length(line) == max(width, 17)
    assert not steers(line)
    assert text(line).endswith(" ▲ stale 40 s ─")


def test_a_summary_loses_whole_parts() -> None:
    parts = ("2 given, 1 pending", "layer 2")

    shown = [text(title_line("Allocations", parts, FRESH, width, pointed=False)) for width in (70, 53, 40)]

    assert ["layer 2" in line for line in shown] == [True, False, False]
    assert ["1 pending" in line for line in shown] == [True, True, False]


@given(NAMES, NAMES, st.lists(NAMES.filter(bool), max_size=4), WIDTHS, st.integers(0, 9))
def test_the_status_line_fits(name: str, version: str, lost: list[str], width: int, traefiks: int) -> None:
    found = snapshot(World({"nodes": [node(one, ready="False") for one in lost]}), {}, stamp(NOW))
    asked = tuple(Asked(f"homelab/t-{at}", "internal", None, known=True) for at in range(traefiks))
    shown = Scene(NOW, read_only=True, name=name, version=version, snapshot=replace(found, traefiks=asked))

    line = status(shown, width)

    assert length(line) <= width
    assert not steers(line)


def test_a_kind_that_is_not_there_yet_says_nothing_of_the_api() -> None:
    assert api(scene(middlewares=Source(SourceState.ABSENT)))[-1] == ("●", "good")
    assert api(scene(middlewares=Source(SourceState.FAILED)))[-1] == ("✗", "bad")


OFFERED = [one for one in COMMANDS if one.key and one.on in (None, CERTIFICATES) and not one.is_quiet]
"""With the cursor on a certificate."""


@given(st.integers(36, 200))
def test_the_key_line_fits_and_marks_the_view_in_front(width: int) -> None:
    line = keys(OFFERED, COMMANDS[0].id, width)

    assert length(line) <= width
    assert text(line).startswith("▸1 home")


def test_names_of_keys_go_from_the_right_and_that_of_what_can_be_done_last() -> None:
    shown = [text(keys(OFFERED, "view.certificates", width)) for width in (136, 80, 60, 46)]

    assert shown[0].endswith("r renew  s set-up  : commands  ? help  q quit ")
    assert shown[1].endswith("▸4 certificates  5 6 7 8 r renew  s : ? q")
    assert shown[2] == " 1 home  2 3 ▸4 certificates  5 6 7 8 r renew  s : ? q"
    assert shown[3] == " 1 2 3 ▸4 certificates  5 6 7 8 r s : ? q"


@given(NAMES, WIDTHS, st.sampled_from("✓○▲✗"))
def test_what_is_said_in_their_place_fits(sentence: str, width: int, sign: str) -> None:
    shown = said(Said(sentence, sign), width)

    assert [line for line in shown if length(line) > width or steers(line)] == []
    assert text(shown[0]).startswith(f" {sign} ")


@given(NAMES, st.lists(NAMES, max_size=4), st.integers(21, 200), st.integers(1, 50), st.booleans())
def test_a_question_fits_and_always_has_its_choice(
    name: str, sentences: list[str], width: int, height: int, sure: bool
) -> None:
    shown = lines(Question(name, tuple(sentences), "Renew", "renewing"), sure, width, height)

    assert len(shown) <= height
    assert [line for line in shown[:-1] if length(line) > width or steers(line)] == []
    assert height == 1 or any("▸ Renew" if sure else "▸ Cancel" in text(line) for line in shown)


@given(st.lists(st.tuples(NAMES, NAMES), max_size=5), st.integers(24, 200))
def test_definitions_fit(pairs: list[tuple[str, str]], width: int) -> None:
    lines = definitions(pairs, width)

    assert [line for line in lines if length(line) > width or steers(line)] == []


@example("🏠" * 14, 29)
@given(NAMES, st.integers(12, 200))
def test_a_sentence_fits(sentence: str, width: int) -> None:
    assert [line for line in wrapped(sentence, width) if cells(line) > width] == []


WORDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=100), max_size=4)


@example(["x" * 63], 64)
@example(["to", "x" * 63], 64)
@given(WORDS, st.integers(60, 200))
def test_no_space_comes_into_a_word_and_none_that_fits_is_broken(words: list[str], width: int) -> None:
    found = wrapped(" ".join(words), width)

    assert "".join(part.strip() for part in found).replace(" ", "") == "".join(words)
    assert all(any(word in part for part in found) for word in words if cells(word) <= width)
    assert all(" ".join(words).find(part.strip()) >= 0 for part in found)


def test_a_long_path_is_broken_not_cut() -> None:
    path = "/home/" + "somebody/" * 8

    assert "".join(part.strip() for part in wrapped(path, 40)) == path


@given(st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["✓ given", "✗ no"])), max_size=5), NAMES, st.integers(60, 200))
def test_rows_and_their_sentences_fit(rows: list[tuple[str, str, str]], sentence: str, width: int) -> None:
    head, room = Head(("A", "B", "STATE"), drops=("B",)), width - len(MARGIN) - 1
    found = [Row(tuple(map(clean, row)), (sentence,)) for row in rows]
    widths = fitted(head, [row.cells for row in found], room + 2)

    lines = [head_line(head, widths), *(line for row in found for line in drawn(row, widths, room))]

    assert [line for line in lines if cells(text(line).rstrip()) > width or steers(line)] == []


@pytest.mark.parametrize("width", [20, 50, 80, 120])
def test_the_map_fits(width: int) -> None:
    lines = map_lines(article_plan(), (), max(width, 49))

    assert [text(line) for line in lines if length(line) > max(width, 49)] == []


@pytest.mark.parametrize(
    ("passed", "word"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (90_000, "1 d"), (-5, "0 s")],
)
def test_an_age_has_one_unit(passed: int, word: str) -> None:
    since = stamp(NOW - timedelta(seconds=passed))

    found = freshness(scene(services=Source(SourceState.STALE, since, "gone")), ("services", "nodes"))

    assert found.word == f"▲ stale {word}"


def test_the_worst_source_is_told_with_its_next_try() -> None:
    retry = stamp(NOW + timedelta(seconds=4))
    failed = Source(SourceState.FAILED, stamp(NOW), "no right\x1b[2J", retry)

    found = freshness(scene(nodes=failed, events=Source(SourceState.STALE, stamp(NOW), "gone")), KINDS)

    assert found.state is SourceState.FAILED
    assert found.trouble
    assert found.trouble.endswith("next try in 4 s: no right")


def test_a_pane_is_old_since_the_first_of_its_sources_was_lost() -> None:
    first, then = (stamp(NOW - timedelta(seconds=passed)) for passed in (14, 1))
    lost = {"consul": Source(SourceState.STALE, first, "cut"), "pods": Source(SourceState.STALE, then, "gone")}

    for others in ({}, {"nodes": Source(SourceState.FAILED, stamp(NOW), "no right")}):
        found = freshness(scene(**lost, **others), (*others, "pods", "consul", "services"))

        assert found.word.endswith(" 14 s")
        assert found.trouble
        assert found.trouble.startswith(f"since {clock(first)}")


def is_table(pane: str | None) -> bool:
    """Whether what can be done to every table can be done there."""
    made: object = named(pane) if pane and ":" in pane else None
    return isinstance(made, type) and issubclass(made, TablePane)


def test_every_command_has_a_key_of_its_own_and_opens_what_is_there() -> None:
    for pane in {command.on for command in COMMANDS}:
        wide = [one for one in COMMANDS if one.on in (ROWS, TABLES) and one.key != "escape" and is_table(pane)]
        there = [*wide, *(one for one in COMMANDS if one.on in (None, pane) and one not in wide)]
        pressed = [key for one in there for key in (one.key, *one.keys) if key]
        assert len(set(pressed)) == len(pressed), pane
    for path in [*panes(), *(command.screen for command in COMMANDS if command.screen)]:
        assert callable(named(path))


@given(st.integers(40, 160))
def test_help_names_every_key_and_fits(width: int) -> None:
    lines = help_lines([("Keys", [(key_words(one), one.help) for one in COMMANDS if one.key])], ":", width)

    assert [line for line in lines if length(line) > width] == []
    said = "\n".join(map(text, lines))
    signs = [KEY_SIGNS.get(command.key, command.key) for command in COMMANDS if command.key]
    assert all(f" {key} " in said for key in signs)
    assert all(name_of(command)[:8] in said for command in COMMANDS if not (command.key or command.is_inner))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_read_only_is_said_in_the_place_of_read_write_and_on_a_narrow_terminal_too(width: int) -> None:
    written, locked = (
        "".join(text for text, _ in status(Scene(now=NOW, read_only=is_locked), width)) for is_locked in (False, True)
    )

    assert "read-only" in locked
    if "read-write" in written:
        assert locked == written.replace("read-write", "read-only ")


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ("done done", "✓ done"),
        ("done unknown", "✓ answers, 1 not known"),
        ("unknown unknown", "? 2 not known"),
        ("waiting unknown", "○ goes on"),
        ("failed waiting", "✗ stuck"),
    ],
)
def test_what_cannot_be_known_is_not_called_done(states: str, word: str) -> None:
    answer, name = states.split()
    steps = [Step("internal", "answer", "answers", StepState(answer)), Step("internal", "name", "is", StepState(name))]

    assert steps_word(steps) == word
