"""Fields with what nobody should type."""

from __future__ import annotations

from pathlib import Path

from rooms import Person
from wizards import PUBLIC, bare, go_to, setting_up

from homelab.setup.fields import FIELDS

BAD = ("   ", "fe80::1", "192.168.1.7/24", "192.168.1.9-192.168.1.3", "192.168.1.50", "\\x1b[2J `$(x)`", "é" * 300)
"""Spaces, IPv6, host bits, a range the wrong way round, this very machine, what steers shells, a long text."""


async def put(person: Person, text: str) -> None:
    """Type a text in the place of the one that is there; as quickly as a terminal pastes it."""
    await person.press("ctrl+u", "ctrl+k")
    person.app.focused.insert_text_at_cursor(text)  # type: ignore[union-attr]
    await person.pilot.pause()


async def test_every_field_bears_bad_input_and_says_what_is_wrong(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        for step in ("nodes", "addresses", "router", "certificates"):
            await go_to(person, step.capitalize())
            while f"\n ▸ {FIELDS[step][0].label}" not in person.text:
                await person.press("shift+tab")
            for field in FIELDS[step]:
                await person.until(lambda field=field: f"▸ {field.label}" in person.text, field)  # type: ignore[misc]
                setup = person.app.scene.setup
                assert setup
                kept = setup.draft.values.get(field.path, "")
                for text in () if field.choices else BAD:
                    person.app.focused.value = text  # type: ignore[union-attr]
                    await person.rest()
                    assert "fault" not in person.text
                    assert all(len(line) == 80 for line in person.lines)
                if not field.choices:
                    await put(person, kept)
                await person.press("tab")
        await person.sees("▸ Certificates")


async def test_an_error_stands_beside_its_field_and_whole_below(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        for label, text, beside, whole in (
            ("LAN", "192.168.1.7/24", "✗ not the first address", " 192.168.1.0/24."),
            ("LAN", "fe80::/64", "✗ IPv6", "knows IPv4 alone"),
            ("LAN", "", "✗ needed", "Suggested: 192.168.1.0/24"),
        ):
            await put(person, text)
            await person.sees(f"▸ {label} ", beside, whole)


async def test_what_is_typed_at_once_is_judged_before_enter(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Router")
        await person.press(*PUBLIC, "backspace", *"!", "enter")
        await person.sees("▸ Router", "▸ External domain", "✗ ")
        await person.press("backspace", "g", "enter")
        await person.sees("▸ Certificates")


async def test_a_choice_is_made_by_arrows_alone(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Certificates")
        await person.press("right")
        await person.sees("◂ production ▸", "Every order counts now")
        await person.press("s", "x", "1", "q")
        await person.sees("◂ production ▸")
        await person.press("left")
        await person.sees("◂ staging ▸")
