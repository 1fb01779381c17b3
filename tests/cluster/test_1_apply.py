"""From a bare cluster to the running internal ingress, cut and resumed, and then again with nothing to do."""

from __future__ import annotations

import json
import re

import pytest
from household import Home, eventually, hang_up

from homelab.stack.components import STAGES

OURS = "app.kubernetes.io/managed-by=homelab-tui"


@pytest.mark.parametrize("stage", STAGES[1:])
def test_a_stage_without_the_ones_before_it_is_refused_before_anything_is_written(bare: Home, stage: str) -> None:
    refused = bare.apply("--stage", stage, check=1)

    assert "an earlier stage brings" in refused.stderr
    assert bare.kubectl("get", "all,clusterrolebindings", "-A", "-l", OURS, "-o", "name") == ""


def test_a_session_that_is_cut_in_every_stage_ends_where_an_uncut_one_does(bare: Home) -> None:
    for stage in STAGES:
        with bare.started("apply", "--yes", "--mirror", str(bare.mirror)) as session:
            code = hang_up(session, lambda line, stage=stage: line.startswith(f"{stage}: "))  # type: ignore[misc]
        assert code == 128 + 1

    end = bare.apply().stdout

    assert f"was stopped in stage {STAGES[-1]}: going on from there" in end
    assert f"{bare.size} as wished" in end
    assert bare.tui("diff", "--mirror", str(bare.mirror)).stdout.strip() == f"{bare.size} same"


def test_the_sample_app_answers_on_the_lan_under_its_name(deployed: Home) -> None:
    assert deployed.code("laptop", f"http://{deployed.sample}/") == "200"


def test_the_internal_ingress_has_the_address_that_the_plan_asks_for(deployed: Home) -> None:
    address = str(deployed.plan.ingress.internal.address)

    assert deployed.code("laptop", f"http://{address}/", "-H", f"Host: {deployed.sample}") == "200"


def test_the_sample_app_sees_the_clients_own_address(deployed: Home) -> None:
    answer = deployed.at("laptop", "curl", "-s", f"http://{deployed.sample}/")

    assert f"X-Forwarded-For: {deployed.address('laptop', 'eth0')}" in answer


def test_a_client_from_outside_is_refused_though_the_router_forwards_to_the_wrong_address(deployed: Home) -> None:
    ingress = deployed.plan.ingress
    public = deployed.address("router", "wan0")
    deployed.cluster("forward", str(ingress.internal.address))
    try:
        code = deployed.code("wan", f"http://{public}/", "-H", f"Host: {deployed.sample}")
    finally:
        deployed.cluster("forward", str(ingress.external.address))

    assert code == "403"


def test_a_pod_may_use_the_internal_ingress(deployed: Home) -> None:
    address = str(deployed.plan.ingress.internal.address)
    spec = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "visitor",
                "image": "busybox:1.35",
                "args": ["wget", "-q", "-O-", f"--header=Host: {deployed.sample}", f"http://{address}/"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
        "restartPolicy": "Never",
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "visitor", "namespace": "whoami"}, "spec": spec}
    deployed.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    try:
        deployed.kubectl("-n", "whoami", "wait", "pod/visitor", "--for=jsonpath={.status.phase}=Succeeded")
        assert "Hostname: whoami" in deployed.kubectl("-n", "whoami", "logs", "visitor")
    finally:
        deployed.kubectl("-n", "whoami", "delete", "pod", "visitor", "--grace-period=1")


def versions(home: Home) -> dict[str, str]:
    """The resourceVersion of every object in the record of what was deployed."""
    record = home.kubectl("-n", "homelab", "get", "configmap", "homelab-inventory", "-o", "jsonpath={.data.objects}")
    found = {}
    for line in record.splitlines():
        _, api_version, kind, namespace, name = line.split()
        group, _, version = api_version.rpartition("/")
        named = f"{kind}.{version}.{group}" if group else kind
        scope = [] if namespace == "-" else ["-n", namespace]
        found[line] = home.kubectl(*scope, "get", named, name, "-o", "jsonpath={.metadata.resourceVersion}")
    return found


def test_a_second_apply_changes_nothing_within_a_second(deployed: Home) -> None:
    before = versions(deployed)
    assert len(before) == deployed.size

    said = deployed.apply().stdout

    found = re.search(rf"done: nothing to change, {deployed.size} as wished, ([\d.]+) s", said)
    assert found
    assert float(found[1]) < 1
    assert versions(deployed) == before


def test_what_is_being_deleted_is_waited_for_and_made_anew(deployed: Home) -> None:
    deployed.kubectl("delete", "namespace", "whoami", "--wait=false")

    said = deployed.apply().stdout

    assert "apps: Deployment whoami/whoami created" in said
    assert deployed.kubectl("-n", "whoami", "get", "deployments,services,ingresses", "-o", "name").count("/whoami") == 3


def test_what_somebody_changed_is_shown_with_his_name_and_taken_back(deployed: Home) -> None:
    deployed.kubectl("-n", "homelab", "scale", "deployment", "traefik-internal", "--replicas=1")

    shown = deployed.tui("diff", "--mirror", str(deployed.mirror), check=1).stdout
    assert "~ Deployment homelab/traefik-internal: change" in shown
    assert "takes .spec.replicas back from kubectl" in shown
    assert "+  replicas: 2" in shown

    applied = deployed.apply().stdout
    assert "took back .spec.replicas from kubectl" in applied
    assert deployed.tui("diff", "--mirror", str(deployed.mirror)).stdout.strip() == f"{deployed.size} same"


def test_a_smaller_plan_prunes_what_it_no_longer_has(deployed: Home) -> None:
    """An object of ours that the record names and the plan does not have goes with the next apply."""
    extra = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "left-over",
            "namespace": "homelab",
            "labels": {"app.kubernetes.io/managed-by": "homelab-tui"},
        },
    }
    deployed.kubectl("apply", "-f", "-", stdin=json.dumps(extra))
    record = json.loads(deployed.kubectl("-n", "homelab", "get", "configmap", "homelab-inventory", "-o", "json"))
    objects = record["data"]["objects"] + "internal v1 ConfigMap homelab left-over\n"
    patch = json.dumps({"data": {"objects": objects}})
    deployed.kubectl("-n", "homelab", "patch", "configmap", "homelab-inventory", "--type=merge", "-p", patch)

    assert (
        "- ConfigMap homelab/left-over: remove"
        in deployed.tui("diff", "--mirror", str(deployed.mirror), check=1).stdout
    )
    assert "ConfigMap homelab/left-over removed" in deployed.apply().stdout

    left = deployed.kubectl("-n", "homelab", "get", "configmap", "-o", "name").split()
    assert "configmap/left-over" not in left
    assert "left-over" not in deployed.kubectl("-n", "homelab", "get", "configmap", "homelab-inventory", "-o", "yaml")


OBSTACLES = {
    "k3s servicelb": {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "svclb-web-1a2b", "namespace": "default"},
        "spec": {
            "selector": {"matchLabels": {"app": "svclb"}},
            "template": {
                "metadata": {"labels": {"app": "svclb"}},
                "spec": {
                    "nodeSelector": {"no": "such-node"},
                    "containers": [{"name": "lb", "image": "registry.k8s.io/pause:3.10"}],
                },
            },
        },
    },
    "another MetalLB": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "lb-controller", "namespace": "default", "labels": {"app.kubernetes.io/name": "metallb"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "other"}},
            "template": {
                "metadata": {"labels": {"app": "other"}},
                "spec": {"containers": [{"name": "lb", "image": "registry.k8s.io/pause:3.10"}]},
            },
        },
    },
    "k3s Traefik": {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": "sh.helm.release.v1.traefik.v1",
            "namespace": "default",
            "labels": {"owner": "helm", "name": "traefik"},
        },
    },
}


@pytest.mark.parametrize("found", OBSTACLES)
def test_no_stage_starts_while_something_stands_in_the_way(deployed: Home, found: str) -> None:
    manifest = json.dumps(OBSTACLES[found])
    deployed.kubectl("apply", "-f", "-", stdin=manifest)
    try:
        refused = deployed.apply(check=1)
    finally:
        deployed.kubectl("delete", "-f", "-", stdin=manifest)

    assert f"error: {found}: " in refused.stderr
    assert "fix: " in refused.stderr
    assert refused.stdout == ""


def test_an_object_of_a_tool_is_left_alone_and_one_of_somebody_stops_the_apply(deployed: Home) -> None:
    ours = "app.kubernetes.io/managed-by"
    helm = "meta.helm.sh/release-name"
    target = ("-n", "whoami", "ingress", "whoami")
    deployed.kubectl("annotate", *target, f"{helm}=sample")
    try:
        left = deployed.apply().stdout
        assert "Ingress whoami/whoami left alone (kept by Helm release sample)" in left

        deployed.kubectl("annotate", *target, f"{helm}-")
        deployed.kubectl("label", "--overwrite", *target, f"{ours}=somebody")
        refused = deployed.apply(check=1)
        assert "Ingress whoami/whoami: it exists and is not ours" in refused.stderr
        assert f"kubectl label --overwrite -n whoami ingress whoami {ours}=homelab-tui" in refused.stderr
    finally:
        deployed.kubectl("annotate", *target, f"{helm}-", check=False)
        deployed.kubectl("label", "--overwrite", *target, f"{ours}=homelab-tui")
    assert eventually("applied again", lambda: f"{deployed.size} as wished" in deployed.apply().stdout)
