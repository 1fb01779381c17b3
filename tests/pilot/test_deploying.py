"""The deploy view: before, meanwhile and after, and what it asks before anything is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from time import time

import pytest
from rooms import LARGE, NAMESPACE, SMALL, Household, Person, household, painting, thing, watching

from homelab.finding import Finding, Severity
from homelab.lab.upstream import StandIns
from homelab.ports import Kind, Raw, Ref
from homelab.stack.components import STAGES
from homelab.stack.deployment import Awaited, Comparison, Deployment, StageProgress
from homelab.stack.diff import Action, Difference
from homelab.stack.journal import Journal
from homelab.stack.obstacles import TAKES
from homelab.stack.record import Recording, path_of
from homelab.stack.render import Rendered

SIZES = [SMALL, LARGE]
SECRET: Raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": "homelab"}}
CONFIG = Ref(Kind("v1", "ConfigMap"), "homelab", "loader")
PULLS = "pod web-1: ErrImagePull: no such host"
RUN = Deployment(
    stages=(
        StageProgress("load-balancer", "ready", 9, 9, 100.0, 105.0),
        StageProgress(
            "internal", "applying", 6, 5, 105.0, None, (Awaited("Deployment homelab/web", "1 of 2 ready", (PULLS,)),)
        ),
        StageProgress("store", "waiting"),
    ),
    pid=1,
    began=100.0,
)
FOUND = Comparison(
    (),
    (
        Difference("store", Ref.of(SECRET), Action.NEW, "+kind: Secret"),
        Difference("config", CONFIG, Action.CHANGE, "-  old: 1\n+  new: 2", "it says so"),
        Difference("apps", Ref(Kind("v1", "Service"), "web", "old"), Action.SAME),
    ),
    rendered=(Rendered("store", "consul", {**SECRET, "stringData": {"key": "not-for-eyes"}}),),
)
POD: Raw = {"metadata": {"labels": {"app": "lb"}}, "spec": {"containers": [{"name": "lb", "image": "lb"}]}}
DAEMON: Raw = {"selector": {"matchLabels": {"app": "lb"}}, "template": POD}
GONE = Difference("apps", Ref(Kind("v1", "Service"), "web", "gone"), Action.REMOVE, note="no longer part of the plan")


@asynccontextmanager
async def deploying(
    folder: Path, size: tuple[int, int] = SMALL, *, read_only: bool = False
) -> AsyncIterator[tuple[Household, Person]]:
    """The view, once it has compared by itself."""
    async with household(folder) as home:
        home.put(thing(NAMESPACE, "kube-system"))
        async with watching(home, size, read_only=read_only) as person:
            await person.press("6")
            await person.sees("● compared")
            yield home, person


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """State of its own, and the lab's upstream files: nothing may be downloaded."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("tui.wiring.upstream", lambda options: StandIns())


@pytest.mark.parametrize("size", SIZES)
async def test_before_it_says_what_would_change_in_every_part(tmp_path: Path, size: tuple[int, int]) -> None:
    async with deploying(tmp_path, size) as (_, person):
        person.app.tell(comparison=FOUND)

        await person.sees("1 new, 1 changed, 1 as wished", "▸6 deploy  a apply")
        assert "d yaml" not in person.text, "of this row there is nothing to show"
        await person.press(*["down"] * 4)
        await person.sees("▸6 deploy  enter open  a apply  c compare  d yaml")
        assert "○ to do" in person.line("store: consul")
        assert "x stop" not in person.text
        assert all(len(line) == size[0] for line in person.lines)


async def test_a_row_opens_its_objects_and_an_object_its_difference(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        person.app.tell(comparison=FOUND)
        await person.press(*["down"] * 4)
        await person.press("enter")
        await person.sees("Secret homelab/key")

        await person.press("down", "d")
        await person.sees("stringData", "<hidden")
        assert "not-for-eyes" not in person.text

        await person.press("escape", "up", "enter")
        await person.misses("Secret homelab/key")
        await person.press("end", "up", "enter", "down", "enter")
        await person.sees("ConfigMap homelab/loader: change", "it says so", "-  old: 1", "+  new: 2")


@pytest.mark.parametrize("size", SIZES)
async def test_meanwhile_it_says_what_is_awaited_and_why_it_hangs(tmp_path: Path, size: tuple[int, int]) -> None:
    async with deploying(tmp_path, size) as (_, person):
        person.app.tell(deployment=RUN, comparison=None)

        await person.sees("● under way", "1 of 3 stages", "▲ waiting for 1", "1 of 2 ready", PULLS, "x stop")
        assert "5 s" in person.line("load-balancer")
        assert "a apply" not in person.text


async def test_a_second_costs_one_line(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        began = time() - 10
        stages = tuple(replace(one, began=began if one.began else None) for one in RUN.stages)
        person.app.tell(deployment=replace(RUN, stages=stages), comparison=None)
        await person.sees("11 s")
        await person.pilot.pause()

        with painting() as painted:
            await person.sees("13 s")

        assert set(painted) == {("PatchTable", 2)}


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (
            "done",
            (
                "✓ Deployed in 9 s",
                "whoami.internal.domain.com",
                "http://192.168.1.20/",
                "s, Router",
                "For production: s",
                "Key 8, then a",
            ),
        ),
        ("failed", ("✗ The deploy failed", "stage internal is not ready", PULLS, "enter goes on")),
        ("stopped", ("▲ The deploy was stopped", "enter goes on")),
        ("cut", ("▲ The deploy was cut", "enter goes on")),
    ],
)
@pytest.mark.parametrize("size", SIZES)
async def test_after_it_says_why_it_ended_and_what_to_do_next(
    tmp_path: Path, size: tuple[int, int], ending: str, told: tuple[str, ...]
) -> None:
    async with deploying(tmp_path, size) as (_, person):
        await person.until(lambda: person.app.scene.plan is not None, "the plan")
        error = f"stage internal is not ready\n  {PULLS}" if ending == "failed" else None
        ended = replace(RUN, ending=ending, ended=109.0, error=error)  # type: ignore[arg-type]

        person.app.tell(deployment=ended, comparison=None if ending == "done" else FOUND)

        await person.sees(*told)
        await person.press("c")
        await person.sees("● compared", "a apply")


async def test_the_smallest_terminal_survives_all_of_it(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        for size in ((40, 10), (20, 5), SMALL):
            await person.resize(*size)
            for scene in ({"deployment": RUN}, {"deployment": replace(RUN, ending="failed", ended=109.0, error=PULLS)}):
                person.app.tell(**scene)
                await person.pilot.pause()
                assert all(len(line) == size[0] for line in person.lines)


# What is asked, and refused


async def test_it_asks_and_starts_on_cancel(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        person.app.tell(comparison=FOUND)
        await person.press("a")
        await person.sees("1 object is made, 1 changed, none removed.", "Stages: store, config.", "▸ Cancel")

        await person.press("enter")

        await person.misses("Bring the plan")
        assert person.app.scene.deployment is None


LOSS = Finding(Severity.WARNING, "load_balancer.pool", "Service web/tv has 192.168.1.30, which goes", TAKES, "keep it")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (replace(FOUND, differences=(*FOUND.differences, GONE)), "Service web/gone goes"),
        (replace(FOUND, findings=(LOSS,)), "Service web/tv has 192.168.1.30"),
    ],
)
async def test_what_others_may_miss_takes_a_typed_word(tmp_path: Path, found: Comparison, told: str) -> None:
    async with deploying(tmp_path) as (home, person):
        person.app.tell(comparison=found)
        await person.press("a")
        await person.sees(told, "type remove:", "▸ Cancel")

        await person.press("right", "left", "tab", *"remofe", "backspace", "backspace")
        assert "▸ Cancel" in person.text
        await person.press(*"ve")
        await person.sees("▸ Apply")
        await person.press("backspace", "enter")
        await person.misses("type remove:")

        assert not list(home.folder.rglob("deploy.log"))


async def test_whoever_was_slower_is_told_that_another_run_goes_on(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        await person.press("a", "right")
        await person.sees("▸ Apply")

        person.app.tell(deployment=RUN, comparison=None)

        await person.sees("▲ a deploy goes on already: x stops it", "● under way")
        assert "▸ Apply" not in person.text


@pytest.mark.parametrize("ending", ["failed", "stopped", "cut"])
async def test_enter_goes_on_after_a_run_that_did_not_come_to_its_end(tmp_path: Path, ending: str) -> None:
    async with deploying(tmp_path) as (_, person):
        person.app.tell(deployment=replace(RUN, ending=ending, ended=109.0), comparison=FOUND)  # type: ignore[arg-type]
        await person.sees("enter go on")

        await person.press("enter")

        await person.sees("Bring the plan onto the cluster?")


async def test_nobody_looks_at_the_record_once_the_view_is_left(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (_, person):
        assert len(person.app.workers) > 2

        await person.press("1")

        await person.until(lambda: len(person.app.workers) == 2, "only the feed and the keys go on")


async def test_without_a_plan_it_leads_to_the_set_up_and_offers_nothing_else(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        home.plan.unlink()
        home.put(thing(NAMESPACE, "kube-system"))
        async with watching(home) as person:
            await person.press("6")

            await person.sees("✗ no plan at", "s opens the set-up", "▸6 deploy  c compare  1 home  s set-up")


async def test_a_finding_says_where_it_is_and_in_which_step_that_is_asked(tmp_path: Path) -> None:
    async with deploying(tmp_path, LARGE) as (_, person):
        await person.sees("▲ homelab.yaml:", ": ingress.internal.domain: internal.domain.com is", "(s, Router)")


# Coming back


@contextmanager
def going_on(home: Household) -> Iterator[None]:
    """Somebody's run, which stands still."""
    home.put(thing(NAMESPACE, "kube-system"))
    uid = next(one["metadata"]["uid"] for one in home.store.all(NAMESPACE) if one["metadata"]["name"] == "kube-system")
    with Journal(home.folder / "state" / "homelab-tui" / uid) as journal:
        Recording(path_of(journal)).begin(STAGES)
        yield


async def test_whoever_opens_the_console_during_a_deploy_is_shown_it(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        with going_on(home):
            async with watching(home) as person:
                await person.sees("▸6 deploy", "● under way", "x stop")


async def test_whoever_is_at_something_by_then_is_told_of_it(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        with going_on(home):
            async with watching(home) as person:
                await person.press("2")
                await person.sees("Allocations ─", "○ a deploy goes on: key 6 shows it")
                await person.press("6")
                await person.sees("● under way")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "still being compared"),
        (Comparison((), (), trouble="no cluster"), "no cluster"),
        (replace(FOUND, findings=(replace(LOSS, severity=Severity.ERROR),)), "Service web/tv"),
        (replace(FOUND, differences=(Difference("apps", CONFIG, Action.BLOCKED, note="not ours"),)), "not ours"),
    ],
)
async def test_a_deploy_that_cannot_be_is_refused_with_the_reason(
    tmp_path: Path, found: Comparison | None, why: str
) -> None:
    async with deploying(tmp_path) as (_, person):
        person.app.tell(comparison=found)
        await person.press("a")

        await person.until(lambda: why in person.text.splitlines()[-1] or why in person.text.splitlines()[-2], why)
        assert "▸ Cancel" not in person.text


async def test_what_is_in_the_way_on_the_cluster_is_looked_for_too(tmp_path: Path) -> None:
    other = thing(Kind("apps/v1", "DaemonSet"), "svclb-traefik", "kube-system", spec=DAEMON)
    async with household(tmp_path) as home:
        home.put(thing(NAMESPACE, "kube-system"), other)
        async with watching(home, SMALL) as person:
            await person.press("6")
            await person.sees("✗ not possible", "k3s's own load balancer is on")
            await person.press("a")
            assert "▸ Cancel" not in person.text


async def test_another_run_is_named(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (home, person):
        (uid,) = [
            one["metadata"]["uid"] for one in home.store.all(NAMESPACE) if one["metadata"]["name"] == "kube-system"
        ]
        with Journal(tmp_path / "state" / "homelab-tui" / uid):
            await person.press("a", "right", "enter")
            await person.sees("✗ another homelab-tui (process", "is changing this cluster")


async def test_a_run_that_cannot_begin_leaves_its_last_words(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (home, person):
        await person.press("a")
        await person.sees("▸ Cancel")
        home.kubeconfig.unlink()
        await person.press("right", "enter")

        await person.sees("✗ The deploy failed", "kubeconfig", "does not exist", "✗ failed", "a apply")
        (log,) = home.folder.rglob("deploy.log")
        assert log.stat().st_mode & 0o777 == 0o600


async def test_a_plan_that_was_changed_meanwhile_is_compared_first(tmp_path: Path) -> None:
    async with deploying(tmp_path) as (home, person):
        await person.press("a")
        await person.sees("▸ Cancel")
        home.plan.write_text(home.plan.read_text().replace("replicas: 2 ", "replicas: 0 ", 1))
        await person.press("right", "enter")

        await person.sees("✗ the plan was changed after it was compared", "ingress.internal.replicas")
        assert not list(home.folder.rglob("deploy.log"))


async def test_read_only_offers_nothing_and_says_why(tmp_path: Path) -> None:
    async with deploying(tmp_path, read_only=True) as (_, person):
        assert "a apply" not in person.text
        await person.press("a")
        await person.sees("▲ --read-only is set: apply does nothing")
