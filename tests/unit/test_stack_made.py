"""Values that were made once, as they are read from Secrets that somebody has edited by hand."""

from __future__ import annotations

from base64 import b64encode

import pytest
from objects import thing

from homelab.ports import Raw
from homelab.stack.access import token_of
from homelab.stack.made import Unusable, completed

TOKEN = "11111111-2222-4333-8444-555555555555"
TEMPLATES = {"token": "${made.uuid}", "server.json": '{"initial_management": "${made.uuid}"}'}


def secret(name: str = "consul-console", /, **data: bytes) -> Raw:
    """A live Secret with these values."""
    return thing("v1", "Secret", name, "homelab") | {"data": {key: b64encode(data[key]).decode() for key in data}}


@pytest.mark.parametrize("around", ["{}", "{}\n", " {}\r\n"])
def test_space_around_a_token_is_no_part_of_it(around: str) -> None:
    assert token_of(secret(token=around.format(TOKEN).encode())) == TOKEN


@pytest.mark.parametrize("none", [None, secret(), thing("v1", "Secret", "consul-console") | {"data": None}])
def test_without_a_token_there_is_none(none: Raw | None) -> None:
    assert token_of(none) == ""


@pytest.mark.parametrize("odd", [b"", b"\n", b"\xff", "tökén".encode(), b"a b", b"a\nb", b"a\x00"])
def test_what_can_be_no_token_is_told_with_its_secret_and_the_cure(odd: bytes) -> None:
    with pytest.raises(Unusable) as told:
        token_of(secret(token=odd))

    assert str(told.value).startswith("Secret homelab/consul-console has no usable token: ")
    assert "kubectl -n homelab delete secret consul-console, then homelab-tui apply makes" in str(told.value)


def test_a_secret_with_settings_of_consul_is_not_to_be_deleted_since_a_key_would_be_lost() -> None:
    settings = {"token": b"\xff", "server.json": b'{"encrypt": "key"}'}

    with pytest.raises(Unusable) as told:
        token_of(secret("consul-management", **settings))

    assert "its server.json names the right one, write that back: kubectl -n homelab edit secret" in str(told.value)
    assert "delete" not in str(told.value)


def test_what_is_missing_is_made_of_the_token_without_the_space_around_it() -> None:
    whole = completed({}, TEMPLATES, secret(token=TOKEN.encode() + b"\n"))

    assert whole
    assert whole["stringData"] == {"server.json": f'{{"initial_management": "{TOKEN}"}}'}


def test_nothing_is_made_beside_a_token_that_can_be_none() -> None:
    with pytest.raises(Unusable):
        completed({}, TEMPLATES, secret(token=b"\xff"))


SETTINGS = {"token": "${made.uuid}", "server.json": '{"encrypt": "${made.key}", "token": "${made.uuid}"}'}


@pytest.mark.parametrize(
    "settings",
    [
        f'{{"encrypt": "+/k=", "token": "{TOKEN}"}}',
        f'{{"encrypt":"+/k=","token":"{TOKEN}"}}',
        f'{{\n  "encrypt": "+/k=",\n  "token": "{TOKEN}"\n}}\n',
    ],
)
def test_a_token_that_is_missing_is_told_by_the_settings_however_they_are_laid_out(settings: str) -> None:
    whole = completed({}, SETTINGS, secret("consul-management", **{"server.json": settings.encode()}))

    assert whole
    assert whole["stringData"] == {"token": TOKEN}


@pytest.mark.parametrize("settings", [b"", b"\xff", b"{}", b'{"encrypt": "k", "token": ""}', b'{"token": "a", "b": 1}'])
def test_what_nothing_tells_any_more_is_refused_and_told_with_its_secret_and_the_cure(settings: bytes) -> None:
    with pytest.raises(Unusable) as told:
        completed({}, SETTINGS, secret("consul-management", **{"server.json": settings}))

    assert str(told.value).startswith("Secret homelab/consul-management lacks token, and what is left of it does not")
    assert "homelab-tui restore FILE" in str(told.value)


def test_a_secret_of_which_nothing_is_left_is_made_like_a_new_one() -> None:
    whole = completed({}, SETTINGS, secret(other=b"of somebody"))

    assert whole
    assert set(whole["stringData"]) == {"token", "server.json"}
