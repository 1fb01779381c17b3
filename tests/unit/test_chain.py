"""A route hop by hop: what each one says when it is well, and when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from objects import (
    answer,
    broken,
    endpoint,
    endpoints,
    ingress,
    load_balancer,
    middleware,
    node,
    router,
    service,
    thing,
)

from homelab.observe.chain import chain
from homelab.observe.hop import HEAD, Hop, HopState, hop_row
from homelab.observe.parts import Behind, Parts
from homelab.observe.snapshot import World, snapshot
from homelab.observe.text import route_key
from homelab.observe.traefik import TraefikAnswer
from homelab.ports import Kind, Raw, Ref

HOST = "web.home.test"
KEY = "apps-web-web-home-test@kubernetes"
RULE = f'Host("{HOST}") && PathPrefix("/")'
DOMAINS = {"internal": "home.test", "external": "cloud.test"}
AUTH = "apps-auth@kubernetescrd"


def pod(name: str = "web-1", *, ready: bool = True, **status: object) -> Raw:
    """One behind the Service."""
    conditions = [{"type": "Ready", "status": str(ready)}]
    return thing("v1", "Pod", name, "apps", spec={"nodeName": "node1"}, status={"conditions": conditions, **status})


def served(*routers: Raw) -> TraefikAnswer:
    """What the one Traefik lists."""
    return answer(*(routers or (router(KEY, RULE, priority=40),)))


def made(
    source: Raw,
    told: TraefikAnswer,
    *pods: Raw,
    backend: Raw | None,
    ready: bool = True,
    middlewares: tuple[Raw, ...] = (),
    address: str | None = "192.168.1.20",
) -> tuple[Hop, ...]:
    """The chain of the route in a small home."""
    slices = (endpoints(backend, endpoint("10.1.0.7", ready=ready)),) if backend else ()
    objects = {
        "ingresses": [source],
        "services": [load_balancer("t", *filter(None, [address]), zone="internal"), *([backend] if backend else [])],
        "endpointslices": slices,
        "middlewares": middlewares,
        "nodes": [node("node1")],
        "servicel2statuses": [],
    }
    found = snapshot(World(objects, (told,)), {}, "2026-11-23T05:00:00+00:00")
    (route,) = (one for one in found.routes if one.host == HOST)
    behind = Behind(Ref(Kind("v1", "Service"), "apps", "web"), backend, slices, pods)
    return chain(route, found, Parts(route_key(route), "", source, (behind,), middlewares, (told,)), DOMAINS)


def hop(hops: tuple[Hop, ...], kind: str) -> Hop:
    """The first of a kind."""
    return next(one for one in hops if one.kind == kind)


def test_a_route_that_works_is_fine_at_every_hop() -> None:
    hops = made(ingress("web", HOST), served(), pod(), backend=service("web"))

    kinds = ["host", "address", "entry point", "router", "middleware", "service", "endpoints", "pod"]
    assert [one.kind for one in hops] == kinds
    assert {one.state for one in hops} == {HopState.FINE, HopState.NOTHING}
    assert not [one.error for one in hops if one.error]
    assert ("Priority", "40") in hop(hops, "router").facts and ("Rule", RULE) in hop(hops, "router").facts
    assert hop_row(hop(hops, "pod")).cells == ("pod", "web-1", "✓ on node1")
    assert len(HEAD.names) == len(hop_row(hops[0]).cells)


@pytest.mark.parametrize(
    ("case", "kind", "said"),
    [
        ("no service", "service", "Service apps/web does not exist; create it or correct the route"),
        ("other port", "service", "has no port 80; it has 81"),
        ("no pod", "endpoints", "Service apps/web has no ready endpoint"),
        ("no router", "router", "no internal Traefik lists it"),
        ("no middleware", "middleware", f'"{AUTH}" does not exist; create it'),
        ("crash", "pod", "pod web-1: CrashLoopBackOff: back-off"),
    ],
)
def test_the_hop_that_breaks_it_says_why_and_how_to_mend_it(case: str, kind: str, said: str) -> None:
    waiting = {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}
    pods = {"crash": (pod(ready=False, containerStatuses=[waiting]),), "no pod": ()}.get(case, (pod(),))
    backend = {"no service": None, "other port": service("web", 81)}.get(case, service("web"))
    source = ingress("web", HOST, middlewares=AUTH) if case == "no middleware" else ingress("web", HOST)
    told = answer() if case in {"no router", "no service", "no pod", "crash"} else served()

    hops = made(source, told, *pods, backend=backend, ready=case not in {"no pod", "crash"})

    found = hop(hops, kind)
    assert found.state is HopState.BROKEN
    assert said in (found.error or "")


def test_an_address_that_was_not_given_breaks_the_way_at_once() -> None:
    found = hop(made(ingress("web", HOST), served(), pod(), backend=service("web"), address=None), "address")

    assert (found.what, found.state, found.word) == ("none", HopState.BROKEN, "pending")
    assert found.error


def test_chains_of_middlewares_are_unfolded_each_with_its_kind() -> None:
    chained = middleware("all", chain={"middlewares": [{"name": "auth"}, {"name": "slow"}]})
    known = (chained, middleware("auth", basicAuth={"secret": "users"}), middleware("slow", rateLimit={}))
    listed = router(KEY, RULE, middlewares=["apps-all@kubernetescrd", "other@consul"])

    hops = made(ingress("web", HOST), served(listed), pod(), backend=service("web"), middlewares=known)

    rows = [(one.depth, one.what, one.word) for one in hops if one.kind == "middleware"]
    assert rows == [
        (0, "apps/all", "chain"),
        (1, "apps/auth", "basicAuth"),
        (1, "apps/slow", "rateLimit"),
        (0, "other@consul", "kept in Consul"),
    ]
    assert [str(ref) for ref in hops[5].objects] == ["Middleware apps/auth", "Secret apps/users"]


def test_a_host_of_another_zone_says_which_label_it_lacks() -> None:
    hops = made(ingress("web", HOST), served(), pod(), backend=service("web"))
    assert hops[0].word == "in its domain"

    moved = chain_of("web.cloud.test")
    outside = chain_of("web.elsewhere.test")

    assert moved.state is HopState.WARNS and "traffic-type=external" in (moved.error or "")
    assert outside.state is HopState.WARNS and "outside home.test" in (outside.error or "")


def chain_of(host: str) -> Hop:
    """The hop of a host of an internal Ingress."""
    source = ingress("web", host)
    found = snapshot(World({"ingresses": [source]}), {}, "2026-11-23T05:00:00+00:00")
    (route,) = found.routes
    return chain(replace(route, host=host), found, Parts(route_key(route), "", source), DOMAINS)[0]


def test_a_route_of_consul_has_no_object_and_still_its_hops() -> None:
    rule = "PathPrefix(`/.well-known/acme-challenge/`)"
    told = answer(router("acme@consul", rule, service="acme"), pod="homelab/traefik-external-0", zone="external")
    found = snapshot(World({}, (told,)), {}, "2026-11-23T05:00:00+00:00")
    (route,) = found.routes

    hops = chain(route, found, Parts(route_key(route), answers=(told,)), DOMAINS)

    assert (hop(hops, "router").state, hop(hops, "router").word) == (HopState.FINE, "1 of 1")
    assert hop(hops, "service").word == "kept in Consul"
    assert hop(hops, "address").state is HopState.BROKEN


@settings(max_examples=25, deadline=None)
@given(broken(ingress("web", HOST, middlewares=AUTH)), broken(service("web")))
def test_odd_objects_never_stop_it(source: Raw, backend: Raw) -> None:
    whole = {"ingresses": [ingress("web", HOST)]}
    found = snapshot(World(whole, (served(),)), {}, "2026-11-23T05:00:00+00:00")
    behind = Behind(Ref(Kind("v1", "Service"), "apps", "web"), backend, (), (pod(),))

    for route in found.routes:
        for one in chain(route, found, Parts(route_key(route), "", source, (behind,), (), (served(),)), DOMAINS):
            assert hop_row(one).key
