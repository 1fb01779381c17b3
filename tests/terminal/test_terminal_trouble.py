"""What a person reads while something is wrong, and that the console mends itself as soon as it is right again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from consoles import EVERYTHING, Open
from relay import Relay, relay

from benchmarks.cluster import Home
from benchmarks.terminal import Terminal
from benchmarks.timing import TUI

pytest_plugins = ("opening",)


@pytest.fixture
def way(home: Home, tmp_path: Path) -> Iterator[Relay]:
    """To the lab's API."""
    with relay(tmp_path, home.kubeconfig) as found:
        yield found


def through(way: Relay, console: Open) -> Terminal:
    """A console that has nothing but this way."""
    command = [*TUI, "--plan", str(console.home.plan), "--kubeconfig", str(way.kubeconfig)]
    return console(command)


def test_while_the_api_is_away_panes_say_since_when_and_why_and_then_recover_alone(way: Relay, console: Open) -> None:
    terminal = through(way, console)
    terminal.shows(*EVERYTHING)

    way.cut()
    terminal.shows("▲ stale", "since ", "next try in ", "api ▲", "192.168.1.20")
    terminal.shows("stale 2 s")

    way.open()
    terminal.shows(*EVERYTHING, "api ●", seconds=30)
    terminal.lacks("stale")


def test_an_api_that_falls_silent_is_noticed_and_quitting_does_not_wait_for_it(way: Relay, console: Open) -> None:
    terminal = through(way, console)
    terminal.shows(*EVERYTHING)

    terminal.send("3")
    way.freeze()
    terminal.shows("▲ stale", "no answer in time")
    terminal.send("q")

    assert terminal.ended(2) == 0


def test_an_api_that_was_never_there_is_told_and_found_when_it_comes(way: Relay, console: Open) -> None:
    way.cut()
    terminal = through(way, console)
    terminal.shows("✗ failed", "since ", "api ✗")

    way.open()
    terminal.shows(*EVERYTHING, seconds=30)


def test_a_missing_right_blinds_one_pane_and_says_so(home: Home, console: Open, tmp_path: Path) -> None:
    with relay(tmp_path, home.kubeconfig, refusing=["/apis/networking.k8s.io/v1/ingresses"]) as way:
        terminal = through(way, console)
        terminal.shows("a right is missing", "✗ failed", "192.168.1.20", "✓ given")


def test_without_a_kubeconfig_it_says_what_to_do(home: Home, console: Open, tmp_path: Path) -> None:
    terminal = console([*TUI, "--plan", str(home.plan)], environment={"KUBECONFIG": "", "HOME": str(tmp_path)})

    terminal.shows("kubeconfig", "api ✗")


def test_when_the_plan_goes_the_rest_is_shown_and_the_map_says_what_to_do(
    home: Home, console: Open, tmp_path: Path
) -> None:
    plan = tmp_path / "homelab.yaml"
    plan.write_text(home.plan.read_text())
    terminal = console([*TUI, "--plan", str(plan)])
    terminal.shows("d DHCP")

    plan.unlink()

    terminal.shows("no plan", "homelab-tui plan init", "192.168.1.20")


def test_a_plan_that_cannot_be_read_is_told_with_its_fault(home: Home, console: Open, tmp_path: Path) -> None:
    plan = tmp_path / "homelab.yaml"
    plan.write_text(home.plan.read_text().replace("192.168.1.0/24", "tomorrow"))

    terminal = console([*TUI, "--plan", str(plan)])

    terminal.shows("no plan", "tomorrow", "192.168.1.20")
