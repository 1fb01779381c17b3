"""Which networks pods have addresses of, as far as the cluster says."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import k3s_node, thing

from homelab.ports import Raw
from homelab.stack.facts import node_args, option, pod_networks


def machine(name: str, *networks: str) -> Raw:
    """A node to which the controller manager gave pod networks."""
    return thing("v1", "Node", name, spec={"podCIDR": networks[0], "podCIDRs": list(networks)} if networks else {})


def kubeadm(text: str) -> Raw:
    return {**thing("v1", "ConfigMap", "kubeadm-config", "kube-system"), "data": {"ClusterConfiguration": text}}


def found(nodes: list[Raw], config: Raw | None = None) -> list[str]:
    return [str(network) for network in pod_networks(nodes, config)]


# Each source


def test_the_nodes_networks_are_joined_where_they_touch() -> None:
    nodes = [machine("a", "10.244.1.0/24"), machine("b", "10.244.0.0/24"), machine("c", "10.244.9.0/24")]

    assert found(nodes) == ["10.244.0.0/23", "10.244.9.0/24"]


def test_an_old_node_has_its_network_in_one_field_only() -> None:
    assert found([thing("v1", "Node", "a", spec={"podCIDR": "10.244.1.0/24"})]) == ["10.244.1.0/24"]


def test_kubeadm_names_the_whole_network_which_holds_the_nodes() -> None:
    config = kubeadm("networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\n")

    assert found([machine("a", "10.244.1.0/24")], config) == ["10.244.0.0/16"]


def test_k3s_has_its_network_by_default() -> None:
    assert found([k3s_node("a", "server", "--disable", "traefik")]) == ["10.42.0.0/16"]


@pytest.mark.parametrize("args", [["--cluster-cidr", "10.50.0.0/16"], ["--cluster-cidr=10.50.0.0/16"]])
def test_k3s_with_another_network_says_so_in_either_form(args: list[str]) -> None:
    server = k3s_node("a", "server", *args)
    server["spec"] = {"podCIDRs": ["10.50.0.0/24"]}

    assert found([server]) == ["10.50.0.0/16"]


def test_an_agent_of_k3s_does_not_say_what_the_servers_network_is() -> None:
    agent = k3s_node("a", "agent")
    agent["spec"] = {"podCIDRs": ["10.50.3.0/24"]}

    assert found([agent]) == ["10.50.3.0/24"]


@pytest.mark.parametrize(
    ("nodes", "config"),
    [
        ([machine("a", "10.244.0.0/24", "fd00:10:244::/64")], None),
        ([machine("a", "fd00:10:244::/64", "10.244.0.0/24")], None),
        ([], kubeadm("networking: {podSubnet: 'fd00:10:244::/56, 10.244.0.0/24'}")),
        ([k3s_node("a", "server", "--cluster-cidr=10.244.0.0/24,fd00:10:244::/56") | {"spec": {}}], None),
    ],
)
def test_of_two_families_ipv6_is_passed_over(nodes: list[Raw], config: Raw | None) -> None:
    assert found(nodes, config) == ["10.244.0.0/24"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "just words",
        "- a\n- b",
        "networking: null",
        "networking: [x]",
        "networking: {}",
        "networking: {podSubnet: null}",
        "\t: {",
    ],
)
def test_a_kubeadm_configuration_that_says_nothing_is_passed_over(text: str) -> None:
    assert found([machine("a", "10.244.1.0/24")], kubeadm(text)) == ["10.244.1.0/24"]


@pytest.mark.parametrize("config", [None, {}, {"data": None}, {"data": {}}])
def test_without_any_source_nothing_is_known(config: Raw | None) -> None:
    assert found([machine("a"), {**machine("b"), "spec": None}], config) == []


NETWORKS = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False), st.integers(0, 2**32 - 1), st.integers(8, 30)
)


@given(st.lists(NETWORKS, max_size=6))
def test_no_network_is_lost_and_none_is_told_twice(networks: list[IPv4Network]) -> None:
    told = pod_networks([machine(str(at), str(network)) for at, network in enumerate(networks)], None)

    assert all(any(network.subnet_of(one) for one in told) for network in networks)
    assert not any(one.overlaps(other) for one in told for other in told if one is not other)
    assert sum(one.num_addresses for one in told) <= sum(one.num_addresses for one in networks)


# The arguments of k3s


def test_the_arguments_of_k3s_are_read_from_its_annotation() -> None:
    assert node_args(k3s_node("a", "server", "--disable", "traefik")) == ["server", "--disable", "traefik"]


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', '"server"', "5", "null"])
def test_an_annotation_that_is_no_list_says_nothing(text: str) -> None:
    assert node_args(thing("v1", "Node", "a", annotations={"k3s.io/node-args": text})) == []


@pytest.mark.parametrize("annotations", [None, {}])
def test_a_node_that_is_not_of_k3s_has_no_arguments(annotations: Any) -> None:
    assert node_args(thing("v1", "Node", "a", annotations=annotations)) == []


def test_an_option_is_read_in_both_forms_repeated_and_with_commas() -> None:
    args = ["server", "--disable", "a,b", "--disable=c,d", "--disable", "e", "--disable-network-policy", "--disabled=x"]

    assert sorted(option(args, "--disable")) == ["a", "b", "c", "d", "e"]


@given(st.lists(st.sampled_from(["traefik", "servicelb", "metrics-server"]), max_size=4), st.data())
def test_however_an_option_is_written_its_values_are_the_same(values: list[str], data: st.DataObject) -> None:
    args = ["server"]
    for value in values:
        args += data.draw(st.sampled_from([["--disable", value], [f"--disable={value}"]]))

    assert sorted(option(args, "--disable")) == sorted(values)
