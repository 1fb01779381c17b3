"""NetworkPolicies that blind the console: the lab enforces none, so a network plug-in that does stands before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from apiserver import Server
from apiserver import lab as served
from world import World, world

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.finding import Finding
from homelab.lab.controllers.kinds import POD
from homelab.lab.upstream import StandIns
from homelab.observe.raw import items, label
from homelab.plan.file import initial, read
from homelab.ports import Answer, Kind, Raw, Ref, Unavailable
from homelab.stack.apply import Applying
from homelab.stack.compare import compare
from homelab.stack.components import STAGES
from homelab.stack.delete import Removing
from homelab.stack.facts import facts
from homelab.stack.journal import Journal
from homelab.stack.network import POLICY, REF, sighted, taken_back
from homelab.stack.progress import Event, StageEnded
from homelab.stack.render import Rendered, render

pytest_plugins = ("servers",)

NODE = Kind("v1", "Node")
WATCHED = {"consul", "traefik-internal", "traefik-external"}
OF_A_NODE, OF_THE_PLUG_IN = "127.1.1.1", "127.1.1.77"
SECONDS = 0.1
"""For which a pod may stay silent here."""
Connection = tuple[str, int, int]
"""Pod, port, and which one of several."""


class Enforcing(KubernetesCluster):
    """The lab behind a network plug-in that enforces policies on what the API server asks."""

    proxy = OF_A_NODE
    """The address that the API server's proxy has with this plug-in."""
    lag = 0
    """Requests that still get through before a policy counts."""
    broken: frozenset[str] = frozenset()
    """Pods that are ready and reached by nobody."""
    busy: frozenset[str] = frozenset()
    """Pods that answer nobody until a policy of theirs has just gone, as bad luck would have it."""
    held: asyncio.Event | None = None
    """Set when a pod without a policy is asked, which then never answers."""
    kept: frozenset[Connection] = frozenset()
    """Connections that the API server keeps open: what opened before a policy came goes on behind it."""

    async def ask_pod(self, namespace: str, pod: str, port: int, path: str, **how: Any) -> Answer:
        found = await self.get(Ref(POD, namespace, pod))
        policies = [one for one in await self.list(POLICY, namespace=namespace) if _selects(one, found)]
        if not policies:
            self.busy -= {pod}
            await self._hold()
        self.lag -= 1
        stopped = policies and self.lag < 0 and not any(_lets_in(one, self.proxy, port) for one in policies)
        connection = (pod, port, how.get("connection", 0))
        if (stopped and connection not in self.kept) or pod in self.broken | self.busy:
            raise Unavailable("error trying to reach service: connection refused")
        self.kept |= {connection}
        return Answer(200, {}, b"OK")

    async def _hold(self) -> None:
        if self.held:
            self.held.set()
            await asyncio.Event().wait()


def _selects(policy: Raw, pod: Raw | None) -> bool:
    wanted = policy["spec"]["podSelector"]["matchLabels"]
    return all(label(pod, key) == value for key, value in wanted.items())


def _lets_in(policy: Raw, address: str, port: int) -> bool:
    rules = [rule for rule in items(policy, "spec", "ingress") if port in [one["port"] for one in rule["ports"]]]
    blocks = [peer["ipBlock"]["cidr"] for rule in rules for peer in rule["from"] if "ipBlock" in peer]
    return any(ip_address(address) in ip_network(block) for block in blocks)


@dataclass
class Home:
    """The product in front of it."""

    world: World
    cluster: Enforcing
    folder: Path
    told: list[Finding] = field(default_factory=list)

    async def rendered(self) -> tuple[Rendered, ...]:
        plan = read(initial()).plan
        assert plan
        return render(plan, await facts(self.cluster, plan), StandIns())

    async def apply(self) -> int:
        """Apply everything, and to the end; how much was written."""
        self.told.clear()
        self.cluster.kept = frozenset()  # idle for long
        events: list[Event] = []
        looks = sighted(self.cluster, {}, self.told.append, SECONDS)
        with Journal(self.folder / "journal") as journal:
            written = await Applying(self.cluster, journal, events.append, looks, 20).run(await self.rendered())
        assert [event.stage for event in events if isinstance(event, StageEnded)] == list(STAGES)
        await self.world.calm()
        return written

    @property
    def policies(self) -> set[str]:
        return {one["metadata"]["name"] for one in self.world.store.all(POLICY, "homelab")}

    @property
    def places(self) -> set[str]:
        """What the findings are about."""
        return {finding.at for finding in self.told}


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with world() as found, served(found.store, tmp_path) as path:
        cluster = await Enforcing.connect(path)
        assert isinstance(cluster, Enforcing)
        try:
            yield Home(found, cluster, tmp_path)
        finally:
            await cluster.close()


async def test_where_the_console_sees_through_them_the_policies_stay(home: Home) -> None:
    await home.apply()

    assert home.policies == WATCHED | {"issuer"}
    assert (home.told, home.world.store.get(REF)) == ([], None)
    assert await home.apply() == 0


async def test_where_it_does_not_each_is_taken_back_and_told_and_tried_once_only(home: Home) -> None:
    home.cluster.proxy = OF_THE_PLUG_IN

    await home.apply()

    assert home.policies == {"issuer"}
    assert home.places == {f"NetworkPolicy homelab/{name}" for name in WATCHED}
    assert all("connection refused" in found.what and "delete configmap" in found.fix for found in home.told)
    first = set(home.told)
    assert await home.apply() == 0
    assert set(home.told) == first
    assert not [one for one in await compare(home.cluster, await home.rendered()) if one.changes]
    before = home.world.store.version - home.world.marks.count
    assert await home.apply() == 0
    assert home.world.store.version - home.world.marks.count == before


async def test_another_policy_is_tried_again_and_so_is_the_same_without_the_record(home: Home) -> None:
    home.cluster.proxy = OF_THE_PLUG_IN
    await home.apply()
    more = {"addresses": [{"type": "InternalIP", "address": OF_THE_PLUG_IN}]}
    await home.world.change(Ref(NODE, None, "node1"), lambda node: node | {"status": node["status"] | more})

    await home.apply()

    assert (home.policies, home.told) == (WATCHED | {"issuer"}, [])

    home.cluster.proxy = "127.1.1.78"
    await home.apply()
    assert home.policies == {"issuer"}
    home.cluster.proxy = OF_A_NODE
    await home.world.delete(REF)
    await home.apply()
    assert (home.policies, home.told) == (WATCHED | {"issuer"}, [])


async def test_a_policy_that_comes_to_running_pods_is_watched_until_it_counts(home: Home) -> None:
    await home.apply()
    for name in WATCHED:
        await home.world.delete(Ref(POLICY, "homelab", name))
    for pod in home.world.store.all(POD, "homelab"):
        await home.world.change(Ref.of(pod), _ready_for_long)
    home.cluster.proxy, home.cluster.lag = OF_THE_PLUG_IN, 2

    await home.apply()

    assert home.policies == {"issuer"}


def _ready_for_long(pod: Raw) -> Raw:
    since = [one | {"lastTransitionTime": "2026-01-01T00:00:00Z"} for one in items(pod, "status", "conditions")]
    return pod | {"status": pod["status"] | {"conditions": since}}


async def test_a_pod_that_nobody_reaches_is_told_and_its_policy_stays(home: Home) -> None:
    home.cluster.broken = frozenset({"consul-1"})

    await home.apply()

    assert home.policies == WATCHED | {"issuer"}
    assert home.places == {"Pod homelab/consul-1"}
    assert home.world.store.get(REF) is None
    kept = home.world.get(Ref(POLICY, "homelab", "consul"))
    assert not [one for one in await compare(home.cluster, await home.rendered()) if one.changes]
    assert label(kept, "app.kubernetes.io/managed-by") == "homelab-tui"


async def test_a_pod_that_was_busy_for_a_while_costs_no_policy(home: Home) -> None:
    await home.apply()
    home.cluster.busy = frozenset({"consul-0"})

    await home.apply()

    assert home.policies == WATCHED | {"issuer"}
    assert [(found.at, "for a while" in found.what) for found in home.told] == [("Pod homelab/consul-0", True)]
    assert home.world.store.get(REF) is None
    await home.apply()
    assert (home.policies, home.told) == (WATCHED | {"issuer"}, [])


async def test_what_was_taken_back_is_tried_again_a_day_later(home: Home) -> None:
    home.cluster.proxy = OF_THE_PLUG_IN
    await home.apply()
    await home.world.change(REF, _a_day_older)

    await home.apply()

    assert home.policies == {"issuer"}
    record = home.world.get(REF)["data"]
    assert set(taken_back(home.world.get(REF), datetime.now(UTC))) == set(record) == WATCHED

    home.cluster.proxy = OF_A_NODE
    await home.apply()
    assert home.policies == {"issuer"}
    await home.world.change(REF, _a_day_older)
    await home.apply()
    assert (home.policies, home.told) == (WATCHED | {"issuer"}, [])


def _a_day_older(record: Raw) -> Raw:
    def older(said: str) -> str:
        digest, at, why = said.split(" ", 2)
        return f"{digest} {(datetime.fromisoformat(at) - timedelta(days=1)).isoformat()} {why}"

    return record | {"data": {policy: older(said) for policy, said in record["data"].items()}}


async def test_a_look_that_is_cut_leaves_the_policy_in_place(home: Home) -> None:
    await home.apply()
    home.cluster.busy, home.cluster.held = frozenset({"consul-0"}), asyncio.Event()
    cut = asyncio.create_task(home.apply())
    await home.cluster.held.wait()

    cut.cancel()

    with pytest.raises(asyncio.CancelledError):
        await cut
    assert home.policies == WATCHED | {"issuer"}


async def test_delete_takes_the_policies_and_the_record_along(home: Home) -> None:
    await home.apply()
    home.cluster.proxy = OF_THE_PLUG_IN
    await home.apply()
    assert home.world.store.get(REF)

    with Journal(home.folder / "journal") as journal:
        await Removing(home.cluster, journal, lambda event: None, 20).run(frozenset())

    assert home.policies == set()
    assert home.world.store.get(REF) is None


async def test_what_a_policy_leaves_out_is_filled_in(either: Server) -> None:
    where = either.path("networkpolicies", api="apis/networking.k8s.io/v1")
    rule = {"ports": [{"port": 80}, {"protocol": "UDP", "port": 81}], "from": [{"podSelector": {}}]}

    async def made(spec: Raw) -> Raw:
        body = {"apiVersion": POLICY.api_version, "kind": POLICY.name, "metadata": {"name": "some"}, "spec": spec}
        found: Raw = (await either.ask("POST", where, body, dryRun="All")).body["spec"]
        return found

    assert await made({}) == {"podSelector": {}, "policyTypes": ["Ingress"]}
    whole = await made({"ingress": [rule], "egress": [{}]})
    assert whole["policyTypes"] == ["Ingress", "Egress"]
    assert whole["ingress"] == [rule | {"ports": [{"protocol": "TCP", "port": 80}, {"protocol": "UDP", "port": 81}]}]
