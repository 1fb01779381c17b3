"""Addresses that Services of others have: no deploy and no answer takes them for an ingress."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from adapting import connected
from aiohttp import web
from homes import found
from loopback import found as said
from loopback import resources
from objects import article_plan, by_helm, load_balancer, ours

from homelab.ports import Raw
from homelab.setup.judge import base_of, judge
from homelab.setup.paper import fill
from homelab.stack.holders import held
from homelab.stack.obstacles import in_the_way, obstacles

NEW = base_of(None, "homelab.yaml")
TWENTY = IPv4Address("192.168.1.20")
GAME = load_balancer("game", "192.168.1.20")


@pytest.mark.parametrize(
    ("service", "is_held"),
    [
        (GAME, True),
        (load_balancer("game", wanted="fd00::1, 192.168.1.20"), True),
        (load_balancer("game", "fd00::1", "lb.example", wanted="?"), False),
        (ours(load_balancer("traefik-internal", "192.168.1.20")), False),
        (by_helm(load_balancer("traefik-internal", "192.168.1.20", zone="internal"), "home"), False),
        (by_helm(GAME, "game"), True),
    ],
    ids=["has it", "asks for it", "has others", "ours", "our ingress in a tool's hands", "of a tool"],
)
def test_what_others_services_have_or_ask_for_is_held(service: Raw, is_held: bool) -> None:
    assert (TWENTY in held([service])) is is_held


def test_an_ingress_s_address_that_a_service_of_others_has_stops_the_deploy() -> None:
    """Else the ingress would be taken off the LAN, and its stage wait for an address in vain."""
    (finding,) = in_the_way({"services": (GAME,)}, article_plan())

    assert (finding.at, finding.is_error) == ("ingress.internal.address", True)
    assert finding.what == "192.168.1.20 is taken by Service homelab/game, which is not ours"


def test_it_is_told_beside_the_field_and_nothing_of_it_is_proposed() -> None:
    seen = replace(found(), given=frozenset({TWENTY}), others=held([GAME]))
    typed = {"ingress.external.domain": "cloud.smith.org", "load_balancer.pool": "192.168.1.17-30"}

    proposals, values = fill(NEW, typed, seen)
    judged = judge(NEW, {**values, "ingress.internal.address": "192.168.1.20"}, seen)

    assert proposals["ingress.internal.address"] == "192.168.1.21"
    wrong = [one for one in judged.findings if one.is_error]
    assert [(one.at, one.what.partition(",")[0]) for one in wrong] == [
        ("ingress.internal.address", "192.168.1.20 is taken by Service homelab/game")
    ]


async def test_what_may_not_be_looked_at_is_told_once_and_in_the_same_order(tmp_path: Path) -> None:
    """Whoever reads it while it is looked again and again loses the place otherwise."""
    why = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403}
    late = asyncio.Event()

    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        await late.wait()
        return await said(why, 403)(request)

    async def last(request: web.BaseRequest) -> web.StreamResponse:
        late.set()
        return await said(why, 403)(request)

    async with connected(tmp_path) as (api, cluster):
        api.script("GET /version", said({"gitVersion": "v1.37.2"}))
        api.script("GET /apis/apps/v1", resources("apps/v1", Deployment="deployments", DaemonSet="daemonsets"))
        api.script("GET /api/v1/nodes", slow)
        api.script("GET /apis/apps/v1/daemonsets", last)
        api.script("GET /apis/apps/v1/deployments", said(why, 403))

        told = await obstacles(cluster, article_plan())

    assert [one.at for one in told if one.at != "cluster.pods"] == [
        "cluster Nodes",
        "cluster DaemonSets",
        "cluster Deployments",
    ]
