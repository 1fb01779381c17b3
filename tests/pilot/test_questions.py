"""What stands over a view and asks: where it stands, what is typed into it, and what is said where there is no row."""

from __future__ import annotations

from pathlib import Path

import pytest
from guests import APR1, guarded, names, secret
from rooms import SMALL, deployed, household, ingress, watching
from textual.events import Paste

BERT = APR1.replace(b"guest", b"bert")
LONG_NAME = "n" * 120
NONE_SEEN = "▲ no row passes the filter: esc takes it away"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def test_a_clash_stands_at_the_foot_of_the_view(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home) as person:
            await person.sees("1 served")
            await person.press("7")
            await person.sees("▸ guest", "● live")
            await person.press("r")
            home.put(secret(APR1, BERT))
            await person.press(*"s", "enter")
            await person.sees("Somebody else changed homelab/ingress-auth")
            assert person.lines[0].startswith(" homelab")
            assert "esc cancel" in person.lines[-1]
            await person.press("escape")
            await person.misses("key 7 asks")


async def test_a_filter_that_nobody_passes_is_the_reason_why_nothing_can_be_done(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1, BERT)
        async with watching(home) as person:
            await person.press("7")
            await person.sees("▸ guest", "● live")
            for view, title, keys in (("7", "▸Users", "prvD"), ("8", "▸Apps", "fD")):
                await person.press(view)
                await person.sees(title)
                await person.press("slash", *"zzz", "enter")
                await person.sees("No row passes the filter.", "esc all")
                for key in keys:
                    await person.press("delete" if key == "D" else key)
                    await person.sees(NONE_SEEN)
                await person.press("escape")
                await person.misses("No row passes", "esc all")


@pytest.mark.parametrize("size", [SMALL, (40, 10)])
async def test_a_long_name_is_typed_in_sight_or_pasted(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1.replace(b"guest", LONG_NAME.encode()), BERT)
        async with watching(home, size) as person:
            await person.press("7")
            await person.sees("▸ nnn")
            await person.press("delete", *"nnn")
            await person.sees("nnn▏", "type the word", "Cancel", "Remove", "esc cancel")
            person.app.post_message(Paste(f"{LONG_NAME[3:]}\n"))
            await person.sees("▸ Remove", "nnn▏")
            await person.press("enter")
            await person.until(lambda: names(home) == ["bert"], "the name to be gone")


async def test_a_name_with_signs_that_are_not_seen_asks_for_another_word(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1.replace(b"guest", "an\u200bna".encode()), BERT)
        async with watching(home) as person:
            await person.press("7")
            await person.sees("▸ anna")
            await person.press("delete")
            await person.sees("Remove anna from", "type remove:")
            await person.press(*"remove", "enter")
            await person.until(lambda: names(home) == ["bert"], "the name to be gone")


async def test_what_begins_to_write_is_refused_in_the_same_words_everywhere(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.put(ingress("theirs", "theirs.test"))
        async with watching(home) as person:
            await person.press("8")
            await person.sees("theirs.test", "read-write")
            await person.press("ctrl+r")
            await person.sees("read-only")
            assert "read-only " in person.lines[0]
            for key, word in (("a", "expose"), ("enter", "edit"), ("delete", "withdraw")):
                await person.press(key)
                await person.sees(f"▲ read-only: {word} does nothing; ctrl+r allows writing")


async def test_no_logs_are_offered_where_no_pod_can_stand_behind_a_row(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, (200, 30)) as person:
            await person.press("7")
            await person.sees("▸ guest", "y yaml", "e events")
            assert "l logs" not in person.text
            await person.press("l")
            assert "▸Users" in person.text


async def test_a_password_that_was_made_says_that_it_is_shown_once_on_a_low_terminal_too(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        guarded(home, APR1)
        async with watching(home, (40, 10)) as person:
            await person.press("7")
            await person.sees("▸ guest")
            await person.press("p", "f2")
            await person.sees("Note it now: it is shown here", "nowhere else")
