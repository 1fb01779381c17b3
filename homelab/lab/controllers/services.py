"""Services: each gets an address inside the cluster, and ports on the nodes where its type asks for them."""

from __future__ import annotations

from collections.abc import Hashable
from ipaddress import IPv4Address, IPv4Network

from homelab.lab.controllers.clock import Clock
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.kinds import SERVICE
from homelab.lab.controllers.owned import is_dying
from homelab.lab.store import Event, Store
from homelab.observe.raw import items, number, text
from homelab.ports import Raw, Ref

NETWORK = IPv4Network("10.96.0.0/12")
"""Addresses of Services. Source: kubeadm's default, serviceSubnet."""
NODE_PORTS = range(30000, 32768)
"""Source: kube-apiserver, --service-node-port-range."""
FIRST = 257
"""The addresses below are left for those that ask for one. Source: Kubernetes docs, address bands."""


class Book:
    """Numbers that are given to one holder each."""

    def __init__(self, numbers: range) -> None:
        self._numbers = numbers
        self._holder: dict[int, Hashable] = {}
        self._next = 0

    def take(self, holder: Hashable, wanted: int | None = None) -> int | None:
        """The wanted number, else the next free one; None when there is none left."""
        if wanted is not None:
            return wanted if self._holder.setdefault(wanted, holder) == holder else None
        for _ in range(len(self._numbers)):
            found = self._numbers[self._next % len(self._numbers)]
            self._next += 1
            if self._holder.setdefault(found, holder) == holder:
                return found
        return None

    def free(self, holder: Hashable, numbers: set[int]) -> None:
        """Give back what a holder has."""
        for one in numbers:
            if self._holder.get(one) == holder:
                del self._holder[one]


class Services:
    """What the API server fills in where a Service leaves it open."""

    kinds = frozenset({SERVICE})

    def __init__(self, now: Clock) -> None:
        first = int(NETWORK[0])
        self._addresses = Book(range(first + FIRST, int(NETWORK[-1])))
        self._ports = Book(NODE_PORTS)
        self._has: dict[Ref, tuple[set[int], set[int]]] = {}
        self._say = Recorder("service-allocator", now).say

    def reconcile(self, store: Store, event: Event) -> None:
        """Fill in what is missing, give back what is not held any more."""
        ref = Ref.of(event.object)
        service = store.get(ref)
        if service is not None and not is_dying(service):
            service = store.update({**service, "spec": self._filled(store, service, ref)})
        self._settle(ref, service)

    def _filled(self, store: Store, service: Raw, ref: Ref) -> Raw:
        spec = service["spec"]
        kind = text(spec, "type") or "ClusterIP"
        if kind == "ExternalName":
            return {**spec, "sessionAffinity": spec.get("sessionAffinity") or "None"}
        outside = {"externalTrafficPolicy": "Cluster"} if kind in ("NodePort", "LoadBalancer") else {}
        balanced = {"allocateLoadBalancerNodePorts": True} if kind == "LoadBalancer" else {}
        foreign = {"externalTrafficPolicy", "allocateLoadBalancerNodePorts"} - outside.keys() - balanced.keys()
        usual = {
            "type": kind,
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            **outside,
            **balanced,
        }
        given = {key: value for key, value in spec.items() if value not in (None, "") and key not in foreign}
        filled = {**usual, **given}
        opened = bool(outside) and filled.get("allocateLoadBalancerNodePorts") is not False
        ports = [self._port(store, service, ref, port, opened) for port in items(spec, "ports")]
        return {**filled, **self._address(store, service, ref), **({"ports": ports} if ports else {})}

    def _address(self, store: Store, service: Raw, ref: Ref) -> Raw:
        given = text(service, "spec", "clusterIP")
        if given == "None":
            return {"clusterIP": "None", "clusterIPs": ["None"]}
        found = self._addresses.take(ref, int(IPv4Address(given)) if given else None)
        if found is None:
            why = f"address {given} is taken" if given else f"no address is free in {NETWORK}"
            self._say(store, service, "Warning", "ClusterIPNotAllocated", why)
            return {}
        address = str(IPv4Address(found))
        return {"clusterIP": address, "clusterIPs": [address]}

    def _port(self, store: Store, service: Raw, ref: Ref, port: Raw, opened: bool) -> Raw:
        filled = {"protocol": "TCP", "targetPort": port["port"], **port}
        if not opened:
            return {key: value for key, value in filled.items() if key != "nodePort"}
        found = self._ports.take(ref, number(port, "nodePort"))
        if found is None:
            why = f"no node port for {port['port']}: {port.get('nodePort') or 'all'} taken"
            self._say(store, service, "Warning", "PortNotAllocated", why)
            return filled
        return {**filled, "nodePort": found}

    def _settle(self, ref: Ref, service: Raw | None) -> None:
        addresses, ports = _held(service) if service else (set(), set())
        old_addresses, old_ports = self._has.pop(ref, (set(), set()))
        self._addresses.free(ref, old_addresses - addresses)
        self._ports.free(ref, old_ports - ports)
        if service:
            self._has[ref] = (addresses, ports)


def _held(service: Raw) -> tuple[set[int], set[int]]:
    address = text(service, "spec", "clusterIP")
    ports = {found for port in items(service, "spec", "ports") if (found := number(port, "nodePort"))}
    return ({int(IPv4Address(address))} if address and address != "None" else set()), ports
