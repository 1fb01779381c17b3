"""The set-up on a bare lab: as the console's service, and from a file of answers to the running stack."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from living import eventually, place

import tui.setting
import tui.wiring
from homelab.lab.around import LabNeighbourhood
from homelab.lab.process import Folder, attach
from homelab.plan.file import load
from homelab.setup.model import STEPS, Setup
from homelab.setup.place import place as draft_of
from tui.console import Home
from tui.options import Options
from tui.setting import Setting

PROGRAM = [sys.executable, "-m", "tui"]
ANSWERS = "network: {dhcp: 192.168.1.101-200}\ningress: {external: {domain: cloud.pi-at-home.net}}\n"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Folder]:
    """A lab on which nothing was deployed."""
    with place(tmp_path_factory.mktemp("run")) as found, attach(bare=True):
        yield found


class Desk:
    """A set-up with what it told last."""

    def __init__(self, home: Home) -> None:
        self.told: list[Setup | None] = []
        self.setting = Setting(home, lambda **news: self.told.append(news["setup"]) if "setup" in news else None)

    @property
    def now(self) -> Setup:
        """What a screen would show."""
        assert self.told and self.told[-1]
        return self.told[-1]

    async def looked(self) -> None:
        """Wait until cluster and network were seen."""

        async def seen() -> bool:
            return bool(self.now.found.searched)

        await eventually(seen)


@asynccontextmanager
async def opened(plan: Path) -> AsyncIterator[Desk]:
    """The set-up of a plan on the lab."""
    with Home(Options(plan, None, None, None, read_only=False, lab="bare")) as home:
        desk = Desk(home)
        await desk.setting.open()
        yield desk
        await desk.setting.close()


async def test_with_accepted_proposals_one_name_is_all_that_is_typed(bare: Folder, tmp_path: Path) -> None:
    plan = tmp_path / "new" / "homelab.yaml"
    async with opened(plan) as desk:
        await desk.looked()
        found = desk.now.found
        assert [node.name for node in found.nodes] == ["master1", "node1", "node2"]
        assert [(right.what, right.have) for right in found.rights] == [("everything", True)]
        assert found.version and found.server and found.trouble is None
        for step in STEPS[:-1]:
            assert desk.now.draft.step == step
            if step == "router":
                desk.setting.answer("ingress.external.domain", "cloud.pi-at-home.net")
            await desk.setting.confirm(step)
            assert desk.now.saved and draft_of(plan).exists()
        assert desk.now.judged.text.startswith("# The plan of one home")
        await desk.setting.finish()

    assert desk.told[-1] is None
    written = load(plan).plan
    assert written and str(written.load_balancer.pool) == "192.168.1.17-192.168.1.30"
    assert [path.name for path in plan.parent.iterdir()] == ["homelab.yaml"]


async def test_the_second_console_looks_and_changes_nothing(bare: Folder, tmp_path: Path) -> None:
    plan = tmp_path / "homelab.yaml"
    async with opened(plan) as first:
        first.setting.answer("ingress.external.domain", "cloud.pi-at-home.net")
        async with opened(plan) as second:
            second.setting.answer("ingress.external.domain", "other.pi-at-home.net")
            await second.setting.keep()

            assert second.now.holder and "(process " in second.now.holder
            assert "ingress.external.domain" not in second.now.draft.values
            assert not draft_of(plan).exists()

    assert draft_of(plan).exists()


async def test_a_step_with_an_error_stays_and_says_why(bare: Folder, tmp_path: Path) -> None:
    async with opened(tmp_path / "homelab.yaml") as desk:
        await desk.looked()
        await desk.setting.confirm("cluster")
        desk.setting.answer("nodes", "")
        await desk.setting.confirm("nodes")

        assert desk.now.draft.step == "nodes"
        assert desk.now.said and desk.now.said.startswith("nodes: no node is listed")

        desk.setting.answer("nodes", desk.now.proposals["nodes"])
        await desk.setting.confirm("nodes")

        assert [desk.now.draft.step, desk.now.said] == ["addresses", None]


class Lan(LabNeighbourhood):
    """The lab's, to which somebody comes; remembers how many addresses were asked at a time."""

    def __init__(self) -> None:
        self.come: set[IPv4Address] = set()
        self.asked: list[int] = []

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        self.asked.append(len(addresses))
        come = dict.fromkeys(self.come & set(addresses), "02:00:00:00:00:99")
        return {**await super().macs(addresses), **come}


async def test_whoever_came_to_the_lan_meanwhile_is_seen(
    bare: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lan = Lan()
    monkeypatch.setattr(tui.wiring, "neighbourhood", lambda _: lan)
    async with opened(tmp_path / "homelab.yaml") as desk:
        await desk.looked()
        for step in STEPS[:2]:
            await desk.setting.confirm(step)
        await desk.setting.open("addresses")
        lan.come = {IPv4Address("192.168.1.20"), IPv4Address("192.168.1.9")}

        desk.setting.answer("ingress.internal.address", "192.168.1.20")
        desk.setting.answer("load_balancer.pool", "192.168.1.17-30")
        await desk.setting.confirm("addresses")

        assert lan.asked == [254, 14]
        assert desk.now.said and desk.now.said.startswith("ingress.internal.address: 192.168.1.20 already answers")
        assert len(desk.now.found.taken) == 6
        monkeypatch.setattr(tui.setting, "OLD_SECONDS", 0.0)
        await desk.setting.open("addresses")
        assert lan.asked == [254, 14, 254]
        assert len(desk.now.found.taken) == 7


async def test_many_wishes_at_once_end_in_order(bare: Folder, tmp_path: Path) -> None:
    async with opened(tmp_path / "homelab.yaml") as desk:
        wishes = (desk.setting.look, desk.setting.keep, desk.setting.verify, desk.setting.look, desk.setting.keep)
        await asyncio.gather(*(wish() for wish in wishes))
        await desk.looked()

        assert desk.now.saved
        assert len(desk.now.found.taken) == 5
        assert desk.now.busy is None


async def test_a_fault_in_the_looking_is_told_and_the_looking_goes_on(
    bare: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(tui.setting, "LOOK_SECONDS", 0.01)
    with monkeypatch.context() as broken:
        broken.setattr(tui.setting, "survey", None)
        async with opened(tmp_path / "homelab.yaml") as desk:

            async def told_so() -> bool:
                return "a fault of its own" in (desk.now.said or "")

            async def seen() -> bool:
                return bool(desk.now.found.nodes)

            await eventually(told_so)
            broken.undo()
            await eventually(seen)


def test_a_file_of_answers_leads_to_the_running_stack(bare: Folder, tmp_path: Path) -> None:
    answers, plan = tmp_path / "answers.yaml", tmp_path / "home" / "homelab.yaml"
    answers.write_text(ANSWERS)
    arguments = ("--lab=bare", "setup", "--answers", str(answers), "--plan", str(plan))

    shown = told(*arguments, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "+    domain: cloud.pi-at-home.net" in shown.stdout
    assert not plan.exists()

    done = told(*arguments, "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{plan} written" in done.stdout

    again = told(*arguments, "--yes")
    assert f"{plan} stays as it is" in again.stdout
    assert "done: nothing to change" in again.stdout
    status = json.loads(told("--lab=bare", "status", "--json", "--plan", str(plan)).stdout)
    assert {one["address"] for one in status["allocations"]} == {"192.168.1.20", "192.168.1.21"}


def test_answers_with_errors_write_nothing(bare: Folder, tmp_path: Path) -> None:
    answers, plan = tmp_path / "answers.yaml", tmp_path / "homelab.yaml"
    answers.write_text("load_balancer: {pool: 192.168.1.40-192.168.1.60}\n")

    refused = told("--lab=bare", "setup", "--answers", str(answers), "--plan", str(plan), "--yes")

    assert refused.returncode == 1
    assert f"error: {answers}:1: load_balancer.pool: 192.168.1.50 of node master1 is in the pool" in refused.stderr
    assert "error: ingress.external.domain: nothing is written here" in refused.stderr
    assert not plan.exists()


def told(*arguments: str) -> subprocess.CompletedProcess[str]:
    """How a command ended, and what it printed."""
    return subprocess.run([*PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
