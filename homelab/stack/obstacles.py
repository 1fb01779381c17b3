"""What stands in the way of the stack on a cluster; no stage starts while an error is among it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from ipaddress import IPv4Network

from homelab.finding import Finding, Severity
from homelab.observe.raw import annotation, full_name, items, namespace, strings, text
from homelab.plan.model import AddressRange, Plan
from homelab.ports import Cluster, ClusterError, Forbidden, Kind, NotServed, Raw
from homelab.stack.facts import KUBEADM, NODE, node_args, option, pod_networks
from homelab.stack.holders import held, in_use
from homelab.stack.obstacles_nodes import node_findings
from homelab.stack.obstacles_old import old_findings
from homelab.stack.order import DEFINITION, SERVICE
from homelab.stack.ownership import labels, owner
from homelab.stack.render import Facts
from homelab.together import together

OLDEST = (1, 27)
NEWEST = (1, 37)
"""The newest Kubernetes that this program was run against."""

TAKES = "MetalLB takes the address away with the next apply, and gives another only if none was asked for"
"""Why a Service of somebody else matters that has an address which leaves the pool."""
POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
_HELM_CHART = Kind("helm.cattle.io/v1", "HelmChart")
_INGRESS_ROUTE = Kind("traefik.io/v1alpha1", "IngressRoute")
_MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
_TCP_ROUTE = Kind("traefik.io/v1alpha1", "IngressRouteTCP")
_METALLB = {"labels": "app in (metallb)"}
_METALLB_CHART = {"labels": "app.kubernetes.io/name in (metallb)"}
_RELEASES = {"labels": "owner=helm,name in (traefik,traefik-crd)"}
_KUBEADM = {"fields": f"metadata.name={KUBEADM.name},metadata.namespace={KUBEADM.namespace}"}

_SOUGHT: Mapping[str, tuple[Kind, Mapping[str, str]]] = {
    "nodes": (NODE, {}),
    "kubeadm": (KUBEADM.kind, _KUBEADM),
    "daemonsets": (Kind("apps/v1", "DaemonSet"), {}),
    "deployments": (Kind("apps/v1", "Deployment"), {}),
    "metallb": (Kind("apps/v1", "Deployment"), _METALLB),
    "metallb-chart": (Kind("apps/v1", "Deployment"), _METALLB_CHART),
    "pools": (POOL, {}),
    "charts": (_HELM_CHART, {}),
    "releases": (Kind("v1", "Secret"), _RELEASES),
    "definitions": (DEFINITION, {}),
    "routes": (_INGRESS_ROUTE, {}),
    "middlewares": (_MIDDLEWARE, {}),
    "tcp-routes": (_TCP_ROUTE, {}),
    "services": (SERVICE, {}),
}

Seen = Mapping[str, tuple[Raw, ...]]
"""What was found, by the names of `_SOUGHT`; a name that is not in it could not be looked at."""


async def obstacles(cluster: Cluster, plan: Plan) -> tuple[Finding, ...]:
    """Look at the cluster; errors first. Raises ClusterError when it cannot be asked at all."""
    version = await cluster.version()
    hidden: dict[str, Finding] = {}

    async def look(name: str) -> tuple[Raw, ...]:
        kind, wanted = _SOUGHT[name]
        try:
            return await cluster.list(kind, **wanted)
        except NotServed:
            return ()
        except Forbidden as error:
            hidden[name] = _unseen(kind, error)
            return ()

    found = await together(partial(look, name) for name in _SOUGHT)
    seen = dict(zip(_SOUGHT, found, strict=True))
    known = {name: objects for name, objects in seen.items() if name not in hidden}
    unseen = dict.fromkeys(hidden[name] for name in _SOUGHT if name in hidden)
    every = [*version_findings(version), *in_the_way(known, plan), *unseen]
    return tuple(sorted(every, key=lambda finding: not finding.is_error))


def unseen_at(kind: Kind) -> str:
    """The place of the finding that a kind may not be listed."""
    return f"cluster {kind.name}s"


def _unseen(kind: Kind, error: ClusterError) -> Finding:
    return Finding(
        Severity.WARNING,
        at=unseen_at(kind),
        what=str(error),
        why=f"what stands in the way among the {kind.name}s cannot be seen",
        fix="use the administrator's kubeconfig for deploying",
    )


def version_findings(version: str) -> Iterator[Finding]:
    """Whether this Kubernetes is too old, or newer than what was tried. Pure."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        yield Finding(
            Severity.ERROR,
            at="cluster version",
            what=f"Kubernetes {version} is older than {_dotted(OLDEST)}",
            why="its API lacks what MetalLB, Traefik and this program ask for",
            fix=f"upgrade the cluster to {_dotted(OLDEST)} or newer",
        )
    elif numbers > NEWEST:
        yield Finding(
            Severity.WARNING,
            at="cluster version",
            what=f"Kubernetes {version} is newer than {_dotted(NEWEST)}, the newest that this program was run against",
            why="something may have changed that the stack counts on",
            fix="look for a newer homelab-tui; else go on and watch the stages",
        )


def _dotted(version: tuple[int, int]) -> str:
    return f"v{version[0]}.{version[1]}"


def in_the_way(seen: Seen, plan: Plan) -> Iterator[Finding]:
    """Everything that would fight with the stack. Pure."""
    yield from _servicelb(seen)
    yield from _other_metallb(seen)
    yield from _other_pools(seen.get("pools", ()), plan.load_balancer.pool)
    yield from _bundled_traefik(seen)
    yield from _leaving(seen, plan.load_balancer.pool)
    yield from in_use(plan, held(seen.get("services", ())))
    yield from _past_the_guard(seen.get("tcp-routes", ()))
    yield from old_findings((*seen.get("deployments", ()), *seen.get("daemonsets", ())))
    if "nodes" in seen:
        yield from _pod_network(seen, plan)
        yield from node_findings(seen["nodes"])


def _servicelb(seen: Seen) -> Iterator[Finding]:
    """Two load balancers answer for one Service. Source: k3s#1969, MetalLB docs on k3s."""
    names = [obj["metadata"]["name"] for obj in seen.get("daemonsets", ())]
    pods = [name for name in names if name.startswith("svclb-")]
    servers = [node["metadata"]["name"] for node in seen.get("nodes", ()) if _runs_servicelb(node)]
    if pods or servers:
        where = f"its DaemonSets {', '.join(sorted(pods))}" if pods else f"on {', '.join(sorted(servers))}"
        yield Finding(
            Severity.ERROR,
            at="k3s servicelb",
            what=f"k3s's own load balancer is on ({where})",
            why="it and MetalLB would both give every Service an address, and it takes ports 80 and 443 of every node",
            fix=_K3S_FIX,
        )


K3S_FLAGS = (
    "sudo mkdir -p /etc/rancher/k3s/config.yaml.d",
    "echo 'disable+: [traefik, servicelb]' | sudo tee /etc/rancher/k3s/config.yaml.d/homelab.yaml",
    "sudo systemctl restart k3s",
)
"""Commands for every server. `+` adds to what is disabled elsewhere. Source: k3s docs, configuration, value merge
behavior."""
_K3S_FIX = f"on every server, one after the other: {', '.join(f'`{command}`' for command in K3S_FLAGS)}"


def _runs_servicelb(node: Raw) -> bool:
    args = node_args(node)
    return args[:1] == ["server"] and "servicelb" not in option(args, "--disable")


def _other_metallb(seen: Seen) -> Iterator[Finding]:
    found = {
        full_name(obj): obj for obj in (*seen.get("metallb", ()), *seen.get("metallb-chart", ())) if not owner(obj).ours
    }
    pools = [obj["metadata"]["name"] for obj in seen.get("pools", ()) if not owner(obj).ours]
    if found:
        names = ", ".join(f"{name} (kept by {owner(obj).name})" for name, obj in sorted(found.items()))
        holds = f", with the pools {', '.join(sorted(pools))}" if pools else ""
        yield Finding(
            Severity.ERROR,
            at="another MetalLB",
            what=f"a MetalLB is here that is not ours: {names}{holds}",
            why="two of them would give out the same addresses and answer ARP for each other's Services",
            fix=f"remove it the way it came: {' and '.join(_removals(found.values()))}; "
            "Services get their addresses again from ours",
        )


def _removals(metallbs: Iterable[Raw]) -> Iterator[str]:
    """One way for each; a tool but Helm would only bring it back. Source: Helm docs, release-name and -namespace."""
    for obj in metallbs:
        release = annotation(obj, "meta.helm.sh/release-name")
        space = annotation(obj, "meta.helm.sh/release-namespace") or namespace(obj)
        keeper = owner(obj)
        if keeper.tool:
            yield f"`helm -n {space} uninstall {release}`" if release else f"in {keeper.name}"
        else:
            label = "app" if labels(obj).get("app") == "metallb" else "app.kubernetes.io/name"
            program = f"`kubectl -n {namespace(obj)} delete deployment,daemonset -l {label}=metallb`"
            yield f"kubectl delete -f FILE, or without that file {program}"


def _other_pools(pools: Iterable[Raw], wanted: AddressRange) -> Iterator[Finding]:
    for pool in pools:
        name = pool["metadata"]["name"]
        shared = [text for text in (pool.get("spec") or {}).get("addresses") or () if _overlaps(text, wanted)]
        if shared and not owner(pool).ours:
            yield Finding(
                Severity.ERROR,
                at="load_balancer.pool",
                what=f"IPAddressPool {name} already holds {', '.join(shared)}, which meets the plan's {wanted}",
                why="MetalLB refuses pools that share addresses",
                fix=f"delete it (kubectl -n {pool['metadata']['namespace']} delete ipaddresspool {name}) "
                f"or move load_balancer.pool",
            )


def _overlaps(text: str, wanted: AddressRange) -> bool:
    try:
        held = AddressRange.of(IPv4Network(text.strip(), strict=False)) if "/" in text else AddressRange.parse(text)
        return bool(held & wanted)
    except ValueError:
        return False  # an IPv6 pool


def _bundled_traefik(seen: Seen) -> Iterator[Finding]:
    """k3s brings a Traefik and owns the traefik.io kinds through Helm. Source: k3s#1160, #2598."""
    charts = [obj["metadata"]["name"] for obj in seen.get("charts", ()) if obj["metadata"]["name"] in _CHARTS]
    releases = {labels(obj).get("name", "") for obj in seen.get("releases", ())}
    definitions = [obj for obj in seen.get("definitions", ()) if _by_helm(obj)]
    if not (charts or releases or definitions):
        return
    evidence = [f"HelmChart {name}" for name in sorted(charts)]
    evidence += [f"Helm release {name}" for name in sorted(releases)]
    if definitions:
        evidence.append(f"{len(definitions)} traefik.io kinds kept by {owner(definitions[0]).name}")
    others = [obj for obj in (*seen.get("routes", ()), *seen.get("middlewares", ())) if not owner(obj).ours]
    yield Finding(
        Severity.ERROR,
        at="k3s Traefik",
        what=f"another Traefik's release is here: {'; '.join(evidence)}",
        why="both would serve every Ingress, and Helm would take the traefik.io kinds away with its release",
        fix=f"{_K3S_FIX}; if the release stays: helm -n kube-system uninstall traefik traefik-crd "
        f"(or kubectl -n kube-system delete helmchart traefik traefik-crd)",
    )
    if others:
        names = ", ".join(f"{obj['kind']} {obj['metadata']['namespace']}/{obj['metadata']['name']}" for obj in others)
        yield Finding(
            Severity.WARNING,
            at="k3s Traefik",
            what=f"with that release these objects of others would be deleted: {names}",
            why="removing the traefik.io kinds removes every object of them",
            fix="save them first: kubectl get ingressroutes,middlewares -A -o yaml > traefik-objects.yaml",
        )


_CHARTS = ("traefik", "traefik-crd")


def _by_helm(definition: Raw) -> bool:
    group = (definition.get("spec") or {}).get("group")
    return group == "traefik.io" and owner(definition).name.startswith("Helm")


def _leaving(seen: Seen, wanted: AddressRange) -> Iterator[Finding]:
    """Services that lose their address because the pool no longer has it: MetalLB takes it at once."""
    ours = {pool["metadata"]["name"] for pool in seen.get("pools", ()) if owner(pool).ours}
    for service in seen.get("services", ()):
        pool = text(service, "metadata", "annotations", "metallb.io/ip-allocated-from-pool")
        given = [ip for entry in items(service, "status", "loadBalancer", "ingress") if (ip := text(entry, "ip"))]
        lost = [ip for ip in given if not _overlaps(ip, wanted)]
        if pool in ours and lost and not owner(service).ours:
            name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
            yield Finding(
                Severity.WARNING,
                at="load_balancer.pool",
                what=f"Service {name} has {', '.join(lost)}, which the plan's pool {wanted} does not have",
                why=TAKES,
                fix="keep the address in load_balancer.pool, or be ready to tell whoever uses it",
            )


def _past_the_guard(routes: Iterable[Raw]) -> Iterator[Finding]:
    """The list of who may come in is asked for HTTP only. Source: Traefik docs, entry points, http.middlewares."""
    for route in routes:
        points = strings(route, "spec", "entryPoints")
        if not points or "web" in points:
            yield Finding(
                Severity.WARNING,
                at=f"IngressRouteTCP {route['metadata']['namespace']}/{route['metadata']['name']}",
                what="it is served by the internal ingress without asking who comes",
                why="only HTTP is guarded, so a port forward to the internal address would publish it",
                fix="give it a MiddlewareTCP with an ipAllowList of your networks",
            )


def _pod_network(seen: Seen, plan: Plan) -> Iterator[Finding]:
    """The internal ingress must know whom to let in, and pods must not have addresses of the LAN."""
    kubeadm = next(iter(seen.get("kubeadm", ())), None)
    known = Facts(pods=(plan.cluster.pods,) if plan.cluster.pods else pod_networks(seen.get("nodes", ()), kubeadm))
    if not known.pods:
        yield Finding(
            Severity.WARNING,
            at="cluster.pods",
            what="the cluster does not say which network its pods have addresses of",
            why="the internal ingress would refuse pods that use it",
            fix="write the pod network of your network plug-in to cluster.pods in the plan",
        )
    for network in known.pods:
        if _meet(network, plan.network.lan):
            yield Finding(
                Severity.ERROR,
                at="network.lan",
                what=f"the pods' network {network} and the LAN {plan.network.lan} share addresses",
                why="nodes would look for machines of the LAN among the pods",
                fix="move one of them: the LAN in the router, or the pods' network where the cluster was set up",
            )


def _meet(one: IPv4Network, other: IPv4Network) -> bool:
    return one.overlaps(other)
