"""Objects that are valid and yet odd: no controller fails over them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from world import obj, template, world

from homelab.lab.controllers.kinds import NODE, POD
from homelab.lab.controllers.matching import selected
from homelab.ports import Kind, Ref


async def test_a_node_without_a_pod_network_runs_no_pod(caplog: pytest.LogCaptureFixture) -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    bare = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "bare"}, "status": ready}
    pod: dict[str, Any] = {**template("web")["spec"], "nodeName": "bare"}
    async with world() as cluster:
        with caplog.at_level(logging.ERROR):
            await cluster.make(bare, obj(POD, "web", pod))

        assert "podIP" not in cluster.get(Ref(POD, "default", "web")).get("status", {})
        assert cluster.get(Ref(NODE, None, "bare")) and not caplog.records


async def test_a_claim_template_may_say_nothing(caplog: pytest.LogCaptureFixture) -> None:
    claims = [{"metadata": {"name": "data"}}, {"spec": {}}]
    spec = {"selector": {"matchLabels": {"app": "db"}}, "template": template("db"), "volumeClaimTemplates": claims}
    async with world() as cluster:
        with caplog.at_level(logging.ERROR):
            await cluster.make(obj(Kind("apps/v1", "StatefulSet"), "db", spec))

        assert [pod["status"]["phase"] for pod in cluster.pods()] == ["Running"] and not caplog.records


@pytest.mark.parametrize(
    ("operator", "limit", "fits"), [("Gt", "3", True), ("Gt", "4", False), ("Lt", "5", True), ("Lt", "x", False)]
)
def test_a_node_s_label_is_compared_as_a_number(operator: str, limit: str, fits: bool) -> None:
    wanted = {"key": "cores", "operator": operator, "values": [limit]}

    assert selected({"matchExpressions": [wanted]}, {"cores": "4"}) is fits
    assert not selected({"matchExpressions": [wanted]}, {})
