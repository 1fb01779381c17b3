"""Which real programs run: as many as the pods ask for, no longer than their pods are there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv4Network, ip_address
from typing import Any

import aiohttp

from homelab.lab.consul.cluster import Member
from homelab.lab.controllers.clock import stamp
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.kinds import CLAIM, POD, REPLICA_SET, SERVICE
from homelab.lab.controllers.matching import has_all, labels
from homelab.lab.controllers.owned import controller_of, is_dying
from homelab.lab.controllers.pods import set_ready
from homelab.lab.programs.arguments import services
from homelab.lab.programs.consul import Clusters, Consul, settings, volume
from homelab.lab.programs.containers import Container, container, port_number
from homelab.lab.programs.mounts import address, mounted
from homelab.lab.programs.program import START_FAILED, Address, Ended, Program, ProgramError, State, Supervised
from homelab.lab.programs.sample import Whoami
from homelab.lab.programs.traefik import LOOPBACK, Around, Place, Traefik
from homelab.lab.programs.words import Words
from homelab.lab.store import Event, Store, utc_now
from homelab.observe.raw import annotation, dig, full_name, items, namespace, text
from homelab.ports import Kind, Raw, Ref

LOG = logging.getLogger(__name__)
TRAEFIK = "traefik"
WHOAMI = "traefik/whoami"
CONSUL = "hashicorp/consul"
PROGRAMS = frozenset({CONSUL, TRAEFIK, WHOAMI})
"""Image repositories whose pods are ready only when a real program says so."""
ANNOTATION = "homelab-tui/loopback"
"""On a Service with an address of the LAN: where this machine reaches the same, since that address exists nowhere."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """What a program was started from; it is restarted when another is wished."""

    container: Container
    lead: Ref
    """The pod that lends its address to what the others share."""
    address: str
    services: tuple[tuple[str, str], ...]
    """Where those are that it is told of by name."""


@dataclass(frozen=True, slots=True)
class _Belongs:
    """To which program a pod belongs, as long as it is the pod with this uid."""

    pod: str
    program: str


@dataclass(slots=True)
class _Running:
    spec: _Spec
    supervised: Supervised
    task: asyncio.Task[None]


@dataclass(slots=True)
class Programs:
    """Keeps `controllers.runner.Controller`. `end` stops everything."""

    place: Place
    session: aiohttp.ClientSession
    kinds: frozenset[Kind] = frozenset({POD, SERVICE})
    _pods: dict[str, dict[Ref, None]] = field(default_factory=dict)
    """The pods of each program, by the uid of what the program runs for."""
    _program: dict[Ref, _Belongs] = field(default_factory=dict)
    """The same by pod."""
    _running: dict[str, _Running] = field(default_factory=dict)
    _ending: set[asyncio.Task[None]] = field(default_factory=set)
    _clusters: Clusters = field(default_factory=Clusters)
    _events: Recorder = field(default_factory=lambda: Recorder("kubelet", utc_now))

    def reconcile(self, store: Store, event: Event) -> None:
        """Start, restart or end what a changed pod runs; tell a new Service where it is reached."""
        ref = Ref.of(event.object)
        if ref.kind == SERVICE:
            if (service := store.get(ref)) and service["spec"].get("type") == "LoadBalancer":
                self._point(store, service)
            return
        concerned = self._note(store, ref)
        for uid in concerned | (self._reading() if concerned else frozenset()):
            self._keep(store, uid)

    def address(self, pod: Raw, port: int) -> Address | None:
        """Where a port of a pod really is; None when no program serves it. Replicas share one process."""
        known = self._program.get(Ref.of(pod))
        running = self._running.get(known.program) if known else None
        return running.supervised.addresses.get(port) if running else None

    def words(self, pod: Raw, container: str, previous: bool) -> Words | None:
        """What its program says, or said in the life before. Replicas share it."""
        known = self._program.get(Ref.of(pod))
        running = self._running.get(known.program) if known else None
        if running is None or running.spec.container.name != container:
            return None
        return running.supervised.said if previous else running.supervised.words

    async def end(self) -> None:
        """Stop every program, and wait until they are gone."""
        for uid in list(self._running):
            self._stop(uid)
        if self._ending:
            await asyncio.wait(self._ending)

    # Which program a pod belongs to

    def _note(self, store: Store, ref: Ref) -> frozenset[str]:
        """Keep in mind what a pod runs; the uids of the programs that its change concerns."""
        pod, known = store.get(ref), self._program.get(ref)
        before = {known.program} if known else set()
        if known and (pod is None or pod["metadata"]["uid"] != known.pod):
            self._pods[known.program].pop(ref, None)
            del self._program[ref]
            known = None
        if pod and not known and container(pod.get("spec"), PROGRAMS):
            known = _Belongs(pod["metadata"]["uid"], _workload(store, pod)["metadata"]["uid"])
            self._program[ref] = known
            self._pods.setdefault(known.program, {})[ref] = None
        return frozenset(before | ({known.program} if known else set()))

    def _reading(self) -> frozenset[str]:
        """The programs that read from others, which may have come or gone."""
        return frozenset(uid for uid, one in self._running.items() if services(one.spec.container.arguments))

    def _keep(self, store: Store, uid: str) -> None:
        """Make what runs the same as what is wished."""
        running = self._running.get(uid)
        spec = self._wished(store, uid, running.spec if running else None)
        if running and spec == running.spec:
            self._tell(store, uid, spec, running.supervised.state)
        elif spec:
            self._start(store, uid, spec)
        elif running:
            self._stop(uid)
            self._point_all(store, running.spec.lead.namespace)
        if not self._pods.get(uid, True):
            del self._pods[uid]

    def _wished(self, store: Store, uid: str, before: _Spec | None) -> _Spec | None:
        """By the newest template as soon as one of its pods is there; the pod that leads stays while it may."""
        pods = {ref: pod for ref in sorted(self._pods.get(uid, ())) if (pod := store.get(ref)) and _may_run(pod)}
        workload = store.owner(uid) or {}
        newest = container(dig(workload, "spec", "template", "spec"), PROGRAMS)
        chosen = [ref for ref, pod in pods.items() if container(pod["spec"], PROGRAMS) == newest] or list(pods)
        if not chosen:
            return None
        lead = before.lead if before and before.lead in chosen else chosen[0]
        wanted = container(pods[lead]["spec"], PROGRAMS)
        if not wanted:
            return None
        known = dict(before.services) if before else {}
        named = services(wanted.arguments) if wanted.repository == TRAEFIK else ()
        found = {name: address(store, name, known.get(name)) or known.get(name) for name in named}
        there = tuple((name, where) for name, where in found.items() if where)
        return _Spec(wanted, lead, pods[lead]["status"]["podIP"], there)

    # Starting and ending

    def _start(self, store: Store, uid: str, spec: _Spec) -> None:
        before = self._stop(uid)
        supervised = Supervised(
            partial(self._make, store, uid, spec),
            spec.container.probe,
            self.session,
            partial(self._told, store, uid, spec),
        )
        task = asyncio.create_task(_after(before, supervised))
        self._running[uid] = _Running(spec, supervised, task)
        self._tell(store, uid, spec, supervised.state)

    def _stop(self, uid: str) -> asyncio.Task[None] | None:
        running = self._running.pop(uid, None)
        if running is None:
            return None
        running.task.cancel()
        self._ending.add(running.task)
        running.task.add_done_callback(self._ending.discard)
        return running.task

    def _make(self, store: Store, uid: str, spec: _Spec) -> Program:
        if not _is_in(self.place.network, spec.address):
            raise ProgramError(f"{spec.address} is no address of this lab's pods, which are in {self.place.network}")
        if spec.container.repository == WHOAMI:
            return Whoami(spec.container, spec.lead.name, spec.address)
        if not (pod := store.get(spec.lead)):
            raise ProgramError("its pod is gone")
        files = mounted(store, pod, spec.container.name)
        if spec.container.repository == CONSUL:
            return self._consul(store, pod, spec, settings(files))
        workload = full_name(store.owner(uid) or store.get(spec.lead))
        return Traefik(self.place, workload, spec.container, spec.address, Around(dict(spec.services), files))

    def _consul(self, store: Store, pod: Raw, spec: _Spec, found: Mapping[str, Any]) -> Program:
        owner = controller_of(pod)
        claims = (text(one, "persistentVolumeClaim", "claimName") for one in items(pod, "spec", "volumes"))
        volumes = [store.get(Ref(CLAIM, namespace(pod), claim)) for claim in claims if claim]
        on = volume(pod, [one["metadata"]["uid"] for one in volumes if one])
        workload = f"{namespace(pod)}/{owner.get('name', spec.lead.name)}"
        cluster = self._clusters.of(workload, on, store.owner, found)
        return Consul(cluster, Member(spec.lead.name, spec.address, stamp(utc_now())))

    # Telling

    def _told(self, store: Store, uid: str, spec: _Spec, state: State) -> None:
        self._tell(store, uid, spec, state)
        if state.waiting:
            self._say_back_off(store, uid, spec.container.name)
        self._point_all(store, spec.lead.namespace)

    def _tell(self, store: Store, uid: str, spec: _Spec, state: State) -> None:
        seen = {spec.container.name: _seen(state)}
        for ref in list(self._pods.get(uid, ())):
            set_ready(store, ref, state.ready, state.why, seen)

    def _say_back_off(self, store: Store, uid: str, name: str) -> None:
        for pod in filter(None, map(store.get, tuple(self._pods.get(uid, ())))):
            meta = pod["metadata"]
            which = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
            why = f"Back-off restarting failed container {name} in pod {which}"
            self._events.say(store, pod, "Warning", "BackOff", why)

    def _point_all(self, store: Store, space: str | None) -> None:
        for service in store.all(SERVICE, space):
            if service["spec"].get("type") == "LoadBalancer":
                self._point(store, service)

    def _point(self, store: Store, service: Raw) -> None:
        """Write beside an address that exists nowhere the one that this machine reaches."""
        pods = (pod for ref in self._program if (pod := store.get(ref)) and _selects(service, pod))
        found = next((text for pod in pods if (text := self._loopback(service, pod))), None)
        if annotation(service, ANNOTATION) != found:
            store.annotate(Ref.of(service), {ANNOTATION: found})

    def _loopback(self, service: Raw, pod: Raw) -> str | None:
        wanted = (entry.get("targetPort", entry.get("port")) for entry in items(service, "spec", "ports"))
        numbers = (port_number(pod.get("spec"), port) for port in wanted)
        found = (self.address(pod, number) for number in numbers if number)
        return ", ".join(f"{host}:{port}" for host, port in filter(None, found) if host == LOOPBACK) or None


async def _after(before: asyncio.Task[None] | None, supervised: Supervised) -> None:
    """Run once the one before has let go of its addresses."""
    if before:
        await asyncio.wait([before])
    try:
        await supervised.run()
    except Exception:
        LOG.exception("a program is no longer looked after")


def _workload(store: Store, pod: Raw) -> Raw:
    """What a pod's program runs for: for Traefik its Deployment or the like, so that replicas share one process."""
    wanted = container(pod.get("spec"), PROGRAMS)
    if wanted and wanted.repository != TRAEFIK:
        return pod
    owner = store.owner(controller_of(pod).get("uid", ""))
    if owner and Ref.of(owner).kind == REPLICA_SET:
        return store.owner(controller_of(owner).get("uid", "")) or owner
    return owner or pod


def _seen(state: State) -> Raw:
    """A container's part of its pod's status, as its kubelet would write it."""
    if state.since is None:
        return {}
    why = {"reason": "CrashLoopBackOff", "message": state.why}
    doing = {"waiting": why} if state.waiting else {"running": {"startedAt": stamp(state.since)}}
    counted = {"restartCount": state.restarts, "started": not state.waiting}
    return {"state": doing, "lastState": _terminated(state.last) if state.last else {}, **counted}


def _terminated(last: Ended) -> Raw:
    reason = {0: "Completed", START_FAILED: "StartError"}.get(last.code, "Error")
    told = {"exitCode": last.code, "reason": reason, "message": last.why, "finishedAt": stamp(last.at)}
    return {"terminated": told}


def _is_in(network: IPv4Network, address: str) -> bool:
    with suppress(ValueError):
        return ip_address(address) in network
    return False


def _may_run(pod: Raw) -> bool:
    """Once its initContainers have ended."""
    return not is_dying(pod) and text(pod, "status", "podIP") is not None and dig(pod, "status", "phase") == "Running"


def _selects(service: Raw, pod: Raw) -> bool:
    return namespace(service) == namespace(pod) and has_all(service["spec"].get("selector"), labels(pod))
