"""The set-up as a person goes through it, by keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rooms import LARGE, SMALL
from wizards import PUBLIC, bare, go_to, setting_up

from homelab.plan.file import initial, load
from homelab.setup.place import place

STEPS = ("Cluster", "Nodes", "Addresses", "Router", "Certificates", "Review")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_whole_way_with_what_is_proposed(tmp_path: Path, size: tuple[int, int]) -> None:
    async with bare(tmp_path) as home, setting_up(home, size) as person:
        pressed = 0
        await person.sees("Set-up   ▸ Cluster", "✓ the cluster answers", "3, all ready", "✓ all that a deploy needs")
        for step, shown in (
            ("Nodes", ("master1 192.168.1.50", "✓ 3 of 3 ready", "control-plane")),
            ("Addresses", ("found on eth0", "14 addresses, none answers", "■■", "N····NN")),
            ("Router", ("dnsmasq", "stands for the external domain", "address=/internal.home.arpa/")),
        ):
            await person.press("enter")
            pressed += 1
            await person.sees(f"▸ {step}", *shown)
        await person.sees("▸ External domain", "✗ needed")
        await person.press(*PUBLIC)
        await person.sees("▸ External domain", PUBLIC, "address=/internal.home.arpa/192.168.1.20")
        await person.press("enter")
        pressed += 1
        await person.sees("▸ Certificates", "◂ staging ▸", "costs nothing")
        await person.press("enter")
        await person.sees("▸ Review", "to be written to", "lan: 192.168.1.0/24")
        await person.press("enter")
        await person.until(home.plan.exists)
        pressed += 2

        assert pressed < 40
        plan = load(home.plan).plan
        assert plan
        assert str(plan.ingress.external.domain) == PUBLIC
        assert str(plan.load_balancer.pool) == "192.168.1.17-192.168.1.30"
        assert [node.name for node in plan.nodes] == ["master1", "node1", "node2"]
        assert not place(home.plan).exists()


async def test_back_goes_step_by_step_and_out_of_the_first_one(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Router")
        for step in ("Addresses", "Nodes", "Cluster"):
            await person.press("escape")
            await person.sees(f"▸ {step}")

        await person.press("escape")

        await person.sees("Addresses ─", "Allocations ─")
        await person.until(place(home.plan).exists)
        assert not home.plan.exists()


async def test_a_dropped_session_goes_on_where_it_was(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        async with setting_up(home) as person:
            await go_to(person, "Addresses")
            await person.press("tab", "tab", "tab", *"192.168.1.100-199", "enter")
            await person.sees("▸ Router")
        async with setting_up(home) as person:
            await person.sees("✓ Addresses  ▸ Router")
            await person.press("escape")
            await person.sees("▸ Addresses", "192.168.1.100-199", "saved ")


async def test_save_and_leave_from_the_middle_of_a_step(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        await person.press("tab", "tab", "tab", *"192.168.1.100-199", "ctrl+s")

        await person.sees("Allocations ─")
        await person.until(place(home.plan).exists)
        assert json.loads(place(home.plan).read_text())["values"]["network.dhcp"] == "192.168.1.100-199"

        await person.press("s")
        await person.sees("▸ Addresses", "192.168.1.100-199")


async def test_a_second_console_looks_and_says_who_is_at_it(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as first:
        await go_to(first, "Addresses")
        async with setting_up(home) as second:
            await second.sees("is at this set-up", "since ")
            await second.sees("▸ Addresses")
            await second.press("x", "enter")
            await second.sees("▸ Router", "is at this set-up")
            await second.press("escape", "escape", "escape")
            await second.sees("▸ Cluster")
        await first.press("tab", "tab", "tab", *"192.168.1.100-199")
        await first.sees("192.168.1.100-199", "dddd")


async def test_the_map_follows_what_is_typed_and_marks_who_answers(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        await person.press(*["tab"] * 7, *["backspace"] * 12, *"192.168.1.3")
        await person.sees("▸ Pool for MetalLB", "✗ ")
        await person.press("0")
        await person.press("tab", *["backspace"] * 2, *"40")
        await person.sees("▸ Internal ingress  192.168.1.40", "✗ not in the pool .17-.30")
        assert "Suggested: 192.168.1.20 (F2 takes it)" in person.text

        await person.press("f2")

        await person.sees("▸ Internal ingress  192.168.1.20", "✓ free")
        await person.misses("Suggested")


async def test_a_step_with_errors_stays_and_the_cursor_goes_to_the_first(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Addresses")
        await person.press("tab", "ctrl+u", "tab", "tab", "enter")

        await person.sees("▸ Gateway", "✗ needed", "Needed: ")
        assert "▸ Addresses" in person.lines[0]


async def test_the_text_for_the_router_follows_its_kind_and_is_copied(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Router")
        await person.press(*PUBLIC, "shift+tab", "shift+tab")
        await person.sees("◂ dnsmasq ▸", "/etc/dnsmasq.d/homelab.conf")
        await person.press(*["right"] * 5)
        await person.sees("◂ mikrotik ▸", "/ip")
        await person.press("left", "left", "left")
        await person.sees("◂ openwrt ▸", "uci")

        await person.press("tab", "tab", "tab", "c")

        await person.sees("Copied")
        assert "uci" in person.app.clipboard


async def test_what_cannot_be_seen_of_the_router_is_said_so(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, "Router")
        await person.press(*PUBLIC, "f5")
        await person.sees("SEEN FROM HERE", "○ cannot tell from here")


@pytest.mark.parametrize("step", STEPS)
async def test_a_tiny_terminal_in_the_middle_and_back(tmp_path: Path, step: str) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        await go_to(person, step)
        await person.until(lambda: "saved" in person.text or step == "Cluster")
        await person.until(lambda: step != "Router" or "▸ External" in person.text)
        before = person.text
        for size in ((40, 10), (3, 2), (200, 60), (1, 1)):
            await person.resize(*size)
            assert all(len(line) <= size[0] for line in person.lines)
        await person.resize(40, 10)
        await person.sees(f"▸ {step}")
        await person.resize(*SMALL)
        await person.sees_exactly(before)


async def test_settings_are_opened_by_name_and_followed_by_the_review(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        home.plan.write_text(initial())
        async with setting_up(home) as person:
            await person.sees("d DHCP")
            await person.press("colon", *"router", "enter")
            await person.sees("Settings   ▸ Router    Review", "cloud.domain.com")
            await person.press("tab", "tab", "ctrl+u", *PUBLIC, "enter")
            await person.sees("Settings", "Router  ▸ Review", f"+    domain: {PUBLIC}", "-    domain: cloud.domain.com")

            await person.press("enter")

            await person.until(lambda: PUBLIC in home.plan.read_text())


async def test_a_cluster_that_does_not_answer_is_told_and_waited_for(tmp_path: Path) -> None:
    async with bare(tmp_path) as home:
        await home.stop()
        async with setting_up(home) as person:
            await person.sees("▸ Cluster", "✗ ", "is not reachable", "Trouble")
            await person.press("enter")
            await person.sees("▸ Cluster")

            await home.start()

            await person.sees("▸ Nodes", "✓ 3 of 3 ready")


async def test_another_kubeconfig_is_looked_at_when_it_is_confirmed(tmp_path: Path) -> None:
    async with bare(tmp_path) as home, setting_up(home) as person:
        other = tmp_path / "other"
        other.write_text(home.kubeconfig.read_text())
        await person.sees("the cluster answers")
        await person.press("ctrl+u", *"/no", "enter")
        await person.sees("▸ Cluster", "✗ there is no file")
        await person.press("ctrl+u", *str(other))
        await person.sees("○ enter looks there")
        await person.press("enter")
        await person.sees("▸ Cluster", "--kubeconfig says which cluster this session uses")
