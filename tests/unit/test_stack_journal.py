"""What a deploy leaves on disk, so that the next one knows where the last one was cut."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from fulldisk import limited
from hypothesis import given
from hypothesis import strategies as st

from homelab.stack.journal import LONGEST, Busy, Cut, Journal, NotKept, last_cut

OTHER_RUN = """
import sys
from pathlib import Path
from homelab.stack.journal import Journal
with Journal(Path(sys.argv[1])) as journal:
    journal.write("begin", run="apply")
    journal.write("applying", stage="routing")
    print("held", flush=True)
    sys.stdin.read()
    journal.write("end", written=0)
"""


@contextmanager
def another_run(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of a run, until its stdin ends."""
    arguments = [sys.executable, "-c", OTHER_RUN, str(folder)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def written(journal: Journal) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal.path.read_text().splitlines()]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_whoever_only_looks_who_has_it_keeps_nobody_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path):
        pass
    looking = os.open(tmp_path / "lock", os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)

    def passes(seconds: float) -> None:
        if seconds:
            os.close(looking)

    monkeypatch.setattr("homelab.stack.journal.time.sleep", passes)

    with Journal(tmp_path) as journal:
        assert journal.holder() == os.getpid()


# On disk


def test_every_line_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    with Journal(tmp_path / "uid") as journal:
        journal.write("begin", run="apply", stages=["routing"])
        journal.write("applying", stage="routing")

        first, second = written(journal)

    assert (first["event"], first["run"], first["stages"]) == ("begin", "apply", ["routing"])
    assert (second["event"], second["stage"]) == ("applying", "routing")
    assert datetime.fromisoformat(str(first["at"])).utcoffset() is not None


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "uid"
    before = os.umask(0)
    try:
        with Journal(folder) as journal:
            journal.write("begin", run="apply")
    finally:
        os.umask(before)

    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {"journal.jsonl": 0o600, "lock": 0o600}


def test_a_text_with_line_ends_stays_one_line(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.write("failed", missing=["a\nb\u2028c"])

    assert [line["missing"] for line in written(journal)] == [["a\nb\u2028c"]]


def test_later_runs_are_added(tmp_path: Path) -> None:
    for run in ("apply", "delete"):
        with Journal(tmp_path) as journal:
            journal.write("begin", run=run)

    assert [line["run"] for line in written(journal)] == ["apply", "delete"]


def test_it_is_written_inside_its_with_only(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        pass

    with pytest.raises(RuntimeError, match="inside its `with`"):
        journal.write("begin")


# One run at a time


def test_a_second_run_is_told_which_process_is_at_work(tmp_path: Path) -> None:
    with (
        another_run(tmp_path) as other,
        pytest.raises(Busy, match=rf"another homelab-tui \(process {other.pid}\) is changing this cluster"),
        Journal(tmp_path),
    ):
        raise AssertionError("the lock was taken twice")


def test_only_the_process_that_holds_the_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345678901")

    with another_run(tmp_path) as other, pytest.raises(Busy, match=rf"process {other.pid}\)"), Journal(tmp_path):
        raise AssertionError("the lock was taken twice")


def test_a_second_run_that_was_refused_changed_nothing(tmp_path: Path) -> None:
    with another_run(tmp_path):
        before = Journal(tmp_path).path.read_text()
        for _ in range(2):  # the refusal itself must not break the lock
            with pytest.raises(Busy), Journal(tmp_path):
                raise AssertionError("the lock was taken twice")

        assert Journal(tmp_path).path.read_text() == before


def test_the_lock_is_free_when_the_run_has_ended(tmp_path: Path) -> None:
    with another_run(tmp_path) as other:
        other.communicate()

        with Journal(tmp_path) as journal:
            assert journal.cut() is None


def test_the_lock_dies_with_its_process_and_the_run_is_known_as_cut(tmp_path: Path) -> None:
    with another_run(tmp_path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()

        with Journal(tmp_path) as journal:
            found = journal.cut()

    assert found
    assert (found.run, found.stage) == ("apply", "routing")
    assert found.at == written(journal)[-1]["at"]


def test_other_clusters_have_their_own_lock(tmp_path: Path) -> None:
    with another_run(tmp_path / "one"), Journal(tmp_path / "two") as journal:
        journal.write("begin", run="apply")

        assert len(written(journal)) == 1


def test_a_journal_that_cannot_be_opened_lets_go_of_the_lock(tmp_path: Path) -> None:
    in_its_place = Journal(tmp_path).path
    in_its_place.mkdir()
    with (
        pytest.raises(NotKept, match=rf"the journal {in_its_place} cannot be written: Is a dir"),
        Journal(tmp_path) as refused,
    ):
        raise AssertionError(f"{refused.path} is a folder")
    in_its_place.rmdir()

    with Journal(tmp_path) as journal:
        journal.write("begin", run="apply")

    assert len(written(journal)) == 1


# When it cannot be written


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")

    with pytest.raises(NotKept) as told, Journal(tmp_path / "state" / "uid"):
        raise AssertionError("it was opened")

    assert str(told.value) == (
        f"the journal {tmp_path}/state/uid/journal.jsonl cannot be written: Not a directory; "
        "make room there, or name a folder that you may write to with XDG_STATE_HOME"
    )


@pytest.mark.parametrize("room", [0, 3])
def test_a_full_disk_is_told_with_the_file_however_much_of_the_line_it_took(tmp_path: Path, room: int) -> None:
    with Journal(tmp_path) as journal:
        journal.write("begin", run="apply")
        with limited(journal.path.stat().st_size + room), pytest.raises(NotKept, match=rf"{journal.path} cannot be"):
            journal.write("applying", stage="routing")

    with Journal(tmp_path) as journal:
        journal.write("applying", stage="routing")
        found = journal.cut()

    assert found
    assert found.stage == "routing"


# Where the last run was cut


def line(event: str, at: str = "t", **details: str) -> str:
    return json.dumps({"at": at, "event": event, **details})


BEGIN, APPLYING, END = line("begin", run="apply"), line("applying", stage="routing"), line("end")


@pytest.mark.parametrize(
    ("lines", "cut"),
    [
        ([], None),
        ([BEGIN], Cut("apply", "t", None)),
        ([BEGIN, APPLYING], Cut("apply", "t", "routing")),
        ([BEGIN, APPLYING, line("ready", "t2", stage="routing")], Cut("apply", "t2", "routing")),
        ([BEGIN, APPLYING, line("failed", "t2", stage="routing")], Cut("apply", "t2", "routing")),
        ([BEGIN, APPLYING, line("stopped", "t2")], Cut("apply", "t2", "routing", "stopped")),
        ([BEGIN, APPLYING, line("stopped", "t2"), BEGIN, END], None),
        ([BEGIN, APPLYING, line("renewing", "t2")], Cut("apply", "t", "routing")),
        ([BEGIN, APPLYING, END], None),
        ([BEGIN, APPLYING, END, line("begin", "t2", run="delete")], Cut("delete", "t2", None)),
        ([BEGIN, APPLYING, line("begin", "t2", run="delete")], Cut("delete", "t2", None)),
        ([BEGIN, APPLYING, BEGIN, END], None),
        ([line("begin")], Cut("?", "t", None)),
        ([APPLYING], None),
    ],
    ids=[
        "no run",
        "before its first stage",
        "in a stage",
        "after a stage",
        "a stage failed",
        "stopped",
        "stopped and begun anew",
        "something else in between",
        "ended",
        "the next run",
        "cut and begun anew",
        "cut, begun anew and ended",
        "without a name",
        "without a beginning",
    ],
)
def test_the_lines_tell_where_the_last_run_was_cut(lines: list[str], cut: Cut | None) -> None:
    assert last_cut(lines) == cut


@given(st.integers(0, len(END) - 1))
def test_a_torn_last_line_is_passed_over(length: int) -> None:
    assert last_cut([BEGIN, APPLYING, END[:length]]) == Cut("apply", "t", "routing")


@given(st.lists(st.text() | st.sampled_from(["null", "5", "[]", "{}", '"begin"', '{"event": "begin"}', '{"at": "t"}'])))
def test_lines_that_say_nothing_change_nothing(noise: list[str]) -> None:
    assert last_cut([*noise, BEGIN, *noise, APPLYING, *noise]) == Cut("apply", "t", "routing")
    assert last_cut([BEGIN, APPLYING, END, *noise]) is None


def test_a_journal_that_was_never_written_knows_of_no_run(tmp_path: Path) -> None:
    assert Journal(tmp_path / "never").cut() is None


def test_after_a_torn_line_the_next_run_is_known_all_the_same(tmp_path: Path) -> None:
    torn = Journal(tmp_path).path
    torn.write_text(f"{BEGIN}\n{APPLYING}\n{END}\n{BEGIN[:9]}")

    with Journal(tmp_path) as journal:
        journal.write("begin", run="delete")
        found = journal.cut()

    assert found
    assert (found.run, found.stage) == ("delete", None)


def test_bytes_that_are_no_text_do_not_hide_the_run(tmp_path: Path) -> None:
    Journal(tmp_path).path.write_bytes(f"{BEGIN}\n".encode() + b"\x00\xff\xfe\n")

    assert Journal(tmp_path).cut() == Cut("apply", "t", None)


def test_a_journal_that_has_grown_long_begins_anew_unless_a_run_is_open(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.write("begin", run="apply", padding="x" * LONGEST)
    with Journal(tmp_path) as journal:
        assert journal.cut()
        journal.write("end")

    with Journal(tmp_path) as journal:
        journal.write("begin", run="apply")

    assert len(journal.path.read_text().splitlines()) == 1
