"""Secrets that are made once: by the product's own apply, against the lab's Kubernetes API."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

from apiserver import lab as served
from world import world

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.upstream import StandIns
from homelab.plan.file import initial, read
from homelab.ports import Kind, Ref
from homelab.stack.apply import Applying
from homelab.stack.compare import compare
from homelab.stack.journal import Journal
from homelab.stack.render import Facts, Rendered, as_yaml, render

SECRET = Kind("v1", "Secret")
MANAGEMENT = Ref(SECRET, "homelab", "consul-management")


def rendered() -> tuple[Rendered, ...]:
    """The namespace, and every Secret of the store."""
    plan = read(initial()).plan
    assert plan
    found = render(plan, Facts(), StandIns())
    return tuple(item for item in found if item.component == "homelab" or (item.made and item.stage == "store"))


async def apply(cluster: KubernetesCluster, folder: Path) -> int:
    """Apply them; how much was written."""
    with Journal(folder / "journal") as journal:
        return await Applying(cluster, journal, lambda event: None, patience=20).run(rendered())


def values(secret: dict[str, object] | None) -> dict[str, str]:
    """The values of a Secret as text."""
    assert secret
    data = secret["data"]
    assert isinstance(data, dict)
    return {key: b64decode(value).decode() for key, value in data.items()}


async def test_values_are_made_once_and_one_name_is_one_value_within_a_secret(tmp_path: Path) -> None:
    async with world() as found, served(found.store, tmp_path) as path:
        cluster = await KubernetesCluster.connect(path)
        try:
            await apply(cluster, tmp_path)
            first = values(await cluster.get(MANAGEMENT))
            assert json.loads(first["server.json"])["acl"]["tokens"]["initial_management"] == first["token"]
            assert len(b64decode(json.loads(first["server.json"])["encrypt"])) == 32

            assert await apply(cluster, tmp_path) == 0
            assert values(await cluster.get(MANAGEMENT)) == first
            tokens = {values(secret)["token"] for secret in await cluster.list(SECRET, namespace="homelab")}
            assert len(tokens) == 6
            assert not [one for one in await compare(cluster, rendered()) if one.changes]
        finally:
            await cluster.close()


async def test_a_value_that_is_missing_is_added_and_the_others_stay(tmp_path: Path) -> None:
    async with world() as found, served(found.store, tmp_path) as path:
        cluster = await KubernetesCluster.connect(path)
        try:
            await apply(cluster, tmp_path)
            secret = await cluster.get(MANAGEMENT)
            assert secret
            before = values(secret)
            await cluster.replace({**secret, "data": {"token": secret["data"]["token"]}})

            assert await apply(cluster, tmp_path) == 1

            after = values(await cluster.get(MANAGEMENT))
            assert after["token"] == before["token"]
            assert json.loads(after["server.json"])["acl"]["tokens"]["initial_management"] == before["token"]
        finally:
            await cluster.close()


def test_what_is_printed_or_stored_with_the_plan_has_no_value() -> None:
    printed = as_yaml(rendered())

    assert "consul-management" in printed
    assert "stringData" not in printed
    assert "made." not in printed
