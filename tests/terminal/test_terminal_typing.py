"""Keys that arrive in one read of the terminal, as from a fast hand, a slow line or an `expect` script."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress

import pytest
from consoles import Open

from benchmarks.cluster import Api
from benchmarks.terminal import DOWN, UP
from benchmarks.timing import Failed

pytest_plugins = ("opening",)

SECRET = "/api/v1/namespaces/homelab/secrets/ingress-auth"
PASSWORD = "walrus.umbrella.seven"
HOST = "typed.internal.domain.com"
EMPTY, TAB, ENTER, ERASE, LEFT = "\x15", "\t", "\r", "\x7f", "\x1b[D"
HELD, REPEAT = 100, 0.03
"""How often a key comes that is held for three seconds, and the seconds between two."""


@pytest.fixture
def nobody(api: Api) -> Iterator[None]:
    """No user before, and none after."""
    yield
    with suppress(Failed):  # where the test went wrong before it made one
        api.delete(SECRET)


def test_a_user_is_added_in_one_write(console: Open, api: Api, nobody: None) -> None:
    terminal = console.ready(columns=100)
    terminal.send("7")
    terminal.shows("Users ─ homelab/ingress-auth", "● live", "No user yet")

    terminal.send(f"aanmary{ERASE * 4}na{TAB}x{EMPTY}{PASSWORD}{TAB}{PASSWORD}{ENTER}")

    terminal.shows("▸ anna")
    assert b64decode(api.send("GET", SECRET)["data"]["users"]).startswith(b"anna:$2")
    terminal.send("12\x1b[B3q")
    assert terminal.ended() == 0
    assert PASSWORD.encode() not in terminal.written


def test_an_app_is_chosen_and_its_form_filled_in_one_write(console: Open) -> None:
    terminal = console.ready(columns=120, lines=40)
    terminal.send("8")
    terminal.shows("● live", "whoami.")

    terminal.send(f"awhoami/whoami{ENTER}{TAB}{LEFT}{TAB}{EMPTY}{HOST}x{ERASE}{TAB}{EMPTY}y{TAB}{TAB}")

    terminal.shows("Show an app", "◂ ", f"Internal host  {HOST} ", "External host  y ")


def test_a_held_key_does_not_pile_up(console: Open) -> None:
    terminal = console.ready()
    terminal.send("3")
    terminal.shows("▸Routes")
    before = terminal.settled()
    sent = terminal.send((DOWN + UP) * (HELD // 2) + "2")
    assert terminal.arrival("Announced by", before) - sent < HELD * REPEAT
    terminal.send("q")
    assert terminal.ended() == 0
