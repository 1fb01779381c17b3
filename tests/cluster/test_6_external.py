"""From a bare cluster to HTTPS for the world, and what may happen to it then."""

from __future__ import annotations

import json

import pytest
from household import Home, eventually
from outside import (
    ROOT_FILE,
    SPACE,
    consul,
    ended,
    fingerprints,
    frozen,
    https,
    ingress,
    issue,
    needs_authority,
    opened,
    public,
    publish,
    ready,
    said,
    signed,
    start,
)

pytestmark = needs_authority


@pytest.fixture(scope="module")
def open_home(bare: Home) -> Home:
    """The whole stack, with the sample app published and its certificate there."""
    return opened(bare)


def test_the_world_meets_https_with_a_certificate_that_verifies(open_home: Home) -> None:
    assert https(open_home, public(open_home)) == "200"


def test_plain_http_leads_there(open_home: Home) -> None:
    answer = open_home.at(
        "wan", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{public(open_home)}/x"
    )

    assert answer == f"301 https://{public(open_home)}/x"


def test_the_app_sees_the_address_of_its_client(open_home: Home) -> None:
    page = open_home.at("wan", "curl", "-s", "--cacert", ROOT_FILE, f"https://{public(open_home)}/")

    client = json.loads(open_home.at("wan", "ip", "-json", "route", "get", open_home.address("router", "wan0")))
    assert f"X-Forwarded-For: {client[0]['prefsrc']}" in page


def test_what_is_internal_is_nowhere_on_the_external_address(open_home: Home) -> None:
    public_address = open_home.address("router", "wan0")
    host = f"Host: {open_home.sample}"

    assert open_home.code("wan", f"https://{public_address}/", "-k", "-H", host) == "404"


def test_a_route_without_the_label_is_not_public(open_home: Home) -> None:
    host = public(open_home, "secret")
    open_home.kubectl("apply", "-f", "-", stdin=json.dumps(ingress("unlabelled", host, {})))
    service = {"name": "whoami", "port": "web"}
    route = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "unlabelled", "namespace": "whoami"},
        "spec": {"routes": [{"match": f"Host(`{host}`)", "kind": "Rule", "services": [service]}]},
    }
    open_home.kubectl("apply", "-f", "-", stdin=json.dumps(route))
    inside = str(open_home.plan.ingress.internal.address)

    eventually(
        "the internal one serves it",
        lambda: open_home.code("laptop", f"http://{inside}/", "-H", f"Host: {host}") == "200",
    )
    assert (
        open_home.code("wan", f"https://{open_home.address('router', 'wan0')}/", "-k", "-H", f"Host: {host}") == "404"
    )


def test_every_replica_serves_the_same_certificate(open_home: Home) -> None:
    found = fingerprints(open_home, public(open_home))

    assert len(found) == open_home.plan.ingress.external.replicas
    assert len(set(found)) == 1


def test_nothing_due_starts_no_order(open_home: Home) -> None:
    assert said(issue(open_home, "again"), public(open_home)) == ["not due"]


def test_a_replica_that_starts_anew_serves_it_without_a_new_order(open_home: Home) -> None:
    before = fingerprints(open_home, public(open_home))

    open_home.kubectl(*SPACE, "delete", "pod", "traefik-external-0", "--wait")
    ready(open_home, "statefulset/traefik-external")

    eventually("both serve it", lambda: fingerprints(open_home, public(open_home)) == before)


def test_two_runs_at_once_make_one_order(open_home: Home) -> None:
    orders = signed()
    publish(open_home, "both")
    start(open_home, "one")
    start(open_home, "two")

    events = [
        *said(ended(open_home, "one"), public(open_home, "both")),
        *said(ended(open_home, "two"), public(open_home, "both")),
    ]

    assert sorted(set(events) - {"not due"}) == ["issued"]
    assert signed() == orders + 1
    assert events.count("issued") == 1


def test_an_issuer_killed_between_order_and_write_leaves_nothing_half_done(open_home: Home) -> None:
    host = public(open_home, "killed")
    publish(open_home, "killed")
    before = signed()

    start(open_home, "victim")
    eventually("the CA has signed", lambda: signed() > before, 120)
    open_home.kubectl(*SPACE, "delete", "pod", "-l", "job-name=victim", "--force", "--grace-period=0")
    open_home.kubectl(*SPACE, "delete", "job", "victim")

    held = consul(open_home, f"consul kv get -keys -recurse traefik-external/tls/certificates/{host}/").split()
    assert len(held) in {0, 2}  # a certificate and its key, or neither
    events = said(issue(open_home, "heir", RENEW=host), host)  # waits until the lost lock is free
    assert events[-1] in {"issued", "renewed"}
    eventually("https answers", lambda: https(open_home, host) == "200")


def test_a_renewal_is_served_without_a_restart(open_home: Home) -> None:
    before = set(fingerprints(open_home, public(open_home)))

    issue(open_home, "renewal", RENEW=public(open_home))

    eventually(
        "all serve another",
        lambda: len(found := set(fingerprints(open_home, public(open_home)))) == 1 and found != before,
    )
    assert https(open_home, public(open_home)) == "200"


def test_a_leader_that_dies_is_replaced_and_nobody_outside_notices(open_home: Home) -> None:
    leader = consul(open_home, "consul operator raft list-peers | awk '$4 == \"leader\" {print $1}'").strip()

    open_home.kubectl(*SPACE, "delete", "pod", leader, "--wait=false")

    assert https(open_home, public(open_home)) == "200"
    ready(open_home, "statefulset/consul")
    eventually(
        "three peers agree", lambda: consul(open_home, "consul operator raft list-peers").count("true") == 3, 120
    )


def test_a_lost_quorum_costs_no_request_and_comes_back(open_home: Home) -> None:
    with frozen(open_home, "[c]onsul agent -config-dir=", 2):
        eventually("nobody leads", lambda: not open_home.status()["consul"]["leader"], 60)
        assert https(open_home, public(open_home)) == "200"

    eventually("somebody leads", lambda: open_home.status()["consul"]["leader"], 120)
    assert said(issue(open_home, "after-quorum"), public(open_home)) == ["not due"]


def test_a_wiped_store_is_filled_again_without_a_new_order(open_home: Home) -> None:
    before, orders = set(fingerprints(open_home, public(open_home))), signed()

    consul(open_home, "consul kv delete -recurse traefik-external/ && consul kv delete -recurse homelab/")
    events = said(issue(open_home, "after-wipe"), public(open_home))

    assert events[0] == "restored"
    assert signed() == orders
    eventually("the same is served", lambda: set(fingerprints(open_home, public(open_home))) == before)
    eventually("https answers", lambda: https(open_home, public(open_home)) == "200")


def test_all_volumes_wiped_and_one_apply_brings_it_back_without_a_new_order(open_home: Home) -> None:
    before, orders = set(fingerprints(open_home, public(open_home))), signed()
    secret = open_home.kubectl(*SPACE, "get", "secret", "consul-management", "-o", "jsonpath={.data}")
    open_home.kubectl(*SPACE, "scale", "statefulset/consul", "--replicas=0")
    eventually(
        "no server is left", lambda: not open_home.objects("pods", *SPACE, "-l", "app.kubernetes.io/name=consul")
    )
    open_home.kubectl(*SPACE, "delete", "pvc", "--all")
    open_home.cluster("volumes")

    open_home.apply()
    events = said(issue(open_home, "after-volumes"), public(open_home))

    assert events
    assert signed() == orders
    assert open_home.kubectl(*SPACE, "get", "secret", "consul-management", "-o", "jsonpath={.data}") == secret
    eventually("the same is served", lambda: set(fingerprints(open_home, public(open_home))) == before)
    eventually("https answers", lambda: https(open_home, public(open_home)) == "200")


def test_a_host_gets_its_certificate_with_no_console_running(open_home: Home) -> None:
    every_minute = json.dumps({"spec": {"schedule": "* * * * *"}})
    open_home.kubectl(*SPACE, "patch", "cronjob", "issuer", "--type=merge", "-p", every_minute)
    try:
        publish(open_home, "alone")
        eventually("https answers", lambda: https(open_home, public(open_home, "alone")) == "200", 150)
    finally:
        open_home.apply()


def test_a_second_apply_changes_nothing(open_home: Home) -> None:
    assert "nothing to change" in open_home.apply().stdout
