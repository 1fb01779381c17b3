"""From a bare cluster to HTTPS for the world, and what may happen to it then."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from household import Home, eventually

pytestmark = pytest.mark.skipif(
    not os.environ.get("HOMELAB_ACME_ROOT"), reason="needs HOMELAB_ACME_SERVER, HOMELAB_ACME_CA and HOMELAB_ACME_ROOT"
)

SPACE = ("-n", "homelab")
PUBLIC = {"traffic-type": "external"}
ROOT_FILE = "/tmp/homelab-acme-root.pem"


def public(home: Home, name: str = "whoami") -> str:
    """A host of the external domain."""
    return f"{name}.{home.plan.ingress.external.domain}"


def ingress(name: str, host: str, labels: dict[str, str]) -> dict[str, Any]:
    """An Ingress that leads to the sample app."""
    backend = {"service": {"name": "whoami", "port": {"name": "web"}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    metadata = {"name": name, "namespace": "whoami", "labels": labels}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"rules": [rule]},
    }


def publish(home: Home, name: str = "whoami") -> None:
    """The sample app, for the world outside, under another name."""
    home.kubectl("apply", "-f", "-", stdin=json.dumps(ingress(f"public-{name}", public(home, name), PUBLIC)))


def issue(home: Home, name: str, **environment: str) -> list[dict[str, Any]]:
    """Run the issuer now; what it said."""
    start(home, name, **environment)
    return ended(home, name)


def start(home: Home, name: str, **environment: str) -> None:
    """Begin a run of the issuer."""
    text = home.kubectl(*SPACE, "create", "job", name, "--from=cronjob/issuer", "--dry-run=client", "-o", "json")
    job = json.loads(text)
    del job["metadata"]["ownerReferences"]  # else it is cleared away with its log as soon as another one ends
    job["spec"]["template"]["spec"]["containers"][0]["env"] += [
        {"name": key, "value": value} for key, value in environment.items()
    ]
    home.kubectl("apply", "-f", "-", stdin=json.dumps(job))


def ended(home: Home, name: str) -> list[dict[str, Any]]:
    """What a run said, once it has ended."""

    def over() -> bool:
        status = json.loads(home.kubectl(*SPACE, "get", "job", name, "-o", "json")).get("status", {})
        return bool(status.get("succeeded") or status.get("failed"))

    eventually(f"job {name} has ended", over, 180)
    return [json.loads(line) for line in home.kubectl(*SPACE, "logs", f"job/{name}").splitlines()]


def said(lines: list[dict[str, Any]], host: str) -> list[str]:
    """What was told of a host."""
    return [line["event"] for line in lines if line.get("host") == host]


def https(home: Home, host: str, *options: str) -> str:
    """The status that somebody beyond the WAN meets, who trusts the CA alone."""
    return home.code("wan", f"https://{host}/", "--cacert", ROOT_FILE, *options)


def fingerprints(home: Home, host: str) -> list[str]:
    """Of the certificate that each external replica serves for a host."""
    found = []
    for pod in home.objects("pods", *SPACE, "-l", "homelab-tui/zone=external"):
        path = f"/api/v1/namespaces/homelab/pods/http:{pod['metadata']['name']}:8080/proxy/api/certificates"
        certificates = json.loads(home.kubectl("get", "--raw", path))
        found += [one["name"] for one in certificates if host in one.get("sans", ())]
    return found


def consul(home: Home, command: str) -> str:
    """Run a command with a manager's token at a server of Consul; the token goes in by stdin."""
    secret = json.loads(home.kubectl(*SPACE, "get", "secret", "consul-management", "-o", "json"))
    import base64  # noqa: PLC0415

    token = base64.b64decode(secret["data"]["token"]).decode()
    shell = f"read -r CONSUL_HTTP_TOKEN; export CONSUL_HTTP_TOKEN; {command}"
    return home.kubectl(*SPACE, "exec", "-i", "consul-0", "--", "sh", "-c", shell, stdin=f"{token}\n")


@contextmanager
def scaled(home: Home, workload: str, replicas: int, back: int) -> Iterator[None]:
    """A workload with fewer pods for a while."""
    home.kubectl(*SPACE, "scale", workload, f"--replicas={replicas}")
    try:
        yield
    finally:
        home.kubectl(*SPACE, "scale", workload, f"--replicas={back}")
        home.kubectl(*SPACE, "rollout", "status", workload, "--timeout=180s")


@pytest.fixture(scope="module")
def open_home(bare: Home) -> Home:
    """The whole stack, with the sample app published and its certificate there."""
    bare.apply()
    root = os.environ["HOMELAB_ACME_ROOT"]
    eventually("the CA tells its root", lambda: bare.at("wan", "curl", "-sfk", "-o", ROOT_FILE, root) == "")
    publish(bare)
    lines = issue(bare, "first")
    assert said(lines, public(bare)) == ["issued"], lines
    eventually("https answers", lambda: https(bare, public(bare)) == "200")
    return bare


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
    open_home.kubectl(*SPACE, "rollout", "status", "statefulset/traefik-external", "--timeout=120s")

    eventually("both serve it", lambda: fingerprints(open_home, public(open_home)) == before)


def test_two_runs_at_once_make_one_order(open_home: Home) -> None:
    publish(open_home, "both")
    start(open_home, "one")
    start(open_home, "two")

    events = [
        *said(ended(open_home, "one"), public(open_home, "both")),
        *said(ended(open_home, "two"), public(open_home, "both")),
    ]

    assert sorted(set(events) - {"not due"}) == ["issued"]
    assert events.count("issued") == 1


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
    open_home.kubectl(*SPACE, "rollout", "status", "statefulset/consul", "--timeout=180s")
    eventually(
        "three peers agree", lambda: consul(open_home, "consul operator raft list-peers").count("true") == 3, 120
    )


def test_a_lost_quorum_costs_no_request_and_comes_back(open_home: Home) -> None:
    with scaled(open_home, "statefulset/consul", 0, open_home.plan.store.servers):
        eventually(
            "no server is left", lambda: not open_home.objects("pods", *SPACE, "-l", "app.kubernetes.io/name=consul")
        )
        assert https(open_home, public(open_home)) == "200"

    assert said(issue(open_home, "after-quorum"), public(open_home)) == ["not due"]


def test_a_wiped_store_is_filled_again_without_a_new_order(open_home: Home) -> None:
    before = set(fingerprints(open_home, public(open_home)))

    consul(open_home, "consul kv delete -recurse traefik-external/ && consul kv delete -recurse homelab/")
    events = said(issue(open_home, "after-wipe"), public(open_home))

    assert events[0] == "restored"
    assert "issued" not in events
    eventually("the same is served", lambda: set(fingerprints(open_home, public(open_home))) == before)
    eventually("https answers", lambda: https(open_home, public(open_home)) == "200")


def test_all_volumes_wiped_and_one_apply_brings_it_back_without_a_new_order(open_home: Home) -> None:
    before = set(fingerprints(open_home, public(open_home)))
    secret = open_home.kubectl(*SPACE, "get", "secret", "consul-management", "-o", "jsonpath={.data}")
    open_home.kubectl(*SPACE, "scale", "statefulset/consul", "--replicas=0")
    eventually(
        "no server is left", lambda: not open_home.objects("pods", *SPACE, "-l", "app.kubernetes.io/name=consul")
    )
    open_home.kubectl(*SPACE, "delete", "pvc", "--all")
    open_home.cluster("volumes")

    open_home.apply()
    events = said(issue(open_home, "after-volumes"), public(open_home))

    assert "issued" not in events
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
