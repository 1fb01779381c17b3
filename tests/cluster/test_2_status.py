"""What is live, as `status` tells it: while things go well, while they change, and while something is missing."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from household import Home, eventually

Status = dict[str, Any]


def internal(status: Status) -> dict[str, Any]:
    """The allocation of the internal ingress."""
    found: dict[str, Any] = next(one for one in status["allocations"] if one["zone"] == "internal")
    return found


def until(process: subprocess.Popen[str], wanted: Callable[[Status], bool]) -> Status:
    """The first status of a watch that is as wanted."""
    assert process.stdout
    for line in process.stdout:
        if wanted(status := json.loads(line)):
            return dict(status)
    raise AssertionError("the watch ended")


def test_status_names_nodes_allocations_and_routes(deployed: Home) -> None:
    plan = deployed.plan

    status = eventually("the route is served", lambda: served(deployed))

    assert status["version"] == 1
    assert {node["name"]: node["address"] for node in status["nodes"]} == {
        node.name: str(node.address) for node in plan.nodes
    }
    assert all(node["ready"] and node["arch"] and node["pods"] for node in status["nodes"])
    held = internal(status)
    assert held["address"] == str(plan.ingress.internal.address)
    assert (held["service"], held["pool"], held["policy"]) == ("homelab/traefik-internal", "home", "Local")
    assert held["announced_by"] in {node.name for node in plan.nodes}
    assert {source["state"] for source in status["sources"].values()} == {"live"}


def served(home: Home) -> Status | None:
    """The status, once both replicas serve the sample app."""
    status = home.status()
    route = next((one for one in status["routes"] if one["host"] == home.sample), None)
    return status if route and (route["state"], route["served_by"], route["asked"]) == ("served", 2, 2) else None


def test_a_node_that_may_no_longer_announce_hands_over_while_one_watches(deployed: Home) -> None:
    patch = ("-n", "metallb-system", "patch", "daemonset", "speaker", "--type=merge", "-p")
    with deployed.started("status", "--watch", "--json") as watch:
        before = internal(until(watch, lambda status: bool(internal(status)["announced_by"])))["announced_by"]
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": [before]}]}]
        affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec = {"template": {"spec": {"affinity": {"nodeAffinity": affinity}}}}
        deployed.kubectl(*patch, json.dumps({"spec": spec}))
        try:
            after = until(watch, lambda status: internal(status)["announced_by"] not in (None, before))
        finally:
            deployed.kubectl(*patch, json.dumps({"spec": {"template": {"spec": {"affinity": None}}}}))

    assert internal(after)["announced_by"] in {node.name for node in deployed.plan.nodes} - {before}
    assert deployed.code("laptop", f"http://{deployed.sample}/") == "200"
    deployed.kubectl("-n", "metallb-system", "rollout", "status", "daemonset/speaker", "--timeout=90s")


def test_a_service_that_metallb_refuses_says_why_in_metallbs_words(deployed: Home) -> None:
    outside = str(deployed.plan.network.gateway)
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "outside", "namespace": "default", "annotations": {"metallb.io/loadBalancerIPs": outside}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "none"}},
    }
    deployed.kubectl("apply", "-f", "-", stdin=json.dumps(service))
    try:
        found = eventually("the refusal", lambda: refusal(deployed, outside))
    finally:
        deployed.kubectl("-n", "default", "delete", "service", "outside")

    assert found["address"] is None
    assert found["wanted"] == outside


def refusal(home: Home, outside: str) -> dict[str, Any] | None:
    """The allocation of the Service `outside`, once MetalLB has spoken."""
    rows = (one for one in home.status()["allocations"] if one["service"] == "default/outside")
    return next((one for one in rows if outside in (one["pending"] or "")), None)


def test_an_app_without_a_ready_pod_and_an_ingress_without_host_are_explained(deployed: Home) -> None:
    deployed.kubectl("-n", "whoami", "scale", "deployment", "whoami", "--replicas=0")
    anyone = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "anyone", "namespace": "default"},
        "spec": {"ingressClassName": "traefik", "rules": [{"http": {"paths": [path("no-such-service")]}}]},
    }
    deployed.kubectl("apply", "-f", "-", stdin=json.dumps(anyone))
    try:
        status = eventually("no endpoint", lambda: without_endpoint(deployed))
    finally:
        deployed.kubectl("-n", "default", "delete", "ingress", "anyone")
        deployed.apply()

    route = next(one for one in status["routes"] if one["source"] == "Ingress default/anyone")
    assert route["host"] == "*"
    assert "no-such-service" in route["error"]


def path(service: str) -> dict[str, Any]:
    """A path of an Ingress to a Service's port 80."""
    return {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}


def without_endpoint(home: Home) -> Status | None:
    """The status, once the sample app has no endpoint."""
    status = home.status()
    states = {one["host"]: one["state"] for one in status["routes"]}
    return status if states.get(home.sample) == "no-endpoint" and "*" in states else None


@contextmanager
def limited(home: Home, folder: Path, *rights: tuple[str, str]) -> Iterator[str]:
    """A kubeconfig of a user that may only list and watch these resources (group, name)."""
    rules = [{"apiGroups": [group], "resources": [name], "verbs": ["get", "list", "watch"]} for group, name in rights]
    rbac, account = "rbac.authorization.k8s.io", {"kind": "ServiceAccount", "name": "guest", "namespace": "default"}
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": "guest"}
    items = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "guest", "namespace": "default"}},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "guest"}, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "guest"},
            "subjects": [account],
            "roleRef": role,
        },
    ]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    home.kubectl("apply", "-f", "-", stdin=manifest)
    try:
        token = home.kubectl("-n", "default", "create", "token", "guest").strip()
        config = yaml.safe_load(home.kubectl("config", "view", "--raw", "--minify"))
        config["users"][0]["user"] = {"token": token}
        file = folder / "guest.conf"
        file.write_text(json.dumps(config))
        yield str(file)
    finally:
        home.kubectl("delete", "-f", "-", stdin=manifest)


def test_a_missing_right_is_named_and_the_rest_works(deployed: Home, tmp_path: Path) -> None:
    with limited(deployed, tmp_path, ("", "nodes"), ("", "services")) as guest:
        status = deployed.status("--kubeconfig", guest)

    assert len(status["nodes"]) == len(deployed.plan.nodes)
    assert internal(status)["address"]
    assert status["sources"]["nodes"]["state"] == "live"
    refused = status["sources"]["ingresses"]
    assert refused["state"] == "failed"
    assert 'cannot list resource "ingresses" in API group "networking.k8s.io"' in refused["error"]


def test_credentials_that_are_not_accepted_are_told_in_one_line(deployed: Home, tmp_path: Path) -> None:
    config = yaml.safe_load(deployed.kubectl("config", "view", "--raw", "--minify"))
    config["users"][0]["user"] = {"token": base64.b64encode(b"nobody").decode()}
    file = tmp_path / "nobody.conf"
    file.write_text(json.dumps(config))

    said = deployed.tui("status", "--kubeconfig", str(file), check=1)

    assert said.stdout == ""
    assert len(said.stderr.splitlines()) == 1
    assert "does not accept the credentials" in said.stderr


def test_the_api_server_goes_and_comes_back_while_one_watches(deployed: Home) -> None:
    master = next(node.name for node in deployed.plan.nodes if node.role == "control-plane")
    with deployed.started("status", "--watch", "--json") as watch:
        until(watch, lambda status: status["sources"]["nodes"]["state"] == "live")
        with deployed.unplugged(master):
            lost = until(watch, lambda status: status["sources"]["nodes"]["state"] == "stale")
        until(watch, lambda status: {one["state"] for one in status["sources"].values()} == {"live"})

    assert lost["sources"]["nodes"]["since"]
    assert "is not reachable" in lost["sources"]["nodes"]["error"]
    assert len(lost["nodes"]) == len(deployed.plan.nodes)


@pytest.fixture(autouse=True, scope="module")
def settled(deployed: Home) -> None:
    """Every Traefik takes the routes in within seconds after a deploy."""
    eventually("the sample app is served", lambda: served(deployed))
