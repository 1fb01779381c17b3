"""`homelab-tui lab` and `--lab`, as a person types them."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from living import folder, labs, place, traefiks, until, user

from homelab.lab.process import Folder, attach, claim
from homelab.lab.serve import run_here
from tui.cli import run

__all__ = ["folder"]

PATIENCE = 30.0
"""Seconds in which a program that was told to end has ended."""
PROGRAM = [sys.executable, "-m", "tui"]


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A job in the background of a shell ignores Ctrl-C, and so would each program that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def told(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """How a command ended, and what it printed."""
    return subprocess.run(  # type: ignore[call-overload, no-any-return]
        [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options
    )


def here(capsys: pytest.CaptureFixture[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, where one of its own would show nothing more."""
    return subprocess.CompletedProcess(arguments, run(arguments), *capsys.readouterr())


@contextmanager
def foreground(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A lab in the foreground; its output can be read line by line."""
    with subprocess.Popen([*PROGRAM, "lab", *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str], start: str) -> str:
    """What it prints next that begins so."""
    assert process.stdout
    found = next(text for text in process.stdout if text.startswith(start))
    return found.rstrip("\n")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A lab whose stack is there."""
    with place(tmp_path_factory.mktemp("run")) as found, attach() as joined:
        joined.deployed(lambda _: None)
        yield found


# In the foreground


def test_it_prints_what_it_does_and_how_to_reach_it_and_ends_clean(folder: Folder, tmp_path: Path) -> None:
    with foreground() as process:
        assert line(process, "kubeconfig") == f"kubeconfig {folder.kubeconfig}"
        assert line(process, "internal: ready")
        reached = line(process, "deployed: ")
        address = reached.rpartition("http://")[2].rstrip("/")
        assert reached == f"deployed: curl -H 'Host: whoami.internal.domain.com' http://{address}/"
        assert until(lambda: _status(address, "whoami.internal.domain.com") == 200)
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE) == 0
    assert not traefiks(tmp_path)
    assert {path.name for path in folder.path.iterdir()} & {"kubeconfig", "traefik.kubeconfig", "users"} == set()


def _status(address: str, host: str) -> int:
    connection = HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_outlives_its_users_and_a_second_one_is_refused(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    with foreground("--bare") as process:
        line(process, "kubeconfig")
        with user():
            pass
        second = here(capsys, "lab")

        assert process.poll() is None
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr == (
            f"homelab-tui: a lab runs already in {folder.path}: use it with --lab, or end what uses it first\n"
        )


def test_it_goes_on_when_nobody_reads_what_it_says(folder: Folder, tmp_path: Path) -> None:
    with foreground() as process:
        line(process, "kubeconfig")
        assert process.stdout
        process.stdout.close()
        with attach() as joined:
            joined.deployed(lambda _: None)
            assert process.poll() is None
            assert traefiks(tmp_path)
        process.send_signal(signal.SIGINT)

        assert process.wait(PATIENCE) == 0


def test_a_fault_is_one_line_on_the_terminal_and_whole_in_the_log(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fails(*_: object, **__: object) -> int:
        try:
            raise KeyError("spec")
        except KeyError:
            logging.getLogger("homelab.lab").exception("Pods: ADDED")
        return 0

    monkeypatch.setattr("homelab.lab.serve._run", fails)
    monkeypatch.setattr(logging.root, "handlers", [])
    seat = claim(folder)
    assert seat

    run_here(seat, True, print)

    seat.leave()
    assert capsys.readouterr().err == f"Pods: ADDED: KeyError; see {folder.log}\n"
    assert "Traceback (most recent call last)" in folder.log.read_text()


# With --lab


def test_any_command_runs_on_the_lab(deployed: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--lab", "status", "--json"], ["status", "--lab", "--json"]):
        ended = here(capsys, *arguments)

        snapshot = json.loads(ended.stdout)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert [entry["address"] for entry in snapshot["allocations"]] == ["192.168.1.20", "192.168.1.21"]


def test_a_proxy_is_not_asked_for_this_machine(deployed: Folder) -> None:
    nowhere = dict.fromkeys(("https_proxy", "http_proxy"), "http://127.0.0.1:9")

    assert told("--lab", "status", env={**os.environ, **nowhere}).returncode == 0


def test_an_apply_says_what_stands_in_for_upstream_and_finds_everything_as_wished(deployed: Folder) -> None:
    ended = told("--lab", "apply", "--yes")

    assert ended.returncode == 0
    first, *_, last = ended.stdout.splitlines()
    assert first == "the lab uses its own small stand-ins in place of the upstream files of MetalLB and Traefik"
    assert last.startswith("done: nothing to change, ")


def test_its_plan_is_its_own_unless_one_is_named(
    deployed: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    own = here(capsys, "--lab", "plan", "check")
    named = here(capsys, "--lab", "--plan", "mine.yaml", "plan", "check")

    assert f"{deployed.plan}: no errors" in own.stdout
    assert "no plan at mine.yaml" in named.stderr


def test_a_deployed_one_cannot_be_bare(deployed: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    ended = here(capsys, "--lab=bare", "status")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("homelab-tui: the lab that runs is not bare: ")


def test_apply_waits_for_the_deploy_that_the_lab_begins_with(folder: Folder, tmp_path: Path) -> None:
    ended = told("--lab", "apply", "--yes")

    assert ended.returncode == 0
    assert ended.stderr.startswith("starting the lab\n")
    assert "done: nothing to change, " in ended.stdout
    until(lambda: not labs(tmp_path) and not traefiks(tmp_path))


def test_a_bare_one_is_deployed_by_hand(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    with attach(bare=True):
        assert " objects written, " in here(capsys, "--lab", "apply", "--yes").stdout
        assert (folder.journal / "journal.jsonl").exists()
        ended = here(capsys, "--lab", "delete", "--yes")
        assert (ended.returncode, ended.stdout.splitlines()[-1].startswith("done: ")) == (0, True), ended.stderr


# Wrong use


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--lab", "--kubeconfig", "k", "status"],
            "--lab brings its own cluster and its own upstream files: leave out",
        ),
        (["--lab", "--context", "home", "status"], "leave out --context"),
        (["--lab=bare", "--mirror", "m", "apply"], "leave out --mirror"),
        (["--lab", "lab"], "lab is the lab itself: leave out --lab"),
        (["--lab=full", "status"], "argument --lab: ignored explicit argument 'full'"),
        (["lab", "full"], "unrecognized arguments: full"),
    ],
)
def test_what_makes_no_sense_is_wrong_use(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], folder: Folder
) -> None:
    try:
        code: object = run(arguments)
    except SystemExit as end:
        code = end.code

    assert code == 2
    assert said in capsys.readouterr().err


def test_a_signal_while_the_lab_starts_needs_no_stack_trace(folder: Folder) -> None:
    with subprocess.Popen([*PROGRAM, "--lab=bare", "status", "--watch"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        assert process.stderr.readline() == "starting the lab\n"
        process.send_signal(signal.SIGINT)

        assert process.wait(PATIENCE) == 128 + signal.SIGINT
        assert "Traceback" not in process.stderr.read()


def test_the_lab_is_loaded_by_nobody_who_does_not_use_it() -> None:
    seen = "import sys, tui.cli, tui.console, tui.wiring, tui.headless.stack; print(*sys.modules)"

    ended = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)

    loaded = {name for name in ended.stdout.split() if name.startswith("homelab.lab.")}
    assert loaded <= {"homelab.lab.process"}  # how to join it: the standard library and nothing else
