"""MetalLB's speakers: of all nodes with a ready speaker pod, one announces each address and says so.

Source: MetalLB v0.16.1, speaker/main.go and internal/k8s/controllers/layer2_status_controller.go.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from contextlib import suppress
from ipaddress import IPv4Address

from homelab.lab.controllers.clock import Clock
from homelab.lab.controllers.endpoints import OF_SERVICE
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.index import Index
from homelab.lab.controllers.kinds import NODE, POD, SERVICE, SLICE
from homelab.lab.controllers.matching import labels
from homelab.lab.controllers.metallb.adverts import Choice, adverts_for, choose
from homelab.lab.controllers.metallb.controller import IP_POOL, NAMESPACE, addresses, is_part, is_rewritten
from homelab.lab.controllers.metallb.pools import InvalidPool, Pool, pools
from homelab.lab.controllers.owned import is_ready
from homelab.lab.store import Event, Store
from homelab.observe.raw import text
from homelab.ports import Kind, Raw, Ref

ADVERT = Kind("metallb.io/v1beta1", "L2Advertisement")
STATUS = Kind("metallb.io/v1beta1", "ServiceL2Status")
ON_NODE, SERVICE_NAME, SERVICE_NAMESPACE = (
    f"metallb.io/{key}" for key in ("node", "service-name", "service-namespace")
)
INTERFACE = "eth0"
"""The only one that a node of the lab has."""


class Speakers:
    """Addresses, endpoints, nodes and advertisements -> who announces."""

    kinds = frozenset({SERVICE, SLICE, POD, NODE, IP_POOL, ADVERT, STATUS})

    def __init__(self, now: Clock) -> None:
        self._say = Recorder("metallb-speaker", now).say
        self._pods: dict[str, Ref] = {}
        """Node -> its ready speaker."""
        self._pools: tuple[Pool, ...] = ()
        self._slices = Index(lambda one: [(one["metadata"]["namespace"], labels(one).get(OF_SERVICE))])
        self._statuses = Index(_service_of)
        self._told: dict[Ref, tuple[str, Choice]] = {}
        """Service -> the address and who announces it, as last said."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Decide anew for the Service that changed, or for all of them."""
        ref, seen = Ref.of(event.object), event.object
        if ref.kind == SERVICE:
            self._announce(store, ref)
        elif ref.kind == SLICE:
            self._slices.note(ref, store.get(ref))
            self._announce(store, Ref(SERVICE, ref.namespace, labels(seen).get(OF_SERVICE) or ""))
        elif ref.kind == STATUS:
            self._statuses.note(ref, store.get(ref))
        elif ref.kind == POD:
            if self._pod(ref, store.get(ref), seen):
                self._announce_all(store)
        elif ref.kind == NODE or is_rewritten(event):
            self._announce_all(store)

    def _pod(self, ref: Ref, pod: Raw | None, seen: Raw) -> bool:
        """Whether another node has a speaker than before."""
        if ref.namespace != NAMESPACE or not is_part(seen, "speaker"):
            return False
        node, before = text(seen, "spec", "nodeName") or "", dict(self._pods)
        if pod and is_ready(pod):
            self._pods[node] = ref
        elif self._pods.get(node) == ref:
            del self._pods[node]
        return before != self._pods

    def _announce_all(self, store: Store) -> None:
        with suppress(InvalidPool):  # the controller tells; the last good ones stay
            self._pools = pools(store.all(IP_POOL, NAMESPACE))
        for service in store.all(SERVICE):
            self._announce(store, Ref.of(service))

    def _announce(self, store: Store, ref: Ref) -> None:
        service = store.get(ref)
        address = next(iter(addresses(service)), None) if service else None
        choice = self._choice(store, service, address) if service and address else None
        if service and address and choice:
            self._tell(store, service, address, choice)
        else:
            self._told.pop(ref, None)
        if store.resources.of(STATUS):
            self._keep(store, ref, choice)

    def _choice(self, store: Store, service: Raw, address: str) -> Choice | None:
        if text(service, "spec", "type") != "LoadBalancer" or text(service, "spec", "loadBalancerClass"):
            return None
        name = next((pool.name for pool in self._pools if IPv4Address(address) in pool), None)
        pool = store.get(Ref(IP_POOL, NAMESPACE, name)) if name else None
        if not pool:
            return None
        meta = service["metadata"]
        every = ((name, store.get(Ref(NODE, None, name))) for name in self._pods)
        nodes = {name: node for name, node in every if node}
        slices = self._slices.of(store, (meta["namespace"], meta["name"]))
        return choose(service, address, adverts_for(service, pool, store.all(ADVERT, NAMESPACE)), slices, nodes)

    def _tell(self, store: Store, service: Raw, address: str, choice: Choice) -> None:
        ref = Ref.of(service)
        if self._told.get(ref) == (address, choice):
            return
        self._told[ref] = (address, choice)
        if not _has_way(choice):
            missing = f'"{address}" doesn\'t exist in assigned node "{choice.node}" with protocol "layer2"'
            self._say(store, service, "Warning", "announceFailed", f"the interfaces specified by LB IP {missing}")
        said = f'announcing from node "{choice.node}" with protocol "layer2"'
        self._say(store, service, "Normal", "nodeAssigned", said)

    def _keep(self, store: Store, service: Ref, choice: Choice | None) -> None:
        """One ServiceL2Status, of the node that announces. What a lost node has left behind only its heir removes."""
        node = choice.node if choice and _has_way(choice) else None
        kept = False
        for status in self._statuses.of(store, (service.namespace, service.name)):
            theirs = labels(status).get(ON_NODE)
            if theirs == node and not kept:
                kept = True
            elif node or theirs in self._pods:
                store.delete(Ref.of(status))
        if choice and node and not kept:
            pod = store.get(self._pods[node])
            if pod:
                made = store.create(_status(service, choice, pod))
                self._statuses.note(Ref.of(made), made)


def _has_way(choice: Choice) -> bool:
    return not choice.interfaces or INTERFACE in choice.interfaces


def _service_of(status: Raw) -> Iterable[Hashable]:
    found = labels(status)
    return ((found.get(SERVICE_NAMESPACE), found.get(SERVICE_NAME)),)


def _status(service: Ref, choice: Choice, pod: Raw) -> Raw:
    meta = pod["metadata"]
    named = {ON_NODE: choice.node, SERVICE_NAME: service.name, SERVICE_NAMESPACE: service.namespace}
    by = {"interfaces": [{"name": INTERFACE}]} if choice.interfaces else {}
    owner = {"apiVersion": pod["apiVersion"], "kind": pod["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": STATUS.api_version,
        "kind": STATUS.name,
        "metadata": {"generateName": "l2-", "namespace": NAMESPACE, "labels": named, "ownerReferences": [owner]},
        "spec": {},
        "status": {
            "node": choice.node,
            "serviceName": service.name,
            "serviceNamespace": service.namespace,
            **by,
        },
    }
