"""What the doctor says of who answers ARP, by where it is asked and who answers."""

from __future__ import annotations

from typing import cast

import pytest
from objects import meta
from surroundings import MACS, OWN_MAC, Around, facts, said

from homelab.doctor.result import State
from homelab.doctor.world import Facts, learn
from homelab.ports import Cluster, Kind, NotServed, Raw

ID, INGRESS = "layer2-internal", "192.168.1.20"
NODE1 = MACS["192.168.1.55"]


async def test_it_is_proved_where_the_announcing_nodes_own_address_has_the_same_mac() -> None:
    found = await said(ID, facts=facts(), around=Around({**MACS, INGRESS: NODE1}))

    assert (found.state, found.what) == (State.OK, f"node1 ({NODE1}) answers for {INGRESS}")


async def test_nobody_answers() -> None:
    found = await said(ID, facts=facts(), around=Around(MACS))

    assert found.state is State.ERROR
    assert found.what == f"nobody answers ARP for {INGRESS}, though node1 is said to announce it"
    assert "get pods" in found.fix


@pytest.mark.parametrize(
    ("mac", "whose"),
    [
        (MACS["192.168.1.50"], f"master1 ({MACS['192.168.1.50']})"),
        (MACS["192.168.1.1"], f"the gateway ({MACS['192.168.1.1']})"),
        ("02:00:00:00:00:99", "a machine with the MAC address 02:00:00:00:00:99"),
    ],
)
async def test_another_machine_that_answers_is_named(mac: str, whose: str) -> None:
    found = await said(ID, facts=facts(), around=Around({**MACS, INGRESS: mac}))

    assert found.state is State.ERROR
    assert found.what == f"{whose} answers for {INGRESS}, but node1 ({NODE1}) is to announce it"


async def test_the_announcing_node_cannot_tell_and_gives_a_line_to_paste() -> None:
    found = await said(ID, facts=facts(), around=Around({**MACS, INGRESS: OWN_MAC}, own="192.168.1.55"))

    assert found.state is State.UNKNOWN
    assert "never leaves it" in found.what
    assert found.paste == f"curl -I http://{INGRESS}/"


async def test_another_node_can_tell_and_knows_its_own_mac() -> None:
    around = Around({**MACS, INGRESS: OWN_MAC}, own="192.168.1.50")

    assert "master1" in (await said(ID, facts=facts(), around=around)).what


async def test_a_machine_of_another_network_cannot_tell() -> None:
    found = await said(ID, facts=facts(), around=Around({INGRESS: NODE1}, own="10.8.0.2"))

    assert found.state is State.UNKNOWN
    assert found.paste


@pytest.mark.parametrize("known", [facts(), facts(None), None])
async def test_a_machine_that_has_the_address_itself_is_told_to_let_it_go(known: Facts | None) -> None:
    found = await said(ID, facts=known, around=Around(MACS, own=INGRESS))

    assert (found.state, found.what) == (State.ERROR, f"this machine has the address {INGRESS} itself, on eth0")
    assert f"ip address del {INGRESS}/24 dev eth0" in found.fix


async def test_a_node_that_may_announce_without_saying_so_cannot_tell() -> None:
    around = Around(MACS, own="192.168.1.50")

    assert (await said(ID, facts=facts(None), around=around)).state is State.UNKNOWN
    assert (await said(ID, around=around)).state is State.UNKNOWN
    assert (await said(ID, facts=facts(None, speakers=["node1"]), around=around)).state is State.ERROR


async def test_without_the_cluster_an_answer_proves_nothing_and_none_is_an_error() -> None:
    assert (await said(ID, around=Around({**MACS, INGRESS: NODE1}))).state is State.UNKNOWN
    assert (await said(ID, around=Around(MACS))).state is State.ERROR


async def test_an_address_that_no_service_has_may_be_another_machines() -> None:
    found = await said("layer2-external", facts=facts(), around=Around({**MACS, "192.168.1.21": "02:00:00:00:00:99"}))
    nobody = await said("layer2-external", facts=facts(), around=Around(MACS))

    assert (found.state, nobody.state) == (State.ERROR, State.ERROR)
    assert "02:00:00:00:00:99" in found.what
    assert "homelab-tui apply" in nobody.fix


async def test_a_node_whose_mac_is_not_found_proves_nothing() -> None:
    found = await said(ID, facts=facts(), around=Around({INGRESS: NODE1}))

    assert found.state is State.UNKNOWN


@pytest.mark.parametrize(
    ("speakers", "state"),
    [(["master1", "node1"], State.OK), (["node1"], State.WARNING), (["master1"], State.ERROR), ([], State.ERROR)],
)
async def test_speakers_are_missed_first_where_they_are_said_to_announce(speakers: list[str], state: State) -> None:
    assert (await said("speakers", facts=facts(speakers=speakers))).state is state


async def test_without_the_cluster_speakers_cannot_be_told_and_it_is_said_why() -> None:
    found = await said("speakers", trouble="https://192.168.1.50:6443 is not reachable")

    assert (found.state, found.what) == (State.UNKNOWN, "https://192.168.1.50:6443 is not reachable")


def speaker(node: str, ready: str = "True", **more: str) -> Raw:
    """A pod of MetalLB's that answers ARP."""
    conditions = [{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}]
    return {
        "metadata": meta(f"speaker-{node}", "metallb-system", **more),
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "conditions": conditions},
    }


async def test_a_speaker_that_is_not_ready_or_leaves_counts_for_nothing() -> None:
    class Asked:
        """A cluster with nothing but speakers; MetalLB's own kinds are not there."""

        async def list(self, kind: Kind, **_: str) -> tuple[Raw, ...]:
            if kind.name == "Pod":
                leaving = speaker("node2", deletionTimestamp="2026-11-23T05:00:00Z")
                return speaker("master1"), speaker("node1", "False"), leaving
            if kind.name == "ServiceL2Status":
                raise NotServed("no such kind")
            return ()

    assert (await learn(cast("Cluster", Asked()))).speakers == {"master1"}
