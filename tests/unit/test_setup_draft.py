"""What was answered survives a dropped session, a torn file, a full disk and somebody else's editor."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path
from stat import S_IMODE

import pytest
from fulldisk import limited
from homes import found
from hypothesis import given, settings
from hypothesis import strategies as st

from homelab.plan.document import PlanError
from homelab.plan.file import LARGEST, load
from homelab.setup import draft
from homelab.setup.draft import Kept
from homelab.setup.lock import Held, Lock
from homelab.setup.model import Draft
from homelab.setup.paper import Paper
from homelab.setup.place import place
from homelab.setup.review import changes

HOLDER = """
import os, sys
from pathlib import Path
from homelab.setup.lock import Lock
Lock(Path(sys.argv[1]), {"SSH_CONNECTION": "192.168.1.30 50000 192.168.1.50 22"}, "2026-11-23T17:20:04Z")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """Where the plan will be."""
    return tmp_path / "homelab.yaml"


def answered(plan: Path) -> Paper:
    """A set-up that has seen the article's home, with every answer that it needs."""
    paper = Paper(plan, "cluster")
    paper.show(found=found())
    paper.answer("ingress.external.domain", "cloud.smith.org")
    return paper


def test_a_dropped_session_goes_on_where_it_was(plan: Path) -> None:
    first = answered(plan)
    first.answer("network.dhcp", "wrong")
    assert first.confirm("nodes") is None
    assert first.save() is None

    second = Paper(plan, "cluster")

    assert second.setup.draft.step == first.setup.draft.step
    assert second.setup.draft.values["network.dhcp"] == "wrong"
    assert second.setup.draft.values["nodes"] == first.setup.draft.values["nodes"]
    assert S_IMODE(place(plan).stat().st_mode) == 0o600


def test_a_step_with_errors_is_not_left(plan: Path) -> None:
    paper = answered(plan)
    paper.answer("ingress.internal.address", "192.168.1.40")

    why = paper.confirm("addresses")

    assert why and why.startswith("ingress.internal.address: 192.168.1.40 is not in the pool")


def test_the_plan_is_written_and_the_draft_is_gone(plan: Path) -> None:
    paper = answered(plan)
    paper.answer("network.dhcp", "192.168.1.101-200")
    paper.save()

    assert paper.finish() is None
    assert paper.leave() is None

    assert paper.setup.is_written
    assert load(plan).plan == paper.setup.judged.plan
    assert not place(plan).exists()
    assert S_IMODE(plan.stat().st_mode) == 0o600


def test_somebody_s_change_is_not_overwritten(plan: Path) -> None:
    answered(plan).finish()
    paper = Paper(plan, "review")
    paper.show(found=found())
    paper.answer("certificates.email", "anna@smith.org")
    plan.write_text(plan.read_text().replace("storage: 1Gi", "storage: 9Gi"))

    first, second = paper.finish(), paper.finish()

    assert first and "was not overwritten" in first
    assert second is None
    now = load(plan).plan
    assert now and (now.store.storage, now.certificates.email) == ("9Gi", "anna@smith.org")


def test_a_draft_of_another_plan_is_told(plan: Path) -> None:
    paper = answered(plan)
    paper.save()
    answered(plan.with_name("other.yaml")).finish()
    plan.with_name("other.yaml").rename(plan)

    assert "has been changed since" in (Paper(plan, "review").setup.said or "")


def test_leaving_without_an_answer_leaves_no_draft(plan: Path) -> None:
    answered(plan).finish()
    paper = Paper(plan, "review")
    paper.show(found=found())
    paper.confirm("certificates")
    paper.save()

    assert paper.leave() is None

    assert not place(plan).exists()


def test_a_full_disk_is_named_and_the_answers_stay(plan: Path) -> None:
    paper = answered(plan)

    with limited(100):
        why = paper.save()

    assert why and "File too large" in why and "your answers stay" in why
    assert paper.setup.draft.values["ingress.external.domain"] == "cloud.smith.org"
    assert list(plan.parent.iterdir()) == []


@settings(max_examples=40)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_odd_draft_keeps_anybody_from_starting(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    plan = tmp_path_factory.mktemp("home") / "homelab.yaml"
    place(plan).write_bytes(content)

    assert Paper(plan, "cluster").setup.draft.step == "cluster"


def test_a_draft_from_elsewhere_brings_only_what_is_asked(plan: Path) -> None:
    draft.save(plan, Kept(Draft("nodes", {"network.lan": "x", "rm": "-rf"}), "", ""))

    kept = draft.load(plan)

    assert kept and kept.draft.values == {"network.lan": "x"}


def test_an_empty_plan_is_none(plan: Path) -> None:
    plan.touch()

    assert Paper(plan, "cluster").setup.before is None


def test_a_review_shows_what_changes(plan: Path) -> None:
    assert changes("a\nb\n", "a\n-- c\n") == ("@@ -1,2 +1,2 @@", " a", "-b", "+-- c")
    assert changes(None, "a\n") == ("@@ -0,0 +1 @@", "+a")
    assert changes("a\n", "a\n") == ()


@pytest.mark.parametrize("kind", ["pipe", "large", "deep"])
def test_an_odd_draft_is_not_waited_for(plan: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(place(plan))
    elif kind == "large":
        draft.save(plan, Kept(Draft("nodes", {}), "", ""))
        with place(plan).open("a") as file:
            file.write(" " * LARGEST)
    else:
        place(plan).write_text("[" * 100_000)

    assert draft.load(plan) is None


def test_a_draft_that_is_a_link_is_replaced_and_its_target_left_alone(plan: Path) -> None:
    target = plan.with_name("target")
    target.write_text("theirs")
    target.chmod(0o644)
    place(plan).symlink_to(target)

    draft.save(plan, Kept(Draft("nodes", {}), "", ""))

    assert target.read_text() == "theirs"
    assert not place(plan).is_symlink()
    assert S_IMODE(place(plan).stat().st_mode) == 0o600


def test_a_plan_that_is_no_file_is_told(plan: Path) -> None:
    os.mkfifo(plan)

    with pytest.raises(PlanError, match="is no regular file"):
        Paper(plan, "cluster")


# The lock


def test_the_second_console_is_told_who_has_it_until_that_one_dies(plan: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(plan)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(Held, match=rf" from 192.168.1.30, since 2026-11-23T17:20:04Z \(process {holder.pid}\)$"):
            Lock(plan, {}, "now")
        holder.kill()
        holder.wait()

    Lock(plan, {}, "now").release()

    assert list(plan.parent.iterdir()) == []


def test_a_lock_that_says_nonsense_is_somebody_s_all_the_same(plan: Path) -> None:
    lock = Lock(plan, {}, "now")
    plan.with_name(".homelab.yaml.lock").write_text("[1]")

    with pytest.raises(Held, match="another homelab-tui"):
        Lock(plan, {}, "now")
    lock.release()


def test_a_lock_that_is_a_link_is_not_followed(plan: Path) -> None:
    target = plan.with_name("target")
    plan.with_name(".homelab.yaml.lock").symlink_to(target)

    with pytest.raises(PlanError, match=r"homelab.yaml.lock is a link where the set-up's lock must be.*move it away"):
        Lock(plan, {}, "now")

    assert not target.exists()


def test_a_lock_that_cannot_be_had_says_where_and_why(plan: Path) -> None:
    plan.with_name("file").touch()
    plan.with_name(".homelab.yaml.lock").mkdir()

    with pytest.raises(PlanError, match="is a folder where the set-up's lock must be"):
        Lock(plan, {}, "now")
    with pytest.raises(PlanError, match=r"file/below cannot be written to: Not a directory; .* with --plan FILE"):
        Lock(plan.with_name("file") / "below" / "homelab.yaml", {}, "now")


def test_a_lock_makes_the_folder_of_a_plan(plan: Path) -> None:
    Lock(plan.parent / "a" / "b" / plan.name, {}, "now").release()

    assert S_IMODE((plan.parent / "a" / "b").stat().st_mode) == 0o700


def test_a_lock_that_was_released_between_opening_and_locking_is_taken_anew(
    plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, lock = [Lock(plan, {}, "now")], fcntl.flock

    def released_first(file: int, operation: int) -> None:
        while first:
            first.pop().release()
        lock(file, operation)

    monkeypatch.setattr("homelab.setup.lock.fcntl.flock", released_first)
    second = Lock(plan, {}, "now")

    with pytest.raises(Held):
        Lock(plan, {}, "now")
    second.release()
