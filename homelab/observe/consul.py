"""The servers of Consul: what each says of itself, what their leader says of all, and who is silent and why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from homelab.observe.raw import annotation, dig, items, label, name, namespace, number, text
from homelab.observe.traefik import is_alive
from homelab.ports import Kind, Raw, Ref, Value

LABEL = ("app.kubernetes.io/name", "consul")
SELECTOR = "=".join(LABEL)
"""Of its pods."""
SET = Ref(Kind("apps/v1", "StatefulSet"), "homelab", "consul")
"""What makes them."""
MADE_FOR = "homelab-tui/made-for"
"""Annotation of it: `N servers`."""
LOCK = "homelab/acme/lock"
CONTACT_STEP = 200
"""Milliseconds. Autopilot calls a server healthy below as many, so less is not told apart. Source: Consul docs,
autopilot, last_contact_threshold."""
UNITS = {"h": 3_600_000.0, "m": 60_000.0, "s": 1000.0, "ms": 1.0, "µs": 1e-3, "ns": 1e-6}
"""Of Go's durations, in milliseconds."""
CREATING = frozenset({"ContainerCreating", "PodInitializing"})
UNBOUND = "PersistentVolumeClaim"
DEFAULT_CLASS = "mark one: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true"
ROOM = "make room on a node, or open a closed one (kubectl uncordon NODE)"


@dataclass(frozen=True, slots=True)
class Said:
    """What one server answered, or why it did not."""

    name: str
    leader_known: bool = False
    leads: bool = False
    applied: int | None = None
    """Index of the newest entry of the log that is in its store."""
    contact: int | None = None
    """Milliseconds since the leader was heard, in steps."""
    version: str | None = None
    error: str | None = None
    cut: str | None = None
    """What was said where not even the way to it is known to be there."""
    denied: str | None = None
    """Its words where it refuses our token."""


@dataclass(frozen=True, slots=True)
class Server:
    """One server."""

    name: str
    """Its own and its pod's."""
    node: str | None
    """The machine it runs on."""
    role: str | None
    """`leader`, `follower`, or None where it is not known."""
    voter: bool | None
    """Whether it counts when they elect; None while nobody says."""
    contact: int | None
    """Milliseconds since it heard its leader, rounded up to 200."""
    behind: int | None
    """Entries of the log that the foremost server has and it has not."""
    version: str | None
    error: str | None
    """Why it is of no use now, and what to do; None while it works."""


@dataclass(frozen=True, slots=True)
class Consul:
    """All servers together."""

    leader: str | None
    servers: tuple[Server, ...]
    voters: int | None
    tolerance: int | None
    """Servers that may fail before nothing can be read or written."""
    session: str | None
    """Of Consul, that holds the issuer's lock; None while no issuer runs."""
    holder: str | None
    """The issuer's pod that it belongs to."""
    error: str | None
    """What is wrong with the whole; None while it can be read and written."""

    @property
    def working(self) -> int:
        """Servers that have nothing wrong."""
        return sum(server.error is None for server in self.servers)


def pods_of(pods: Iterable[Raw]) -> tuple[Raw, ...]:
    """The pods of Consul, by name."""
    return tuple(sorted((pod for pod in pods if label(pod, LABEL[0]) == LABEL[1]), key=name))


def podless(maker: Raw | None, pods: Iterable[Raw]) -> tuple[Said, ...]:
    """Servers that the StatefulSet was made for and that have no pod, since it was scaled down or cannot make one."""
    if maker is None:
        return ()
    scaled = number(maker, "spec", "replicas") or 0
    told = re.fullmatch(r"(\d) servers", annotation(maker, MADE_FOR) or "")
    wanted = max(int(told[1]) if told else 1, scaled)
    gone = f"its pod is gone: {SET} is scaled to {scaled} of {wanted} servers; homelab-tui apply brings it back"
    never = f"it has no pod; see kubectl -n {SET.namespace} describe statefulset {SET.name}"
    there = {name(pod) for pod in pods}
    every = ((f"{SET.name}-{at}", never if at < scaled else gone) for at in range(wanted))
    return tuple(Said(one, error=why) for one, why in every if one not in there)


def said(pod: str, myself: Raw) -> Said:
    """What matters of `/v1/agent/self`."""
    raft = dig(myself, "Stats", "raft")
    applied = text(raft, "applied_index") or ""
    return Said(
        pod,
        leader_known=bool(text(myself, "Stats", "consul", "leader_addr")),
        leads=text(raft, "state") == "Leader",
        applied=int(applied) if applied.isdigit() else None,
        contact=stepped(text(raft, "last_contact") or ""),
        version=text(myself, "Config", "Version"),
    )


def stepped(duration: str) -> int | None:
    """A duration of Go in whole steps of milliseconds, rounded up; None for what is none, such as `never`."""
    if duration == "0":
        return 0
    if not re.fullmatch(r"(?:[\d.]+(?:h|ms|m|s|µs|ns))+", duration):
        return None
    passed = sum(float(count) * UNITS[unit] for count, unit in re.findall(r"([\d.]+)(h|ms|m|s|µs|ns)", duration))
    return -int(-passed // CONTACT_STEP) * CONTACT_STEP


def silence(pod: Raw, claims: Iterable[Raw], events: Iterable[Raw]) -> str | None:
    """Why a pod cannot be asked at all: deleted, without a node, without a disk, without a container."""
    if dig(pod, "metadata", "deletionTimestamp"):
        return "its pod is being deleted"
    if not is_alive(pod):
        return f"its pod has ended: {text(pod, 'status', 'message') or text(pod, 'status', 'phase')}; {described(pod)}"
    for condition in items(pod, "status", "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            why = text(condition, "message") or text(condition, "reason") or "no reason given"
            mended = [*unbound(pod, claims, events)] or [ROOM]
            return "; ".join([f"its pod finds no node: {why.partition(' preemption:')[0].rstrip('.')}", *mended])
    for container in items(pod, "status", "containerStatuses"):
        if waiting := dig(container, "state", "waiting"):
            return waits(waiting, pod)
    return None if text(pod, "status", "phase") == "Running" else "its pod is starting"


def waits(waiting: Raw, pod: Raw) -> str:
    """Why a container does not run."""
    reason = text(waiting, "reason") or "no reason given"
    if reason in CREATING:
        return "its pod is starting"
    crashed = reason == "CrashLoopBackOff"
    look = f"see kubectl -n {namespace(pod)} logs {name(pod)} --previous" if crashed else described(pod)
    return f"its pod waits: {': '.join(filter(None, (reason, text(waiting, 'message'))))}; {look}"


def described(pod: Raw) -> str:
    """Where more is said of a pod."""
    return f"see kubectl -n {namespace(pod)} describe pod {name(pod)}"


def unbound(pod: Raw, claims: Iterable[Raw], events: Iterable[Raw]) -> Iterator[str]:
    """What the cluster says of the pod's disks that it did not get."""
    wanted = {text(one, "persistentVolumeClaim", "claimName") for one in items(pod, "spec", "volumes")}
    told = list(events)
    for claim in claims:
        if name(claim) in wanted and text(claim, "status", "phase") != "Bound":
            about = [e for e in told if text(e, "involvedObject", "uid") == text(claim, "metadata", "uid")]
            newest = max(about, key=lambda event: text(event, "lastTimestamp") or "", default=None)
            of_class = text(claim, "spec", "storageClassName")
            why = text(newest, "message") or (f"storage class {of_class}" if of_class else "there is no default class")
            look = f"see kubectl get storageclass; kubectl -n {namespace(claim)} describe pvc {name(claim)}"
            yield f"{UNBOUND} {name(claim)} is not bound: {why}; {look if of_class else DEFAULT_CLASS}"


def consul(
    pods: Sequence[Raw],
    answers: Iterable[Said],
    peers: Raw | None,
    values: Mapping[str, Value] | None,
    why: str | None = None,
) -> Consul:
    """Everything that is known; `why` is what was answered in the place of values. Pure."""
    heard = {one.name: one for one in answers}
    known = {text(one, "Name") or "?": one for one in items(peers, "Servers")}
    foremost = max((one.applied for one in heard.values() if one.applied is not None), default=None)
    nodes = {name(pod): text(pod, "spec", "nodeName") for pod in pods}
    lost = [one for one in known if one not in nodes and one not in heard]
    leads = [one.name for one in heard.values() if one.leads] or [one for one in known if known[one].get("Leader")]
    everybody = [*heard.values(), *(Said(one, error="it has no pod, yet its peers count on it") for one in lost)]
    servers = tuple(server(one, nodes.get(one.name), known.get(one.name), foremost) for one in everybody)
    lock = (values or {}).get(LOCK)
    leader = leads[0] if leads else None
    return Consul(
        leader=leader,
        servers=servers,
        voters=sum(one.get("Voter") is True for one in known.values()) if peers else None,
        tolerance=number(peers, "FailureTolerance"),
        session=lock.session if lock else None,
        holder=holder(lock.data) if lock and lock.session else None,
        error=trouble(servers, leader, why) if values is None else None,
    )


def holder(data: bytes) -> str | None:
    """The pod of the issuer that took the lock."""
    with suppress(ValueError):
        return text(json.loads(data), "holder")
    return None


def server(one: Said, node: str | None, known: Raw | None, foremost: int | None) -> Server:
    """One server, joined with what the leader says of it."""
    voter = dig(known, "Voter")
    return Server(
        name=one.name,
        node=node,
        role=None if one.error else "leader" if one.leads else "follower" if one.leader_known else None,
        voter=voter if isinstance(voter, bool) else None,
        contact=one.contact,
        behind=foremost - one.applied if foremost is not None and one.applied is not None else None,
        version=one.version,
        error=one.error or unwell(one, known),
    )


def unwell(one: Said, known: Raw | None) -> str | None:
    """What is wrong with a server that answers."""
    if not one.leader_known:
        return "it knows no leader: it reaches too few of the others"
    if known and known.get("Healthy") is False:
        return f"its leader does not count on it: {text(known, 'SerfStatus')}, last heard {text(known, 'LastContact')}"
    return None


def trouble(servers: Sequence[Server], leader: str | None, why: str | None) -> str:
    """Why nothing can be read."""
    first = next((f"{one.name}: {one.error}" for one in servers if one.error), why)
    if leader:
        return why or first or "its keys cannot be read"
    answering = sum(one.version is not None for one in servers)
    counted = f"no leader: {answering} of {len(servers)} servers answer, {len(servers) // 2 + 1} are needed"
    return f"{counted}; {first}" if first else counted
