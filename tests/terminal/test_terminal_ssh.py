"""From `homelab-tui` to the running stack over SSH at 80x24, as somebody does who has read nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from consoles import ALL_SERVED
from evening import Answers, Person
from script import compare, lasting
from sshd import needs_sshd, serving

from benchmarks.cluster import lab
from benchmarks.timing import output

pytestmark = needs_sshd

PRESSES, RECEIVED = 40, 200_000
"""Keys besides typed text, and bytes of the whole way, at most."""
ANSWERS: Answers = {"router": {"ingress.external.domain": "cloud.anna.example"}}
"""What nobody can propose."""
DEPLOY_SECONDS = 60.0
THINKING = 4.0
"""Seconds; whatever the cluster does not serve yet is asked for again in less."""


@contextmanager
def newcomer() -> Iterator[Person]:
    """Somebody with a bare cluster, without a plan."""
    with lab(bare=True) as home:
        own = home.folder / "anna"
        own.mkdir()
        with (
            serving(own, home.environment) as server,
            Person(server, "homelab-tui --lab=bare --plan homelab.yaml") as anna,
        ):
            yield anna


def given(anna: Person) -> list[str]:
    """The command line that the console gives to paste."""
    text = " ".join(anna.terminal.text.split())
    return shlex.split(text[text.index("curl ") : text.index(" Paste")])


def test_whoever_accepts_the_proposals_has_a_running_stack_after_few_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp")  # as short as on the page: long paths are cut off
    with newcomer() as anna:
        anna.sets_up(ANSWERS)
        anna.is_asked()
        assert not anna.terminal.listen(THINKING), "a question that nobody answers costs nothing"
        anna.says_yes()
        anna.sees_the_end(DEPLOY_SECONDS)
        curl = given(anna)
        anna.press("3")
        anna.terminal.until(lambda: ALL_SERVED.search(anna.terminal.text))
        anna.press("q")

        assert anna.terminal.ended() == 0
        assert "Hostname: " in output([*curl, "--silent"])
        print(f"{anna.presses} keys, {anna.received} bytes")
        assert anna.presses < PRESSES
        assert anna.received < RECEIVED
        compare({name: lasting(screen, anna.server.folder.parent) for name, screen in anna.seen.items()})


def test_a_session_that_drops_goes_on_where_it_was() -> None:
    with newcomer() as anna:

        def dropped(step: str) -> None:
            before = anna.form
            anna.cut_off(at_server=step in {"cluster", "addresses", "certificates"})
            anna.terminal.until(lambda: (anna.step, anna.form) == (step, before))

        anna.sets_up(ANSWERS, dropped)
        anna.begins()
        anna.cut_off()
        anna.is_back()
        anna.sees_the_end(DEPLOY_SECONDS)
