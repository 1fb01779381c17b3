"""How far an app has come, told step by step from what the cluster and the network say."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from objects import answer, cronjob, endpoint, endpoints, load_balancer, router
from showing import BOTH, WEB
from surroundings import Answering, Told

from homelab.access.expose import ingresses
from homelab.access.following import Following, Looked, is_over, steps
from homelab.access.model import App, StepState
from homelab.observe.certificates import Certificate
from homelab.observe.fate import CertificateState
from homelab.observe.snapshot import Snapshot, World, snapshot
from homelab.observe.traefik import TraefikAnswer
from homelab.ports import Reply

INTERNAL, EXTERNAL = "web.internal.domain.com", "web.cloud.domain.com"
OPEN = replace(BOTH, hosts={"internal": INTERNAL}, auth=None)
HOME = "203.0.113.7"


def served(zone: str, host: str) -> TraefikAnswer:
    name = f"apps-web-{zone}-{host.replace('.', '-')}@kubernetes"
    return answer(router(name, f'Host("{host}") && PathPrefix("/")'), pod=f"homelab/traefik-{zone}-1", zone=zone)


def live(app: App, *traefiks: TraefikAnswer, ready: bool = True, state: CertificateState | None = None) -> Snapshot:
    """A cluster with the app's Ingresses, as its Traefiks and the issuer see it."""
    addresses = {"internal": "192.168.1.20", "external": "192.168.1.21"}
    objects = {
        "services": [WEB, *(load_balancer(f"t-{zone}", given, zone=zone) for zone, given in addresses.items())],
        "ingresses": list(ingresses(app)),
        "endpointslices": [endpoints(WEB, *([endpoint("10.42.0.5")] if ready else []))],
        "middlewares": [],
        "cronjobs": [cronjob(domain="cloud.domain.com")],
    }
    found = snapshot(World(objects, traefiks), {}, "2026-11-23T05:00:00+00:00")
    certificates = (Certificate(EXTERNAL, state, None, issuer="a CA"),) if state else ()
    return replace(found, certificates=certificates)


def told(app: App, found: Snapshot, **looked: Looked) -> dict[str, tuple[str, str | None]]:
    return {f"{one.zone} {one.id}": (one.state, one.why) for one in steps(app, found, looked)}


def test_everything_is_waited_for_at_first() -> None:
    found = steps(BOTH, snapshot(World({"cronjobs": [cronjob()]}), {}, "2026-11-23T05:00:00+00:00"), {})

    assert {one.state for one in found} == {StepState.WAITING}
    assert [one.id for one in found if one.zone == "internal"] == ["ingress", "route", "endpoints", "name", "answer"]
    assert [one.id for one in found if one.zone == "external"][-2:] == ["certificate", "answer"]
    assert not is_over(found)


def test_everything_comes_true() -> None:
    found = live(BOTH, served("internal", INTERNAL), served("external", EXTERNAL), state=CertificateState.VALID)
    looked = {"internal": Looked(("192.168.1.20",), answer=401), "external": Looked((HOME,), answer=401)}

    assert is_over(steps(BOTH, found, looked))
    assert told(BOTH, found, **looked)["external certificate"] == ("done", "from a CA")


def test_a_service_without_endpoints_keeps_route_and_answer_waiting() -> None:
    found = told(OPEN, live(OPEN, ready=False), internal=Looked(("192.168.1.20",), answer=404))

    assert found["internal endpoints"][0] == found["internal route"][0] == found["internal answer"][0] == "waiting"
    assert "no ready endpoint" in (found["internal endpoints"][1] or "")


@pytest.mark.parametrize(
    ("addresses", "state", "why"),
    [
        (("192.168.1.20",), "done", "to 192.168.1.20"),
        ((), "failed", "set the wildcard in the router"),
        (("192.168.1.1",), "failed", "it leads to 192.168.1.1, not to 192.168.1.20"),
    ],
)
def test_an_internal_name_leads_to_the_ingress(addresses: tuple[str, ...], state: str, why: str) -> None:
    found, said = told(OPEN, live(OPEN), internal=Looked(addresses))["internal name"]

    assert found == state
    assert why in (said or "")


@pytest.mark.parametrize(("addresses", "state"), [((HOME,), "done"), ((), "failed"), (("192.168.1.20",), "failed")])
def test_a_public_name_leads_to_the_home(addresses: tuple[str, ...], state: str) -> None:
    assert told(BOTH, live(BOTH), external=Looked(addresses))["external name"][0] == state


def test_who_cannot_ask_says_so_and_waits_for_nothing() -> None:
    assert told(OPEN, live(OPEN), internal=Looked(silence="there is no router"))["internal name"] == (
        "unknown",
        "cannot be told from here: there is no router",
    )


@pytest.mark.parametrize(
    ("auth", "status", "state", "why"),
    [
        ("homelab/auth", 401, "done", "as it must be"),
        ("homelab/auth", 404, "failed", "see its users"),
        ("homelab/auth", 200, "failed", "200 without a password"),
        (None, 200, "done", "200"),
        (None, 404, "done", "by the app itself"),
        (None, 502, "failed", "the app does not answer"),
        (None, "nobody listens", "waiting", "nobody listens"),
    ],
)
def test_an_answer_is_judged_by_what_it_should_be(auth: str | None, status: int | str, state: str, why: str) -> None:
    app = replace(OPEN, auth=auth)
    found, said = told(app, live(app, served("internal", INTERNAL)), internal=Looked(answer=status))["internal answer"]

    assert found == state
    assert why in (said or "")


@pytest.mark.parametrize(
    ("state", "expected"),
    [(None, "waiting"), (CertificateState.AWAITED, "waiting"), (CertificateState.REFUSED, "failed")],
)
def test_a_certificate_is_waited_for_until_it_was_refused(state: CertificateState | None, expected: str) -> None:
    assert told(BOTH, live(BOTH, state=state))["external certificate"][0] == expected


def test_names_and_doors_are_asked_until_they_have_answered() -> None:
    names = Told({(INTERNAL, "A", None): ("192.168.1.20",)})
    web = Answering({(f"http://{INTERNAL}/", "192.168.1.20"): Reply(200, {})})
    following = Following(OPEN, names, web)

    before = asyncio.run(following.look(live(OPEN)))
    after = asyncio.run(following.look(live(OPEN, served("internal", INTERNAL))))

    assert {one.id: one.state for one in before}["name"] == "done"
    assert not is_over(before)
    assert is_over(after)


def test_a_name_server_that_is_silent_is_asked_again() -> None:
    names = Told({(INTERNAL, "A", None): ("192.168.1.20",)}, silent=[None])
    following = Following(OPEN, names, Answering())

    first = asyncio.run(following.look(live(OPEN)))
    names.silent = ()
    second = asyncio.run(following.look(live(OPEN)))

    assert [one.state for one in (*first, *second) if one.id == "name"] == ["unknown", "done"]
