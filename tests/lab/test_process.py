"""The lab's process: who starts it, who keeps it alive, and what is left when somebody is killed."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pexpect
import pytest
from living import USER, folder, joining, labs, place, traefiks, until, user

from homelab.lab.process import Folder, LabError, attach, claim

__all__ = ["folder"]


def is_answering(folder: Folder) -> bool:
    """Whether the API of the kubeconfig is there."""
    return folder.kubeconfig.exists() and bool(labs(folder.path.parent.parent))


# Life


def test_the_lab_lives_as_long_as_one_of_its_users(folder: Folder, tmp_path: Path) -> None:
    first = attach(bare=True)
    second = attach(bare=True)
    first.close()

    with attach(bare=True):
        assert len(labs(tmp_path)) == 1
    second.close()

    until(lambda: not labs(tmp_path))
    assert not folder.kubeconfig.exists()


def test_it_ends_when_its_last_user_is_killed(folder: Folder, tmp_path: Path) -> None:
    with user() as only:
        assert is_answering(folder)
        only.kill()

    until(lambda: not labs(tmp_path))


def test_it_survives_the_terminal_of_who_started_it(folder: Folder, tmp_path: Path) -> None:
    starter = pexpect.spawn(sys.executable, ["-c", USER], encoding="utf-8")
    starter.expect("in\r\n")
    (lab,) = labs(tmp_path)
    with attach(bare=True):
        starter.close(force=True)  # hangs up

        assert labs(tmp_path) == [lab]
        assert os.getsid(lab) != lab  # not even able to get a terminal
        assert Path(f"/proc/{lab}/stat").read_text().rpartition(")")[2].split()[4] == "0"
        assert is_answering(folder)


def test_of_two_who_start_at_once_one_starts_it_and_both_use_it(folder: Folder, tmp_path: Path) -> None:
    with joining() as one, joining() as other:
        assert one.stdout
        assert other.stdout
        assert [one.stdout.readline(), other.stdout.readline()] == ["in\n", "in\n"]
        assert len(labs(tmp_path)) == 1


def test_what_a_killed_lab_left_is_taken_over(folder: Folder, tmp_path: Path) -> None:
    with attach(bare=True):
        (lab,) = labs(tmp_path)
        os.kill(lab, signal.SIGKILL)
        until(lambda: not labs(tmp_path))
    assert folder.users.exists()
    left = folder.kubeconfig.read_text()

    with attach(bare=True):
        assert folder.kubeconfig.read_text() != left


def test_a_new_user_never_gets_a_lab_that_is_just_ending(folder: Folder) -> None:
    for _ in range(3):
        with attach(bare=True) as joined:
            assert joined.kubeconfig.exists()


def test_no_file_of_the_starter_stays_open_in_the_lab(folder: Folder, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    with user(pass_fds=[writing]), attach(bare=True):
        (lab,) = labs(tmp_path)
        held = {os.readlink(entry) for entry in Path(f"/proc/{lab}/fd").iterdir()}
        assert os.readlink(f"/proc/self/fd/{writing}") not in held
    os.close(reading)
    os.close(writing)


def test_a_bare_wish_is_not_fulfilled_with_a_deployed_lab(folder: Folder) -> None:
    with attach() as first:
        with pytest.raises(LabError, match="the lab that runs is not bare"):
            attach(bare=True)
        first.deployed(lambda _: None)


def test_who_may_read_what(folder: Folder) -> None:
    with attach(bare=True) as joined:
        modes = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.path.iterdir()}

        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert {modes[name] for name in ("kubeconfig", "lab.log", "traefik.kubeconfig", "homelab.yaml")} == {0o600}
        assert joined.plan.read_text().startswith("# The plan of one home.")


# Folders


def test_without_a_runtime_folder_a_private_temporary_one_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    assert Folder.make({}).path == tmp_path / f"homelab-tui-{os.geteuid()}" / "lab"
    assert Folder.make({"XDG_RUNTIME_DIR": "not/absolute"}) == Folder.make({})


def test_a_folder_that_others_may_enter_is_refused(folder: Folder) -> None:
    folder.path.chmod(0o755)

    with pytest.raises(LabError, match=f"{folder.path} is open to other users, so it is not used: chmod 700"):
        attach()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also after `sudo`, where the runtime folder is another user's: what root makes there would lock its owner out."""
    (tmp_path / "homelab-tui-4711").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 4711)

    for environment in ({}, {"XDG_RUNTIME_DIR": str(tmp_path)}):
        with pytest.raises(LabError, match="homelab-tui-4711 belongs to another user"):
            Folder.make(environment)


def test_a_link_in_place_of_the_folder_is_refused(folder: Folder, tmp_path: Path) -> None:
    folder.path.rmdir()
    folder.path.symlink_to(tmp_path)

    with pytest.raises(LabError, match="is no folder"):
        attach()


def test_a_place_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/proc/nowhere")

    with pytest.raises(LabError, match="the lab's folder cannot be made: /proc/nowhere: No such file"):
        attach()


def test_a_path_longer_than_a_socket_s_name_may_be_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    with place(deep), attach(bare=True) as joined:
        assert len(str(joined.kubeconfig)) > 108
        assert joined.kubeconfig.exists()


# Failures


def test_a_lab_that_cannot_start_says_why(folder: Folder, tmp_path: Path) -> None:
    (folder.plan / "in the way").mkdir(parents=True)

    with pytest.raises(LabError, match=r"the lab could not start: .*Is a directory.*; see .*/lab\.log"):
        attach(bare=True)

    until(lambda: not labs(tmp_path))


def test_a_log_that_cannot_be_written_is_said(folder: Folder) -> None:
    folder.log.mkdir()

    with pytest.raises(LabError, match=r"the lab cannot be started: .*/lab\.log: Is a directory"):
        attach(bare=True)


def test_without_the_extra_one_line_names_the_command(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def files(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.files", files)

    with pytest.raises(LabError, match=r"^the lab needs more than is installed: pip install 'homelab-tui\[lab\]'$"):
        attach()

    seat = claim(folder)
    assert seat
    seat.leave()


def test_a_killed_lab_leaves_no_traefik(folder: Folder, tmp_path: Path) -> None:
    with attach() as joined:
        joined.deployed(lambda _: None)
        assert len(traefiks(tmp_path)) == 2
        (lab,) = labs(tmp_path)
        os.kill(lab, signal.SIGKILL)

        until(lambda: not traefiks(tmp_path))


def test_a_stranger_on_the_socket_cannot_harm_it(folder: Folder, tmp_path: Path) -> None:
    with attach(bare=True), socket.socket(socket.AF_UNIX) as stranger, folder.address() as address:
        stranger.connect(address)
        stranger.sendall(b"\0" * 100_000)
        stranger.close()

        with attach(bare=True):
            assert len(labs(tmp_path)) == 1


def test_joining_imports_nothing_heavy() -> None:
    heavy = {"asyncio", "subprocess", "yaml", "aiohttp", "textual"}
    seen = "import sys, homelab.lab.process; print(*sys.modules)"

    told = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    assert not heavy & set(told.stdout.split())


def test_a_lab_whose_socket_was_removed_is_told_at_once(folder: Folder) -> None:
    seat = claim(folder)
    assert seat
    folder.users.unlink()
    begun = time.monotonic()

    with pytest.raises(LabError, match=r"a lab runs, but .*/users was removed, so nobody can join it: end it"):
        attach(bare=True)

    assert time.monotonic() - begun < 5
    seat.leave()
