"""The set-up taken up again, left, given up, and looked at by two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rooms import SMALL
from wizards import PUBLIC, bare, go_to, setting_up

from homelab.plan.file import initial
from homelab.setup.place import place

DHCP = "192.168.1.100-199"


@pytest.mark.parametrize("there", [False, True])
async def test_the_review_of_a_dropped_session_shows_what_would_be_written(tmp_path: Path, *, there: bool) -> None:
    async with bare(tmp_path) as home:
        if there:
            home.plan.write_text(initial())
        kept = {"version": 1, "step": "review", "values": {"ingress.external.domain": PUBLIC}, "base": "", "saved": ""}
        place(home.plan).write_text(json.dumps(kept))
        async with setting_up(home) as person:
            await person.sees("▸ Review", "✗ " if not there else "Settings")
            await person.until(lambda: bool((setup := person.app.scene.setup) and setup.looked))
            await person.until(lambda: bool((setup := person.app.scene.setup) and setup.busy is None))
            await person.press("pagedown", "pageup")
            await person.sees(f"+    domain: {PUBLIC}" if there else "lan: 192.168.1.0/24")
            await person.misses("-  lan:")


async def test_a_setting_can_be_gone_back_to_and_given_up(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        home.plan.write_text(initial())
        async with setting_up(home) as person:
            await person.sees("d DHCP")
            await person.press("colon", *"router", "enter")
            await person.sees("Settings   ▸ Router", "cloud.domain.com")
            await person.press("tab", "tab", "ctrl+u", *PUBLIC, "enter")
            await person.sees("Router  ▸ Review", f"+    domain: {PUBLIC}", "x discard")
            await person.press("escape")
            await person.sees("Settings   ▸ Router", PUBLIC)
            await person.press("enter")
            await person.sees("▸ Review")

            await person.press("x")
            await person.sees("Throw away the answers?", "plan stays as it is")
            await person.press("right", "enter")

            await person.sees("Allocations ─")
            await person.until(lambda: not place(home.plan).exists())
            assert PUBLIC not in home.plan.read_text()
            await person.press("s")
            await person.sees(": set-up:", "Set-up: router")


async def test_what_was_typed_is_kept_when_the_console_ends(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        async with setting_up(home) as person:
            await go_to(person, "Addresses")
            await person.press("tab", "tab", "tab", *DHCP)
            await person.sees("dddd")
        assert json.loads(place(home.plan).read_text())["values"]["network.dhcp"] == DHCP


async def test_what_cannot_be_saved_keeps_a_person_there(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        await person.press("tab", "tab", "tab", *DHCP)
        place(home.plan).unlink()
        place(home.plan).mkdir()

        await person.press("ctrl+s")

        await person.sees("▸ Addresses", "ctrl+q leaves without saving", DHCP)
        place(home.plan).rmdir()
        await person.press("ctrl+s")
        await person.sees("Allocations ─")
        assert json.loads(place(home.plan).read_text())["values"]["network.dhcp"] == DHCP


async def test_who_looked_goes_on_where_the_other_one_left(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as first:
        await go_to(first, "Addresses")
        async with setting_up(home) as second:
            await second.sees("▸ Addresses", "is at this set-up", "found on eth0")
            await first.press("tab", "tab", "tab", *DHCP, "ctrl+s")
            await first.sees("Allocations ─")

            await second.press("f5")

            await second.sees("The set-up is yours now", DHCP)
            await second.press("tab", "tab", "tab", "backspace")
            await second.sees(DHCP[:-1] + " ")


async def test_a_review_with_errors_leads_to_the_first(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        home.plan.write_text(initial().replace("gateway: 192.168.1.1 ", "gateway: 192.168.1.9x "))
        async with setting_up(home) as person:
            await person.sees("Allocations ─")
            await person.press("colon", *"review", "enter")
            await person.sees("▸ Review", "1 error", "✗ network.gateway")
            await person.press("enter")
            await person.sees("▸ Addresses", "▸ Gateway")


async def test_reading_alone_changes_nothing_and_says_so(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home, read_only=True) as person:
        await person.sees("the cluster answers", "read-only: nothing can be changed here")
        await person.press("enter")
        await person.sees("▸ Nodes")
        assert not place(home.plan).exists()


@pytest.mark.parametrize("size", [SMALL, (60, 20), (40, 10)])
async def test_arrows_go_from_field_to_field_and_the_keys_are_said(tmp_path: Path, size: tuple[int, int]) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        await person.resize(*size)
        for label in ("Gateway", "Name server", "Router's DHCP"):
            await person.press("down")
            await person.sees(f"▸ {label}", "enter continue  esc back")
        await person.press("up")
        await person.sees("▸ Name server")


async def test_a_kubeconfig_that_was_emptied_is_the_one_that_was_found(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await person.sees("the cluster answers")
        await person.press("x")
        await person.sees("✗ there is no file", "Suggested")
        await person.press("f2")
        await person.sees("✓ the cluster answers")
        await person.press("ctrl+u")
        await person.sees("✓ the cluster answers")
        await person.press("enter")
        await person.sees("▸ Nodes")
