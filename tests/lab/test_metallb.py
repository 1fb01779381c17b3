"""MetalLB in a living cluster: addresses come and go, nodes announce and are lost."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from world import L2_STATUS, METALLB, POOL, World, advert, balanced, deployment, pool, with_metallb, world

from homelab.lab.controllers.kinds import DAEMON_SET, DEPLOYMENT, EVENT, NODE, SERVICE
from homelab.lab.resources import NAMESPACE
from homelab.observe.allocations import Allocation, allocations
from homelab.observe.raw import items
from homelab.ports import Raw, Ref
from homelab.stack.readiness import status

HOME = "192.168.1.17-192.168.1.30"
HOME_POOL = Ref(POOL, METALLB, "home")
ADVERT = Ref.of(advert())


def seen(lab: World, name: str) -> Allocation:
    """The Service as the product shows it."""
    kinds = (SERVICE, L2_STATUS, EVENT)
    every = allocations(*(lab.store.all(kind) for kind in kinds))
    return next(one for one in every if one.service == f"default/{name}")


def with_spec(old: Raw, **change: object) -> Raw:
    return {**old, "spec": {**old["spec"], **change}}


def noted(old: Raw, notes: Mapping[str, str]) -> Raw:
    meta = old["metadata"]
    return {**old, "metadata": {**meta, "annotations": {**(meta.get("annotations") or {}), **notes}}}


async def test_a_service_gets_an_address_an_announcer_and_the_events_of_both() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))

        web = lab.get(Ref(SERVICE, "default", "web"))
        assert web["status"]["loadBalancer"]["ingress"] == [{"ip": "192.168.1.17", "ipMode": "VIP"}]
        assert status(web).ready
        found = seen(lab, "web")
        assert (found.address, found.pool, found.pending) == ("192.168.1.17", "home", None)
        assert found.announced_by == lab.announcer("web")
        assert lab.said("web", "IPAllocated") == ['Assigned IP ["192.168.1.17"]']
        node = f'announcing from node "{found.announced_by}" with protocol "layer2"'
        assert lab.said("web", "nodeAssigned") == [node]
        assert lab.get(HOME_POOL)["status"]["assignedIPv4"] == 1
        assert lab.get(HOME_POOL)["status"]["availableIPv4"] == 13


async def test_a_refusal_is_told_once_however_often_it_is_repeated() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web", notes={"metallb.io/loadBalancerIPs": "192.168.1.99"}))
        for n in range(3):
            await lab.change(Ref(SERVICE, "default", "web"), lambda old, n=n: noted(old, {"n": str(n)}))  # type: ignore[misc]

        why = 'Failed to allocate IP for "default/web": ["192.168.1.99"] is not allowed in config'
        assert lab.said("web", "AllocationFailed") == [why]
        (event,) = (one for one in lab.store.all(EVENT) if one["reason"] == "AllocationFailed")
        assert event["count"] >= 4
        assert seen(lab, "web").pending == why


async def test_a_deleted_service_makes_room_for_one_that_waits() -> None:
    async with with_metallb("10.0.0.1/32") as lab:
        await lab.make(balanced("first"), balanced("second"))
        assert (lab.address("first"), lab.address("second")) == ("10.0.0.1", None)
        assert "no available IPs" in (seen(lab, "second").pending or "")

        await lab.delete(Ref(SERVICE, "default", "first"))

        assert lab.address("second") == "10.0.0.1"
        assert lab.get(HOME_POOL)["status"]["availableIPv4"] == 0


async def test_a_service_that_is_no_longer_balanced_loses_its_address() -> None:
    async with with_metallb("10.0.0.1/32") as lab:
        await lab.make(balanced("first"), balanced("second"))

        await lab.change(Ref(SERVICE, "default", "first"), lambda old: with_spec(old, type="ClusterIP"))

        assert (lab.address("first"), lab.address("second")) == (None, "10.0.0.1")
        assert lab.announcer("first") is None
        assert not lab.get(Ref(SERVICE, "default", "first"))["metadata"].get("annotations")


async def test_a_changed_pool_moves_those_that_it_no_longer_has() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("stays", notes={"metallb.io/loadBalancerIPs": "192.168.1.20"}), balanced("moves"))
        await lab.change(HOME_POOL, lambda old: with_spec(old, addresses=["192.168.1.20-192.168.1.30"]))

        assert (lab.address("stays"), lab.address("moves")) == ("192.168.1.20", "192.168.1.21")
        assert lab.said("moves", "ClearAssignment") == [
            'current IP for "default/moves" not allowed by config, will attempt for new IP assignment: '
            '["192.168.1.17"] is not allowed in config'
        ]


async def test_a_removed_pool_takes_all_addresses_and_gives_them_again_when_it_is_back() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))
        await lab.delete(HOME_POOL)
        assert (lab.address("web"), lab.announcer("web")) == (None, None)

        await lab.make(pool("home", HOME))

        assert lab.address("web") == "192.168.1.17"
        assert lab.announcer("web")


async def test_a_pool_that_cannot_be_used_says_so_and_changes_nothing() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))
        await lab.make(pool("other", "192.168.1.30-192.168.1.40"))

        assert lab.address("web") == "192.168.1.17"
        assert any("overlaps" in said for said in lab.said("other", "InvalidConfiguration"))

        for pod in lab.pods(METALLB):
            await lab.delete(Ref.of(pod))

        assert lab.address("web") == "192.168.1.17"
        assert lab.announcer("web")


async def test_another_wish_is_followed_and_an_impossible_one_costs_the_address() -> None:
    async with with_metallb(HOME) as lab:
        web = Ref(SERVICE, "default", "web")
        await lab.make(balanced("web"))
        await lab.change(web, lambda old: noted(old, {"metallb.io/loadBalancerIPs": "192.168.1.25"}))
        assert lab.address("web") == "192.168.1.25"

        await lab.change(web, lambda old: noted(old, {"metallb.io/loadBalancerIPs": "nix"}))
        assert lab.address("web") == "192.168.1.25"
        assert lab.said("web", "LoadBalancerFailed")

        await lab.change(web, lambda old: noted(old, {"metallb.io/loadBalancerIPs": "192.168.1.99"}))
        assert lab.address("web") is None


async def test_old_annotations_are_honoured_and_told_to_be_old() -> None:
    async with with_metallb(HOME) as lab:
        key = "metallb.universe.tf/loadBalancerIPs"
        await lab.make(balanced("web", notes={key: "192.168.1.24"}))

        assert lab.address("web") == "192.168.1.24"
        assert lab.said("web", "deprecatedAnnotation") == [f"Service uses deprecated annotation {key}"]


async def test_services_of_another_class_are_not_touched() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web", loadBalancerClass="example.com/other"))

        assert lab.address("web") is None
        assert seen(lab, "web").pending == 'no load balancer answered yet for class "example.com/other"'


async def test_without_a_ready_controller_nothing_is_given_and_what_was_given_stays() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("before"))
        controller = Ref(DEPLOYMENT, METALLB, "controller")
        await lab.change(controller, lambda old: with_spec(old, replicas=0))
        await lab.make(balanced("after"))
        assert (lab.address("before"), lab.address("after")) == ("192.168.1.17", None)

        await lab.change(controller, lambda old: with_spec(old, replicas=1))

        assert (lab.address("before"), lab.address("after")) == ("192.168.1.17", "192.168.1.18")


async def test_a_lost_node_hands_over_and_takes_back() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(deployment("wide", 3), balanced("web", app="wide"))
        first = lab.announcer("web")
        assert first

        await lab.node_ready(first, False)
        assert lab.announcer("web") not in (None, first)
        assert len(lab.said("web", "nodeAssigned")) == 2

        await lab.node_ready(first, True)
        assert lab.announcer("web") == first


async def test_a_node_without_a_speaker_does_not_announce() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))
        first = lab.announcer("web")
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [first]}]}]
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}

        def kept_away(old: Raw) -> Raw:
            template = old["spec"]["template"]
            return with_spec(old, template={**template, "spec": {**template["spec"], "affinity": affinity}})

        await lab.change(Ref(DAEMON_SET, METALLB, "speaker"), kept_away)

        assert lab.announcer("web") not in (None, first)


async def test_a_speaker_that_is_started_anew_announces_again() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(deployment("one", 1), balanced("web", app="one", externalTrafficPolicy="Local"))
        node, (before,) = lab.announcer("web"), lab.store.all(L2_STATUS)
        (speaker,) = (pod for pod in lab.pods(METALLB) if pod["metadata"]["name"] == owner(before))

        await lab.delete(Ref.of(speaker))

        (after,) = lab.store.all(L2_STATUS)
        assert lab.announcer("web") == node
        assert owner(after) != owner(before)
        assert len(lab.said("web", "nodeAssigned")) == 1


def owner(l2_status: Raw) -> str:
    """The speaker's pod that wrote it."""
    return str(l2_status["metadata"]["ownerReferences"][0]["name"])


async def test_what_a_lost_node_announced_alone_is_left_behind() -> None:
    """As the real one does: a dead speaker deletes nothing, and nobody is its heir."""
    async with with_metallb(HOME) as lab:
        await lab.make(deployment("one", 1), balanced("web", app="one", externalTrafficPolicy="Local"))
        node = lab.announcer("web")
        assert node

        await lab.node_ready(node, False)

        assert lab.announcer("web") == node
        assert status(lab.get(Ref(SERVICE, "default", "web"))).ready


async def test_excluded_nodes_and_nodes_without_network_do_not_announce() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))
        first = lab.announcer("web")
        assert first
        label = {"node.kubernetes.io/exclude-from-external-load-balancers": ""}

        def excluded(old: Raw) -> Raw:
            return {**old, "metadata": {**old["metadata"], "labels": {**old["metadata"]["labels"], **label}}}

        await lab.change(Ref(NODE, None, first), excluded)

        assert lab.announcer("web") not in (None, first)


async def test_with_policy_local_only_nodes_with_an_endpoint_announce() -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(deployment("one", 1), balanced("web", app="one", externalTrafficPolicy="Local"))
        (pod,) = (pod for pod in lab.pods() if pod["metadata"]["labels"]["app"] == "one")
        assert lab.announcer("web") == pod["spec"]["nodeName"]

        await lab.delete(Ref(DEPLOYMENT, "default", "one"))
        assert lab.announcer("web") is None
        assert lab.address("web")


@pytest.mark.parametrize(
    ("changed", "announced"),
    [
        ({"ipAddressPools": ["other"]}, False),
        ({"ipAddressPools": ["home"]}, True),
        ({"serviceSelectors": [{"matchLabels": {"a": "b"}}]}, False),
        ({"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "node2"}}]}, True),
        ({"interfaces": ["eth0"]}, True),
        ({"interfaces": ["wlan7"]}, False),
    ],
)
async def test_advertisements_say_which_addresses_are_announced(changed: Raw, announced: bool) -> None:
    async with with_metallb(HOME) as lab:
        await lab.make(balanced("web"))
        await lab.change(ADVERT, lambda old: {**old, "spec": changed})

        assert bool(lab.announcer("web")) is announced
        if "nodeSelectors" in changed:
            assert lab.announcer("web") == "node2"
        if "wlan7" in str(changed):
            assert "doesn't exist in assigned node" in lab.said("web", "announceFailed")[0]


async def test_without_metallb_a_service_waits_in_silence() -> None:
    async with world() as lab:
        await lab.make(balanced("web"))

        assert seen(lab, "web").pending == "no load balancer answered yet"
        assert items(lab.get(Ref(SERVICE, "default", "web")), "status", "loadBalancer", "ingress") == []


async def test_a_namespace_with_balanced_services_goes_and_frees_their_addresses() -> None:
    async with with_metallb("10.0.0.1/32") as lab:
        await lab.make({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "game"}})
        theirs = balanced("web")
        await lab.make({**theirs, "metadata": {**theirs["metadata"], "namespace": "game"}}, balanced("ours"))
        assert lab.address("ours") is None

        await lab.delete(Ref(NAMESPACE, None, "game"))

        assert lab.address("ours") == "10.0.0.1"
