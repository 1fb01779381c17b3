"""The article's stack through the product's own adapter and deploy code: applied, applied again, and taken off."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from deployers import Deployer, product
from world import World

from homelab.lab.controllers.kinds import EVENT, JOB, POD, SERVICE
from homelab.lab.resources import Resource
from homelab.observe.allocations import allocations
from homelab.observe.raw import zone
from homelab.plan.file import initial, read
from homelab.ports import Raw, Ref, StoreDenied
from homelab.stack.apply import Applying, Blocked, StageFailed
from homelab.stack.compare import compare
from homelab.stack.components import INCLUDE, STAGES
from homelab.stack.deployment import Comparison
from homelab.stack.diff import Action
from homelab.stack.journal import Journal
from homelab.stack.obstacles import obstacles
from homelab.stack.progress import StageEnded
from homelab.stack.render import DIGEST

INTERNAL = ("traefik-internal", "homelab")


@pytest.fixture
async def deployer(tmp_path: Path) -> AsyncIterator[Deployer]:
    async with product(tmp_path) as found:
        yield found


async def test_nothing_stands_in_the_way_of_a_bare_lab(deployer: Deployer) -> None:
    assert await obstacles(deployer.cluster, deployer.plan) == ()


async def test_every_stage_becomes_ready_and_the_ingress_has_its_address(deployer: Deployer) -> None:
    _, told = await deployer.apply()

    assert [step.stage for step in told if isinstance(step, StageEnded)] == list(STAGES)
    assert deployer.world.address(*INTERNAL) == str(deployer.plan.ingress.internal.address)
    announcer = deployer.world.announcer(*INTERNAL)
    assert announcer in {pod["spec"]["nodeName"] for pod in deployer.world.store.all(POD, "homelab")}


async def test_a_second_apply_finds_nothing_to_do_and_writes_nothing(deployer: Deployer) -> None:
    await deployer.apply()
    assert await deployer.changes() == []
    before = deployer.world.store.version - deployer.world.marks.count

    written, _ = await deployer.apply()

    assert written == 0
    assert deployer.world.store.version - deployer.world.marks.count == before


async def test_a_stage_that_fails_early_tells_the_seconds_that_really_passed(
    deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("homelab.stack.apply.DENIED_SECONDS", 0)

    async def denied() -> int:
        raise StoreDenied("consul-0 does not accept the token")

    with Journal(deployer.folder / "journal") as journal, pytest.raises(StageFailed) as failed:
        apply = Applying(deployer.cluster, journal, lambda event: None, {STAGES[0]: denied}, patience=9000)
        await apply.run(await deployer.rendered())

    assert re.match(rf"stage {STAGES[0]} is not ready after \d\d? s\n", str(failed.value))


@pytest.mark.parametrize("why", ["it failed", "what it runs is another"])
async def test_a_job_that_has_run_in_vain_is_made_anew(deployer: Deployer, why: str) -> None:
    """It never runs again by itself, and its template cannot be changed."""
    await deployer.apply()
    (job,) = deployer.world.store.all(JOB, "homelab")
    if why == "it failed":
        failed = {"type": "Failed", "status": "True", "message": "Consul was away"}
        deployer.world.store.set_status(Ref.of(job), {"conditions": [failed]})
    else:
        await deployer.world.change(Ref.of(job), other_digest)
    (difference,) = [one for one in await compare(deployer.cluster, await deployer.rendered()) if one.changes]
    assert difference.note.startswith(why)

    await deployer.apply()

    (again,) = deployer.world.store.all(JOB, "homelab")
    assert again["metadata"]["uid"] != job["metadata"]["uid"]
    assert await deployer.changes() == []


async def test_a_loader_with_other_lines_is_a_change_and_nobody_s_loss(deployer: Deployer) -> None:
    """Its Job is named by what it loads; the one before goes with every change of the configuration."""
    await deployer.apply()
    lines = deployer.folder / "lines.conf"
    lines.write_text("traefik/http/middlewares/mine/compress/encodings = gzip\n")
    external = replace(deployer.plan.ingress.external, config=str(lines))
    plan = replace(deployer.plan, ingress=replace(deployer.plan.ingress, external=external))
    other = replace(deployer, plan=plan)

    found = Comparison((), await compare(other.cluster, await other.rendered()))

    old, new = (one for one in reversed(found.differences) if one.ref.kind.name == "Job" and one.changes)
    assert (old.action, new.action) == (Action.CHANGE, Action.NEW)
    assert old.note == f"{new.ref} takes its place"
    assert found.losses == ()


def other_digest(job: Raw) -> Raw:
    """As of an earlier version of the manifests."""
    notes = {**job["metadata"]["annotations"], DIGEST: "0"}
    return {**job, "metadata": {**job["metadata"], "annotations": notes}}


async def test_disks_of_another_size_are_told_before_anything_is_written(deployer: Deployer) -> None:
    """Kubernetes never changes them, and its own words name no fix."""
    await deployer.apply()
    resized = replace(deployer.plan, store=replace(deployer.plan.store, storage="2Gi", servers=1))
    other = replace(deployer, plan=resized)

    found = await compare(other.cluster, await other.rendered())

    (blocked,) = [one for one in found if one.action is Action.BLOCKED]
    assert str(blocked.ref) == "StatefulSet homelab/consul"
    assert "store.storage says 2Gi" in blocked.note and "immutable" not in blocked.note
    before = deployer.world.store.version - deployer.world.marks.count
    with pytest.raises(Blocked, match=r"StatefulSet homelab/consul: its volumes were made with 1Gi"):
        await other.apply()
    assert deployer.world.store.version - deployer.world.marks.count == before


async def test_what_the_controllers_write_is_never_contested(deployer: Deployer) -> None:
    """A changed plan changes fields beside allocated ones: ports, replicas, templates."""
    await deployer.apply()
    text = initial().replace("replicas: 2 ", "replicas: 3 ", 1).replace("192.168.1.20 ", "192.168.1.22 ")
    changed = read(text).plan
    assert changed
    other = Deployer(deployer.world, deployer.cluster, deployer.folder, changed)

    written, _ = await other.apply()

    assert written > 0
    assert await other.changes() == []
    assert deployer.world.address(*INTERNAL) == "192.168.1.22"
    every = deployer.world.store.all(POD, "homelab")
    replicas = [pod for pod in every if zone(pod) == "internal"]
    assert len(replicas) == 3


async def test_delete_with_everything_leaves_a_bare_cluster(tmp_path: Path) -> None:
    async with product(tmp_path) as bare:
        before = {str(kind): names(bare.world, kind) for kind in bare.world.store.resources.all()}
    async with product(tmp_path) as found:
        await found.apply()
        await found.delete(*INCLUDE)

        resources = [one for one in found.world.store.resources.all() if one.as_kind != EVENT]
        after = {str(one): names(found.world, one) for one in resources}
        assert after == {key: left for key, left in before.items() if key in after}

        written, _ = await found.apply()
        assert written > 0
        allocation, _ = allocations(found.world.store.all(SERVICE), [], [])
        assert allocation.address == str(found.plan.ingress.internal.address)


def names(lab: World, resource: Resource) -> set[str]:
    """The objects of a kind that there are."""
    return {str(Ref.of(obj)) for obj in lab.store.all(resource.as_kind)}
