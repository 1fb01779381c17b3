"""What is said of an app before it is put on show; each by the field that it concerns."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from objects import article_plan, endpoints, ingress, service, thing
from showing import APP, BOTH, WEB, around, auth, space

from homelab.access.around import shut
from homelab.access.expose import exposed, ingresses
from homelab.access.judging import consent, judge
from homelab.access.model import App
from homelab.ports import Raw

PLAN = article_plan()
KNOWN = b"anna:$2y$05$" + b"a" * 53 + b"\n"


def said(app: App, **more: Any) -> list[tuple[str, str, str]]:
    return [(one.severity, one.at, one.what) for one in judge(app, PLAN, around(**more))]


def only(app: App, **more: Any) -> tuple[str, str, str]:
    (found,) = said(app, **more)
    return found


def test_nothing_is_wrong_with_a_good_app() -> None:
    assert said(APP) == []
    assert said(replace(BOTH, hosts={"external": "web.cloud.domain.com"})) == []


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ("", "it is empty"),
        ("*.internal.domain.com", "is a wildcard"),
        ("192.168.1.20", "is an address"),
        ("web_1.internal.domain.com", "is no DNS name"),
        ("a" * 64 + ".internal.domain.com", "is no DNS name"),
        ("web..internal.domain.com", "is no DNS name"),
        ("wéb.internal.domain.com", "is no DNS name"),
        ("web.elsewhere.com", "web.elsewhere.com is outside internal.domain.com"),
        ("web.cloud.domain.com", "web.cloud.domain.com is in the external domain"),
        ("xinternal.domain.com", "is outside internal.domain.com"),
    ],
)
def test_a_host_that_leads_nowhere_is_an_error_at_its_zone(host: str, what: str) -> None:
    severity, at, found = only(replace(APP, hosts={"internal": host}))

    assert (severity, at) == ("error", "internal")
    assert what in found


@pytest.mark.parametrize("host", ["Web.internal.domain.com", "web.internal.domain.com."])
def test_a_host_in_another_spelling_is_only_noted(host: str) -> None:
    assert only(replace(APP, hosts={"internal": host})) == (
        "warning",
        "internal",
        "it is written as web.internal.domain.com",
    )


def test_a_host_and_path_of_others_is_an_error_and_one_s_own_is_not() -> None:
    theirs = ingress("old", "WEB.internal.domain.com")
    rule = {"match": "Host(`web.internal.domain.com`)", "kind": "Rule"}
    route = thing("traefik.io/v1alpha1", "IngressRoute", "r", "apps", spec={"routes": [rule]})
    (own,) = exposed(ingresses(APP))
    (elsewhere,) = ingresses(replace(APP, namespace="other"))

    assert [what for *_, what in said(APP, ingresses=(theirs,), ingress_routes=(route,))] == [
        "Ingress apps/old has web.internal.domain.com/ already",
        "IngressRoute apps/r has web.internal.domain.com/ already",
    ]
    assert said(own, ingresses=ingresses(APP)) == []
    assert only(own, ingresses=(*ingresses(APP), elsewhere))[2].startswith("Ingress other/web-internal has")
    assert said(replace(APP, path="/new"), ingresses=(theirs,))[0][:2] == ("warning", "path")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"services": ()}, ("error", "service", "Service apps/web does not exist")),
        ({"services": (service("web", kind="ExternalName"),)}, ("error", "service", "ExternalName")),
        ({"services": (service("web", 81, "other"),)}, ("error", "port", "has no TCP port http; it has 81 (other)")),
        ({"slices": (endpoints(WEB),)}, ("warning", "service", "no ready endpoint")),
        ({"namespaces": ()}, ("error", "service", "there is no namespace apps")),
        (
            {"namespaces": (space("apps", deletionTimestamp="2026-11-23T05:00:00Z"),)},
            ("error", "service", "is being deleted"),
        ),
        (
            {"policies": (thing("networking.k8s.io/v1", "NetworkPolicy", "shut", "apps", spec={"podSelector": {}}),)},
            ("warning", "service", "NetworkPolicy apps/shut lets nobody in"),
        ),
        ({"unread": ("no right to list ingresses",)}, ("warning", "service", "not everything could be looked at")),
        (
            {"ingresses": (ingress("typo", "x.test", labels={"traffic-type": "extrenal"}),)},
            ("warning", "service", "has the label traffic-type=extrenal"),
        ),
        (
            {"ingresses": (ingress("typo", "x.test", labels={"trafic-type": "external"}),)},
            ("warning", "service", "has the label trafic-type=external"),
        ),
    ],
)
def test_a_service_that_nobody_would_reach_is_said(more: dict[str, Any], expected: tuple[str, str, str]) -> None:
    *place, what = only(APP, **more)

    assert tuple(place) == expected[:2]
    assert expected[2] in what


PUBLIC = replace(BOTH, hosts={"external": "web.cloud.domain.com"})


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"middlewares": ()}, "there is no Middleware homelab/auth"),
        ({"middlewares": (auth(other="x"),)}, "lacks the label traffic-type=external"),
        ({"middlewares": (auth(**{"traffic-type": "External"}),)}, "has the label traffic-type=External"),
        ({"middlewares": ({**auth(), "spec": {"headers": {}}},)}, "asks for no password"),
        ({"userless": {"homelab/auth": shut("homelab/ingress-auth", None)}}, "nobody can come in"),
    ],
)
def test_a_password_that_nobody_could_give_is_an_error(more: dict[str, Any], what: str) -> None:
    severity, at, found = only(PUBLIC, **more)

    assert (severity, at) == ("error", "auth")
    assert what in found


def users_in(content: bytes, place: str = "homelab/ingress-auth", **meta: Any) -> Raw:
    """A Secret with a file of users."""
    space, _, name = place.partition("/")
    metadata = {"namespace": space, "name": name, **meta}
    return {"metadata": metadata, "data": {"users": b64encode(content).decode()}}


@pytest.mark.parametrize(
    ("secret", "what", "why", "fix"),
    [
        (None, "is missing", "404", "`homelab-tui users add NAME`"),
        (users_in(b"\n"), "has no user", "404", "`homelab-tui users add NAME`"),
        (users_in(KNOWN + b"# mine\n"), "has a line that Traefik cannot read", "404", "`homelab-tui users list` names"),
        (users_in(b"anna:$6$salt$x\n"), "keeps no password in a way", "401", "`homelab-tui users passwd anna`"),
        (users_in(KNOWN, deletionTimestamp="2026-11-23T05:00:00Z"), "is being deleted", "404", "wait until it is gone"),
    ],
)
def test_a_list_by_which_nobody_comes_in_says_how_to_mend_it(secret: Raw | None, what: str, why: str, fix: str) -> None:
    found = shut("homelab/ingress-auth", secret)

    assert found
    (finding,) = judge(PUBLIC, PLAN, around(userless={"homelab/auth": found}))
    assert what in finding.what
    assert why in finding.why
    assert fix in finding.fix


def test_another_list_than_the_home_s_is_named_in_the_fix_and_one_good_user_is_enough() -> None:
    found = shut("t1/two", None)

    assert found
    assert "`homelab-tui users add NAME --secret t1/two`" in found.fix
    assert shut("t1/two", users_in(b"old:$6$salt$x\n" + KNOWN)) is None


def test_a_password_in_both_zones_travels_unencrypted_in_one() -> None:
    assert only(BOTH) == ("warning", "auth", "the password travels unencrypted on the internal address")


def test_a_public_app_without_a_password_needs_a_word_once() -> None:
    is_open = replace(PUBLIC, auth=None)

    assert only(is_open) == ("warning", "auth", "public without a password")
    assert "web.cloud.domain.com" in (consent(is_open, None) or "")
    assert consent(is_open, PUBLIC)
    assert consent(is_open, is_open) is None
    assert consent(PUBLIC, None) is None
    assert consent(APP, None) is None


def test_what_could_not_be_read_is_not_held_against_an_app() -> None:
    unread = dict.fromkeys(
        ("services", "slices", "ingresses", "ingress_routes", "middlewares", "namespaces", "policies")
    )

    assert said(APP, **unread) == []
