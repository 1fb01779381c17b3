"""The palette: everything that can be done now, by name."""

from __future__ import annotations

import re
from pathlib import Path

from rooms import deployed, household, watching
from wizards import bare, go_to, setting_up

from screens.commands import COMMANDS
from screens.palette import listed
from screens.wizard.words import HELP


async def test_a_view_is_found_by_a_few_letters(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served")
            await person.press("colon", *"cons")
            await person.sees(": cons", "▸ Consul")
            await person.press("enter")
            await person.sees("▸5 consul")


async def test_arrows_choose_and_escape_leaves_all_as_it_was(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served")
            await person.press("colon", "down", "down")
            await person.sees("▸ Routes")
            await person.press("escape")
            await person.sees("▸1 home")
            await person.press("ctrl+p", *"nothing is called so")
            await person.sees("No command has that in its name.")
            await person.press("enter", "escape")
            await person.sees("▸1 home")


async def test_digits_and_letters_are_text_there(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("colon", *"q3s?")
        await person.sees(": q3s?")


async def test_only_what_can_be_done_is_offered(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("colon", *"renew")
        await person.sees("No command has that in its name.")


async def test_every_step_of_the_set_up_is_there_by_name(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.sees("d DHCP")
        await person.press("s")
        for step in ("cluster", "nodes", "addresses", "router", "certificates", "configuration", "review"):
            await person.sees(f"Set-up: {step}")


async def test_from_the_middle_of_the_first_time_another_step_is_opened(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Nodes")
        await person.press("ctrl+p", *"set-up: addr", "enter")
        await person.sees("Set-up", "▸ Addresses", "found on eth0")


async def test_in_the_set_up_its_steps_come_first(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await person.sees("the cluster answers")
        await person.press("ctrl+p")
        await person.sees("▸ Set-up: cluster")


async def test_names_come_before_sentences(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("colon", *"addr")
        await person.sees("▸ Set-up: addresses", "  Allocations")


def test_every_sentence_is_whole_on_a_small_terminal() -> None:
    shown = ["".join(text for text, _ in line) for line in listed(COMMANDS, 0, len(COMMANDS), 80)]

    assert not [line for line in shown if "…" in line]


async def test_help_in_the_set_up_tells_its_keys_and_no_others(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        shown = set(re.findall(r"\S+", person.lines[-1]))
        await person.press("f1")
        await person.sees("Keys", "ctrl+s", "Take what is suggested", "ctrl+p")
        assert "allocations" not in person.text
        told = {key for keys, _ in HELP for key in keys.split()}
        assert {"enter", "esc", "F1"} <= shown & told
        assert {word for word in shown if re.fullmatch(r"F\d|ctrl\+\w", word)} <= told


async def test_a_palette_fits_the_smallest_terminals(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("colon")
        for size in ((40, 10), (20, 5), (3, 2), (1, 1), (200, 60)):
            await person.resize(*size)
            assert all(len(line) <= size[0] for line in person.lines)
        await person.sees("Everything at a glance")
