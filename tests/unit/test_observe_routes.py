"""Which names lead where, and what is wrong with those that do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import answer, broken, endpoint, endpoints, ingress, middleware, path, router, service, silent

from homelab.observe.routes import Route, RouteState, routes
from homelab.observe.traefik import Replica, TraefikAnswer, go_quote, normalized, replicas
from homelab.ports import Raw

WEB = service("web")
READY = endpoints(WEB, endpoint("10.42.0.7"))
WEB_ROUTER = router("apps-web-web-home-test@kubernetes", 'Host("web.home.test") && PathPrefix("/")')
EXTERNAL = {"traffic-type": "external"}
BASIC = middleware("basic", basicAuth={"secret": "users"})
IMPL = "ImplementationSpecific"

Golden = tuple[Raw, tuple[tuple[str, str], ...]]

REAL: dict[str, Golden] = {
    "a host": (
        ingress("whoami", "whoami.home.test"),
        (("apps-whoami-whoami-home-test", r'Host("whoami.home.test") && PathPrefix("/")'),),
    ),
    "a wildcard": (
        ingress("wild", "*.home.test", path("/", port="http")),
        (("apps-wild-home-test", r'Host("*.home.test") && PathPrefix("/")'),),
    ),
    "a wildcard in the older rule syntax": (
        ingress("v2", "*.v2.test", rulesyntax="v2"),
        (("apps-v2-v2-test", r'HostRegexp("{subdomain:[a-zA-Z0-9-]+}.v2.test") && PathPrefix("/")'),),
    ),
    "special characters": (
        ingress("special", "s.home.test", path('/a b/ü"q\\x_~.z')),
        (("apps-special-s-home-test-a-b-ü-q-x-z", r'Host("s.home.test") && PathPrefix("/a b/ü\"q\\x_~.z")'),),
    ),
    "paths that share a key": (
        ingress("special", "s.home.test", path("/foo-bar"), path("/foo/bar")),
        (
            ("apps-special-s-home-test-foo-bar-84aa6f39b3846b1819d8", r'Host("s.home.test") && PathPrefix("/foo-bar")'),
            ("apps-special-s-home-test-foo-bar-837c6d1870b1a0433f58", r'Host("s.home.test") && PathPrefix("/foo/bar")'),
        ),
    ),
    "one path, exact and as a prefix": (
        ingress("dup", "dup.home.test", path("/"), path("/", kind="Exact"), path("/-")),
        (
            ("apps-dup-dup-home-test-13b1da3242f384972a00", r'Host("dup.home.test") && PathPrefix("/")'),
            ("apps-dup-dup-home-test-db730f7a5011caff301e", r'Host("dup.home.test") && Path("/")'),
            ("apps-dup-dup-home-test-69d2e16748d5e0ed7a6d", r'Host("dup.home.test") && PathPrefix("/-")'),
        ),
    ),
    "a path left to the implementation": (
        ingress("special", "s.home.test", path("/re.*", kind=IMPL)),
        (("apps-special-s-home-test-re", r'Host("s.home.test") && PathPrefix("/re.*")'),),
    ),
    "a path matcher": (
        ingress("rx", "r.home.test", path("/re/[0-9]+", kind=IMPL), pathmatcher="PathRegexp"),
        (("apps-rx-r-home-test-re-0-9", r'Host("r.home.test") && PathRegexp("/re/[0-9]+")'),),
    ),
    "no host": (ingress("nohost", None, path("/any")), (("apps-nohost-any", r'PathPrefix("/any")'),)),
    "no path": (
        ingress("emptypath", "emptypath.home.test", path("", kind=None)),
        (("apps-emptypath-emptypath-home-test", r'Host("emptypath.home.test")'),),
    ),
}
"""Ingress -> names and rules that the real Traefik 3.7.15 listed for it (recorded 2026-11-23)."""


def seen(*ingresses: Raw, by: tuple[TraefikAnswer, ...] = (), **more: Any) -> tuple[Route, ...]:
    """Routes of a small cluster: Service `web` with one ready endpoint, no middlewares."""
    known: dict[str, Any] = {"services": [WEB], "endpoint_slices": [READY], "middlewares": [], **more}
    return routes(ingresses, traefiks=by, **known)


def one(*ingresses: Raw, by: tuple[TraefikAnswer, ...] = (), **more: Any) -> Route:
    """The only route."""
    (found,) = seen(*ingresses, by=by, **more)
    return found


# Joining an Ingress with the routers that Traefik made of it


@pytest.mark.parametrize("case", REAL)
def test_an_ingress_is_joined_with_the_router_that_the_real_traefik_named(case: str) -> None:
    asked, named = REAL[case]

    found = seen(asked, by=(answer(*(router(f"{name}@kubernetes", rule) for name, rule in named)),))

    assert [(r.state, r.error) for r in found] == [(RouteState.SERVED, None)] * len(named)


@pytest.mark.parametrize("case", REAL)
def test_with_two_entry_points_the_router_has_a_copy_with_a_prefix(case: str) -> None:
    asked, named = REAL[case]
    plain = [router(f"{name}@kubernetes", rule) for name, rule in named]
    secure = [
        router(f"websecure-{name}@kubernetes", rule, entryPoints=["websecure"], tls={"options": "default"})
        for name, rule in named
    ]

    found = seen(asked, by=(answer(*plain, *secure),))

    assert [(r.state, r.tls, r.source) for r in found] == [
        (RouteState.SERVED, True, f"Ingress apps/{asked['metadata']['name']}")
    ] * len(named)


@pytest.mark.parametrize(
    "rule",
    [
        "Host(`web.home.test`) && PathPrefix(`/api`)",
        'Host("web.home.test") && (Path("/api") || PathPrefix("/api/"))',
    ],
)
def test_older_traefiks_and_strict_prefixes_are_known_too(rule: str) -> None:
    by = (answer(router("apps-web-web-home-test-api@kubernetes", rule)),)

    assert one(ingress("web", "web.home.test", path("/api")), by=by).state is RouteState.SERVED


def test_a_namespace_named_like_an_entry_point_does_not_confuse() -> None:
    asked = ingress("web", "web.home.test")
    asked["metadata"]["namespace"] = "web"
    named = router("web-web-web-home-test@kubernetes", 'Host("web.home.test") && PathPrefix("/")')

    found = seen(asked, by=(answer(named),), services=None, endpoint_slices=None)

    assert [(r.source, r.state) for r in found] == [("Ingress web/web", RouteState.SERVED)]


def test_a_router_that_names_another_owner_is_not_ours() -> None:
    other = {"metadata": {"ingress": {"namespace": "apps-web", "name": "web", "kind": "Ingress"}}}
    found = seen(ingress("web", "web.home.test"), by=(answer(WEB_ROUTER | {"observability": other}),))

    assert [(r.source, r.state) for r in found] == [
        ("Ingress apps-web/web", RouteState.SERVED),
        ("Ingress apps/web", RouteState.MISSING),
    ]


def test_a_path_does_not_take_the_router_of_another_path_with_the_same_key() -> None:
    asked = ingress("web", "web.home.test", path("/a-b"), path("/a/b", service="gone"))
    alone = router("apps-web-web-home-test-a-b@kubernetes", 'Host("web.home.test") && PathPrefix("/a-b")')

    found = seen(asked, by=(answer(alone),))

    assert [(r.path, r.served_by, r.state) for r in found] == [
        ("/a-b", 1, RouteState.SERVED),
        ("/a/b", 0, RouteState.NO_ENDPOINT),
    ]


def test_go_writes_control_characters_as_escapes() -> None:
    assert go_quote("/a\t\x01\x7f\u2028é\U000e0001") == r'"/a\t\x01\x7f\u2028é\U000e0001"'


def test_letters_and_numbers_of_any_script_stay_in_a_name() -> None:
    assert normalized("-a__b..ü/٣½~Ω-") == "a-b-ü-٣½-Ω"


# States, and the sentence of each


def test_served_by_all_traefiks_of_the_zone() -> None:
    by = (answer(WEB_ROUTER), answer(WEB_ROUTER, pod="homelab/traefik-internal-2"))

    found = one(ingress("web", "web.home.test"), by=by, addresses={"internal": "192.168.1.20"})

    assert (found.state, found.served_by, found.asked, found.error) == (RouteState.SERVED, 2, 2, None)
    assert (found.host, found.path, found.path_type, found.zone) == ("web.home.test", "/", "Prefix", "internal")
    assert (found.service, found.endpoints, found.address) == ("apps/web:80", 1, "192.168.1.20")


def test_partly_when_one_traefik_does_not_list_it_or_does_not_answer() -> None:
    asked, second = ingress("web", "web.home.test"), "homelab/traefik-internal-2"

    late = one(asked, by=(answer(WEB_ROUTER), answer(pod=second)))
    down = one(asked, by=(answer(WEB_ROUTER), silent("500 Internal Server Error", pod=second)))

    assert (late.state, late.served_by, late.asked) == (RouteState.PARTLY, 1, 2)
    assert late.error == f"{second} does not list it (yet)"
    assert down.error == f"{second} did not answer: 500 Internal Server Error"


def test_a_warning_is_told() -> None:
    warned = router(WEB_ROUTER["name"], WEB_ROUTER["rule"], 'entryPoint "nope" doesn\'t exist', status="warning")

    found = one(ingress("web", "web.home.test"), by=(answer(warned),))

    assert (found.state, found.served_by) == (RouteState.PARTLY, 1)
    assert found.error == 'homelab/traefik-internal-1 warns: entryPoint "nope" doesn\'t exist'


@pytest.mark.parametrize(
    ("middlewares", "remedy"),
    [
        ([], "create it, or take it out"),
        ([BASIC], "its Secret apps/users is missing or has no user: key 7, or `homelab-tui users add"),
        (None, "does not exist"),
    ],
)
def test_refused_tells_traefiks_own_words_and_what_to_do(middlewares: list[Raw] | None, remedy: str) -> None:
    words = 'middleware "apps-basic@kubernetescrd" does not exist'
    no = router(WEB_ROUTER["name"], WEB_ROUTER["rule"], words, status="disabled")
    asked = ingress("web", "web.home.test", middlewares="apps-basic@kubernetescrd")

    found = one(asked, by=(answer(no),), middlewares=middlewares)

    assert (found.state, found.served_by) == (RouteState.REFUSED, 0)
    assert found.error is not None
    assert found.error.startswith(f"homelab/traefik-internal-1 refuses it: {words}")
    assert remedy in found.error


def test_no_endpoint_names_what_is_missing() -> None:
    asked, by = ingress("web", "web.home.test"), (answer(),)
    starting = endpoints(WEB, endpoint("10.42.0.7", ready=False))

    assert one(asked, by=by, services=[]).error == ("Service apps/web does not exist; create it or correct the Ingress")
    assert one(asked, by=by, services=[service("web", 8080)]).error == (
        "Service apps/web has no port 80; it has 8080 (http)"
    )
    found = one(asked, by=by, endpoint_slices=[starting])
    assert (found.state, found.endpoints) == (RouteState.NO_ENDPOINT, 0)
    assert found.error == "Service apps/web has no ready endpoint; look at its selector and pods"


def test_what_could_not_be_read_is_unknown_and_not_wrong() -> None:
    found = one(ingress("web", "web.home.test"), by=(answer(WEB_ROUTER),), services=None, endpoint_slices=None)

    assert (found.state, found.endpoints) == (RouteState.SERVED, None)


def test_endpoints_count_pods_once_across_slices_and_only_those_of_the_port() -> None:
    four = endpoints(WEB, endpoint("10.42.0.7", pod="a"), endpoint("10.42.0.8", pod="b", ready=None))
    six = endpoints(WEB, endpoint("fd00::7", pod="a"), endpoint("fd00::9", pod="c", ready=False))
    other = endpoints(WEB, endpoint("10.42.0.9", pod="d"), port_name="metrics")
    asked = ingress("web", "web.home.test", path("/", port="http"))

    assert one(asked, by=(answer(WEB_ROUTER),), endpoint_slices=[four, six, other]).endpoints == 2


def test_missing_asks_about_the_ingress_class_and_points_to_the_log() -> None:
    asked = ingress("web", "web.home.test")
    asked["spec"]["ingressClassName"] = "nginx"

    found = one(asked, by=(answer(),))

    assert found.state is RouteState.MISSING
    assert found.error == (
        'no internal Traefik lists it; is its ingress class "nginx" that of Traefik? '
        "The log says why: kubectl -n homelab logs traefik-internal-1"
    )


def test_an_ingress_of_a_moment_ago_is_awaited_until_every_traefik_of_its_zone_lists_it() -> None:
    asked = ingress("web", "web.home.test")
    some, none = answer(WEB_ROUTER), answer(pod="homelab/traefik-internal-2")
    fresh = ["apps/web"]

    assert one(asked, by=(none,), fresh=fresh).state is RouteState.AWAITED
    assert one(asked, by=(some, none), fresh=fresh).state is RouteState.AWAITED
    assert one(asked, by=(some,), fresh=fresh).state is RouteState.SERVED
    assert one(asked, by=(none,)).state is RouteState.MISSING


def test_unknown_when_nobody_could_be_asked() -> None:
    asked = ingress("web", "web.home.test")

    assert one(asked).error == "there is no internal Traefik to ask; deploy it with `homelab-tui apply`"
    found = one(asked, by=(silent("500 Internal Server Error"),))
    assert (found.state, found.asked) == (RouteState.UNKNOWN, 1)
    assert found.error == "no internal Traefik answered: homelab/traefik-internal-1: 500 Internal Server Error"


def test_two_ingresses_for_the_same_place_are_in_conflict_but_not_exact_beside_prefix() -> None:
    first, second = ingress("a", "web.home.test"), ingress("b", "web.home.test")
    exact = ingress("c", "web.home.test", path("/", kind="Exact"))

    found = {r.source: r for r in seen(first, second, exact)}

    assert found["Ingress apps/a"].state is found["Ingress apps/b"].state is RouteState.CONFLICT
    assert (found["Ingress apps/a"].error or "").startswith("Ingress apps/b asks for the same host and path")
    assert found["Ingress apps/c"].state is RouteState.UNKNOWN


def test_one_ingress_may_be_in_conflict_with_itself() -> None:
    found = seen(ingress("a", "web.home.test", path(), path()))

    assert [r.state for r in found] == [RouteState.CONFLICT] * 2


# Zones


def test_an_external_route_is_judged_by_the_external_traefiks_alone() -> None:
    asked = ingress("web", "web.home.test", labels=EXTERNAL)
    inside, outside = answer(WEB_ROUTER), answer(WEB_ROUTER, pod="homelab/traefik-external-0", zone="external")

    assert one(asked, by=(inside,)).state is RouteState.UNKNOWN
    found = one(asked, by=(inside, outside))
    assert (found.zone, found.state, found.served_by, found.asked) == ("external", RouteState.SERVED, 1, 1)


def test_an_internal_route_on_an_external_traefik_is_exposed() -> None:
    outside = answer(WEB_ROUTER, pod="homelab/traefik-external-0", zone="external")

    found = one(ingress("web", "web.home.test"), by=(answer(WEB_ROUTER), outside))

    assert found.state is RouteState.EXPOSED
    assert found.error == (
        "public: homelab/traefik-external-0 serves it too; give that Traefik the label selector traffic-type=external"
    )


# Odd Ingresses


def test_an_ingress_without_host_takes_every_name_and_says_so() -> None:
    found = one(ingress("any"), by=(answer(router("apps-any@kubernetes", 'PathPrefix("/")')),))

    assert (found.host, found.state) == ("*", RouteState.SERVED)
    assert found.note == "no host: takes every name that reaches the internal ingress"


def test_a_default_backend_alone_is_served_by_the_default_router() -> None:
    asked = ingress("rest")
    asked["spec"] = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}
    by = (answer(router("default-router@kubernetes", 'PathPrefix("/")', service="default-backend")),)

    found = one(asked, by=by)

    assert (found.host, found.service, found.state) == ("*", "apps/web:80", RouteState.SERVED)


def test_a_default_backend_beside_rules_is_ignored_by_traefik() -> None:
    asked = ingress("web", "web.home.test")
    asked["spec"]["defaultBackend"] = {"service": {"name": "web", "port": {"number": 80}}}

    served, ignored = seen(asked, by=(answer(WEB_ROUTER),))

    assert served.state is RouteState.SERVED
    assert (ignored.state, ignored.error) == (
        RouteState.MISSING,
        "Traefik ignores defaultBackend beside rules; give it an Ingress of its own",
    )
    assert ignored.note is None


def test_resource_backends_and_rules_without_paths_are_never_served() -> None:
    bucket: Raw = {"path": "/", "backend": {"resource": {"kind": "StorageBucket", "name": "static"}}}
    pathless = ingress("none", "none.home.test")
    pathless["spec"]["rules"] = [{"host": "none.home.test"}]

    found = seen(ingress("bucket", "bucket.home.test", bucket), pathless, by=(answer(),))

    assert [r.state for r in found] == [RouteState.MISSING] * 2
    assert "no Service" in (found[0].error or "")
    assert "names no path" in (found[1].error or "")


def test_before_a_traefik_lists_it_tls_is_what_the_ingress_asks_for() -> None:
    by_list, by_other_list, by_annotation = (ingress(name, f"{name}.home.test") for name in "abc")
    by_list["spec"]["tls"] = [{"hosts": ["*.home.test"], "secretName": "tls"}]
    by_other_list["spec"]["tls"] = [{"hosts": ["x.home.test"]}]
    by_annotation["metadata"]["annotations"] = {"traefik.ingress.kubernetes.io/router.tls": "true"}

    assert [r.tls for r in seen(by_list, by_other_list, by_annotation)] == [True, False, True]


def test_a_tls_list_alone_does_not_make_traefik_answer_with_tls() -> None:
    asked = ingress("web", "web.home.test")
    asked["spec"]["tls"] = [{"hosts": ["web.home.test"], "secretName": "tls"}]

    assert one(asked, by=(answer(WEB_ROUTER),)).tls is False


# Authentication


@pytest.mark.parametrize(
    ("named", "auth"),
    [
        ("", None),
        ("apps-basic@kubernetescrd", "basic"),
        ("apps-strip@kubernetescrd, apps-basic@kubernetescrd", "basic"),
        ("apps-chain@kubernetescrd", "basic+forward"),
        ("apps-strip@kubernetescrd", None),
        ("auth@consul", "unknown"),
        ("apps-gone@kubernetescrd,apps-basic@kubernetescrd", "basic"),
        ("apps-circle@kubernetescrd", "unknown"),
    ],
)
def test_who_has_to_say_who_they_are(named: str, auth: str | None) -> None:
    known = [
        BASIC,
        middleware("strip", stripPrefix={"prefixes": ["/x"]}),
        middleware("sso", namespace="sso", forwardAuth={"address": "http://sso"}),
        middleware("chain", chain={"middlewares": [{"name": "basic"}, {"name": "sso", "namespace": "sso"}]}),
        middleware("circle", chain={"middlewares": [{"name": "circle"}]}),
    ]

    assert one(ingress("web", "web.home.test", middlewares=named), middlewares=known).auth == auth


def test_authentication_at_the_entry_point_counts() -> None:
    guarded = WEB_ROUTER | {"middlewares": ["apps-basic@kubernetescrd", "rate@file"]}

    assert one(ingress("web", "web.home.test"), by=(answer(guarded),), middlewares=[BASIC]).auth == "basic"


# Routes that come from no Ingress


def test_an_ingressroute_is_listed_with_a_row_for_each_host() -> None:
    metadata = {"metadata": {"ingress": {"namespace": "apps", "name": "crd", "kind": "IngressRoute"}}}
    rule = "(Host(`a.home.test`) || Host(`b.home.test`)) && !Host(`c.home.test`) && PathPrefix(`/x`)"
    crd = router("apps-crd-438d0f7d26c73f84a896@kubernetescrd", rule, observability=metadata)

    found = seen(by=(answer(crd, WEB_ROUTER | {"name": "api@internal"}), answer(pod="homelab/traefik-internal-2")))

    assert [(r.host, r.path, r.source) for r in found] == [
        ("a.home.test", "/x", "IngressRoute apps/crd"),
        ("b.home.test", "/x", "IngressRoute apps/crd"),
    ]
    assert {(r.state, r.served_by, r.asked) for r in found} == {(RouteState.PARTLY, 1, 2)}


def test_a_route_from_consul_is_external_and_takes_any_name() -> None:
    acme = router("acme@consul", "PathPrefix(`/.well-known/acme-challenge/`)", service="acme")

    found = one(by=(answer(), answer(acme, pod="homelab/traefik-external-0", zone="external")))

    assert (found.host, found.path, found.zone) == ("*", "/.well-known/acme-challenge/", "external")
    assert (found.source, found.service, found.state) == ("router acme@consul", "acme", RouteState.SERVED)


def test_a_host_may_be_a_pattern() -> None:
    pattern = router("apps-re-1@kubernetescrd", r"HostRegexp(`^.+\.re\.test$`)")

    assert one(by=(answer(pattern),)).host == r"~^.+\.re\.test$"


def test_without_the_right_to_read_ingresses_the_traefiks_still_tell() -> None:
    (found,) = routes(None, services=None, endpoint_slices=None, middlewares=None, traefiks=[answer(WEB_ROUTER)])

    assert (found.host, found.source) == ("web.home.test", "router apps-web-web-home-test@kubernetes")


# Whom to ask


def test_traefik_pods_are_found_by_label_and_those_going_away_are_left_alone() -> None:
    def pod(name: str, zone: str | None, **more: Any) -> Raw:
        labels = {"homelab-tui/zone": zone} if zone else None
        ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        return {"metadata": {"name": name, "namespace": "homelab", "labels": labels, **more}, "status": ready}

    young = pod("young", "internal") | {"status": None}
    pods = [pod("b", "internal"), pod("a", "external"), pod("c", None), pod("d", "internal", deletionTimestamp="x")]

    assert replicas([*pods, young]) == (
        Replica("homelab/a", "external", True),
        Replica("homelab/b", "internal", True),
        Replica("homelab/young", "internal", False),
    )


# Objects as they occur in the wild

FULL = ingress(
    "web", "web.home.test", path(), path("/x", port="http", kind=IMPL), middlewares="apps-basic@kubernetescrd"
)
FULL["spec"] |= {"tls": [{"hosts": ["web.home.test"]}], "defaultBackend": path()["backend"]}
CHAIN = middleware("basic", chain={"middlewares": [{"name": "basic"}]}, basicAuth={"secret": "x"})


@settings(max_examples=150)
@given(
    st.lists(broken(FULL), max_size=2),
    st.lists(broken(WEB), max_size=2) | st.none(),
    st.lists(broken(READY), max_size=2) | st.none(),
    st.lists(broken(CHAIN), max_size=2) | st.none(),
    st.lists(broken(WEB_ROUTER | {"error": ["x"], "observability": {"metadata": {"ingress": {}}}}), max_size=2),
)
def test_no_damage_to_any_object_makes_it_raise(
    ingresses: list[Any], services: Any, slices: Any, middlewares: Any, routers: list[Any]
) -> None:
    by = [answer(*routers), answer(*routers, zone="external"), silent("no")]

    found = routes(ingresses, services=services, endpoint_slices=slices, middlewares=middlewares, traefiks=by)

    assert all((r.error is None) == (r.state is RouteState.SERVED) for r in found)
