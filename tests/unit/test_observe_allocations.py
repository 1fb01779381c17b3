"""Who holds which address, and why somebody does not."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from objects import broken, event_for, l2_status, load_balancer, service

from homelab.observe.allocations import allocations

INTERNAL = load_balancer("traefik-internal", "192.168.1.20", wanted="192.168.1.20", zone="internal")


def test_a_served_service_tells_address_pool_zone_node_policy_and_ports() -> None:
    (found,) = allocations([INTERNAL], [l2_status(INTERNAL, "node1")], [])

    assert (found.service, found.address, found.wanted) == ("homelab/traefik-internal", "192.168.1.20", "192.168.1.20")
    assert (found.pool, found.zone, found.announced_by, found.policy) == ("home", "internal", "node1", "Local")
    assert (found.ports, found.pending) == (("80/TCP",), None)


def test_only_load_balancers_are_listed_by_address_and_the_unserved_last() -> None:
    raw = [load_balancer("b", "192.168.1.100"), load_balancer("c"), service("web"), load_balancer("a", "192.168.1.20")]

    found = allocations(raw, [], [])

    assert [a.address for a in found] == ["192.168.1.20", "192.168.1.100", None]


def test_a_service_outside_the_pool_says_what_metallb_said() -> None:
    web = load_balancer("web", wanted="192.168.1.99")
    refusal = event_for(web, "AllocationFailed", '["192.168.1.99"] is not allowed in config')

    (found,) = allocations([web], [], [refusal])

    assert found.address is None
    assert found.pending == '["192.168.1.99"] is not allowed in config'


def test_the_newest_refusal_counts_in_either_kind_of_event() -> None:
    web = load_balancer("web")
    older = event_for(web, "AllocationFailed", "older", at="2026-11-23T05:00:00Z")
    newer: dict[str, Any] = {
        "regarding": older["involvedObject"],
        "reason": "LoadBalancerFailed",
        "note": "newer",
        "eventTime": "2026-11-23T05:00:00.500000Z",
    }

    (found,) = allocations([web], [], [newer, older])

    assert found.pending == "newer"


def test_an_event_of_a_deleted_service_of_the_same_name_is_not_ours() -> None:
    web = load_balancer("web")
    foreign = event_for(web, "AllocationFailed", "long ago")
    foreign["involvedObject"]["uid"] = "another"

    (found,) = allocations([web], [], [foreign])

    assert found.pending == "no load balancer answered yet"


def test_a_service_of_a_class_says_which_class_nobody_serves() -> None:
    web = load_balancer("web")
    web["spec"]["loadBalancerClass"] = "tailscale"

    assert allocations([web], [], [])[0].pending == 'no load balancer answered yet for class "tailscale"'


def test_another_address_than_the_wanted_one_is_pending() -> None:
    web = load_balancer("web", "192.168.1.17", wanted="192.168.1.20")

    assert allocations([web], [], [])[0].pending == "has 192.168.1.17, wants 192.168.1.20"


def test_an_old_refusal_does_not_haunt_a_service_that_got_its_address() -> None:
    refusal = event_for(INTERNAL, "AllocationFailed", "no available IPs")

    assert allocations([INTERNAL], [], [refusal])[0].pending is None


def test_an_address_that_nobody_may_announce_says_so_until_a_node_takes_it() -> None:
    failed = event_for(INTERNAL, "announceFailed", "no node may announce", at="2026-11-23T05:00:00Z")
    taken = event_for(INTERNAL, "nodeAssigned", "announcing from node1", at="2026-11-23T05:01:00Z")

    assert allocations([INTERNAL], [], [failed])[0].pending == "no node may announce"
    assert allocations([INTERNAL], [], [failed, taken])[0].pending is None


def test_a_node_that_is_assigned_within_the_same_second_counts_however_the_events_are_ordered() -> None:
    failed, taken = event_for(INTERNAL, "announceFailed", "none"), event_for(INTERNAL, "nodeAssigned", "from node1")

    assert [allocations([INTERNAL], [], told)[0].pending for told in ([failed, taken], [taken, failed])] == [None, None]


def test_an_address_without_an_announcing_node_leaves_the_node_open() -> None:
    assert allocations([INTERNAL], [], [])[0].announced_by is None


def test_an_address_that_no_node_announces_leads_nowhere() -> None:
    lonely = load_balancer("lonely", "192.168.1.21")

    found = {one.service: one.pending for one in allocations([INTERNAL, lonely], [l2_status(INTERNAL, "node1")], [])}

    assert found["homelab/traefik-internal"] is None
    assert found["homelab/lonely"] == ("no node announces it: no ready pod is behind it, or no speaker runs")


def test_after_a_node_died_the_one_that_took_over_is_shown() -> None:
    dead = l2_status(INTERNAL, "node1", made="2026-11-23T05:00:00Z")
    heir = l2_status(INTERNAL, "node2", made="2026-11-23T06:00:00Z")

    assert allocations([INTERNAL], [heir, dead], [])[0].announced_by == "node2"


def test_the_wish_is_read_from_every_place_where_it_may_stand() -> None:
    older, oldest = load_balancer("a"), load_balancer("b")
    older["metadata"]["annotations"]["metallb.universe.tf/loadBalancerIPs"] = "192.168.1.18"
    oldest["spec"]["loadBalancerIP"] = "192.168.1.19"

    assert [a.wanted for a in allocations([older, oldest], [], [])] == ["192.168.1.18", "192.168.1.19"]


def test_a_dual_stack_service_is_one_row_with_its_ipv4_address_first() -> None:
    web = load_balancer("web", "fd00::20", "192.168.1.20", wanted="192.168.1.20, fd00:0::20")

    (found,) = allocations([web], [], [])

    assert (found.address, found.more, found.pending) == ("192.168.1.20", ("fd00::20",), None)


def test_without_a_policy_kubernetes_means_cluster() -> None:
    assert allocations([load_balancer("web", policy=None)], [], [])[0].policy == "Cluster"


@given(
    st.lists(broken(INTERNAL), max_size=3),
    st.lists(broken(l2_status(INTERNAL, "node1")), max_size=2),
    st.lists(broken(event_for(INTERNAL, "announceFailed", "no")), max_size=3),
)
def test_no_damage_to_any_object_makes_it_raise(services: list[Any], statuses: list[Any], events: list[Any]) -> None:
    assert len(allocations(services, statuses, events)) <= len(services)
