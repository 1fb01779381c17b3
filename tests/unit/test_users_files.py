"""Which Secrets are files of users, and what they open."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from objects import ingress, meta, middleware, path

from homelab.access.files import HOME, files
from homelab.access.model import Door
from homelab.observe.allocations import Allocation
from homelab.ports import Raw

HASH = "$2y$05$" + "a" * 53
AUTHS = middleware("auth", "homelab", basicAuth={"secret": "ingress-auth"})


def seen(one: Raw) -> Raw:
    """With the label by which the external ingress sees it."""
    return {**one, "metadata": {**one["metadata"], "labels": {"traffic-type": "external"}}}


def secret(place: str = HOME, **data: str) -> Raw:
    space, _, name = place.partition("/")
    kept = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(name, space, resourceVersion="7"), "data": kept}


def guarded(name: str, host: str, by: str, zone: str = "internal", way: str = "/") -> Raw:
    return ingress(name, host, path(way), labels={"traffic-type": zone}, middlewares=by)


def held(zone: str, address: str | None, ports: tuple[str, ...], loopback: str | None = None) -> Allocation:
    return Allocation(f"homelab/{zone}", address, (), None, None, zone, None, "Local", ports, None, loopback)


REAL = (held("internal", "192.168.1.20", ("80/TCP",)), held("external", "192.168.1.21", ("80/TCP", "443/TCP")))


def test_the_homes_own_file_comes_first_also_while_there_is_none() -> None:
    (found,) = files([], [], {})

    assert (found.secret, found.version, found.users, found.refusal) == (HOME, None, (), None)


def test_a_file_opens_what_is_guarded_by_a_middleware_that_names_it_also_through_a_chain() -> None:
    chain = middleware("both", "apps", chain={"middlewares": [{"name": "auth", "namespace": "homelab"}]})
    other = middleware("own", "apps", basicAuth={"secret": "people"})
    ways = [
        guarded("a", "a.home", "homelab-auth@kubernetescrd"),
        guarded("b", "b.home", "x@file, apps-both@kubernetescrd"),
        guarded("c", "c.home", "apps-own@kubernetescrd"),
        guarded("d", "d.home", "auth@consul"),
    ]

    home, people = files([AUTHS, chain, other], ways, {HOME: secret(users=f"anna:{HASH}\n")})

    assert (home.hosts, home.middlewares, home.version) == (("a.home", "b.home"), ("homelab/auth",), "7")
    assert [user.name for user in home.users] == ["anna"]
    assert (people.secret, people.hosts, people.middlewares) == ("apps/people", ("c.home",), ("apps/own",))


def test_hosts_of_traefiks_own_routes_are_counted_too() -> None:
    kind = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": meta("own", "apps")}
    guard = [{"name": "auth", "namespace": "homelab"}]
    routes = [
        {"match": "Host(`own.home`) && PathPrefix(`/`)", "middlewares": guard},
        {"match": "Host(`open.home`)"},
        {"match": "Host(`other.home`)", "middlewares": [{"name": "auth"}]},
    ]

    (home,) = files([AUTHS], [], {}, routes=[{**kind, "spec": {"routes": routes}}, {**kind, "spec": {"routes": "odd"}}])

    assert home.hosts == ("own.home",)


def test_its_doors_are_those_of_the_zone_and_of_what_is_external_the_internal_one_too() -> None:
    ways = [
        guarded("in", "in.home", "homelab-auth@kubernetescrd", way="/x"),
        guarded("out", "out.net", "homelab-auth@kubernetescrd", "external"),
        guarded("any", "*.home", "homelab-auth@kubernetescrd"),
    ]

    (found,) = files([seen(AUTHS)], ways, {}, REAL)

    assert found.doors == (
        Door("http://in.home/x", "192.168.1.20", "internal"),
        Door("http://out.net/", "192.168.1.20", "internal"),
        Door("https://out.net/", "192.168.1.21", "external"),
    )
    assert found.notes == ()


def test_in_a_lab_the_doors_are_the_ports_of_the_loopback() -> None:
    lab = (
        held("internal", "192.168.1.20", ("80/TCP",), "127.0.0.1:8020"),
        held("external", None, ("80/TCP", "443/TCP"), "127.0.0.1:8021, 127.0.0.1:8022"),
    )

    (found,) = files([seen(AUTHS)], [guarded("out", "out.net", "homelab-auth@kubernetescrd", "external")], {}, lab)

    assert [(door.url, door.address) for door in found.doors] == [
        ("http://out.net:8020/", "127.0.0.1"),
        ("https://out.net:8022/", "127.0.0.1"),
    ]


def test_a_middleware_that_the_external_ingress_does_not_see_is_told() -> None:
    (found,) = files([AUTHS], [guarded("out", "out.net", "homelab-auth@kubernetescrd", "external")], {})

    (note,) = found.notes
    assert "does not see Middleware homelab/auth, and so does not serve out.net" in note
    assert "kubectl -n homelab label --overwrite middleware auth traffic-type=external" in note


@pytest.mark.parametrize(
    ("more", "data", "why"),
    [
        ({}, {"a": "x", "b": "y"}, "has 2 keys (a, b), and Traefik answers 404 unless it has one"),
        ({"type": "kubernetes.io/basic-auth"}, {"username": "x", "password": "y"}, "the password as it is"),
        ({"immutable": True}, {"users": "x:y"}, "is immutable"),
    ],
)
def test_a_secret_that_cannot_be_edited_says_why(more: dict[str, Any], data: dict[str, str], why: str) -> None:
    (found,) = files([AUTHS], [], {HOME: {**secret(**data), **more}})

    assert why in (found.refusal or "")
    assert "y" not in [user.name for user in found.users]


def test_nothing_shows_a_hash() -> None:
    (found,) = files([AUTHS], [], {HOME: secret(users=f"anna:{HASH}\n")})

    assert HASH not in repr(found)
