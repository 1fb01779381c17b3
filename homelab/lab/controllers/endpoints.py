"""EndpointSlices: the addresses of the pods that a Service selects, one slice per set of ports."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from homelab.lab.controllers.index import Index
from homelab.lab.controllers.kinds import POD, SERVICE, SLICE
from homelab.lab.controllers.matching import has_all, labels
from homelab.lab.controllers.owned import is_dying, is_ready, made_by, managers, owned
from homelab.lab.store import Event, Store
from homelab.observe.raw import items, text
from homelab.ports import Raw, Ref

OF_SERVICE = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
Ports = tuple[tuple[str, str, int | None], ...]
"""Name, protocol, number."""


class EndpointSlices:
    """Services and pods -> EndpointSlices."""

    kinds = frozenset({SERVICE, POD, SLICE})

    def __init__(self) -> None:
        self._services = Index(_selecting)
        self._pods = Index(_labelled)
        self._due: dict[Ref, None] = {}
        """Services whose slices may have to change."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Note the Service that changed, or those that select the pod that changed."""
        ref = Ref.of(event.object)
        if ref.kind == SERVICE:
            service = store.get(ref)
            self._services.note(ref, service)
            self._due[ref] = None
        elif ref.kind == POD:
            self._pod(store, ref, store.get(ref))
        elif event.type == "DELETED" and (service := managers(store, event.object, SERVICE)):
            self._due[Ref.of(service)] = None

    def settle(self, store: Store) -> None:
        """Write the slices, once however many of a Service's pods have changed."""
        due, self._due = self._due, {}
        for ref in due:
            self._write(store, store.get(ref))

    def _pod(self, store: Store, ref: Ref, pod: Raw | None) -> None:
        before = self._pods.note(ref, pod)
        keys = dict.fromkeys((*before, *(_labelled(pod) if pod else ())))
        self._due |= dict.fromkeys(ref for key in keys for ref in self._services.refs(key))

    def _write(self, store: Store, service: Raw | None) -> None:
        if service is None or is_dying(service):
            return  # slices have the Service as owner, and end with it
        before = owned(store, service, SLICE)
        wanted = _slices(service, self._selected(store, service)) if next(iter(_selecting(service)), None) else []
        for old, new in zip(before, wanted, strict=False):
            store.update({**old, **new})
        for new in wanted[len(before) :]:
            store.create({**new, "metadata": _meta(service)})
        for old in before[len(wanted) :]:
            store.delete(Ref.of(old))

    def _selected(self, store: Store, service: Raw) -> list[Raw]:
        (key,) = _selecting(service)
        selector = service["spec"]["selector"]
        found = [pod for pod in self._pods.of(store, key) if has_all(selector, labels(pod)) and _counts(pod)]
        return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


def _selecting(service: Raw) -> Iterable[Hashable]:
    """One of the labels that its pods have, so that a pod finds its Services among few."""
    selector: Mapping[str, Any] = service["spec"].get("selector") or {}
    if selector and service["spec"].get("type") != "ExternalName":
        yield service["metadata"]["namespace"], *min(selector.items(), key=str)


def _labelled(pod: Raw) -> Iterable[Hashable]:
    return ((pod["metadata"]["namespace"], key, value) for key, value in labels(pod).items())


def _counts(pod: Raw) -> bool:
    return bool(text(pod, "status", "podIP")) and text(pod, "status", "phase") not in ("Succeeded", "Failed")


def _slices(service: Raw, pods: list[Raw]) -> list[Raw]:
    groups: dict[Ports, list[Raw]] = {}
    for pod in pods:
        groups.setdefault(_ports(service, pod), []).append(pod)
    return [_slice(service, ports, group) for ports, group in groups.items()] or [_slice(service, (), [])]


def _slice(service: Raw, ports: Ports, pods: list[Raw]) -> Raw:
    early = bool(service["spec"].get("publishNotReadyAddresses"))
    return {
        "apiVersion": SLICE.api_version,
        "kind": SLICE.name,
        "addressType": "IPv4",
        "endpoints": [_endpoint(pod, early) for pod in pods],
        "ports": [{"name": name, "protocol": protocol, "port": port} for name, protocol, port in ports if port],
    }


def _endpoint(pod: Raw, early: bool) -> Raw:
    ready, meta = is_ready(pod), pod["metadata"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready or early, "serving": ready, "terminating": is_dying(pod)},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
    }


def _ports(service: Raw, pod: Raw) -> Ports:
    return tuple(
        (text(port, "name") or "", text(port, "protocol") or "TCP", _number(port, pod))
        for port in items(service, "spec", "ports")
    )


def _number(port: Raw, pod: Raw) -> int | None:
    """A target port may be the name of a container's port, which differs from pod to pod."""
    target = port.get("targetPort") or port["port"]
    if isinstance(target, int):
        return target
    every = (one for container in items(pod, "spec", "containers") for one in items(container, "ports"))
    return next((one["containerPort"] for one in every if one.get("name") == target), None)


def _meta(service: Raw) -> Raw:
    meta = service["metadata"]
    ours = {OF_SERVICE: meta["name"], MANAGED_BY: "endpointslice-controller.k8s.io"}
    return {
        "generateName": f"{meta['name']}-",
        "namespace": meta["namespace"],
        "labels": {**labels(service), **ours},
        "ownerReferences": made_by(service),
    }
