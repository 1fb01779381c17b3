"""The machines of the cluster, as the API server knows them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import broken, node

from homelab.observe.nodes import nodes


def test_the_control_plane_comes_first_then_the_workers_by_name() -> None:
    found = nodes([node("node2"), node("node1"), node("zeus", control_plane="", etcd="")])

    assert [n.name for n in found] == ["zeus", "node1", "node2"]
    assert [n.roles for n in found] == [("control-plane", "etcd"), ("worker",), ("worker",)]


def test_a_node_tells_address_architecture_version_and_pod_networks() -> None:
    (found,) = nodes([node("node1", "192.168.1.55")])

    assert (found.address, found.arch, found.version) == ("192.168.1.55", "arm64", "v1.37.2")
    assert found.pods == ("10.42.0.0/24",)


def test_of_two_internal_addresses_the_ipv4_one_is_shown() -> None:
    raw = node("node1", "fd00::5")
    raw["status"]["addresses"].append({"type": "InternalIP", "address": "192.168.1.55"})

    assert nodes([raw])[0].address == "192.168.1.55"


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", None), ("Odd", None)])
def test_a_node_is_ready_or_not_or_nobody_knows(status: str, ready: bool | None) -> None:
    assert nodes([node("node1", ready=status)])[0].ready is ready


def test_a_node_without_any_status_is_unknown() -> None:
    (found,) = nodes([{"metadata": {"name": "new", "labels": None}, "spec": None, "status": None}])

    assert (found.name, found.ready, found.address, found.pods) == ("new", None, None, ())


def test_a_node_excluded_from_load_balancers_announces_nothing() -> None:
    raw = node("master1", control_plane="")
    raw["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"] = ""

    assert [n.announces for n in nodes([raw, node("node1")])] == [False, True]


@given(st.lists(broken(node("node1", control_plane="")), max_size=3))
def test_no_damage_to_a_node_makes_it_raise(raw: list[Any]) -> None:
    assert len(nodes(raw)) == len(raw)
