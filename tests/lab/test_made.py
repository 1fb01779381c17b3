"""Secrets that are made once: by the product's own apply, against the lab's Kubernetes API."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import pytest
from apiserver import lab as served
from world import world

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.upstream import StandIns
from homelab.plan.file import initial, read
from homelab.ports import Kind, Ref
from homelab.stack.apply import Applying
from homelab.stack.compare import compare
from homelab.stack.journal import Journal
from homelab.stack.made import Unusable
from homelab.stack.render import Facts, Rendered, as_yaml, render

SECRET = Kind("v1", "Secret")
MANAGEMENT = Ref(SECRET, "homelab", "consul-management")
AGENT = Ref(SECRET, "homelab", "consul-agent")


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


async def left_with(cluster: KubernetesCluster, ref: Ref, *keys: str) -> dict[str, str]:
    """Take all other values out of a Secret; what it had."""
    secret = await cluster.get(ref)
    assert secret
    await cluster.replace({**secret, "data": {key: secret["data"][key] for key in keys}})
    return values(secret)


async def test_a_value_that_is_missing_is_told_by_the_others_which_stay(tmp_path: Path) -> None:
    async with world() as found, served(found.store, tmp_path) as path:
        cluster = await KubernetesCluster.connect(path)
        try:
            await apply(cluster, tmp_path)
            for ref, kept in ((MANAGEMENT, "server.json"), (AGENT, "agent.json"), (AGENT, "token")):
                before = await left_with(cluster, ref, kept)

                assert await apply(cluster, tmp_path) == 1

                assert values(await cluster.get(ref)) == before
        finally:
            await cluster.close()


async def test_one_that_nothing_tells_any_more_is_not_made_anew(tmp_path: Path) -> None:
    async with world() as found, served(found.store, tmp_path) as path:
        cluster = await KubernetesCluster.connect(path)
        try:
            await apply(cluster, tmp_path)
            await left_with(cluster, MANAGEMENT, "token")

            with pytest.raises(Unusable, match=r"consul-management lacks server\.json.*homelab-tui restore FILE"):
                await apply(cluster, tmp_path)

            assert set(values(await cluster.get(MANAGEMENT))) == {"token"}
        finally:
            await cluster.close()


def test_what_is_printed_or_stored_with_the_plan_has_no_value() -> None:
    printed = as_yaml(rendered())

    assert "consul-management" in printed
    assert "stringData" not in printed
    assert "made." not in printed
