"""What stands in the way of the stack, told with the way to remove it; and what does not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from objects import article_plan, by_helm, k3s_node, load_balancer, meta, node, ours, thing

from homelab.finding import Finding
from homelab.plan.model import Plan
from homelab.ports import Raw
from homelab.stack.obstacles import in_the_way, version_findings

PLAN = article_plan()
NODE = node("master1")
QUIET = ("--disable", "traefik", "--disable", "servicelb")
"""Arguments of a k3s that is as the stack needs it."""


PLACES = ("nodes", "kubeadm", "daemonsets", "metallb", "metallb-chart", "pools")
TRAEFIK_S_PLACES = ("charts", "releases", "definitions", "routes", "middlewares")


def found(plan: Plan = PLAN, /, **seen: list[Raw]) -> list[Finding]:
    """What stands in the way on a cluster with these objects, and a plain node where none is given."""
    everywhere = dict.fromkeys((*PLACES, *TRAEFIK_S_PLACES), ()) | {"nodes": (NODE,)}
    return list(in_the_way(everywhere | {place: tuple(objects) for place, objects in seen.items()}, plan))


def only(**seen: list[Raw]) -> Finding:
    (finding,) = found(**seen)
    return finding


def test_nothing_stands_in_the_way_on_a_bare_cluster() -> None:
    assert found() == []
    assert found(nodes=[k3s_node("pi1", "server", *QUIET), k3s_node("pi2", "agent")]) == []


# k3s's own load balancer


def test_servicelb_is_known_by_its_daemon_sets() -> None:
    others = [thing("apps/v1", "DaemonSet", name, "kube-system") for name in ("svclb-web-2", "svclb-api-1", "flannel")]

    finding = only(daemonsets=others)

    assert finding.is_error
    assert finding.at == "k3s servicelb"
    assert "its DaemonSets svclb-api-1, svclb-web-2)" in finding.what


def test_servicelb_is_known_by_a_server_that_does_not_disable_it() -> None:
    finding = only(nodes=[k3s_node("pi1", "server"), k3s_node("pi2", "server", *QUIET), k3s_node("pi3", "agent")])

    assert finding.is_error
    assert "on pi1)" in finding.what


def test_the_way_to_turn_servicelb_off_is_complete() -> None:
    fix = only(nodes=[k3s_node("pi1", "server", "--disable", "traefik")]).fix

    for part in ("'disable+: [traefik, servicelb]'", "on every server", "rancher/k3s/config.yaml.d", "restart k3s`"):
        assert part in fix


@pytest.mark.parametrize(
    "args",
    [
        ["--disable", "servicelb"],
        ["--disable=servicelb"],
        ["--disable", "traefik,servicelb"],
        ["--disable=traefik,servicelb"],
        ["--disable", "traefik", "--disable", "servicelb", "--node-ip", "192.168.1.50"],
        ["--disable=servicelb", "--disable=traefik"],
    ],
)
def test_a_server_that_disables_servicelb_in_any_form_is_fine(args: list[str]) -> None:
    assert found(nodes=[k3s_node("pi1", "server", *args)]) == []


@pytest.mark.parametrize("args", [["--disable=traefik"], ["--disable-network-policy"], ["--node-label", "servicelb"]])
def test_a_server_that_disables_something_else_is_not(args: list[str]) -> None:
    assert only(nodes=[k3s_node("pi1", "server", *args)]).at == "k3s servicelb"


# Another MetalLB

CONTROLLER = thing("apps/v1", "Deployment", "controller", "metallb-system", labels={"app": "metallb"})
CHART_LABELS = {"app.kubernetes.io/name": "metallb"}
CHART = by_helm(thing("apps/v1", "Deployment", "lb-controller", "net", labels=CHART_LABELS), "lb")


def pool(*addresses: str, name: str = "lan", namespace: str = "metallb-system") -> Raw:
    return thing("metallb.io/v1beta1", "IPAddressPool", name, namespace, spec={"addresses": list(addresses)})


def test_a_metallb_applied_by_hand_is_named_with_its_pools() -> None:
    managers = {"managedFields": [{"manager": "kubectl-client-side-apply"}]}
    by_hand = {**CONTROLLER, "metadata": CONTROLLER["metadata"] | managers}

    finding = only(metallb=[by_hand], pools=[pool("172.16.0.0/24", name="b"), pool("172.17.0.0/24", name="a")])

    assert finding.is_error
    assert "metallb-system/controller (kept by kubectl-client-side-apply), with the pools a, b" in finding.what
    assert "`kubectl -n metallb-system delete deployment,daemonset -l app=metallb`" in finding.fix


def test_a_metallb_of_helm_is_named_with_its_release() -> None:
    finding = only(**{"metallb-chart": [CHART]})

    assert finding.is_error
    assert "net/lb-controller (kept by Helm release lb)" in finding.what
    assert "with the pools" not in finding.what
    assert "`helm -n net uninstall lb`" in finding.fix


def test_a_metallb_that_is_found_by_both_labels_is_one() -> None:
    both = {**CHART, "metadata": CHART["metadata"] | {"labels": CHART["metadata"]["labels"] | {"app": "metallb"}}}

    assert only(**{"metallb": [both], "metallb-chart": [both]}).what.count("net/lb-controller") == 1


def test_our_own_metallb_and_pool_are_no_obstacle() -> None:
    home = ours(pool("192.168.1.17-192.168.1.30", name="home"))

    assert found(metallb=[ours(CONTROLLER)], pools=[home]) == []


@pytest.mark.parametrize(
    "addresses",
    [
        "192.168.1.30-192.168.1.40",
        "192.168.1.17/32",
        "192.168.1.20",
        "192.168.1.0/24",
        "192.168.1.5/24",
        "192.168.1.1 - 192.168.1.254",
    ],
)
def test_a_pool_of_others_that_meets_ours_is_named_with_the_addresses(addresses: str) -> None:
    finding = only(pools=[pool("172.16.0.0/24", addresses)])

    assert finding.is_error
    assert finding.at == "load_balancer.pool"
    assert (
        f"IPAddressPool lan already holds {addresses}, which meets the plan's 192.168.1.17-192.168.1.30" in finding.what
    )
    assert "kubectl -n metallb-system delete ipaddresspool lan" in finding.fix


@pytest.mark.parametrize(
    "addresses", ["192.168.1.31-192.168.1.40", "192.168.2.0/24", "fd00::/64", "what?", "1.2.3.4/x"]
)
def test_a_pool_of_others_beside_ours_is_none_of_our_business(addresses: str) -> None:
    assert found(pools=[pool(addresses)]) == []


@pytest.mark.parametrize("spec", [None, {}, {"addresses": None}])
def test_a_pool_without_addresses_meets_nothing(spec: Raw | None) -> None:
    assert found(pools=[{**pool(), "spec": spec}]) == []


# k3s's Traefik


def definition(name: str, group: str = "traefik.io") -> Raw:
    return thing("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"{name}.{group}", spec={"group": group})


def release(name: str) -> Raw:
    labels = {"owner": "helm", "name": name}
    return thing("v1", "Secret", f"sh.helm.release.v1.{name}.v1", "kube-system", labels=labels)


CHARTS = [thing("helm.cattle.io/v1", "HelmChart", name, "kube-system") for name in ("traefik-crd", "traefik")]
ROUTE = thing("traefik.io/v1alpha1", "IngressRoute", "grafana", "monitoring")
MIDDLEWARE = thing("traefik.io/v1alpha1", "Middleware", "auth", "apps")


@pytest.mark.parametrize(
    ("seen", "evidence"),
    [
        ({"charts": CHARTS}, "HelmChart traefik; HelmChart traefik-crd"),
        ({"releases": [release("traefik-crd"), release("traefik-crd")]}, "here: Helm release traefik-crd"),
        (
            {"definitions": [by_helm(definition("middlewares"), "traefik-crd")]},
            "1 traefik.io kinds kept by Helm release traefik-crd",
        ),
    ],
    ids=["its HelmCharts", "their releases", "kinds with Helm's annotation"],
)
def test_each_trace_of_k3s_s_traefik_alone_is_an_obstacle(seen: dict[str, list[Raw]], evidence: str) -> None:
    finding = only(**seen)

    assert finding.is_error
    assert finding.at == "k3s Traefik"
    assert evidence in finding.what


def test_the_way_to_remove_k3s_s_traefik_is_complete() -> None:
    fix = only(charts=CHARTS).fix

    assert "disable+: [traefik, servicelb]" in fix
    assert "restart k3s" in fix
    assert "helm -n kube-system uninstall traefik traefik-crd" in fix
    assert "kubectl -n kube-system delete helmchart traefik traefik-crd" in fix


def test_routes_and_middlewares_of_others_that_would_go_too_are_named_in_a_warning() -> None:
    error, warning = found(charts=CHARTS, routes=[ROUTE], middlewares=[MIDDLEWARE, ours(MIDDLEWARE)])

    assert error.is_error
    assert not warning.is_error
    assert warning.what.endswith("deleted: IngressRoute monitoring/grafana, Middleware apps/auth")
    assert "kubectl get ingressroutes,middlewares -A -o yaml" in warning.fix


def test_without_k3s_s_traefik_routes_of_others_are_no_obstacle() -> None:
    assert found(routes=[ROUTE], middlewares=[MIDDLEWARE]) == []


@pytest.mark.parametrize(
    "seen",
    [
        {"charts": [thing("helm.cattle.io/v1", "HelmChart", "longhorn", "kube-system")]},
        {"definitions": [ours(definition("middlewares"))]},
        {"definitions": [definition("middlewares")]},
        {"definitions": [by_helm(definition("certificates", "cert-manager.io"), "cert-manager")]},
    ],
    ids=["another chart", "our kinds", "kinds applied by hand", "another release's kinds"],
)
def test_what_is_not_k3s_s_traefik_is_no_obstacle(seen: dict[str, list[Raw]]) -> None:
    assert found(**seen) == []


def test_kinds_that_flux_keeps_are_left_alone_and_no_obstacle() -> None:
    flux = definition("middlewares")
    flux["metadata"] |= {"labels": {"kustomize.toolkit.fluxcd.io/name": "infrastructure"}}

    assert found(definitions=[flux]) == []


# The pods' network


def node_with(network: str | None) -> Raw:
    return {**NODE, "spec": {"podCIDR": network, "podCIDRs": [network]} if network else {}}


def test_pods_with_addresses_of_the_lan_are_an_obstacle() -> None:
    finding = only(nodes=[node_with("192.168.0.0/16")])

    assert finding.is_error
    assert finding.at == "network.lan"
    assert "192.168.0.0/16 and the LAN 192.168.1.0/24 share addresses" in finding.what


def test_the_plan_s_own_pod_network_counts_before_what_the_cluster_says() -> None:
    written = replace(PLAN, cluster=replace(PLAN.cluster, pods=IPv4Network("192.168.1.128/25")))
    (finding,) = found(written)

    assert "192.168.1.128/25" in finding.what


KUBEADM = {
    "data": {"ClusterConfiguration": "networking: {podSubnet: 10.244.0.0/16}"},
    "metadata": meta("kubeadm-config"),
}


def test_a_cluster_that_does_not_say_its_pod_network_is_a_warning_with_the_key_to_write() -> None:
    finding = only(nodes=[node_with(None)])

    assert not finding.is_error
    assert finding.at == "cluster.pods"
    assert "cluster.pods in the plan" in finding.fix


def test_a_pod_network_that_kubeadm_alone_names_is_known() -> None:
    meeting = {**KUBEADM, "data": {"ClusterConfiguration": "networking: {podSubnet: 192.168.0.0/16}"}}

    assert found(nodes=[node_with(None)], kubeadm=[KUBEADM]) == []
    assert only(nodes=[node_with(None)], kubeadm=[meeting]).at == "network.lan"


# The version of Kubernetes


@pytest.mark.parametrize("version", ["v1.26.15", "v1.26.9+k3s1", "v1.9.0", "v0.37.1"])
def test_an_old_kubernetes_is_an_error(version: str) -> None:
    (finding,) = version_findings(version)

    assert finding.is_error
    assert finding.what == f"Kubernetes {version} is older than v1.27"


@pytest.mark.parametrize("version", ["v1.27.0", "v1.32.5+k3s1", "v1.37.2", "1.30.1", "v1.31.4-gke.100"])
def test_a_known_kubernetes_is_fine(version: str) -> None:
    assert list(version_findings(version)) == []


@pytest.mark.parametrize("version", ["v1.38.0", "v1.100.0+k3s1", "v2.0.0"])
def test_a_newer_kubernetes_is_a_warning(version: str) -> None:
    (finding,) = version_findings(version)

    assert not finding.is_error
    assert f"Kubernetes {version} is newer than v1.37" in finding.what


# What an apply would take away, or leave open


def test_a_service_whose_address_leaves_the_pool_is_named() -> None:
    home = ours(pool("192.168.1.17-192.168.1.40", name="home"))

    (finding,) = found(pools=[home], services=[load_balancer("game", "192.168.1.35")])

    assert not finding.is_error
    assert finding.what.startswith("Service homelab/game has 192.168.1.35, which the plan's pool")


def test_a_service_that_keeps_its_address_is_not_worth_a_word() -> None:
    home = ours(pool("192.168.1.17-192.168.1.40", name="home"))

    assert found(pools=[home], services=[load_balancer("game", "192.168.1.25")]) == []


@pytest.mark.parametrize("points", [[], ["web"], ["db", "web"]])
def test_a_tcp_route_on_the_internal_ingress_is_not_guarded(points: list[str]) -> None:
    hole = thing("traefik.io/v1alpha1", "IngressRouteTCP", "hole", "apps", spec={"entryPoints": points})

    (finding,) = found(**{"tcp-routes": [hole]})

    assert finding.at == "IngressRouteTCP apps/hole"
    assert not finding.is_error


def test_a_tcp_route_elsewhere_is_none_of_our_business() -> None:
    other = thing("traefik.io/v1alpha1", "IngressRouteTCP", "db", "apps", spec={"entryPoints": ["postgres"]})

    assert found(**{"tcp-routes": [other]}) == []


def test_of_nodes_that_could_not_be_seen_nothing_is_said() -> None:
    assert list(in_the_way({}, PLAN)) == []
