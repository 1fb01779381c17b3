"""What is proposed to somebody who has answered nothing, or a part."""

from __future__ import annotations

import pytest
from homes import NODES, found, machine, node
from hypothesis import given
from hypothesis import strategies as st

from homelab.setup.fields import OF_PLAN
from homelab.setup.joining import joining
from homelab.setup.judge import base_of, judge
from homelab.setup.model import Found
from homelab.setup.paper import fill
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


def test_a_laptop_in_another_network_proposes_that_of_the_nodes() -> None:
    proposed = propose(found(where=machine("10.9.8.7/24", "10.9.8.1")), {})

    assert proposed["network.lan"] == "192.168.1.0/24"
    assert proposed["network.gateway"] == "192.168.1.1"


@pytest.mark.parametrize(("nodes", "replicas", "servers"), [(1, "1", "1"), (2, "2", "1"), (3, "2", "3")])
def test_copies_fit_the_number_of_nodes(nodes: int, replicas: str, servers: str) -> None:
    proposed = propose(found(nodes=NODES[:nodes]), {})

    assert (proposed["ingress.external.replicas"], proposed["store.servers"]) == (replicas, servers)


@pytest.mark.parametrize(
    ("search", "internal", "external"),
    [
        ((), "internal.home.arpa", None),
        (("localdomain",), "internal.home.arpa", None),
        (("lan",), "internal.lan", None),
        (("lan", "smith.org"), "internal.smith.org", "cloud.smith.org"),
    ],
)
def test_no_public_domain_is_invented(search: tuple[str, ...], internal: str, external: str | None) -> None:
    proposed = propose(found(where=machine("192.168.1.50/24", "192.168.1.1", *search)), {})

    assert proposed["ingress.internal.domain"] == internal
    assert proposed.get("ingress.external.domain") == external


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


# Joining


def test_a_k3s_node_joins_by_a_token_that_a_person_carries_over() -> None:
    master = node("pi1", "192.168.1.50", "control-plane", "v1.33.5+k3s1")

    on_server, on_new = joining(Found(nodes=(master,), server="https://127.0.0.1:6443"))

    assert on_server.lines == ("sudo cat /var/lib/rancher/k3s/server/node-token",)
    assert "K3S_URL=https://192.168.1.50:6443 INSTALL_K3S_VERSION=v1.33.5+k3s1" in on_new.lines[1]
    assert "K3S_TOKEN=" not in "".join(on_new.lines)


def test_kubeadm_prints_the_command_itself_and_nobody_is_guessed() -> None:
    (paste,) = joining(found())

    assert (paste.where, paste.lines) == ("on master1", ("sudo kubeadm token create --print-join-command",))
    assert joining(Found()) == ()
    assert joining(Found(nodes=(node("pi1", "192.168.1.50", "control-plane", "v1.33.5+rke2r1"),))) == ()
