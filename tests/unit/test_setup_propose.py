"""What is proposed to somebody who has answered nothing, or a part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from homes import NODES, found, machine, node
from hypothesis import given
from hypothesis import strategies as st

from homelab.setup.fields import OF_PLAN
from homelab.setup.judge import base_of, judge
from homelab.setup.model import Found
from homelab.setup.paper import Paper, fill
from homelab.setup.propose import propose

BASE = base_of(None, "homelab.yaml")


def test_the_article_s_home_gets_the_article_s_addresses() -> None:
    proposed = propose(found(), {})

    assert proposed["network.lan"] == "192.168.1.0/24"
    assert (proposed["network.gateway"], proposed["network.dns"]) == ("192.168.1.1", "192.168.1.1")
    assert proposed["nodes"] == "master1 192.168.1.50 control-plane, node1 192.168.1.55, node2 192.168.1.56"
    assert proposed["load_balancer.pool"] == "192.168.1.17-192.168.1.30"
    assert proposed["ingress.internal.address"] == "192.168.1.20"
    assert proposed["ingress.external.address"] == "192.168.1.21"
    assert proposed["certificates.environment"] == "staging"


def test_the_pool_avoids_whoever_is_known_and_whoever_answers() -> None:
    values = {"network.dhcp": "192.168.1.60-192.168.1.254", "network.reserved": "192.168.1.20-30"}

    proposed = propose(found("192.168.1.33"), values)

    assert proposed["load_balancer.pool"] == "192.168.1.34-192.168.1.47"
    assert proposed["ingress.internal.address"] == "192.168.1.37"


def test_the_ingresses_follow_a_pool_that_was_typed() -> None:
    values = {"load_balancer.pool": "192.168.1.200-210", "ingress.external.address": "192.168.1.203"}

    proposed = propose(found(), values)

    assert proposed["ingress.internal.address"] == "192.168.1.204"
    assert proposed["ingress.external.address"] == "192.168.1.205"


def test_a_laptop_in_another_network_proposes_that_of_the_nodes_and_only_guesses_its_gateway() -> None:
    proposed, values = fill(BASE, {}, found(where=machine("10.9.8.7/24", "10.9.8.1")))

    assert proposed["network.lan"] == values["network.lan"] == "192.168.1.0/24"
    assert (proposed["network.gateway"], proposed["network.dns"]) == ("192.168.1.1", "192.168.1.1")
    assert {"network.gateway", "network.dns"}.isdisjoint(values)


def test_without_a_default_route_the_gateway_is_a_guess_and_the_name_server_is_known() -> None:
    lost = replace(machine(), gateway=None, resolvers=("192.168.1.2",))

    proposed, values = fill(BASE, {}, found(where=lost))

    assert (proposed["network.gateway"], values["network.dns"]) == ("192.168.1.1", "192.168.1.2")
    assert "network.gateway" not in values


@pytest.mark.parametrize(("prefix", "pool"), [(29, True), (30, False), (31, False), (32, False)])
def test_a_small_lan_says_that_it_has_no_room(prefix: int, pool: bool, tmp_path: Path) -> None:
    where = replace(machine(f"192.168.1.2/{prefix}"), gateway=None, resolvers=())
    paper = Paper(tmp_path / "homelab.yaml", "cluster")

    paper.show(found=found(where=where, nodes=(node("master1", "192.168.1.2", "control-plane"),)))

    assert ("load_balancer.pool" in paper.setup.proposals) is pool
    assert paper.setup.proposals.get("network.gateway") in (("192.168.1.1",) if prefix < 31 else (None,))
    told = {one.what for one in paper.setup.judged.findings if one.at == "load_balancer.pool"}
    assert told == (set() if pool else {f"the LAN {where.interfaces[0].address.network} has no room for a pool"})


def test_a_router_that_hands_out_everything_leaves_no_room(tmp_path: Path) -> None:
    paper = Paper(tmp_path / "homelab.yaml", "cluster")
    paper.show(found=found())

    paper.answer("network.dhcp", "192.168.1.1-254")
    paper.answer("load_balancer.pool", "")

    assert "the LAN 192.168.1.0/24 has no room for a pool" in {one.what for one in paper.setup.judged.findings}
    assert "write it" not in {one.fix for one in paper.setup.judged.findings if "address" in one.at}


def test_a_node_with_ipv6_alone_is_left_out_and_told(tmp_path: Path) -> None:
    paper = Paper(tmp_path / "homelab.yaml", "cluster")

    paper.show(found=found(nodes=(*NODES, node("node3", "fd00::3"))))

    assert "node3" not in paper.setup.draft.values["nodes"]
    (finding,) = (one for one in paper.setup.judged.findings if one.at == "nodes")
    assert (finding.is_error, finding.what[:26]) == (False, "node3 has no IPv4 address ")
    paper.answer("nodes", f"{paper.setup.draft.values['nodes']}, node3 192.168.1.57")
    assert "nodes" not in {one.at for one in paper.setup.judged.findings}


@pytest.mark.parametrize(("nodes", "replicas", "servers"), [(1, "1", "1"), (2, "2", "1"), (3, "2", "3")])
def test_copies_fit_the_number_of_nodes(nodes: int, replicas: str, servers: str) -> None:
    proposed = propose(found(nodes=NODES[:nodes]), {})

    assert (proposed["ingress.external.replicas"], proposed["store.servers"]) == (replicas, servers)


@pytest.mark.parametrize(
    ("search", "internal"),
    [
        ((), "internal.home.arpa"),
        (("localdomain",), "internal.home.arpa"),
        (("local",), "internal.home.arpa"),
        (("lan",), "internal.lan"),
        (("home.arpa",), "internal.home.arpa"),
        (("smith.org", "lan"), "internal.lan"),
        *(((public,), "internal.home.arpa") for public in ("fritz.box", "attlocal.net", "speedport.ip", "co.uk")),
    ],
)
def test_no_public_domain_is_invented(search: tuple[str, ...], internal: str) -> None:
    proposed = propose(found(where=machine("192.168.1.50/24", "192.168.1.1", *search)), {})

    assert proposed["ingress.internal.domain"] == internal
    assert "ingress.external.domain" not in proposed


def test_the_dhcp_range_is_seen_but_not_taken_over() -> None:
    proposals, values = fill(BASE, {}, found())

    assert proposals["network.dhcp"] == "192.168.1.101-192.168.1.200"
    assert "network.dhcp" not in values


def test_accepted_proposals_are_a_plan_without_errors() -> None:
    _, values = fill(BASE, {"ingress.external.domain": "cloud.smith.org"}, found())

    judged = judge(BASE, values, found())

    assert judged.plan
    assert [one.at for one in judged.findings] == ["network.dhcp"]


@given(st.dictionaries(st.sampled_from(OF_PLAN), st.text(max_size=30)), st.integers(0, 32))
def test_nothing_that_is_typed_upsets_it(values: dict[str, str], prefix: int) -> None:
    propose(found(where=machine(f"10.1.2.3/{prefix}", "10.1.2.1")), values)
    propose(Found(), {"network.lan": f"0.0.0.0/{prefix}", **values})
