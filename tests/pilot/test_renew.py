"""`renew now`: the question, the choice, and what is said of what became of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from public import HOST, certified, issuer
from rooms import LARGE, NAMESPACE, SMALL, Household, Person, deployed, household, ingress, thing, watching

from homelab.ports import Kind, Raw
from screens.scene import Said

JOB = Kind("batch/v1", "Job")
KEYS = "▸1 home  2 allocations  3 routes  4 5 6 7 8 r renew  s y l e / : ? q"
ASKED = f"Renew the certificate of {HOST}?"


def public(home: Household) -> None:
    """A served certificate, an issuer whose runs are known by their label, and what the journal is named after."""
    deployed(home)
    certified(home)
    orders = issuer()
    orders["spec"]["jobTemplate"]["metadata"] = {"labels": orders["metadata"]["labels"]}
    home.put(orders, thing(NAMESPACE, "kube-system"))


def runs(home: Household) -> list[Raw]:
    """Jobs that were started."""
    return list(home.store.all(JOB))


def journal(folder: Path) -> list[Raw]:
    """What is on disk of it."""
    (found,) = folder.rglob("journal.jsonl")
    return [json.loads(line) for line in found.read_text().splitlines()]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def asked(person: Person) -> None:
    """The pane alone, and the question over it."""
    await person.press("4")
    await person.sees("▸Certificates", "✓ served by 1 of 1", "r renew")
    await person.press("r")
    await person.sees(ASKED)


@pytest.mark.parametrize("size", [SMALL, LARGE, (80, 10)])
async def test_it_says_what_will_happen_and_starts_on_cancel(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home, size) as person:
            await asked(person)
            assert "from ca.test" in person.line("due or not")
            assert "only so many for the same name in a week" in person.text
            assert "is served until the new one is there" in person.text
            assert "▸ Cancel     Renew" in person.line("Cancel")
            assert all(len(line) == size[0] for line in person.lines)

            for leaving in ("enter", "escape", "q"):
                await person.press(leaving)
                await person.misses(ASKED)
                await person.press("r", "right", "left")
                await person.sees("▸ Cancel     Renew")
            assert not runs(home)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_what_was_chosen_is_asked_for_and_told_until_the_next_key(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home, size) as person:
            await asked(person)
            for choosing in ("right", "left", "tab", "shift+tab", "right"):
                before = "▸ Renew" in person.text
                await person.press(choosing)
                assert ("▸ Renew" in person.text) is not before
            await person.press("enter")

            await person.sees(f"✓ asked for a new certificate for {HOST}")
            assert "4 certificates" not in person.text
            (run,) = runs(home)
            (container,) = run["spec"]["template"]["spec"]["containers"]
            assert {"name": "RENEW", "value": HOST} in container["env"]
            lines = [{name: said for name, said in line.items() if name != "at"} for line in journal(tmp_path)]
            assert lines == [
                {"event": "renewing", "hosts": [HOST]},
                {"event": "started", "job": run["metadata"]["name"]},
            ]

            await person.press("down")
            await person.sees("▸4 certificates", "r renew")


async def test_while_a_run_is_at_work_no_other_is_started(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home) as person:
            await asked(person)
            await person.press("right", "enter")
            await person.sees("✓ asked")

            (run,) = runs(home)
            await person.press("r", "right", "enter")
            await person.sees("✗ nothing was ordered", run["metadata"]["name"], "has ended")

            home.put(run | {"status": {"active": 1}})
            await person.until(lambda: bool(person.app.scene.snapshot and person.app.scene.snapshot.issuer.running))  # type: ignore[union-attr]
            await person.press("r")
            await person.sees("▲ nothing was ordered", run["metadata"]["name"])
            assert len(runs(home)) == 1


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_refusal_says_what_where_and_why(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home, size) as person:
            await asked(person)
            home.forbidden.add("jobs")
            await person.press("right", "enter")

            await person.sees("✗ ", "jobs", "homelab", "anna")
            assert not runs(home)

            await person.press("2")
            await person.sees("▸2 allocations")
            assert "anna" not in person.text


async def test_read_only_offers_nothing_and_says_why(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home, read_only=True) as person:
            await person.press("4")
            await person.sees("▸Certificates", "✓ served by 1 of 1")
            assert "r renew" not in person.text

            await person.press("r")
            await person.sees("▲ --read-only is set: renew does nothing")


async def test_a_host_that_can_have_none_says_why(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        public(home)
        home.put(ingress("odd", "a.elsewhere.test", labels={"traffic-type": "external"}))
        async with watching(home) as person:
            await person.press("4")
            await person.sees("a.elsewhere.test", "r renew")
            await person.press("home", "r")
            await person.sees("▲ a.elsewhere.test can have no certificate: ")


async def test_at_home_the_key_belongs_to_the_pane_with_the_cursor(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        public(home)
        async with watching(home) as person:
            await person.sees("▸Allocations", "✓ served by 1 of 1")
            await person.press("r")
            assert "r renew" not in person.lines[-1]
            await person.press("tab", "tab")
            await person.sees("▸Certificates")
            assert person.lines[-1].strip() == KEYS

            await person.press("r")
            await person.sees(ASKED)
            await person.press("2")  # another view leaves no question behind
            await person.sees("▸Allocations", "▸2 allocations")
            assert "r renew" not in person.lines[-1]
            await person.press("1")
            await person.misses(ASKED)
            assert not runs(home)


async def test_an_outcome_that_help_hides_is_told_when_that_is_closed(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        await person.press("question_mark")
        await person.sees("Keys")
        person.app.tell(said=Said("it is done"))
        assert "it is done" not in person.text

        await person.press("escape")

        await person.sees("▸Allocations", "✓ it is done")
