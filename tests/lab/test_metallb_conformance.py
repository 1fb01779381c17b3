"""The same Services, put before the lab's MetalLB and before a real one: both give and say the same.

The real cluster must have the stack of the article's plan on it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from apiserver import NEEDED, PATIENCE, Server, asking, own_namespace
from apiserver import lab as served
from world import balanced, deployment, with_metallb

from homelab.observe.raw import items, text
from homelab.ports import Raw

T = TypeVar("T")
WANTED, POOL, SHARED = (f"metallb.io/{key}" for key in ("loadBalancerIPs", "address-pool", "allow-shared-ip"))
POOL_PATH = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/home"


@dataclass(frozen=True)
class Case:
    """A Service, and what MetalLB does with it."""

    service: Raw
    address: str | None
    said: tuple[str, ...]
    """Reasons and messages, with NS for the namespace."""


def refused(why: str) -> str:
    return f'AllocationFailed: Failed to allocate IP for "NS/web": {why}'


CASES = {
    "wish": Case(
        balanced("web", notes={WANTED: "192.168.1.29"}), "192.168.1.29", ('IPAllocated: Assigned IP ["192.168.1.29"]',)
    ),
    "spec": Case(
        balanced("web", loadBalancerIP="192.168.1.29"), "192.168.1.29", ('IPAllocated: Assigned IP ["192.168.1.29"]',)
    ),
    "old": Case(
        balanced("web", notes={"metallb.universe.tf/loadBalancerIPs": "192.168.1.29"}),
        "192.168.1.29",
        (
            'IPAllocated: Assigned IP ["192.168.1.29"]',
            "deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs",
        ),
    ),
    "outside": Case(
        balanced("web", notes={WANTED: "192.168.1.99"}), None, (refused('["192.168.1.99"] is not allowed in config'),)
    ),
    "unknown pool": Case(balanced("web", notes={POOL: "nix"}), None, (refused('unknown pool "nix"'),)),
    "no address": Case(
        balanced("web", notes={WANTED: "nix"}), None, (refused('invalid metallb.io/loadBalancerIPs: "nix"'),)
    ),
    "both ways": Case(
        balanced("web", notes={WANTED: "192.168.1.29"}, loadBalancerIP="192.168.1.29"),
        None,
        (refused("service can not have both metallb.io/loadBalancerIPs and svc.Spec.LoadBalancerIP"),),
    ),
    "IPv6": Case(
        balanced("web", notes={WANTED: "fd00::1"}),
        None,
        (refused('requested loadBalancer IP(s) ["fd00::1"] does not match the ipFamily of the service'),),
    ),
    "two": Case(
        balanced("web", notes={WANTED: "192.168.1.28,192.168.1.29"}),
        None,
        (refused('IPFamilyForAddresses: same address family ["192.168.1.28" "192.168.1.29"]'),),
    ),
    "other pool": Case(
        balanced("web", notes={WANTED: "192.168.1.29", POOL: "nix"}),
        None,
        (refused('requested loadBalancer IP(s) ["192.168.1.29"] is not compatible with requested address pool nix'),),
    ),
    "taken": Case(
        balanced("web", notes={WANTED: "192.168.1.30"}),
        None,
        (refused('can\'t change sharing key for "NS/web", address also in use by NS/first'),),
    ),
    "same port": Case(
        balanced("web", notes={WANTED: "192.168.1.27", SHARED: "k"}),
        None,
        (refused('port TCP/80 is already in use on "192.168.1.27"'),),
    ),
}


@pytest.fixture(params=["lab", pytest.param("cluster", marks=pytest.mark.cluster)])
async def metallb(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """A MetalLB with the article's pool, of which a Service of ours has .30 and another would share .27."""
    if request.param == "lab":
        pool = "192.168.1.17-192.168.1.30"
        async with (
            with_metallb(pool) as world,
            served(world.store, tmp_path) as path,
            asking(path) as found,
            own_namespace(found),
        ):
            yield await settled(found)
        return
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        pytest.skip(f"needs a cluster: {' and '.join(missing)} not set")
    async with asking(Path(os.environ["KUBECONFIG"])) as found:
        if (await found.ask("GET", POOL_PATH)).code != 200:
            pytest.skip("the cluster has no MetalLB with the pool `home`")
        async with own_namespace(found):
            yield await settled(found)


async def settled(server: Server) -> Server:
    """With the Services that are there before."""
    await create(server, balanced("first", notes={WANTED: "192.168.1.30"}))
    await create(server, balanced("shared", notes={WANTED: "192.168.1.27", SHARED: "k"}))
    for name in ("first", "shared"):
        await until(server, name, lambda service, events: address(service))
    return server


async def create(server: Server, obj: Raw) -> None:
    plural = "services" if obj["kind"] == "Service" else "deployments"
    api = "api/v1" if plural == "services" else "apis/apps/v1"
    body = {**obj, "metadata": {**obj["metadata"], "namespace": server.namespace}}
    answer = await server.ask("POST", server.path(plural, api=api), body)
    assert answer.code == 201, answer.body


async def until(server: Server, name: str, probe: Callable[[Raw, list[str]], T | None]) -> T:
    """The first true answer that a Service and what is said of it give."""
    async with asyncio.timeout(PATIENCE):
        while True:
            service = (await server.ask("GET", server.path("services", name))).body
            events = (await server.ask("GET", server.path("events"))).body["items"]
            if found := probe(service, [told(one, server) for one in events if one["involvedObject"]["name"] == name]):
                return found
            await asyncio.sleep(0.05)


def told(event: Raw, server: Server) -> str:
    return f"{event['reason']}: {event['message']}".replace(server.namespace, "NS")


def address(service: Raw) -> str | None:
    found = items(service, "status", "loadBalancer", "ingress")
    return text(found[0], "ip") if found else None


@pytest.mark.parametrize("name", CASES)
async def test_a_service_is_given_and_told_the_same(metallb: Server, name: str) -> None:
    case = CASES[name]
    await create(metallb, case.service)

    def found(service: Raw, events: list[str]) -> bool:
        mine = {one for one in events if not one.startswith("nodeAssigned")}
        return address(service) == case.address and mine == set(case.said)

    await until(metallb, "web", found)


async def test_an_announced_service_names_its_node_everywhere(metallb: Server) -> None:
    await create(metallb, deployment("echo", 2, "traefik/whoami:v1.11"))
    await create(metallb, balanced("web", notes={WANTED: "192.168.1.29"}))

    def announced(service: Raw, events: list[str]) -> str | None:
        return next((one.partition('"')[2].partition('"')[0] for one in events if "nodeAssigned" in one), None)

    node = await until(metallb, "web", announced)
    status = await l2_status(metallb, "web")

    assert status["status"] == {"node": node, "serviceName": "web", "serviceNamespace": metallb.namespace}
    assert status["metadata"]["labels"]["metallb.io/node"] == node
    (owner,) = status["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"].rpartition("-")[0]) == ("Pod", "speaker")
    assert status["metadata"]["generateName"] == "l2-"


async def l2_status(server: Server, name: str) -> Raw:
    """The ServiceL2Status of a Service, once it is there."""
    path = POOL_PATH.replace("ipaddresspools/home", "servicel2statuses")
    about = {"metallb.io/service-name": name, "metallb.io/service-namespace": server.namespace}
    async with asyncio.timeout(PATIENCE):
        while True:
            for one in (await server.ask("GET", path)).body["items"]:
                if about.items() <= one["metadata"]["labels"].items() and one.get("status"):
                    found: Raw = one
                    return found
            await asyncio.sleep(0.05)


async def test_a_workload_has_the_same_status_fields(metallb: Server) -> None:
    """What the product reads of a Deployment that is done."""
    await create(metallb, deployment("echo", 2, "traefik/whoami:v1.11"))
    path = metallb.path("deployments", "echo", api="apis/apps/v1")
    async with asyncio.timeout(PATIENCE):
        while (done := (await metallb.ask("GET", path)).body["status"]).get("availableReplicas") != 2:
            await asyncio.sleep(0.05)

    counts = {key: value for key, value in done.items() if key not in ("conditions", "terminatingReplicas")}
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    assert counts == {"observedGeneration": 1, **dict.fromkeys(names, 2)}
    reasons = {one["type"]: (one["status"], one["reason"]) for one in done["conditions"]}
    assert reasons["Available"] == ("True", "MinimumReplicasAvailable")
    assert reasons["Progressing"][0] == "True"
