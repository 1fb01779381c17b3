"""MetalLB's controller: gives addresses to Services. It acts only while a pod of it is ready.

Source: MetalLB v0.16.1, controller/service.go and controller/main.go; events compared with the real one's.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address

from homelab.lab.controllers.clock import Clock
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.kinds import POD, SERVICE
from homelab.lab.controllers.matching import labels
from homelab.lab.controllers.metallb.allocator import (
    FROM_POOL,
    OLD_PREFIX,
    POOL,
    Claim,
    Given,
    Refused,
    allocate,
    assign,
    claim,
    noted,
    quoted,
    wish,
)
from homelab.lab.controllers.metallb.pools import InvalidPool, Pool, pools
from homelab.lab.controllers.owned import is_ready
from homelab.lab.store import Event, Store
from homelab.observe.raw import items, text
from homelab.ports import Kind, Raw, Ref

IP_POOL = Kind("metallb.io/v1beta1", "IPAddressPool")
NAMESPACE = "metallb-system"


def is_part(pod: Raw, component: str) -> bool:
    """Whether a pod is of MetalLB's `controller` or `speaker`."""
    found = labels(pod)
    return (found.get("app"), found.get("component")) == ("metallb", component)


def is_rewritten(event: Event) -> bool:
    """Whether more has changed than a status, such as a pool's, which counts every address."""
    before = event.before or {}
    wished = [(obj.get("spec"), obj.get("metadata", {}).get("labels")) for obj in (before, event.object)]
    return event.type != "MODIFIED" or wished[0] != wished[1]


class AddressController:
    """Pools and Services -> addresses."""

    kinds = frozenset({SERVICE, POD, IP_POOL})

    def __init__(self, now: Clock) -> None:
        self._say = Recorder("metallb-controller", now).say
        self._pods: set[Ref] = set()
        """The ready ones of its own; it is down while there are none."""
        self._pools: tuple[Pool, ...] = ()
        """As last read whole: while one of them cannot be used, all stay as they were."""
        self._given: dict[str, tuple[Claim, Given]] = {}
        self._holders: dict[IPv4Address, list[Claim]] = {}
        self._used: Counter[str] = Counter()
        """How many addresses of each pool are given away."""
        self._waiting: dict[str, Ref] = {}
        """Services that were refused, by `namespace/name`, in the order of asking."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Converge what changed; with a changed pool, or after a start, everything."""
        ref = Ref.of(event.object)
        if ref.kind == POD:
            self._pod(store, ref, event.object)
        elif not self._pods:
            return
        elif ref.kind == SERVICE:
            self._service(store, ref)
        elif is_rewritten(event):
            self._reload(store)

    def _pod(self, store: Store, ref: Ref, seen: Raw) -> None:
        if ref.namespace != NAMESPACE or not is_part(seen, "controller"):
            return
        was_up, pod = bool(self._pods), store.get(ref)
        (self._pods.add if pod and is_ready(pod) else self._pods.discard)(ref)
        if self._pods and not was_up:
            self._given, self._holders, self._waiting = {}, {}, {}
            self._used.clear()
            self._reload(store)

    def _reload(self, store: Store) -> None:
        """Read the pools anew, then look at every Service; those with an address come first, so that they keep it."""
        objects = store.all(IP_POOL, NAMESPACE)
        try:
            self._pools = pools(objects)
        except InvalidPool as problem:
            for pool in objects:
                self._say(store, pool, "Warning", "InvalidConfiguration", str(problem))
        for key, (_, given) in tuple(self._given.items()):
            if not any(given.address in pool for pool in self._pools):
                self._unassign(key)
        for service in sorted(store.all(SERVICE), key=lambda one: not addresses(one)):
            self._converge(store, service)
        for one in self._pools:
            self._count(store, one.name)

    def _service(self, store: Store, ref: Ref) -> None:
        service = store.get(ref)
        key = f"{ref.namespace}/{ref.name}"
        before = self._given.get(key)
        if service is None:
            self._waiting.pop(key, None)
            self._unassign(key)
        else:
            self._converge(store, service)
        after = self._given.get(key)
        if before == after:
            return
        if before:
            self._retry(store)
        for pool in {found[1].pool for found in (before, after) if found}:
            self._count(store, pool)

    def _retry(self, store: Store) -> None:
        """Room was made: those who wait may have it now. They were told why they wait and are not told again."""
        for key, ref in tuple(self._waiting.items()):
            service = store.get(ref)
            if service and self._could(service):
                del self._waiting[key]
                self._converge(store, service)

    def _could(self, service: Raw) -> bool:
        try:
            allocate(service, self._pools, self._holders)
        except Refused:
            return False
        return True

    def _converge(self, store: Store, service: Raw) -> None:
        """One Service, from what it has to what it should have."""
        meta = service["metadata"]
        key, kind = f"{meta['namespace']}/{meta['name']}", text(service, "spec", "type")
        if text(service, "spec", "loadBalancerClass"):
            return  # another load balancer's
        if kind != "LoadBalancer" or not self._pools:
            self._waiting.pop(key, None)
            self._clear(store, service, key)
            return
        if not text(service, "spec", "clusterIP"):
            return  # comes with the next change
        try:
            if self._keeps(store, service, key):
                return
            self._unassign(key)
            given = allocate(service, self._pools, self._holders)
        except Refused as problem:
            self._refuse(store, service, key, problem)
            return
        self._waiting.pop(key, None)
        self._take(claim(service), given)
        self._say(store, service, "Normal", "IPAllocated", f"Assigned IP {quoted([given.address])}")
        self._write(store, service, given)

    def _refuse(self, store: Store, service: Raw, key: str, problem: Refused) -> None:
        """Let it wait for room; with each of its changes it is tried, and told, again."""
        self._waiting[key] = Ref.of(service)
        self._say(store, service, "Warning", "AllocationFailed", f'Failed to allocate IP for "{key}": {problem}')
        self._clear(store, service, key)

    def _keeps(self, store: Store, service: Raw, key: str) -> bool:
        """Whether the address that it has is still right. Raises Refused for a wish that cannot be read."""
        held = addresses(service)
        if not held:
            return False
        asking = claim(service)
        try:
            given = assign(asking, IPv4Address(held[0]), self._pools, self._holders)
        except (Refused, ValueError) as problem:
            why = f'current IP for "{key}" not allowed by config, will attempt for new IP assignment: {problem}'
            self._say(store, service, "Normal", "ClearAssignment", why)
            return False
        self._take(asking, given)
        try:
            wanted = wish(service)
        except Refused as problem:
            self._say(store, service, "Warning", "LoadBalancerFailed", f"invalid requested loadbalancer IPs: {problem}")
            return True
        if (noted(service, POOL) or given.pool) != given.pool or (wanted and wanted != (given.address,)):
            return False
        self._write(store, service, given)
        return True

    def _take(self, asking: Claim, given: Given) -> None:
        if self._given.get(asking.service) == (asking, given):
            return
        self._unassign(asking.service)
        self._given[asking.service] = (asking, given)
        others = self._holders.setdefault(given.address, [])
        self._used[given.pool] += not others
        others.append(asking)

    def _unassign(self, key: str) -> None:
        held = self._given.pop(key, None)
        if held:
            asking, given = held
            self._holders[given.address].remove(asking)
            if not self._holders[given.address]:
                del self._holders[given.address]
                self._used[given.pool] -= 1

    def _write(self, store: Store, service: Raw, given: Given) -> None:
        ingress = [{"ip": str(given.address), "ipMode": "VIP"}]
        self._update(store, service, {**_notes(service), FROM_POOL: given.pool}, {"ingress": ingress})

    def _clear(self, store: Store, service: Raw, key: str) -> None:
        self._unassign(key)
        left = {name: value for name, value in _notes(service).items() if name != FROM_POOL}
        if addresses(service) or left != _notes(service):
            self._update(store, service, left, {})

    def _update(self, store: Store, service: Raw, notes: Raw, balancer: Raw) -> None:
        current = store.get(Ref.of(service)) or service
        meta = {**current["metadata"], "annotations": notes}
        status = {**(current.get("status") or {}), "loadBalancer": balancer}
        changed = store.update({**current, "metadata": meta, "status": status})
        if changed is not current:
            for name in _notes(service):
                if name.startswith(OLD_PREFIX):
                    why = f"Service uses deprecated annotation {name}"
                    self._say(store, service, "Warning", "deprecatedAnnotation", why)

    def _count(self, store: Store, name: str) -> None:
        pool = next((pool for pool in self._pools if pool.name == name), None)
        if pool:
            used = self._used[name]
            counts = {"assignedIPv4": used, "assignedIPv6": 0, "availableIPv4": len(pool) - used, "availableIPv6": 0}
            store.set_status(Ref(IP_POOL, NAMESPACE, name), counts)


def addresses(service: Raw) -> list[str]:
    """The addresses that a Service has."""
    return [found for one in items(service, "status", "loadBalancer", "ingress") if (found := text(one, "ip"))]


def _notes(service: Raw) -> Raw:
    return service["metadata"].get("annotations") or {}
