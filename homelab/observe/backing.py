"""What is behind a route as hops: Services, their endpoints, the pods and their nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from homelab.observe.backends import backends, is_ready, port_list, service_port
from homelab.observe.behind import POD, selector
from homelab.observe.hop import Hop, HopState
from homelab.observe.ingress import Backend, Wish
from homelab.observe.nodes import Node
from homelab.observe.parts import Behind, Parts
from homelab.observe.raw import items, name, namespace, strings, text
from homelab.observe.routes import Route
from homelab.observe.snapshot import Snapshot
from homelab.observe.text import NOTHING
from homelab.observe.traefik import is_ready as is_ready_pod
from homelab.ports import Raw, Ref
from homelab.stack.reasons import hangs

MOST_ADDRESSES = 3


def backing(route: Route, parts: Parts, wish: Wish | None, snapshot: Snapshot) -> Iterator[Hop]:
    """For each Service: itself, its endpoints, its pods."""
    if not parts.behind:
        yield elsewhere(route, parts)
    for one in parts.behind:
        backend = wish.backend if wish else None
        yield service(one, backend, parts)
        if one.service is None or text(one.service, "spec", "type") == "ExternalName":
            continue
        yield endpoints(one, backend)
        nodes = {node.name: node for node in snapshot.nodes}
        broken = HopState.WARNS if any(map(is_ready_pod, one.pods)) else HopState.BROKEN
        yield from (running(pod, nodes, broken) for pod in one.pods)


def elsewhere(route: Route, parts: Parts) -> Hop:
    """Where no Service of the cluster is named."""
    if route.service and parts.source is None:
        provider = (route.service if "@" in route.service else route.source).rpartition("@")[2]
        place = {"consul": "kept in Consul"}.get(provider, f"of {provider}")
        facts = (("Name", route.service), ("Servers", f"{place}: no object of the cluster says which"))
        return Hop("service", route.service, HopState.NOTHING, place, None, facts)
    why = f"{route.source} names no Service; give its path one with a port"
    return Hop("service", "none", HopState.BROKEN, "none", parts.unread.get("source") or why)


def service(one: Behind, backend: Backend | None, parts: Parts) -> Hop:
    """Whether it is there and has the port."""
    called = f"{one.ref.namespace}/{one.ref.name}"
    shown = f"{called}:{backend.port}" if backend else called
    if one.service is None:
        if refused := parts.unread.get("Service"):
            return Hop("service", shown, HopState.UNKNOWN, "not known", refused, (), (one.ref,))
        why = f"Service {called} does not exist; create it or correct the route"
        return Hop("service", shown, HopState.BROKEN, "missing", why, (), (one.ref,))
    kind = text(one.service, "spec", "type") or "ClusterIP"
    outside = text(one.service, "spec", "externalName")
    facts = (
        ("Service", called),
        ("Type", f"{kind}, {outside}" if outside else kind),
        ("Ports", port_list(one.service)),
        ("Selector", selector(one.service) or "none: somebody else writes its endpoints"),
    )
    if backend and service_port(one.service, backend.port) is None:
        why = f"Service {called} has no port {backend.port}; it has {port_list(one.service)}"
        return Hop("service", shown, HopState.BROKEN, "no such port", why, facts, (one.ref,))
    return Hop("service", shown, HopState.FINE, kind, None, facts, (one.ref,))


def endpoints(one: Behind, backend: Backend | None) -> Hop:
    """How many could answer, and where."""
    every = [each for part in one.slices for each in items(part, "endpoints")]
    where = [address for each in every if is_ready(each) for address in strings(each, "addresses")]
    known = backends([one.service] if one.service else [], one.slices)
    asked = backend or Backend(f"{one.ref.namespace}/{one.ref.name}", 0)
    ready = known.ready(asked) if backend else len(where)
    more = f" and {len(where) - MOST_ADDRESSES} more" if len(where) > MOST_ADDRESSES else ""
    what = ", ".join(dict.fromkeys(where[:MOST_ADDRESSES])) + more or "none"
    ports = dict.fromkeys(f"{port.get('port')}" for part in one.slices for port in items(part, "ports"))
    facts = (
        ("Ready", f"{ready} of {len(every)}"),
        ("Addresses", ", ".join(where) or NOTHING),
        ("Port", ", ".join(ports) or NOTHING),
    )
    if ready:
        return Hop("endpoints", what, HopState.FINE, f"{ready} ready", None, facts, (one.ref,))
    return Hop("endpoints", what, HopState.BROKEN, "none ready", unready(one), facts, (one.ref,))


def unready(one: Behind) -> str:
    """Why nobody is behind a Service, as far as its pods tell."""
    called, chosen = f"Service {one.ref.namespace}/{one.ref.name}", selector(one.service or {})
    if chosen and not one.pods:
        return f"{called} has no ready endpoint: no pod has {chosen}; correct the selector, or start what should answer"
    if one.pods:
        return f"{called} has no ready endpoint: its pods are not ready, see below"
    return f"{called} has no ready endpoint, and no selector: whoever writes its EndpointSlices has to"


def running(pod: Raw, nodes: dict[str, Node], broken: HopState) -> Hop:
    """One pod, and whether it could answer; `broken` is its state where it cannot."""
    on = text(pod, "spec", "nodeName")
    node = nodes.get(on or "")
    restarts = sum(int(one.get("restartCount") or 0) for one in items(pod, "status", "containerStatuses"))
    facts = (
        ("Pod", f"{namespace(pod)}/{name(pod)}"),
        ("Node", f"{on}, {node.address or 'no address'}" if node else on or "none yet"),
        ("Address", text(pod, "status", "podIP") or "none yet"),
        ("Phase", text(pod, "status", "phase") or NOTHING),
        ("Restarts", str(restarts)),
    )
    objects = (Ref(POD, namespace(pod), name(pod)),)
    if is_ready_pod(pod):
        return Hop("pod", name(pod), HopState.FINE, f"on {on}", None, facts, objects)
    told = tuple(hangs(pod))
    if node and node.ready is not True:
        told = (f"its node {on} is not ready: look after that machine", *told)
    why = (
        "; ".join(told)
        or f"it is not ready and does not say why; see kubectl -n {namespace(pod)} describe pod {name(pod)}"
    )
    return Hop("pod", name(pod), broken, f"not ready{f', on {on}' if on else ''}", why, facts, objects)
