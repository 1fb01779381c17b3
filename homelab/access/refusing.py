"""Why a Service cannot be shown, and why an app's Ingresses cannot be edited here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from homelab.access.model import App
from homelab.observe.ingress import ROUTER, asks_for_tls, wishes_of
from homelab.observe.raw import dig, full_name, items, label, name, namespace, strings, text
from homelab.ports import Raw
from homelab.stack.render import COMPONENT, STAGE

APPS = "apps"
"""The only stage whose Services are for people."""
KUBERNETES = frozenset({"default/kubernetes", "kube-system/kube-dns", "kube-system/metrics-server"})
METALLB = "metallb-system"


def refusal(service: Raw, dying: Collection[str]) -> str | None:
    """Why a Service cannot be shown; None when it can. `dying`: namespaces that are being deleted."""
    if why := _protected(service):
        return why
    if namespace(service) in dying:
        return f"namespace {namespace(service)} is being deleted, and takes it along"
    if text(service, "spec", "type") == "ExternalName":
        return "it is of type ExternalName, which Traefik does not serve; make a Service with endpoints of its own"
    found = items(service, "spec", "ports")
    if not found:
        return "it has no port; give its spec.ports one"
    if not any((text(one, "protocol") or "TCP") == "TCP" for one in found):
        return "it has UDP ports alone, and an Ingress leads to web servers; nothing to show"
    return None


def _protected(service: Raw) -> str | None:
    """What is nobody's app, and better not seen."""
    if label(service, COMPONENT) and label(service, STAGE) != APPS:
        return f"it is part of the stack itself ({label(service, COMPONENT)})"
    if full_name(service) in KUBERNETES or label(service, "kubernetes.io/cluster-service") == "true":
        return "it is Kubernetes' own"
    return "it is MetalLB's own" if namespace(service) == METALLB else None


def faults(group: Sequence[Raw], each: Sequence[App]) -> str | None:
    """What an app's Ingresses say that its form cannot: an edit would lose it. None when nothing."""
    if dying := next((one for one in group if text(one, "metadata", "deletionTimestamp")), None):
        return held(dying)
    found = [f"Ingress {full_name(one)} {fault}" for one in group for fault in _beyond(one)]
    if len({tuple(one.hosts) for one in each}) < len(each):
        found.append(f"{' and '.join(name(one) for one in group)} are of one zone, by their label traffic-type")
    alike = {repr(replace(one, hosts={}, version={})) for one in each}
    if len(alike) > 1:
        found.append("its Ingresses differ in Service, port, path or password")
    return f"{'; '.join(found)}: withdraw it, or change that with kubectl" if found else None


def held(ingress: Raw) -> str:
    """Why an Ingress that is being deleted is there still, and what to do."""
    what = f"Ingress {full_name(ingress)} is being deleted"
    if not (keepers := strings(ingress, "metadata", "finalizers")):
        return f"{what}; wait until it is gone"
    return (
        f"{what}, and held by {', '.join(keepers)}; if who put that there is gone, take it out of metadata.finalizers"
    )


def _beyond(ingress: Raw) -> Iterator[str]:
    rules = items(ingress, "spec", "rules")
    if len(rules) != 1:
        yield f"has {len(rules)} rules"
    elif len(items(rules[0], "http", "paths")) != 1:
        yield f"has {len(items(rules[0], 'http', 'paths'))} paths"
    if dig(ingress, "spec", "defaultBackend"):
        yield "has a default backend"
    wish = next(iter(wishes_of(ingress)), None)
    if wish and asks_for_tls(ingress, wish.host):
        yield "asks for TLS by itself"
    if any(one.path_type != "Prefix" for one in wishes_of(ingress)):
        yield "has a path type other than Prefix"
    found = dig(ingress, "metadata", "annotations")
    notes = map(str, found) if isinstance(found, dict) else ()
    known = {f"{ROUTER}middlewares", f"{ROUTER}tls"}
    if further := sorted(key for key in notes if key.startswith(ROUTER) and key not in known):
        yield f"has {', '.join(further)}"
    if wish and len(wish.middlewares) > 1:
        yield "has several middlewares"
