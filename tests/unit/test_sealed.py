"""A file under a passphrase: only that one opens it, only as it was made, and every other case has words of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.adapters.sealing import MAGIC, USUAL, Cost, PassphraseSealing
from homelab.ports import SealError

CHEAP = PassphraseSealing(Cost(1, 1, 1))
CONTENT, PASSPHRASE = b"the keys of a home", b"correct horse"
SEALED = CHEAP.seal(CONTENT, PASSPHRASE)
VERSION_AT, COST_AT = len(MAGIC), len(MAGIC) + 2


def refused(sealed: bytes, passphrase: bytes = PASSPHRASE) -> str:
    """What is said of a file that does not open."""
    with pytest.raises(SealError) as found:
        CHEAP.open(sealed, passphrase)
    return str(found.value)


@given(st.binary(), st.binary(min_size=1))
def test_what_was_sealed_is_opened_with_its_passphrase(content: bytes, passphrase: bytes) -> None:
    assert CHEAP.open(CHEAP.seal(content, passphrase), passphrase) == content


def test_the_cost_stands_in_the_file_and_the_usual_one_is_accepted() -> None:
    assert CHEAP.open(PassphraseSealing().seal(CONTENT, PASSPHRASE), PASSPHRASE) == CONTENT
    assert USUAL.is_bearable
    assert (128 * USUAL.r << USUAL.log_n, USUAL.p) == (64 * 1024 * 1024, 2)


@given(st.binary())
def test_no_other_passphrase_opens_it(passphrase: bytes) -> None:
    if passphrase != PASSPHRASE:
        assert refused(SEALED, passphrase) == "does not open with this passphrase"


@given(st.integers(0, len(SEALED) - 1))
def test_a_file_that_is_cut_anywhere_says_so(size: int) -> None:
    assert refused(SEALED[:size]).startswith("is cut short: ")


@given(st.integers(0, 8 * len(SEALED) - 1))
def test_no_bit_can_be_changed(bit: int) -> None:
    changed = bytearray(SEALED)
    changed[bit // 8] ^= 1 << bit % 8

    refused(bytes(changed))


def test_damage_is_told_from_a_wrong_passphrase() -> None:
    assert refused(SEALED[:-1] + bytes([SEALED[-1] ^ 1])).startswith("is damaged: ")
    assert refused(SEALED + b"x").startswith("is damaged: ")


@given(st.binary(min_size=1))
def test_a_file_of_another_kind_is_named_so(content: bytes) -> None:
    if not MAGIC.startswith(content[: len(MAGIC)]):
        assert refused(content).startswith("is no backup of homelab-tui; ")


def test_a_newer_form_asks_for_an_update() -> None:
    newer = SEALED[:VERSION_AT] + (2).to_bytes(2, "big") + SEALED[COST_AT:]

    assert refused(newer) == "was written by a newer homelab-tui (form 2, this one reads 1): update this one"


@pytest.mark.parametrize(
    "cost", [(40, 8, 1), (16, 0, 1), (0, 8, 1), (16, 1, 1), (16, 65535, 1), (16, 8, 0), (16, 8, 17)]
)
def test_a_header_that_asks_for_more_than_a_machine_has_is_not_believed(cost: tuple[int, int, int]) -> None:
    n, r, p = cost
    dear = bytes([n]) + r.to_bytes(2, "big") + p.to_bytes(2, "big")

    assert refused(SEALED[:COST_AT] + dear + SEALED[COST_AT + len(dear) :]).startswith("is damaged: ")


def test_nothing_shows_through_and_no_two_are_alike() -> None:
    assert CONTENT not in SEALED
    assert CHEAP.seal(CONTENT, PASSPHRASE) != SEALED
