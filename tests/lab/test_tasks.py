"""What an initContainer and a Job with one of the product's programs do to their pods; and what else is not run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from world import World, template, world

import manifests
from homelab.lab.controllers.conditions import holds
from homelab.lab.controllers.runner import run
from homelab.lab.programs.account import account
from homelab.lab.programs.mounts import address
from homelab.lab.programs.tasks import IMAGE, Tasks
from homelab.ports import Kind, Raw, Ref

T = TypeVar("T")
JOB = Kind("batch/v1", "Job")
POD = Kind("v1", "Pod")
PATIENCE = 30.0
"""Seconds after which a condition that does not come true fails its test."""


@asynccontextmanager
async def tasks(folder: Path) -> AsyncIterator[World]:
    """A cluster whose programs that end are run."""
    async with world(frozenset({IMAGE})) as found:
        with account(folder, "https://127.0.0.1:1", "token", b"") as given:
            ours = Tasks(folder, given)
            working = asyncio.create_task(run(found.store, [ours]))
            try:
                yield found
            finally:
                working.cancel()
                await asyncio.wait([working])
                await ours.end()


async def until(look: Callable[[], T | None]) -> T:
    """Wait until what is looked at is true; what it then is."""
    async with asyncio.timeout(PATIENCE):
        while not (found := look()):
            await asyncio.sleep(0.02)
        return found


def programs(name: str = "loader", **data: str) -> Raw:
    """The ConfigMap that the product would make."""
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def loader(**more: Any) -> Raw:
    """A container that runs the loader, which finds nothing of what it needs."""
    mounts = [{"name": "programs", "mountPath": "/programs"}]
    command = ["python3", "/programs/loader.py"]
    return {"name": "load", "image": f"{IMAGE}:v5", "command": command, "volumeMounts": mounts, **more}


def job(container: Raw, **spec: Any) -> Raw:
    """A Job of one try."""
    volumes = [{"name": "programs", "configMap": {"name": "loader"}}]
    pod = {"restartPolicy": "Never", "containers": [container], "volumes": volumes, **spec}
    meta = {"name": "load", "namespace": "default"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta} | {
        "spec": {"backoffLimit": 0, "template": {"spec": pod}}
    }


def ended(found: World) -> Raw | None:
    """How the one pod ended."""
    pods = found.pods()
    statuses = pods[0]["status"].get("containerStatuses") if pods else None
    state: Raw | None = statuses[0]["state"].get("terminated") if statuses else None
    return state


async def test_a_job_ends_with_the_code_and_the_words_of_its_program(tmp_path: Path) -> None:
    async with tasks(tmp_path) as found:
        await found.make(programs(**{"loader.py": manifests.program("config", "loader.py")}), job(loader()))

        state = await until(lambda: ended(found))

        assert state["exitCode"] == 1
        assert "CONSUL_HTTP_ADDR" in state["message"]
        await until(lambda: holds(found.get(Ref(JOB, "default", "load")), "Failed"))
    assert not list((tmp_path / "mounts").iterdir())
    assert (tmp_path / "loader.log").stat().st_mode & 0o077 == 0


async def test_other_text_than_the_product_s_is_not_run(tmp_path: Path) -> None:
    async with tasks(tmp_path) as found:
        await found.make(programs(**{"loader.py": f"open('{tmp_path}/mark', 'w')"}), job(loader()))

        state = await until(lambda: ended(found))

    assert (state["exitCode"], state["message"].partition(":")[0]) == (128, "/programs/loader.py is not run")
    assert not (tmp_path / "mark").exists()


async def test_a_program_beside_the_product_s_is_not_run_either(tmp_path: Path) -> None:
    own = manifests.program("config", "loader.py")
    async with tasks(tmp_path) as found:
        await found.make(programs(**{"loader.py": own, "json.py": "import os"}), job(loader()))

        state = await until(lambda: ended(found))

    assert state["message"].startswith("/programs/json.py is not run")


async def test_only_variables_that_our_programs_read_reach_them(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"open('{tmp_path}/mark', 'w')")
    given = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "CONSUL_HTTP_ADDR": "http://127.0.0.1:1"}
    env = [{"name": name, "value": value} for name, value in given.items()]
    async with tasks(tmp_path) as found:
        own = manifests.program("config", "loader.py")
        await found.make(programs(**{"loader.py": own}), job(loader(env=env)))

        state = await until(lambda: ended(found))

    assert "CONSUL_HTTP_TOKEN_FILE" in state["message"]  # the first one had reached it
    assert not (tmp_path / "mark").exists()


async def test_a_mount_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with tasks(tmp_path) as found:
        await found.make(job(loader()))

        state = await until(lambda: ended(found))

    assert state["message"] == 'MountVolume.SetUp failed: configmap "loader" not found'


async def test_what_is_no_python_program_runs_in_name_only(tmp_path: Path) -> None:
    async with tasks(tmp_path) as found:
        await found.make(job({"name": "x", "image": IMAGE, "command": ["certbot", "renew"]}))

        assert (await until(lambda: ended(found)))["exitCode"] == 0


async def test_a_pod_begins_when_its_initcontainers_have_ended_well(tmp_path: Path) -> None:
    init = {"name": "x", "image": IMAGE, "command": ["certbot", "--version"]}
    async with tasks(tmp_path) as found:
        await found.make(_pod(template("app", initContainers=[init])))

        await until(lambda: holds(found.pods()[0], "Ready"))

        assert found.pods()[0]["status"]["phase"] == "Running"


async def test_a_pod_waits_for_an_initcontainer_that_fails(tmp_path: Path) -> None:
    volumes = [{"name": "programs", "configMap": {"name": "loader"}}]
    async with tasks(tmp_path) as found:
        await found.make(programs(**{"loader.py": manifests.program("config", "loader.py")}))
        await found.make(_pod(template("app", initContainers=[loader()], volumes=volumes)))

        await until(lambda: (tmp_path / "loader.log").exists() and (tmp_path / "loader.log").stat().st_size)

        status = found.pods()[0]["status"]
        assert (status["phase"], holds(found.pods()[0], "Initialized")) == ("Pending", False)


async def test_a_service_is_found_by_its_name_while_a_pod_of_it_is_ready(tmp_path: Path) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": "web"}]},
    }
    async with world() as found:
        await found.make(service)
        assert address(found.store, "web.default.svc:80") is None
        await found.make(_pod(template("app")))

        where = found.pods()[0]["status"]["podIP"]
        assert address(found.store, "web.default.svc:80") == f"{where}:8080"
        assert address(found.store, "web.default.svc.cluster.local:80") == f"{where}:8080"
        assert address(found.store, "web.default.svc:81") is None
        assert address(found.store, "example.test:80") is None


def _pod(found: Raw) -> Raw:
    meta = {"name": "one", "namespace": "default", **found["metadata"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": found["spec"]}
