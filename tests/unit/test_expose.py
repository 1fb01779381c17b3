"""Apps and their Ingresses: what can be shown, what is proposed, and that nothing is lost between the two forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from objects import article_plan, broken, by_helm, ingress, ours, path, service
from showing import APP, BOTH, WEB, around, auth, space

from homelab.access.expose import candidates, exposed, ingresses, normal, port_of, propose, zoned
from homelab.access.model import ZONES, App
from homelab.ports import Raw

PLAN = article_plan()
WORD = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
HOST = st.builds("{}.{}".format, WORD, st.sampled_from(["internal.domain.com", "cloud.domain.com"]))
APPS = st.builds(
    App,
    namespace=WORD,
    service=WORD,
    port=st.integers(1, 65535) | WORD,
    hosts=st.dictionaries(st.sampled_from(ZONES), HOST, min_size=1),
    path=st.builds("/{}".format, WORD) | st.just("/"),
    auth=st.none() | st.builds("{}/{}".format, WORD, WORD),
    name=WORD,
)


@given(APPS)
@settings(max_examples=100)
def test_an_app_is_the_same_after_its_way_through_ingresses(app: App) -> None:
    (found,) = exposed(ingresses(app))

    assert replace(found, version={}) == app
    assert set(found.version) == {f"{app.name}-{zone}" for zone in app.zones}


@given(broken(ingress("web", "web.test")) | broken(ingresses(APP)[0]))
@example(ingresses(APP)[0] | {"metadata": None})
@example({**ingresses(APP)[0], "metadata": {**ingresses(APP)[0]["metadata"], "annotations": 3}})
@settings(max_examples=60)
def test_no_ingress_is_too_odd_to_be_listed(one: Any) -> None:
    assert len(exposed([one])) == 1


def test_each_zone_has_an_ingress_of_its_own_and_the_public_one_the_label() -> None:
    internal, external = ingresses(BOTH)

    assert [one["metadata"]["name"] for one in (internal, external)] == ["web-internal", "web-external"]
    assert [one["metadata"]["labels"]["traffic-type"] for one in (internal, external)] == ["internal", "external"]
    assert external["metadata"]["annotations"]["traefik.ingress.kubernetes.io/router.middlewares"] == (
        "homelab-auth@kubernetescrd"
    )
    assert external["spec"]["ingressClassName"] == "traefik"


def test_without_a_password_an_ingress_has_nothing_of_one() -> None:
    assert [one["metadata"].get("annotations") for one in ingresses(replace(BOTH, auth=None))] == [None, None]


def test_somebody_elses_ingress_is_not_called_as_an_app_of_ours_is() -> None:
    ours, theirs = exposed([*ingresses(APP), ingress("web", "other.test")])

    assert ours.key == theirs.key
    assert sorted((ours.called, theirs.called)) == ["(apps/web)", "apps/web"]


def test_what_was_typed_carelessly_is_written_as_it_must_be() -> None:
    app = replace(APP, hosts={"internal": " Web.Internal.domain.com. "}, path="app")

    assert (normal(app).hosts, normal(app).path) == ({"internal": "web.internal.domain.com"}, "/app")
    assert ingresses(app) == ingresses(normal(app))


def many_ports(*ports: tuple[str, int, str]) -> Raw:
    found = service("web")
    spec = [{"name": name, "port": port, "protocol": protocol} for name, port, protocol in ports]
    return {**found, "spec": {"type": "ClusterIP", "ports": spec}}


def test_the_likeliest_port_of_a_web_page_stands_first() -> None:
    web = many_ports(("metrics", 9090, "TCP"), ("dns", 53, "UDP"), ("", 8080, "TCP"), ("http", 5000, "TCP"))

    (found,) = candidates(around(services=(web,), slices=()))

    assert found.ports == ("http", "8080", "metrics")
    assert (port_of("8080"), port_of("http")) == (8080, "http")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (service("web", kind="ExternalName"), "ExternalName"),
        (many_ports(), "it has no port"),
        (many_ports(("dns", 53, "UDP")), "UDP ports alone"),
        (service("kubernetes", namespace="default"), "Kubernetes' own"),
        (service("webhook", namespace="metallb-system"), "MetalLB's own"),
        (ours(service("consul"), **{"homelab-tui/component": "consul", "homelab-tui/stage": "store"}), "the stack"),
        (service("web", namespace="going"), "namespace going is being deleted"),
    ],
)
def test_what_cannot_be_shown_says_why_and_stands_last(one: Raw, said: str) -> None:
    going = space("going", deletionTimestamp="2026-11-23T05:00:00Z")

    first, last = candidates(around(services=(one, service("good")), namespaces=(space("apps"), going)))

    assert first.refusal is None
    assert said in (last.refusal or "")


def test_a_sample_app_of_the_stack_can_be_shown() -> None:
    whoami = ours(WEB, **{"homelab-tui/component": "whoami", "homelab-tui/stage": "apps"})

    assert candidates(around(services=(whoami,)))[0].refusal is None


def test_a_service_is_proposed_internally_without_a_password_and_guarded_as_soon_as_it_is_public() -> None:
    app = propose("apps", "web", PLAN, around())

    assert (app.hosts, app.auth, app.port, app.path) == (APP.hosts, None, "http", "/")
    assert zoned(app, ZONES, PLAN, around()) == BOTH
    assert zoned(APP, ["internal"], PLAN, around()).auth is None


def test_who_takes_an_app_off_the_internet_leaves_its_password() -> None:
    assert zoned(BOTH, ["internal"], PLAN, around()) == replace(APP, auth=BOTH.auth)


def test_a_public_app_that_was_open_on_purpose_stays_so() -> None:
    is_open = replace(BOTH, auth=None)

    assert zoned(is_open, ["external"], PLAN, around()).auth is None


def test_hosts_and_names_of_others_are_not_proposed() -> None:
    theirs = ingress("web-internal", "web.internal.domain.com")

    app = propose("apps", "web", PLAN, around(ingresses=(theirs,)))

    assert (app.name, app.hosts["internal"]) == ("web-2", "web-apps.internal.domain.com")
    (own,) = exposed(ingresses(APP))
    assert zoned(replace(own, hosts={}), ["internal"], PLAN, around(ingresses=ingresses(APP))).hosts == APP.hosts


def test_the_home_s_own_list_of_users_is_offered_first() -> None:
    plain = {**auth("plain"), "spec": {"stripPrefix": {}}}

    assert around(middlewares=(auth("a", "apps"), plain, auth())).auths == ("homelab/auth", "apps/a")


def changed(obj: Raw, **spec: Any) -> Raw:
    return {**obj, "spec": {**obj["spec"], **spec}}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"rules": ingresses(APP)[0]["spec"]["rules"] * 2}, "has 2 rules"),
        ({"rules": ingress("x", "a.test", path("/a"), path("/b"))["spec"]["rules"]}, "has 2 paths"),
        ({"tls": [{"hosts": ["web.internal.domain.com"]}]}, "asks for TLS by itself"),
        ({"rules": ingress("x", "a.test", path(kind="Exact"))["spec"]["rules"]}, "path type other than Prefix"),
        ({"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}, "has a default backend"),
    ],
)
def test_an_app_that_a_hand_has_made_more_of_is_not_edited_but_can_be_withdrawn(spec: Raw, said: str) -> None:
    (app,) = exposed([changed(ingresses(APP)[0], **spec)])

    assert said in (app.refusal or "")
    assert app.foreign is None


def test_an_app_that_is_being_deleted_says_what_holds_it() -> None:
    (obj,) = ingresses(APP)
    dying = obj["metadata"] | {"deletionTimestamp": "2026-11-23T05:00:00Z"}

    (held,) = exposed([{**obj, "metadata": dying | {"finalizers": ["keeper.test/f"]}}])
    (going,) = exposed([{**obj, "metadata": dying}])

    assert "is being deleted, and held by keeper.test/f; if who put" in (held.refusal or "")
    assert going.refusal == "Ingress apps/web-internal is being deleted; wait until it is gone"


def test_two_ingresses_of_an_app_that_differ_are_not_edited() -> None:
    internal, external = ingresses(BOTH)

    (app,) = exposed([internal, changed(external, rules=ingress("x", "a.test", path("/b"))["spec"]["rules"])])

    assert "differ" in (app.refusal or "")


@pytest.mark.parametrize(
    ("one", "by", "fix"),
    [
        (ingress("web", "web.test"), "somebody else", "where it was made"),
        (by_helm(ingress("web", "web.test"), "web"), "Helm release web", "change it there"),
        (ours(ingress("web", "web.test"), **{"homelab-tui/component": "whoami"}), "the stack itself", "the plan"),
    ],
)
def test_ingresses_of_others_are_shown_and_left_alone(one: Raw, by: str, fix: str) -> None:
    (app,) = exposed([one])

    assert (app.key, app.hosts, app.port, app.foreign) == ("apps/web", {"internal": "web.test"}, 80, by)
    assert fix in (app.refusal or "")
