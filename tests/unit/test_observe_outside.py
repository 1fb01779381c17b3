"""What is told of routes to the outside: labels that are missing or meant otherwise, and a store that is refused."""

from __future__ import annotations

from typing import Any

import pytest
from objects import answer, ingress, middleware, router, thing

from homelab.observe.routes import Route, RouteState, routes
from homelab.ports import Raw

OUTSIDE, HOST = "homelab/traefik-external-0", "web.home.test"
RULE = 'Host("web.home.test") && PathPrefix("/")'
PUBLIC = {"traffic-type": "external"}


def told(*ingresses: Raw, routers: tuple[Raw, ...] = (), zone: str = "external", **known: Any) -> tuple[Route, ...]:
    """The routes, as one Traefik has them."""
    by = answer(*routers, pod=OUTSIDE if zone == "external" else "homelab/traefik-internal-1", zone=zone)
    wished = {"services": None, "endpoint_slices": None, "middlewares": None, **known}
    return routes(ingresses, traefiks=(by,), **wished)


def labelled(one: Raw, **labels: str) -> Raw:
    """The same with labels."""
    return {**one, "metadata": {**one["metadata"], "labels": {key.replace("_", "-"): labels[key] for key in labels}}}


BASIC = middleware("basic", basicAuth={"secret": "users"})
LABEL = (
    " for the external Traefik, which sees it only with the label: "
    "kubectl -n apps label --overwrite middleware basic traffic-type=external"
)
SECRET = (
    " for Traefik, because its Secret apps/users is missing or has no user: "
    "key 7, or `homelab-tui users add NAME --secret apps/users`, adds the first"
)


@pytest.mark.parametrize(
    ("known", "cure"),
    [
        (BASIC, LABEL),
        (labelled(BASIC, traffic_type="public"), LABEL),
        (labelled(BASIC, traffic_type="external"), SECRET),
        (
            labelled(middleware("basic", forwardAuth={}), traffic_type="external"),
            " for Traefik, because it is not valid; its log says why",
        ),
    ],
)
def test_a_middleware_that_the_external_traefik_lacks_is_told_with_its_cure(known: Raw, cure: str) -> None:
    words = 'middleware "apps-basic@kubernetescrd" does not exist'
    no = router("apps-web-web-home-test@kubernetes", RULE, words, status="disabled")

    (found,) = told(ingress("web", HOST, labels=PUBLIC), routers=(no,), middlewares=[known])

    assert (found.state, found.error) == (RouteState.REFUSED, f"{OUTSIDE} refuses it: {words}{cure}")


@pytest.mark.parametrize(("value", "is_told"), [("public", True), ("External", True), ("internal", False)])
def test_another_value_of_the_label_keeps_an_ingress_inside_and_is_said(value: str, is_told: bool) -> None:
    served = router("apps-web-web-home-test@kubernetes", RULE)

    (found,) = told(ingress("web", HOST, labels={"traffic-type": value}), routers=(served,), zone="internal")

    assert (found.state, found.zone) == (RouteState.SERVED, "internal")
    said = f"internal, since its label is traffic-type={value}: only the value external makes it public"
    assert found.note == (said if is_told else None)


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ({}, None),
        (
            {"traffic_type": "external"},
            "public by the label of IngressRoute apps/crd; the issuer reads Ingresses alone, so it orders no "
            "certificate for it",
        ),
        (
            {"traffic_type": "extern"},
            "internal, since its label is traffic-type=extern: only the value external makes it public",
        ),
    ],
)
def test_the_label_of_an_ingressroute_is_told(labels: dict[str, str], note: str | None) -> None:
    metadata = {"metadata": {"ingress": {"namespace": "apps", "name": "crd", "kind": "IngressRoute"}}}
    served = router("apps-crd-438d0f7d26c73f84a896@kubernetescrd", RULE, observability=metadata)
    route = thing("traefik.io/v1alpha1", "IngressRoute", "crd", "apps")

    (found,) = told(routers=(served,), ingress_routes=[labelled(route, **labels)])

    assert (found.source, found.note) == ("IngressRoute apps/crd", note)


ACME = router("acme-challenge@consul", "PathPrefix(`/.well-known/acme-challenge/`)")


@pytest.mark.parametrize(
    ("routers", "loaded", "is_told"), [((), True, True), ((), False, False), ((ACME,), True, False)]
)
def test_traefiks_that_take_nothing_from_the_store_are_named(
    routers: tuple[Raw, ...], loaded: bool, is_told: bool
) -> None:
    found = told(routers=routers, loaded=loaded)

    refused = [one for one in found if one.state is RouteState.REFUSED]
    assert bool(refused) == is_told
    assert all(str(one.error).startswith(f"{OUTSIDE}: nothing is taken from Consul") for one in refused)
