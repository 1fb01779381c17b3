"""What a run leaves for the eye: every console sees from it what goes on, and how it ended."""

from __future__ import annotations

import json
import os
from pathlib import Path
from stat import S_IMODE

import pytest
from fulldisk import limited
from hypothesis import given
from hypothesis import strategies as st

from homelab.ports import Kind, Ref
from homelab.stack.deployment import Awaited, Deployment, StageProgress
from homelab.stack.journal import Journal
from homelab.stack.progress import Awaiting, Done, Event, StageBegun, StageEnded
from homelab.stack.readiness import State, Status
from homelab.stack.record import Recording, fold, path_of, read

WEB = Ref(Kind("apps/v1", "Deployment"), "homelab", "web")
THEIRS = Ref(Kind("v1", "Namespace"), None, "homelab")
SLOW = Status(State.PROGRESSING, "1 of 2 replicas are ready")
PULLS = "pod web-1: ErrImagePull: no such host"
STAGES = ("routing", "internal")
EVENTS: tuple[Event, ...] = (
    StageBegun("routing", 2),
    Done("routing", THEIRS, "left alone", "kept by Flux"),
    Done("routing", WEB, "unchanged"),
    StageEnded("routing", 0.1),
    StageBegun("internal", 1),
    Done("internal", WEB, "created"),
    Awaiting("internal", {WEB: SLOW}),
    Awaiting("internal", {WEB: SLOW}, {WEB: (PULLS,)}),
)


def recorded(path: Path, *events: Event) -> Recording:
    """A run that goes on."""
    record = Recording(path)
    record.begin(STAGES)
    for event in events:
        record(event)
    return record


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def folded(path: Path) -> Deployment:
    found = fold(lines(path))
    assert found
    return found


def test_a_run_is_seen_stage_by_stage_with_what_hangs_and_why(tmp_path: Path) -> None:
    recorded(path := tmp_path / "record.jsonl", *EVENTS)

    found = folded(path)

    assert (found.pid, found.ending) == (os.getpid(), None)
    first, second = found.stages
    assert (first.stage, first.state, first.objects, first.written) == ("routing", "ready", 2, 0)
    assert (second.state, second.written) == ("applying", 1)
    assert second.awaiting == (Awaited("Deployment homelab/web", SLOW.why, (PULLS,)),)
    assert found.notes == ("Namespace homelab: left alone, kept by Flux",)


@pytest.mark.parametrize(("ending", "state"), [("failed", "failed"), ("stopped", "waiting"), ("done", "waiting")])
def test_the_end_says_how_and_why(tmp_path: Path, ending: str, state: str) -> None:
    recorded(path := tmp_path / "record.jsonl", *EVENTS).end(ending, "it is so")  # type: ignore[arg-type]

    found = folded(path)

    assert (found.ending, found.error, found.ended is None) == (ending, "it is so", False)
    assert [stage.state for stage in found.stages] == ["ready", state]
    assert found.stages[1].awaiting  # what it hung at is still to be read


def test_every_run_begins_it_anew_for_its_owner_alone(tmp_path: Path) -> None:
    recorded(path := tmp_path / "record.jsonl", *EVENTS).end("done")
    recorded(path)

    assert folded(path).stages == tuple(StageProgress(stage, "waiting") for stage in STAGES)
    assert S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The record of a whole run."""
    recorded(path := tmp_path_factory.mktemp("run") / "record.jsonl", *EVENTS).end("done")
    return path.read_text()


@given(part=st.floats(0, 1))
def test_any_prefix_of_it_is_a_run_that_goes_on(text: str, part: float) -> None:
    cut = round(part * len(text))

    found = fold(text[:cut].splitlines())

    whole = fold(text[: text[:cut].rfind("\n") + 1].splitlines())
    assert found == whole or text[cut : cut + 1] == "\n"  # a torn last line counts for nothing


@given(st.lists(st.one_of(st.text(), st.sampled_from([json.dumps({"event": e}) for e in ("begin", "stage", "end")]))))
def test_lines_that_are_none_of_ours_are_passed_over(odd: list[str]) -> None:
    begin = json.dumps({"at": 1.0, "event": "begin", "pid": 1, "stages": ["routing"]})

    assert fold([begin, *odd]) == fold([begin])


def test_a_full_disk_costs_lines_but_not_the_run(tmp_path: Path) -> None:
    record = recorded(path := tmp_path / "record.jsonl", StageBegun("routing", 2))
    with limited(path.stat().st_size + 5):
        record(StageEnded("routing", 1.0))
    record(StageBegun("internal", 1))

    assert [stage.state for stage in folded(path).stages] == ["applying", "applying"]


def test_a_folder_that_cannot_be_written_costs_nothing_either(tmp_path: Path) -> None:
    recorded(tmp_path / "nowhere" / "record.jsonl", *EVENTS).end("done")


# Whether it goes on


def test_a_run_goes_on_while_its_process_holds_the_journal(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        recorded(path_of(journal), *EVENTS)
        assert (found := read(Journal(tmp_path)))
        assert found.ending is None

    assert (found := read(Journal(tmp_path)))
    assert (found.ending, found.stages[1].state) == ("cut", "waiting")


def test_a_run_whose_number_another_process_has_now_was_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    recorded(path_of(journal), *EVENTS)  # our own process lives, but does not hold it

    assert (found := read(journal))
    assert found.ending == "cut"


def test_a_run_was_cut_though_another_holds_the_journal_now(tmp_path: Path) -> None:
    recorded(path := path_of(Journal(tmp_path)), *EVENTS)
    path.write_text(path.read_text().replace(f'"pid": {os.getpid()}', '"pid": 1'))

    with Journal(tmp_path):
        assert (found := read(Journal(tmp_path)))

    assert found.ending == "cut"


def test_without_a_record_there_is_no_run(tmp_path: Path) -> None:
    assert read(Journal(tmp_path / "nowhere")) is None
