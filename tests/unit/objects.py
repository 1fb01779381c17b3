"""Small builders of raw objects, as a cluster would give them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from homelab.observe.traefik import TraefikAnswer
from homelab.plan.file import initial, read
from homelab.plan.model import Plan
from homelab.ports import Raw

ANNOTATION = "traefik.ingress.kubernetes.io/router."


def meta(name: str, namespace: str | None = None, **more: Any) -> Raw:
    """Metadata with a uid."""
    found = {"name": name, "uid": f"uid-of-{name}", **more}
    return {**found, "namespace": namespace} if namespace else found


def node(name: str, address: str = "192.168.1.50", *, ready: str = "True", **labels: str) -> Raw:
    """A machine; a label is given as `control_plane=""` for its role."""
    roles = {f"node-role.kubernetes.io/{key.replace('_', '-')}": value for key, value in labels.items()}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": meta(name, labels={"kubernetes.io/hostname": name, **roles}),
        "spec": {"podCIDR": "10.42.0.0/24", "podCIDRs": ["10.42.0.0/24"]},
        "status": {
            "addresses": [{"type": "Hostname", "address": name}, {"type": "InternalIP", "address": address}],
            "conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}],
            "nodeInfo": {"architecture": "arm64", "kubeletVersion": "v1.37.2"},
        },
    }


def load_balancer(
    name: str, *given: str, wanted: str | None = None, zone: str | None = None, policy: str | None = "Local"
) -> Raw:
    """A LoadBalancer Service in namespace homelab."""
    found = service(name, namespace="homelab")
    found["metadata"]["labels"] = {"homelab-tui/zone": zone} if zone else {}
    pool = {"metallb.io/ip-allocated-from-pool": "home"} if given else {}
    found["metadata"]["annotations"] = pool | ({"metallb.io/loadBalancerIPs": wanted} if wanted else {})
    found["spec"] |= {"type": "LoadBalancer", "externalTrafficPolicy": policy}
    found["status"] = {"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"} for ip in given]}}
    return found


def l2_status(service: Raw, node: str, made: str = "2026-11-23T05:00:00Z") -> Raw:
    """What a MetalLB speaker says that it announces."""
    name, space = service["metadata"]["name"], service["metadata"]["namespace"]
    labels = {"metallb.io/node": node, "metallb.io/service-name": name, "metallb.io/service-namespace": space}
    return {
        "apiVersion": "metallb.io/v1beta1",
        "kind": "ServiceL2Status",
        "metadata": meta(f"l2-{node}", "metallb-system", labels=labels, creationTimestamp=made),
        "status": {"node": node, "serviceName": name, "serviceNamespace": space, "interfaces": [{"name": "eth0"}]},
    }


def event_for(obj: Raw, reason: str, message: str, at: str = "2026-11-23T05:00:00Z") -> Raw:
    """An event about an object."""
    about = {"kind": obj["kind"], **{key: obj["metadata"][key] for key in ("name", "namespace", "uid")}}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": meta("event", about["namespace"]),
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
    }


def service(
    name: str, port: int = 80, port_name: str = "http", namespace: str = "apps", kind: str = "ClusterIP"
) -> Raw:
    """A Service with one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name, namespace),
        "spec": {"type": kind, "ports": [{"name": port_name, "port": port, "protocol": "TCP"}]},
    }


def endpoint(address: str, *, ready: bool | None = True, pod: str | None = None) -> Raw:
    """One endpoint of a slice."""
    found: Raw = {"addresses": [address], "conditions": {"ready": ready}}
    return {**found, "targetRef": {"kind": "Pod", "name": pod, "uid": f"uid-of-{pod}"}} if pod else found


def endpoints(service: Raw, *found: Raw, port_name: str = "http") -> Raw:
    """An EndpointSlice of a Service."""
    name, space = service["metadata"]["name"], service["metadata"]["namespace"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": meta(f"{name}-x7k2p", space, labels={"kubernetes.io/service-name": name}),
        "ports": [{"name": port_name, "port": 8080, "protocol": "TCP"}],
        "endpoints": list(found),
    }


def path(at: str = "/", service: str = "web", port: int | str = 80, kind: str | None = "Prefix") -> Raw:
    """One path of a rule."""
    wanted = {"number": port} if isinstance(port, int) else {"name": port}
    found: Raw = {"path": at, "backend": {"service": {"name": service, "port": wanted}}}
    return {**found, "pathType": kind} if kind else found


def ingress(
    name: str, host: str | None = None, *paths: Raw, labels: dict[str, str] | None = None, **router: str
) -> Raw:
    """An Ingress in namespace apps; further words become Traefik's router annotations."""
    rule: Raw = {"http": {"paths": list(paths or (path(),))}}
    annotations = {ANNOTATION + key: value for key, value in router.items()}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": meta(name, "apps", labels=labels or {}, annotations=annotations),
        "spec": {"rules": [{"host": host, **rule} if host else rule]},
    }


def middleware(name: str, namespace: str = "apps", **spec: Any) -> Raw:
    """A Middleware of Traefik."""
    return {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "Middleware",
        "metadata": meta(name, namespace),
        "spec": spec,
    }


def router(name: str, rule: str, *errors: str, status: str = "enabled", **more: Any) -> Raw:
    """One router as `/api/http/routers` lists it."""
    found = {"name": name, "rule": rule, "status": status, "entryPoints": ["web"], "service": "apps-web-80", **more}
    return {**found, "provider": name.partition("@")[2], **({"error": list(errors)} if errors else {})}


def cronjob(server: str = "https://ca.test/dir", domain: str = "example.test", **status: str) -> Raw:
    """The issuer's CronJob, made at five."""
    given = [{"name": "ACME_SERVER", "value": server}, {"name": "EXTERNAL_DOMAIN", "value": domain}]
    pod = {"containers": [{"name": "issuer", "env": given}]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": meta("issuer", "homelab", creationTimestamp="2026-11-23T05:00:00Z"),
        "spec": {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}},
        "status": status,
    }


def job(name: str, started: str = "2026-11-23T05:00:00Z", condition: str = "Complete", **more: str) -> Raw:
    """A run of the issuer that has ended, well or not."""
    conditions = [{"type": condition, "status": "True", **more}]
    status = {"startTime": started, "completionTime": started, "conditions": conditions}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta(name, "homelab"), "status": status}


def answer(*routers: Raw, pod: str = "homelab/traefik-internal-1", zone: str = "internal") -> TraefikAnswer:
    """What one Traefik said."""
    return TraefikAnswer(pod, zone, routers)


def silent(error: str, pod: str = "homelab/traefik-internal-1", zone: str = "internal") -> TraefikAnswer:
    """A Traefik that did not answer."""
    return TraefikAnswer(pod, zone, None, error)


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside an object."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield (*way, key)
        yield from places(one, (*way, key))


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "?", "Ω\ud800", "x" * 300, 0, -1, True, 1.5, [], {}, [None], {"": None}, ["a"], [[]]]
)


@st.composite
def broken(draw: st.DrawFn, obj: Any) -> Any:
    """The object with some of its values dropped, nulled or replaced by something of another type."""
    hurt = deepcopy(obj)
    for _ in range(draw(st.integers(1, 6))):
        ways = list(places(hurt))
        if ways:
            hurt_one(hurt, draw(st.sampled_from(ways)), draw(st.none() | ODD), drop=draw(st.booleans()))
    return hurt


def hurt_one(obj: Any, way: tuple[Any, ...], value: Any, *, drop: bool) -> None:
    """Damage one place."""
    for key in way[:-1]:
        obj = obj[key]
    if drop:
        del obj[way[-1]]
    else:
        obj[way[-1]] = deepcopy(value)


def thing(
    api_version: str,
    kind: str,
    name: str,
    namespace: str | None = None,
    *,
    spec: Raw | None = None,
    status: Raw | None = None,
    **more: Any,
) -> Raw:
    """Any object; further words become metadata."""
    parts = {"spec": spec, "status": status}
    found = {"apiVersion": api_version, "kind": kind, "metadata": meta(name, namespace, **more)}
    return found | {key: value for key, value in parts.items() if value is not None}


def ours(obj: Raw, **labels: str) -> Raw:
    """The object with the label by which we know our own."""
    marks = {"app.kubernetes.io/managed-by": "homelab-tui", **labels}
    old = obj["metadata"].get("labels") or {}
    return {**obj, "metadata": {**obj["metadata"], "labels": old | marks}}


def by_helm(obj: Raw, release: str) -> Raw:
    """The object as Helm leaves it."""
    notes = (obj["metadata"].get("annotations") or {}) | {"meta.helm.sh/release-name": release}
    labels = (obj["metadata"].get("labels") or {}) | {"app.kubernetes.io/managed-by": "Helm"}
    return {**obj, "metadata": {**obj["metadata"], "annotations": notes, "labels": labels}}


def pod(name: str, namespace: str = "homelab", *containers: Raw, app: str = "web", conditions: Any = ()) -> Raw:
    """A pod with the label `app` and the states of its containers."""
    status = {"conditions": list(conditions), "containerStatuses": list(containers)}
    return thing("v1", "Pod", name, namespace, labels={"app": app}, status=status)


def k3s_node(name: str, *args: str) -> Raw:
    """A machine of k3s, which writes down the arguments that it was started with."""
    found = node(name)
    found["metadata"]["annotations"] = {"k3s.io/node-args": json.dumps(args)}
    return found


def article_plan() -> Plan:
    """The plan that `plan init` writes."""
    return plan_of(initial())


def other_home() -> Plan:
    """The same home somewhere else: another LAN, another domain."""
    return plan_of(initial().replace("192.168.1.", "10.77.3.").replace("domain.com", "home.test"))


def plan_of(text: str) -> Plan:
    """The plan that a text says."""
    reading = read(text)
    assert reading.plan, reading.findings
    return reading.plan
