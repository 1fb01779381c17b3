"""Pods: each finds a node and an address there, and runs; whether it is ready, its program says where there is one."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network

from homelab.lab.controllers.clock import Clock
from homelab.lab.controllers.conditions import holds
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.index import Index
from homelab.lab.controllers.kinds import NODE, POD
from homelab.lab.controllers.matching import fits
from homelab.lab.controllers.owned import controller_of, is_dying
from homelab.lab.controllers.podstatus import (
    completed,
    ended,
    initializing,
    repository,
    running,
    unschedulable,
    with_readiness,
)
from homelab.lab.store import Event, Store, utc_now
from homelab.observe.raw import dig, items, text
from homelab.ports import Raw, Ref

PENDING = "pending"
MOST = 250
"""Pods that a node runs: its pod network has no more addresses."""


class Pods:
    """Scheduler and kubelet of every node."""

    kinds = frozenset({POD, NODE})

    def __init__(self, now: Clock, programs: frozenset[str]) -> None:
        self._now = now
        self._programs = programs
        """Image repositories that a real program stands behind; pods of all others are ready at once."""
        self._index = Index(_keys)
        self._say = Recorder("default-scheduler", now).say

    def reconcile(self, store: Store, event: Event) -> None:
        """Start what has no node yet; take the state of its node to heart."""
        ref = Ref.of(event.object)
        if ref.kind == NODE:
            self._node(store, ref, store.get(ref))
            return
        pod = store.get(ref)
        self._index.note(ref, pod)
        if pod is None:
            self._retry(store)
        elif not is_dying(pod) and _is_new(pod):
            self._start(store, pod)

    def _node(self, store: Store, ref: Ref, node: Raw | None) -> None:
        for pod in self._index.of(store, ("node", ref.name)):
            if node is None:
                store.delete(Ref.of(pod))
            elif not _is_new(pod):
                store.set_status(Ref.of(pod), with_readiness(pod, node, self._now()))
        self._retry(store)

    def _retry(self, store: Store) -> None:
        """A node or the end of a pod may have made room."""
        for pod in self._index.of(store, PENDING):
            self._start(store, pod)

    def _start(self, store: Store, pod: Raw) -> None:
        name = text(pod, "spec", "nodeName")
        node = store.get(Ref(NODE, None, name)) if name else self._choose(store, pod)
        if node is None:
            self._wait(store, pod, len(store.all(NODE)))
            return
        address = _node_address(node) if pod["spec"].get("hostNetwork") else self._free(node)
        if not address or not holds(node, "Ready"):
            return
        bound = {**pod, "spec": {**pod["spec"], "nodeName": node["metadata"]["name"]}}
        made = store.update({**bound, "status": self._status(bound, node, address)})
        self._index.note(Ref.of(made), made)

    def _wait(self, store: Store, pod: Raw, nodes: int) -> None:
        why = f"0/{nodes} nodes are available: none is ready, has room and is one that the pod accepts."
        status = unschedulable(pod, why, self._now())
        if status != pod.get("status"):
            store.set_status(Ref.of(pod), status)
            self._say(store, pod, "Warning", "FailedScheduling", why)

    def _status(self, pod: Raw, node: Raw, address: str) -> Raw:
        real, now = self._is_real(pod, "containers"), self._now()
        if self._is_real(pod, "initContainers"):
            return initializing(pod, _node_address(node), address, now)
        if not real and (pod["spec"].get("restartPolicy") or "Always") != "Always":
            return completed(pod, _node_address(node), address, now)
        status = running(pod, _node_address(node), address, ready=not real, now=now)
        return with_readiness({**pod, "status": status}, node, now)

    def _is_real(self, pod: Raw, part: str) -> bool:
        return not self._programs.isdisjoint(repository(one["image"]) for one in items(pod, "spec", part))

    def _choose(self, store: Store, pod: Raw) -> Raw | None:
        """The node with the fewest pods of the same owner, then with the fewest pods."""
        owner = controller_of(pod)
        siblings = [text(one, "spec", "nodeName") for one in store.dependents(owner["uid"])] if owner else []
        fitting = [node for node in store.all(NODE) if self._has_room(node) and fits(pod["spec"], node)]

        def load(node: Raw) -> tuple[int, int, str]:
            name = str(node["metadata"]["name"])
            return siblings.count(name), self._index.size(("busy", name)), name

        return min(fitting, key=load, default=None)

    def _has_room(self, node: Raw) -> bool:
        open_ = holds(node, "Ready") and not dig(node, "spec", "unschedulable")
        return open_ and self._index.size(("busy", node["metadata"]["name"])) < MOST

    def _free(self, node: Raw) -> str | None:
        """The first address of the node's pod network that no pod has; none where the node has no such network."""
        found = text(node, "spec", "podCIDR")
        if not found:
            return None
        network = IPv4Network(found)
        every = (str(IPv4Address(int(network[0]) + host)) for host in range(2, network.num_addresses - 1))
        return next((address for address in every if not self._index.size(("address", address))), None)


def set_ready(store: Store, ref: Ref, ready: bool, why: str, seen: Mapping[str, Raw] | None = None) -> None:
    """What the program behind a pod's containers says; nothing happens when the pod is gone or was not started.

    `seen`: what else is told of a container, by its name.
    """
    pod = store.get(ref)
    node = store.get(Ref(NODE, None, text(pod, "spec", "nodeName") or "")) if pod else None
    if pod and node and not _is_new(pod):
        statuses = items(pod, "status", "containerStatuses")
        told = [{**one, "ready": ready, **(seen or {}).get(one["name"], {})} for one in statuses]
        heard = {**pod, "status": {**pod["status"], "containerStatuses": told}}
        store.set_status(ref, with_readiness(heard, node, utc_now(), why))


def set_initialized(store: Store, ref: Ref, *, ready: bool) -> None:
    """A pod's initContainers have ended well, its containers run now; nothing happens when it is gone."""
    if pod := store.get(ref):
        host, address = str(text(pod, "status", "hostIP")), str(text(pod, "status", "podIP"))
        store.set_status(ref, running(pod, host, address, ready=ready, now=utc_now()))
        set_ready(store, ref, ready, "")


def set_ended(store: Store, ref: Ref, code: int, why: str) -> None:
    """A pod has done what it was there for, or has failed; nothing happens when it is gone."""
    if pod := store.get(ref):
        store.set_status(ref, ended(pod, code, why, utc_now()))


def _keys(pod: Raw) -> Iterable[Hashable]:
    node, address = text(pod, "spec", "nodeName"), text(pod, "status", "podIP")
    if node:
        yield "node", node
    if address and text(pod, "status", "phase") not in ("Succeeded", "Failed"):
        yield "address", address
        yield "busy", node
    if _is_new(pod):
        yield PENDING


def _is_new(pod: Raw) -> bool:
    return not dig(pod, "status", "podIP")


def _node_address(node: Raw) -> str:
    return next((one["address"] for one in items(node, "status", "addresses") if one.get("type") == "InternalIP"), "")
