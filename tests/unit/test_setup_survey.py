"""What is asked of a cluster and its network before anything is proposed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from adapting import connected
from aiohttp import web
from homes import machine
from loopback import Answer, resources
from objects import article_plan, node, ours, thing

from homelab.adapters.kubeconfig import KubeconfigError, find, link, remember, server
from homelab.finding import Finding
from homelab.lab.upstream import StandIns
from homelab.ports import Machine, Raw
from homelab.setup.model import Right
from homelab.setup.survey import VERBS, WRITTEN, given_of, rights_of, sought, taken
from homelab.stack.components import STAGES
from homelab.stack.obstacles_nodes import node_findings
from homelab.stack.obstacles_old import old_findings
from homelab.stack.render import Facts, render

REVIEWS = "/apis/authorization.k8s.io/v1"
EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"


async def rights(folder: Path, *plurals: str, verbs: Collection[str] = ("*", *VERBS)) -> Collection[Right]:
    """What somebody is told who may do this with these."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        review = json.loads(await request.read())
        wanted = review["spec"]["resourceAttributes"]
        allowed = wanted["resource"] in plurals and wanted["verb"] in verbs
        return web.json_response({**review, "status": {"allowed": allowed}}, status=201)

    served: Answer = resources("authorization.k8s.io/v1", SelfSubjectAccessReview="selfsubjectaccessreviews!")
    async with connected(folder) as (api, cluster):
        api.script(f"GET {REVIEWS}", served)
        api.script(f"POST {REVIEWS}/selfsubjectaccessreviews", answer)
        return await rights_of(cluster)


async def test_an_administrator_is_asked_one_question(tmp_path: Path) -> None:
    assert await rights(tmp_path, "*") == (Right("everything", have=True),)


async def test_everybody_else_is_told_what_lacks(tmp_path: Path) -> None:
    found = await rights(tmp_path, "services", "secrets")

    assert len(found) == len(WRITTEN)
    assert {right.what for right in found if right.have} == {"write Services", "write Secrets"}


@pytest.mark.parametrize("lacking", VERBS)
async def test_whoever_cannot_do_all_that_a_deploy_does_lacks_the_right(tmp_path: Path, lacking: str) -> None:
    """Creating is not enough: what is there is patched, and what leaves the plan is listed and deleted."""
    found = await rights(tmp_path, "services", verbs={*VERBS, "get", "watch"} - {lacking})

    assert [right.what for right in found if right.have] == []


def test_every_kind_that_a_deploy_writes_is_asked_for() -> None:
    rendered = render(article_plan(), Facts((IPv4Network("10.42.0.0/16"),)), StandIns(), STAGES)
    asked = {kind for _, kind in WRITTEN}

    lacking = {one.ref.kind.name for one in rendered if asked.isdisjoint(_plurals(one.ref.kind.name))}

    assert lacking == set()


def _plurals(kind: str) -> tuple[str, ...]:
    return f"{kind}s", f"{kind}es", f"{kind[:-1]}ies"


def test_the_lan_is_asked_who_answers_and_a_large_one_only_at_its_pool() -> None:
    plan = article_plan()
    large = replace(plan, network=replace(plan.network, lan=IPv4Network("192.168.0.0/16")))

    assert len(sought(plan, machine())) == 254
    assert len(sought(large, machine("192.168.1.50/16"))) == 14
    assert sought(plan, machine("10.0.0.5/24")) == sought(plan, None) == frozenset()


class Lan:
    """Where everybody answers."""

    def machine(self) -> Machine:
        """In the article's LAN."""
        return machine()

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        """One for each."""
        return dict.fromkeys(addresses, "02:00:00:00:00:99")


async def test_what_the_cluster_gave_its_own_services_is_not_taken() -> None:
    ours_, theirs = IPv4Address("192.168.1.20"), IPv4Address("192.168.1.21")

    assert set(await taken(Lan(), {ours_, theirs}, {ours_})) == {theirs}


def test_odd_addresses_of_services_are_nobody_s() -> None:
    odd = [{"ip": one} for one in ("192.168.1.20", "fe80::1", "pending", "", 3, None, "1.2.3.4.5")]
    services: list[Raw] = [{"status": {"loadBalancer": {"ingress": [*odd, "x"]}}}, {"status": "x"}, {}]

    assert given_of(services) == {IPv4Address("192.168.1.20")}


# What stands in the way


def only(findings: Collection[Finding]) -> Finding:
    (finding,) = findings
    return finding


@pytest.mark.parametrize(
    ("kind", "name", "image", "at", "word"),
    [
        ("Deployment", "tiller-deploy", "helm/tiller:v2.17.0", "Tiller", "kubectl -n apps delete deployment"),
        ("DaemonSet", "weave-net", "weaveworks/weave-kube:2.8.1", "Weave Net", "network plug-in"),
        ("DaemonSet", "weave-scope-agent", "weaveworks/scope:1.13", "Weave Scope", "kubectl delete namespace apps"),
        ("Deployment", "kubernetes-dashboard", "x", "Kubernetes Dashboard", "Headlamp"),
        ("DaemonSet", "ingress", "traefik:1.7-alpine", "Traefik 1", "kubectl -n apps delete daemonset ingress"),
        ("Deployment", "web", "docker.io/library/traefik:v2.11.30", "Traefik 2", "delete deployment web"),
    ],
)
def test_what_earlier_times_left_is_named_with_the_way_to_remove_it(
    kind: str, name: str, image: str, at: str, word: str
) -> None:
    finding = only(list(old_findings([workload(kind, name, image)])))

    assert (finding.at, finding.is_error) == (at, False)
    assert word in finding.fix


def test_what_is_new_or_ours_is_left_alone() -> None:
    mine = ours(workload("Deployment", "traefik-internal", "traefik:v2.11"))

    assert list(old_findings([mine, workload("Deployment", "web", "traefik:v3.7.15")])) == []


def workload(kind: str, name: str, image: str) -> Raw:
    """One with one container."""
    made = thing("apps/v1", kind, name, "apps")
    return {**made, "spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}


def test_a_node_that_is_not_ready_is_told() -> None:
    assert list(node_findings([node("pi1")])) == []
    assert "is not ready" in only(list(node_findings([node("pi1", ready="False")]))).what
    assert "not been heard of" in only(list(node_findings([node("pi1", ready="Unknown")]))).what


def test_a_label_that_silences_all_nodes_stops_the_deploy() -> None:
    silent = node("pi1")
    silent["metadata"]["labels"][EXCLUDED] = ""

    alone, among = (only(list(node_findings([silent, *others]))) for others in ([], [node("pi2")]))

    assert (alone.is_error, among.is_error) == (True, False)
    assert f"kubectl label node pi1 {EXCLUDED}-" in alone.fix


def test_a_node_that_no_image_is_made_for_is_told() -> None:
    old = node("pi0")
    old["status"]["nodeInfo"]["architecture"] = "arm"

    assert only(list(node_findings([old, node("pi1")]))).fix.endswith("`kubectl cordon pi0`")
    assert only(list(node_findings([old]))).is_error


# The kubeconfig that a person names


def test_a_named_kubeconfig_is_found_again_and_its_key_stays_where_it_is(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere" / "admin.conf"
    file.parent.mkdir()
    file.write_text("clusters: []")

    for _ in range(2):
        remember(str(file), {}, tmp_path)

    assert find(None, {}, tmp_path) == link({}, tmp_path)
    assert link({}, tmp_path).readlink() == file
    assert find(None, {"KUBECONFIG": str(file)}, tmp_path) == file


@pytest.mark.parametrize("name", ["nowhere", "", "."])
def test_what_is_no_file_is_not_remembered(tmp_path: Path, name: str) -> None:
    with pytest.raises(KubeconfigError):
        remember(str(tmp_path / name), {}, tmp_path)

    assert not link({}, tmp_path).exists()


def test_the_server_of_a_kubeconfig_is_that_of_its_context(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "current-context: b\n"
        "contexts: [{name: a, context: {cluster: one}}, {name: b, context: {cluster: two}}]\n"
        "clusters: [{name: one, cluster: {server: https://a}}, {name: two, cluster: {server: https://b}}]\n"
    )

    assert (server(file, None), server(file, "a"), server(file, "c")) == ("https://b", "https://a", None)
