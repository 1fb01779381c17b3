"""MetalLB's rules and words, as the real v0.16.1 said them for the same Services on the cluster of three nodes."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

import pytest
from world import balanced, pool

from homelab.lab.controllers.metallb.allocator import Claim, Given, Refused, allocate, claim
from homelab.lab.controllers.metallb.pools import InvalidPool, pools
from homelab.ports import Raw

HOME = pools([pool("home", "192.168.1.17-192.168.1.30")])
WANTED, POOL, SHARED = (f"metallb.io/{key}" for key in ("loadBalancerIPs", "address-pool", "allow-shared-ip"))


def holding(*services: tuple[Raw, str]) -> dict[IPv4Address, Sequence[Claim]]:
    """Who is on which address."""
    found: dict[IPv4Address, list[Claim]] = {}
    for service, address in services:
        found.setdefault(IPv4Address(address), []).append(claim(service))
    return {**found}


def given(address: str, pool: str = "home") -> Given:
    return Given(IPv4Address(address), pool)


TAKEN = holding((balanced("first"), "192.168.1.20"), (balanced("k", notes={SHARED: "k"}), "192.168.1.26"))


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (balanced("auto"), "192.168.1.17"),
        (balanced("wish", notes={WANTED: "192.168.1.25"}), "192.168.1.25"),
        (balanced("old", notes={"metallb.universe.tf/loadBalancerIPs": "192.168.1.24"}), "192.168.1.24"),
        (balanced("spec", loadBalancerIP="192.168.1.23"), "192.168.1.23"),
        (balanced("pool", notes={POOL: "home"}), "192.168.1.17"),
        (balanced("share", port=81, notes={WANTED: "192.168.1.26", SHARED: "k"}), "192.168.1.26"),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_what_is_asked_for_is_given(service: Raw, expected: str) -> None:
    assert allocate(service, HOME, TAKEN) == given(expected)


@pytest.mark.parametrize(
    ("service", "said"),
    [
        (balanced("a", notes={WANTED: "192.168.1.99"}), '["192.168.1.99"] is not allowed in config'),
        (
            balanced("b", notes={WANTED: "192.168.1.20"}),
            'can\'t change sharing key for "default/b", address also in use by default/first',
        ),
        (balanced("c", notes={POOL: "nix"}), 'unknown pool "nix"'),
        (balanced("d", notes={WANTED: "192.168.1"}), 'invalid metallb.io/loadBalancerIPs: "192.168.1"'),
        (balanced("e", loadBalancerIP="nix"), 'invalid spec.loadBalancerIP "nix"'),
        (
            balanced("f", notes={WANTED: "192.168.1.22"}, loadBalancerIP="192.168.1.22"),
            "service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP",
        ),
        (
            balanced("g", notes={WANTED: "fd00::1"}),
            'requested loadBalancer IP(s) ["fd00::1"] does not match the ipFamily of the service',
        ),
        (
            balanced("h", notes={WANTED: "192.168.1.22,192.168.1.23"}),
            'IPFamilyForAddresses: same address family ["192.168.1.22" "192.168.1.23"]',
        ),
        (
            balanced("i", notes={WANTED: "192.168.1.26", SHARED: "k"}),
            'port TCP/80 is already in use on "192.168.1.26"',
        ),
        (
            balanced("j", port=82, notes={WANTED: "192.168.1.26", SHARED: "z"}),
            'can\'t change sharing key for "default/j", address also in use by default/k',
        ),
        (
            balanced("l", notes={WANTED: "192.168.1.27", POOL: "nix"}),
            'requested loadBalancer IP(s) ["192.168.1.27"] is not compatible with requested address pool nix',
        ),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else "",
)
def test_what_cannot_be_given_is_refused_in_metallbs_words(service: Raw, said: str) -> None:
    with pytest.raises(Refused) as refused:
        allocate(service, HOME, TAKEN)

    assert str(refused.value) == said


def test_a_full_pool_has_nothing_left_unless_the_address_may_be_shared() -> None:
    one = pools([pool("one", "10.0.0.1/32")])
    full = holding((balanced("first", notes={SHARED: "k"}), "10.0.0.1"))

    assert allocate(balanced("b", port=81, notes={SHARED: "k"}), one, full) == given("10.0.0.1", "one")
    for notes, said in (({}, "no available IPs"), ({POOL: "one"}, "no available IPs in pool one")):
        with pytest.raises(Refused, match=said):
            allocate(balanced("c", notes=notes), one, full)


def test_with_policy_local_only_services_of_the_same_pods_share() -> None:
    local: dict[str, Any] = {"externalTrafficPolicy": "Local"}
    first = balanced("first", notes={SHARED: "k"}, **local)
    held = holding((first, "192.168.1.17"))
    wish = {SHARED: "k", WANTED: "192.168.1.17"}

    assert allocate(balanced("same", port=81, notes=wish, **local), HOME, held) == given("192.168.1.17")
    with pytest.raises(Refused, match="can't change sharing key"):
        allocate(balanced("other", app="x", port=81, notes=wish, **local), HOME, held)


def test_a_pool_without_auto_assign_gives_only_to_those_who_name_it() -> None:
    kept = pools([pool("kept", "10.0.0.1-10.0.0.2", autoAssign=False)])

    assert allocate(balanced("a", notes={POOL: "kept"}), kept, {}) == given("10.0.0.1", "kept")
    assert allocate(balanced("b", notes={WANTED: "10.0.0.2"}), kept, {}) == given("10.0.0.2", "kept")
    with pytest.raises(Refused, match="no available IPs"):
        allocate(balanced("c"), kept, {})


@pytest.mark.parametrize(
    ("addresses", "first", "count"),
    [
        (["10.0.0.0/30"], "10.0.0.1", 3),
        (["10.0.0.255-10.0.1.1"], "10.0.1.1", 1),
        (["10.0.0.0/16"], "10.0.0.1", 65536 - 512),
        (["10.0.0.18/28"], "10.0.0.16", 16),
        (["10.0.0.9-10.0.0.9", "10.0.0.1-10.0.0.2"], "10.0.0.9", 3),
    ],
)
def test_buggy_addresses_are_left_out_where_asked(addresses: list[str], first: str, count: int) -> None:
    (found,) = pools([pool("p", *addresses, avoidBuggyIPs=True)])

    assert str(next(found.addresses())) == first
    assert len(found) == count
    assert IPv4Address("10.0.0.255") not in found


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"addresses": []}, "parsing address pool p: pool has no prefixes defined"),
        ({"addresses": ["10.0.0.1"]}, 'invalid CIDR "10.0.0.1" in pool "p"'),
        ({"addresses": ["10.0.0.9-10.0.0.1"]}, 'invalid CIDR "10.0.0.9-10.0.0.1" in pool "p"'),
        ({"addresses": ["10.0.0.1-10.0.0.9", "10.0.0.4/30"]}, "overlaps with"),
        ({"addresses": ["fd00::/64"]}, "the lab knows IPv4 only"),
        ({"addresses": ["10.0.0.1/32"], "serviceAllocation": {"priority": 1}}, "which the lab does not do"),
    ],
)
def test_a_pool_that_cannot_be_used_says_why(spec: Raw, said: str) -> None:
    with pytest.raises(InvalidPool, match=said):
        pools([{**pool("p"), "spec": spec}])
