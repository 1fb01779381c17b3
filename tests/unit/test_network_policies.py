"""Who may reach the pods of the stack where policies are enforced, as Kubernetes reads the rendered ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import pytest
from objects import article_plan, node, thing

from homelab.lab.upstream import StandIns
from homelab.observe.raw import dig, items
from homelab.ports import Raw, Ref
from homelab.stack.facts import proxies
from homelab.stack.network import POLICY, REF, taken_back
from homelab.stack.order import removal_rank, wave, waves
from homelab.stack.readiness import READY, status
from homelab.stack.render import DIGEST, Facts, Rendered, RenderError, render

PLAN = article_plan()
MASTER = node("master1", "192.168.1.50") | {"spec": {"podCIDRs": ["10.42.0.0/24", "fd00:10:42::/64"]}}
FACTS = Facts(proxies=proxies([MASTER]))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
BRIDGE, TUNNEL, BRIDGE_6, TUNNEL_6, NODE = "10.42.0.1", "10.42.0.0", "fd00:10:42::1", "fd00:10:42::", "192.168.1.50"
STRANGER, SOMEWHERE = "10.42.0.7", "203.0.113.9"
WORKLOADS = {
    "consul": "StatefulSet homelab/consul",
    "external": "StatefulSet homelab/traefik-external",
    "internal": "Deployment homelab/traefik-internal",
    "issuer": "CronJob homelab/issuer",
    "loader": "Job",
}


def rendered(facts: Facts = FACTS) -> tuple[Rendered, ...]:
    """The article's stack."""
    return render(PLAN, facts, StandIns())


def policies(facts: Facts = FACTS) -> dict[str, Raw]:
    """Its policies by name."""
    return {item.ref.name: item.obj for item in rendered(facts) if item.ref.kind == POLICY}


def pods() -> dict[str, Raw]:
    """The pod templates of its programs."""
    found: dict[str, Raw] = {}
    for who, name in WORKLOADS.items():
        (obj,) = [item.obj for item in rendered() if str(item.ref) == name or item.ref.kind.name == name]
        found[who] = dig(obj, "spec", "jobTemplate", "spec", "template") or obj["spec"]["template"]
    return found


PODS, POLICIES = pods(), policies()


def labels(who: str) -> Mapping[str, str]:
    found: Mapping[str, str] = PODS[who]["metadata"]["labels"]
    return found


def admitted(source: str, target: str, port: int, protocol: str = "TCP") -> bool:
    """Whether a pod of ours, or an address, reaches a port. Source: Kubernetes docs, Network Policies."""
    chosen = [one for one in POLICIES.values() if selects(one["spec"]["podSelector"], target)]
    rules = [rule for one in chosen for rule in items(one, "spec", "ingress")]
    wanted = {"port": port, "protocol": protocol}
    fitting = [rule for rule in rules if wanted in rule["ports"]]
    return not chosen or any(
        "from" not in rule or any(is_of(peer, source) for peer in rule["from"]) for rule in fitting
    )


def selects(selector: Raw, who: str) -> bool:
    wanted: Mapping[str, str] = selector["matchLabels"]
    return who in PODS and wanted.items() <= labels(who).items()


def is_of(peer: Raw, source: str) -> bool:
    if "ipBlock" not in peer:
        return selects(peer["podSelector"], source)
    return source not in PODS and ip_address(source) in ip_network(peer["ipBlock"]["cidr"])


# Who comes in


@pytest.mark.parametrize("source", ["external", "loader", "issuer", NODE, BRIDGE, TUNNEL, BRIDGE_6, TUNNEL_6])
def test_who_has_a_token_and_the_api_server_reach_consul(source: str) -> None:
    assert admitted(source, "consul", 8500)


@pytest.mark.parametrize("source", ["internal", "consul", STRANGER, SOMEWHERE, "fd00:10:42::7"])
def test_nobody_else_reaches_consul(source: str) -> None:
    assert not admitted(source, "consul", 8500)


@pytest.mark.parametrize(("port", "protocol"), [(8300, "TCP"), *((n, p) for n in (8301, 8302) for p in ("TCP", "UDP"))])
def test_the_servers_reach_each_other_and_are_reached_by_nobody_else(port: int, protocol: str) -> None:
    assert admitted("consul", "consul", port, protocol)
    assert not any(admitted(source, "consul", port, protocol) for source in ("external", "issuer", NODE, STRANGER))


@pytest.mark.parametrize("zone", ["internal", "external"])
def test_every_entry_point_but_the_api_is_open_to_everybody(zone: str) -> None:
    (container,) = PODS[zone]["spec"]["containers"]
    points = dict(
        arg[2:].removeprefix("entrypoints.").split(".address=:") for arg in container["args"] if ".address=:" in arg
    )
    assert set(points) == {"web", "traefik"} | ({"websecure"} if zone == "external" else set())

    for name, port in points.items():
        assert admitted(SOMEWHERE, zone, int(port)) == (name != "traefik")
        assert admitted(NODE, zone, int(port)) and admitted(BRIDGE, zone, int(port))


@pytest.mark.parametrize("source", ["external", "internal", "issuer", STRANGER, SOMEWHERE])
@pytest.mark.parametrize("zone", ["internal", "external"])
def test_the_api_of_a_traefik_is_for_the_console_alone(zone: str, source: str) -> None:
    assert not admitted(source, zone, 8080)


def test_challenges_come_through_the_external_replicas_only() -> None:
    assert admitted("external", "issuer", 5002)
    assert not any(admitted(source, "issuer", 5002) for source in ("internal", "consul", NODE, STRANGER, SOMEWHERE))


def test_ports_of_containers_are_all_thought_of() -> None:
    """A port that a manifest adds must be let in, or it will work in the lab alone."""
    for who, pod in PODS.items():
        for container in pod["spec"]["containers"]:
            for port in items(container, "ports"):
                protocol = port.get("protocol", "TCP")
                sources = (*PODS, NODE, SOMEWHERE)
                assert any(admitted(source, who, port["containerPort"], protocol) for source in sources), (who, port)


# From where the API server asks


def test_every_address_of_a_node_counts_and_the_first_two_of_its_pod_networks() -> None:
    two = node("node1", "192.168.1.55") | {"spec": {"podCIDR": "10.42.1.0/24"}}
    two["status"]["addresses"] += [{"type": "ExternalIP", "address": one} for one in ("2001:db8::55", "fe80::5%eth0")]

    found = {str(address) for address in proxies([MASTER, two])}

    master = {NODE, TUNNEL, BRIDGE, TUNNEL_6, BRIDGE_6}
    assert found == master | {"192.168.1.55", "2001:db8::55", "fe80::5", "10.42.1.0", "10.42.1.1"}


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"spec": None, "status": None},
        {"spec": {"podCIDRs": ["x", 5, "10.0.0.1/24"]}, "status": {"addresses": [{"address": "pi"}, {}, 5]}},
    ],
)
def test_a_node_that_says_nothing_is_passed_over(odd: Raw) -> None:
    assert proxies([thing("v1", "Node", "a") | odd]) == ()


def test_a_network_of_one_address_has_one() -> None:
    assert [str(one) for one in proxies([thing("v1", "Node", "a", spec={"podCIDR": "10.0.0.9/32"})])] == ["10.0.0.9"]


def test_without_a_cluster_the_nodes_of_the_plan_are_let_in() -> None:
    found = policies(Facts())["consul"]["spec"]["ingress"][1]["from"]

    assert [peer["ipBlock"]["cidr"] for peer in found] == [f"{one.address}/32" for one in PLAN.nodes]


def test_a_list_of_nobody_would_let_in_everybody_and_is_refused() -> None:
    with pytest.raises(RenderError, match="no node is known"):
        render(replace(PLAN, nodes=()), Facts(), StandIns(), ["store"])


def test_a_node_that_joins_changes_the_three_policies_and_nothing_else() -> None:
    more = Facts(proxies=(*FACTS.proxies, ip_address("192.168.1.77")))

    changed = [str(new.ref) for old, new in zip(rendered(), rendered(more), strict=True) if old.obj != new.obj]

    names = ("traefik-internal", "consul", "traefik-external")
    assert changed == [f"NetworkPolicy homelab/{name}" for name in names]
    assert policies(replace(FACTS, proxies=FACTS.proxies[::-1])) == POLICIES


# Taken back


def record(said: str) -> Raw:
    """What is remembered of the policy of Consul."""
    return thing("v1", "ConfigMap", REF.name, REF.namespace) | {"data": {"consul": said}}


def test_a_policy_that_made_the_console_blind_is_left_out_until_it_is_another() -> None:
    digest = POLICIES["consul"]["metadata"]["annotations"][DIGEST]
    blind = replace(FACTS, taken_back=taken_back(record(f"{digest} {NOON.isoformat()} consul-0 was silent"), NOON))

    assert set(POLICIES) - set(policies(blind)) == {"consul"}
    assert set(policies(replace(blind, proxies=()))) == set(POLICIES)


@pytest.mark.parametrize("none", [None, {}, {"data": None}])
def test_without_a_record_nothing_was_taken_back(none: Raw | None) -> None:
    assert taken_back(none, NOON) == {}


@pytest.mark.parametrize("hours", [-25, -23, 0, 23, 25])
def test_it_is_remembered_for_a_day_whoever_s_clock_is_wrong(hours: int) -> None:
    said = f"abc {NOON.isoformat()} consul-0 was silent"

    found = taken_back(record(said), NOON + timedelta(hours=hours))

    assert found == ({"consul": "abc"} if abs(hours) < 24 else {})


@pytest.mark.parametrize("said", ["", "abc", "abc consul-0 was silent", "abc 2026-11-23T12:00:00 no zone"])
def test_a_record_without_its_time_is_over(said: str) -> None:
    assert taken_back(record(said), NOON) == {}


# Among the other objects


def test_a_policy_stands_beside_its_pods_and_goes_with_them() -> None:
    (store,) = waves(item for item in rendered() if item.stage == "store")
    pods = next(item.ref for item in store if item.ref.kind.name == "StatefulSet")
    policy = Ref(POLICY, "homelab", "consul")

    assert policy in [item.ref for item in store] and wave(POLICY) == wave(pods.kind)
    assert removal_rank(policy) == removal_rank(pods)
    assert status(POLICIES["consul"]) == READY
