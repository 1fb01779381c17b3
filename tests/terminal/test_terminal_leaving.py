"""However the console ends, it leaves the terminal as it found it, and nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM

import pytest
from consoles import Open

from benchmarks.cluster import Home
from benchmarks.terminal import Terminal
from homelab.observe.live import BREATH_SECONDS

pytest_plugins = ("opening",)

MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
PUSHED = re.compile(rb"\x1b\[>\d+u")
"""A way to tell keys, in use until it is given back. Source: kitty keyboard protocol."""
ALTERNATE = "\x1b[?1049h"
"""The first that is written: a screen of its own."""
USUALLY_ON = {7, 25}
"""Wrapping at the right edge, and the cursor."""


def left_as_found(terminal: Terminal) -> bool:
    """Whether every mode that was changed is as before, and the line's settings are."""
    modes: dict[int, bytes] = defaultdict(bytes)
    for number, letter in MODE.findall(terminal.written):
        modes[int(number)] = letter
    wrong = [mode for mode, letter in modes.items() if (letter == b"h") != (mode in USUALLY_ON)]
    keyboards = len(PUSHED.findall(terminal.written)) - terminal.written.count(b"\x1b[<u")
    return not wrong and 1049 in modes and not keyboards and terminal.settings_left == terminal.settings


def opened(console: Open, view: str) -> Terminal:
    """A console at work, at the view of a key."""
    terminal = console.ready()
    terminal.send(view)
    terminal.shows("Keys" if view == "?" else "Routes")
    return terminal


@pytest.mark.parametrize(("view", "keys"), [("1", "q"), ("?", "\x03")], ids=["q", "ctrl-c in help"])
def test_it_is_left_at_once_by_a_key(console: Open, view: str, keys: str) -> None:
    terminal = opened(console, view)
    before = terminal.count

    terminal.send(keys)

    assert terminal.ended(2) == 0
    assert left_as_found(terminal)
    assert b"Traceback" not in terminal.written[before:]


def test_it_is_left_at_once_while_consul_waits_with_its_answer(console: Open) -> None:
    terminal = console.ready()
    terminal.shows("leader consul-")
    terminal.settled(2 * BREATH_SECONDS)

    terminal.send("q")

    assert terminal.ended(2) == 0
    assert left_as_found(terminal)


@pytest.mark.parametrize(("number", "view"), [(SIGHUP, "1"), (SIGTERM, "?")])
def test_a_signal_ends_it_in_good_order(console: Open, number: int, view: str) -> None:
    terminal = opened(console, view)

    terminal.signal(number)

    assert terminal.ended(2) == 0
    assert left_as_found(terminal)


def test_a_signal_during_the_start_ends_it_too(console: Open) -> None:
    terminal = console()
    terminal.shows("Allocations")

    terminal.signal(SIGTERM)

    assert terminal.ended(5) in (0, -SIGTERM)
    assert left_as_found(terminal)


@pytest.mark.parametrize("number", [SIGHUP, SIGTERM, SIGINT])
def test_a_signal_before_the_first_screen_leaves_the_terminal_as_it_was(console: Open, number: int) -> None:
    terminal = console()
    terminal.arrival(ALTERNATE)

    terminal.signal(number)

    assert terminal.ended(5) == 0
    assert left_as_found(terminal)
    assert b"Traceback" not in terminal.written


def test_an_error_stream_that_leads_elsewhere_is_told(console: Open, tmp_path: Path, home: Home) -> None:
    elsewhere = ["sh", "-c", f'exec "$0" "$@" 2>{tmp_path}/err', *home.console]
    terminal = console(elsewhere, controlling=False)

    assert terminal.ended(5) == 2
    assert "leave out 2>" in terminal.text


def test_when_the_session_drops_it_ends(console: Open) -> None:
    terminal = console.ready()

    terminal.hang_up()

    assert terminal.ended(5) in (0, -SIGHUP)


def test_a_terminal_that_goes_without_a_signal_leaves_no_spinning_orphan(console: Open, home: Home) -> None:
    """As with nohup or setsid: nobody says that the terminal has gone."""
    deaf = ["sh", "-c", 'trap "" HUP; exec "$0" "$@"', *home.console]
    terminal = console(deaf, controlling=False)
    terminal.shows("Allocations")
    terminal.settled()
    before = terminal.cpu

    terminal.hang_up()

    terminal.ended(5)
    assert terminal.cpu - before < 0.5


def plain(home: Home) -> subprocess.CompletedProcess[str]:
    """The console's command without a terminal."""
    environment = {**os.environ, **home.environment}
    return subprocess.run(home.console, env=environment, capture_output=True, text=True, check=False)


def test_without_a_terminal_it_says_so_in_plain_words(home: Home) -> None:
    told = plain(home)

    assert (told.returncode, told.stdout) == (2, "")
    assert "the console needs a terminal" in told.stderr
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_move_its_cursor_gets_a_sentence_and_no_escape(console: Open, term: str) -> None:
    terminal = console(environment={"TERM": term})

    assert terminal.ended() == 2
    assert b"the console needs a terminal" in terminal.written
    assert b"\x1b" not in terminal.written


FAULTY = """
from contextlib import asynccontextmanager
from tui.app import run
class World:
    def needs_setup(self):
        return False
    def plan(self):
        raise AssertionError("not asked for")
    @asynccontextmanager
    async def cluster(self):
        password = "hunter2"
        raise KeyError("unforeseen")
        yield
raise SystemExit(run(World(), read_only=False))
"""


def test_a_fault_of_ours_shows_one_sentence_and_keeps_the_trace_in_a_file(console: Open, home: Home) -> None:
    terminal = console([sys.executable, "-c", FAULTY])

    assert terminal.ended() != 0

    assert left_as_found(terminal)
    kept = home.folder / "state" / "homelab-tui" / "fault.txt"
    assert kept.name.encode() in terminal.written
    for text in (b"Traceback", b"hunter2", b"KeyError"):
        assert text not in terminal.written
    assert "KeyError: 'unforeseen'" in kept.read_text()
    assert "hunter2" not in kept.read_text().replace('password = "hunter2"', "")
    assert Path(kept).stat().st_mode & 0o077 == 0
