"""The command line on terminals and pipes: nothing steers them, signals are heard, only what is needed is loaded."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from loopback import TOKEN, Loopback, kubeconfig, page, raw, refusal, resources, serving
from shell import ESCAPE, PROGRAM, Shell, Told, home, plan, program, shell

__all__ = ["home", "plan", "shell"]

# What steers a terminal


def test_nothing_that_is_typed_reaches_the_terminal_as_a_control(plan: Path, shell: Shell) -> None:
    for arguments in (
        [ESCAPE],
        ["status", ESCAPE],
        ["status", f"--{ESCAPE}"],
        ["render", "--stage", ESCAPE],
        ["delete", "--include", ESCAPE],
        ["status", "--kubeconfig", ESCAPE],
        ["plan", "check", ESCAPE],
        ["plan", "init", "--plan", f"{ESCAPE}/x.yaml"],
        ["render", "--mirror", ESCAPE],
    ):
        told = shell(*arguments)

        assert told.code in (1, 2)
        assert "\x1b" not in told.everything
        assert "\x07" not in told.everything


@pytest.mark.parametrize(
    "text",
    [
        f'version: 1\n"{ESCAPE}": 1\n'.replace("\x1b", "\\e").replace("\x07", "\\a"),
        f"version: 1\n{ESCAPE}: 1\n",
        'version: "\\e[2J"\nnetwork: {lan: "\\e[2J"}\n',
    ],
)
def test_nothing_in_a_plan_reaches_the_terminal_as_a_control(text: str, plan: Path, shell: Shell) -> None:
    plan.write_text(text)

    for arguments in (["plan", "check"], ["plan", "check", "--json"], ["render"], ["diff"]):
        told = shell(*arguments)

        assert told.code in (1, 2)
        assert "\x1b" not in told.everything
        assert "\x07" not in told.everything


async def served(server: Loopback, *arguments: str) -> Told:
    """Runs the program against a server that this test plays."""
    path = kubeconfig(Path(), server.url)
    return await asyncio.to_thread(program, "--kubeconfig", str(path), *arguments)


async def test_nothing_that_a_server_says_reaches_the_terminal_as_a_control() -> None:
    async with serving() as server:
        server.script("GET /api/v1", refusal(403, "Forbidden", f"no {ESCAPE}rights\nfor you"))
        forbidden = await served(server, "delete", "--yes")
        server.script("GET /api/v1", raw(f"<{ESCAPE}>", 502))
        broken = await served(server, "delete", "--yes")

    for told in (forbidden, broken):
        assert told.code == 1
        assert "\x1b" not in told.everything
        assert "\x07" not in told.everything
    assert forbidden.err.startswith("homelab-tui: a right is missing: no rights")


# Status


CORE = resources("v1", Node="nodes!", Service="services", Event="events", Pod="pods")


async def test_status_of_a_bare_cluster_says_what_is_not_there_yet() -> None:
    async with serving() as server:
        server.script("GET /api/v1", CORE)
        for plural in ("nodes", "services", "events", "pods"):
            server.script(f"GET /api/v1/{plural}", page())
        text = await served(server, "status")
        as_object = json.loads((await served(server, "status", "--json")).out)

    assert text.code == 0
    assert "homelab-tui apply" in text.out
    assert list(as_object) == [
        "version",
        "taken",
        "sources",
        "nodes",
        "allocations",
        "routes",
        "traefiks",
        "consul",
        "certificates",
        "issuer",
        "configuration",
        "apps",
    ]
    assert as_object["sources"]["nodes"]["state"] == "live"
    assert as_object["sources"]["middlewares"]["state"] == "absent"


@pytest.mark.parametrize("answer", [raw("", 401), raw("<html>"), raw("[]"), raw("", 500)])
async def test_a_server_that_is_none_is_told_without_a_stack_trace(answer: Any) -> None:
    async with serving() as server:
        server.script("GET /api/v1", answer)
        told = await served(server, "delete", "--yes")

    assert told.code == 1
    assert told.err.startswith("homelab-tui: ")
    assert told.err.count("\n") == 1
    assert TOKEN not in told.everything


# As a process


def test_the_installed_command_is_the_program(plan: Path) -> None:
    installed = Path(sys.executable).with_name("homelab-tui")

    ended = subprocess.run([installed, "--version"], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (0, "homelab-tui 0.1.0\n")


def test_a_reader_that_has_seen_enough_is_no_failure_worth_words(plan: Path) -> None:
    plan.write_text(plan.read_text().replace("pods: null", "pods: 10.99.0.0/16"))
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as nobody:
        told = program("render", "--stage", "internal", stdout=nobody)

    assert told.code == 1
    assert told.err.startswith("the nodes are not known") and told.err.count("\n") == 1


def test_a_full_disk_behind_the_output_is_one_line(plan: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        told = program("plan", "check", stdout=full)

    assert (told.code, told.err) == (1, "homelab-tui: [Errno 28] No space left on device\n")


def test_an_output_that_is_closed_is_no_failure(plan: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", f"{' '.join(PROGRAM)} plan check <&- >&-"], capture_output=True, text=True, check=False
    )

    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_terminal_that_knows_few_signs_gets_question_marks(plan: Path) -> None:
    plan.rename("plän.yaml")

    told = program("plan", "check", "plän.yaml", env={**os.environ, "PYTHONIOENCODING": "ascii"})

    assert (told.code, told.out, told.err) == (0, "pl?n.yaml: no errors, no warnings\n", "")


ASKING = """
import sys
from tui.headless import running
from tui.headless.terminal import ask, say
async def work() -> int:
    say("went on" if await ask("Delete it all?", "delete") else "nothing was deleted")
    return 0
sys.exit(running.run(work, "run it again"))
"""


@pytest.mark.parametrize(
    ("typed", "said", "code"),
    [
        ("delete\r", "went on", 0),
        ("yes\r", "nothing was deleted", 0),
        ("\r", "nothing was deleted", 0),
        ("\x04", "nothing was deleted", 0),
        ("\x03", "stopped by SIGINT; run it again", 130),
    ],
    ids=["word", "another", "nothing", "end", "ctrl-c"],
)
def test_only_the_word_itself_means_yes_and_ctrl_c_is_heard_at_once(typed: str, said: str, code: int) -> None:
    terminal = pexpect.spawn(sys.executable, ["-c", ASKING], encoding="utf-8", timeout=20)
    terminal.expect_exact("Delete it all? ")
    terminal.send(typed)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert said in terminal.before
    assert terminal.exitstatus == code


# What is loaded


def loaded(code: str) -> set[str]:
    """The top-level packages that are loaded after some code."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in ended.stderr.split()}


def test_checking_a_plan_loads_no_client(plan: Path) -> None:
    modules = loaded("from tui.cli import run\nassert run(['plan', 'check']) == 0")

    assert {"tui", "homelab", "ruamel"} <= modules
    assert not modules & {"kubernetes", "aiohttp", "httpx", "textual", "rich", "consul", "passlib"}


EVERYTHING = """
import homelab, importlib, pathlib
top = pathlib.Path(homelab.__file__).parent
for file in top.rglob("*.py"):
    name = ".".join(file.relative_to(top.parent).with_suffix("").parts)
    if {filter}:
        importlib.import_module(name)
"""


def test_the_core_loads_neither_a_screen_nor_a_client() -> None:
    modules = loaded(
        EVERYTHING.format(filter="not name.startswith(('homelab.adapters.', 'homelab.lab.')) and '__' not in name")
    )

    assert {"homelab", "ruamel"} <= modules
    assert not modules & {"textual", "rich", "kubernetes", "aiohttp", "httpx", "consul", "passlib"}


def test_the_adapters_load_no_screen() -> None:
    modules = loaded(EVERYTHING.format(filter="'__' not in name and name != 'homelab.lab.programs.issuing'"))

    assert {"kubernetes", "httpx"} <= modules
    assert "textual" not in modules  # rich is loaded by httpx itself, for a command line of its own
