"""Addresses, ranges and keys of the plan."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.plan.file import initial, read
from homelab.plan.model import AddressRange, Host, Node, Plan, keys, value_at

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ranges = st.tuples(addresses, addresses).map(lambda pair: AddressRange(min(pair), max(pair)))
near = st.integers(0, 40).map(lambda offset: IPv4Address("192.168.1.0") + offset)
near_ranges = st.tuples(near, near).map(lambda pair: AddressRange(min(pair), max(pair)))


@pytest.fixture(scope="module")
def plan() -> Plan:
    reading = read(initial())
    assert reading.plan
    return reading.plan


def test_a_range_is_written_with_both_ends_as_the_article_does() -> None:
    pool = AddressRange.parse("192.168.1.17 - 192.168.1.30")

    assert (pool.first, pool.last) == (IPv4Address("192.168.1.17"), IPv4Address("192.168.1.30"))
    assert len(pool) == 14
    assert str(pool) == "192.168.1.17-192.168.1.30"
    assert pool.cidr is None


def test_a_network_as_a_range_has_its_edges_too_and_remembers_how_it_was_written() -> None:
    pool = AddressRange.parse("192.168.1.16/28")

    assert len(pool) == 16
    assert pool.cidr == IPv4Network("192.168.1.16/28")
    assert pool == AddressRange.parse("192.168.1.16-192.168.1.31")


def test_one_address_is_a_range_of_one() -> None:
    assert str(AddressRange.parse("10.0.0.7")) == "10.0.0.7-10.0.0.7"
    assert len(AddressRange.parse("10.0.0.7")) == 1


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "10.0.0.1-", "-10.0.0.1", "10.0.0.9-10.0.0.1", "10.0.0.1-5"),
        *("10.0.0.1/24", "10.0.0.01", "10.0.0.0/24-10.0.0.9"),
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        AddressRange.parse(text)


@given(ranges)
def test_a_range_survives_being_written_and_read(some: AddressRange) -> None:
    assert AddressRange.parse(str(some)) == some


@given(near_ranges, near_ranges)
def test_what_two_ranges_share_is_the_same_from_both_sides(one: AddressRange, other: AddressRange) -> None:
    assert one & other == other & one


@given(near_ranges, near_ranges, near)
def test_shared_is_what_is_in_both(one: AddressRange, other: AddressRange, address: IPv4Address) -> None:
    shared = one & other

    assert (shared is not None and address in shared) == (address in one and address in other)


@given(near_ranges)
def test_a_range_holds_as_many_addresses_as_its_length_says(some: AddressRange) -> None:
    everything = [IPv4Address("192.168.1.0") + offset for offset in range(41)]

    assert sum(address in some for address in everything) == len(some)
    assert some & some == some


def test_text_is_not_in_a_range_of_addresses() -> None:
    assert "10.0.0.1" not in AddressRange.parse("10.0.0.0/24")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("version", 1),
        ("network.lan", IPv4Network("192.168.1.0/24")),
        ("network.dhcp", AddressRange.parse("192.168.1.101-192.168.1.200")),
        ("network.hosts.media-server", IPv4Address("192.168.1.4")),
        ("network.trusted", ()),
        ("nodes.master1.role", "control-plane"),
        ("nodes.node2.address", IPv4Address("192.168.1.56")),
        ("cluster.pods", None),
        ("ingress.internal.address", IPv4Address("192.168.1.20")),
        ("ingress.external.replicas", 2),
        ("certificates.email", None),
        ("router.kind", "dnsmasq"),
    ],
)
def test_a_path_gives_the_typed_value(plan: Plan, path: str, value: object) -> None:
    found = value_at(plan, path)

    assert found == value
    assert type(found) is type(value)


def test_lists_of_the_plan_are_tuples(plan: Plan) -> None:
    hosts, nodes = value_at(plan, "network.hosts"), value_at(plan, "nodes")

    assert hosts == (Host("switch", IPv4Address("192.168.1.3")), Host("media-server", IPv4Address("192.168.1.4")))
    assert isinstance(nodes, tuple)
    assert nodes[1] == Node("node1", IPv4Address("192.168.1.55"), "worker")


@pytest.mark.parametrize(
    "path",
    [
        *("", "network", "nodes.master1", "nope", "network.lan.prefixlen", "load_balancer.pool.first"),
        *("nodes.master1.name", "nodes.ghost.address", "network.hosts.ghost", "ingress..address", "version."),
    ],
)
def test_a_path_that_names_no_value_is_a_key_error(plan: Plan, path: str) -> None:
    with pytest.raises(KeyError):
        value_at(plan, path)


def test_a_node_is_found_by_a_name_with_dots_even_beside_its_shorter_namesake() -> None:
    text = initial().replace("  node1: {address", "  master1.home: {address: 192.168.1.57}\n  node1: {address")
    plan = read(text).plan
    assert plan

    assert value_at(plan, "nodes.master1.home.address") == IPv4Address("192.168.1.57")
    assert value_at(plan, "nodes.master1.address") == IPv4Address("192.168.1.50")


def test_every_key_of_the_model_has_a_value_in_the_article_s_plan(plan: Plan) -> None:
    sections = {key.rpartition(".")[0] for key in keys()}
    leaves = [key for key in keys() if key not in sections]

    assert {"version", "network.lan", "nodes.NAME.role", "router.kind"} < set(leaves)
    for key in leaves:
        value_at(plan, key.replace("hosts.NAME", "hosts.switch").replace("NAME", "node1"))
