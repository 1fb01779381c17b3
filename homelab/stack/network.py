"""NetworkPolicies that would make the console blind: found by asking through them, and taken back.

The console asks pods through the API server, and which address that has is the network plug-in's choice. Where it is
none that a policy admits, the policy goes, and its digest is remembered: it is not tried again until it is another, or
a day is over. A policy is to blame only for a pod that answers without it and is silent again behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

from homelab.finding import Finding, Severity
from homelab.observe.consul import SELECTOR
from homelab.observe.raw import annotation, dig, items, moment, name, text
from homelab.observe.traefik import is_ready
from homelab.pauses import pauses
from homelab.ports import Cluster, ClusterError, Kind, Raw, Ref, Unavailable, Unreachable
from homelab.stack.access import NAMESPACE
from homelab.stack.apply import Step
from homelab.stack.order import CONFIG_MAP
from homelab.stack.ownership import owner
from homelab.stack.render import DIGEST, MANAGED_BY, OURS
from homelab.together import together

POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy")
POD = Kind("v1", "Pod")
REF = Ref(CONFIG_MAP, NAMESPACE, "homelab-network")
"""The record of policies that were taken back."""
LABEL = "homelab-tui/taken-back"
"""Of that record, which is in no manifest."""
SECONDS = 10.0
"""For which a pod may stay silent: its node may have been busy."""
SETTLED_SECONDS = 5.0
"""After which a network plug-in has taken a policy in."""
REMEMBERED = timedelta(days=1)
"""Without a policy every pod may come in, so one that was taken back is tried again sooner or later."""
ONE_WAVE = timedelta(seconds=1)
"""In which policies and pods are written, in whatever order; the API's times are whole seconds."""

Tell = Callable[[Finding], None]
Heard = dict[str, str | None]
"""Pods that should answer, each with why it does not."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """Pods behind a policy that the console asks, and how they are asked."""

    policy: str
    stage: str
    labels: str
    port: int
    path: str


GUARDED = (
    Guarded("traefik-internal", "internal", "homelab-tui/zone=internal", 8080, "/ping"),
    Guarded("consul", "store", SELECTOR, 8500, "/v1/status/leader"),
    Guarded("traefik-external", "external", "homelab-tui/zone=external", 8080, "/ping"),
)


def taken_back(record: Raw | None, now: datetime) -> Mapping[str, str]:
    """Policies that made the console blind within a day, by name, each with the digest of what it was."""
    return {policy: digest for policy, (digest, at, _) in _lines(record).items() if at and abs(now - at) < REMEMBERED}


def sighted(cluster: Cluster, steps: Mapping[str, Step], tell: Tell, seconds: float = SECONDS) -> Mapping[str, Step]:
    """The steps, each after a look through its stage's policy: what they do is done through it too."""
    looks = {one.stage: _Look(cluster, one, tell, seconds).run for one in GUARDED}
    return {**steps, **{stage: partial(_both, look, steps.get(stage)) for stage, look in looks.items()}}


async def _both(first: Step, then: Step | None) -> int:
    return await first() + (await then() if then else 0)


@dataclass(frozen=True, slots=True)
class _Look:
    """At the pods behind one policy."""

    cluster: Cluster
    guarded: Guarded
    tell: Tell
    seconds: float
    rounds: Iterator[int] = field(default_factory=partial(count, 1))
    """Of asking, each over connections of its own: one from before a policy came tells nothing of it."""

    async def run(self) -> int:
        """Take the policy back if it makes pods silent; how much was written. Raises ClusterError."""
        ref = Ref(POLICY, NAMESPACE, self.guarded.policy)
        policy = await self.cluster.get(ref)
        if policy is None:
            await self._remind(ref)
            return 0
        if not owner(policy).ours:
            return 0
        before = await self._heard(await self._until_settled(policy))
        silent = {pod: why for pod, why in before.items() if why}
        if not silent:
            return 0
        without, back = await self._without(ref, policy)
        again = await self._heard(min(self.seconds, SETTLED_SECONDS)) if _answering(without, silent) else without
        if not (blinded := [pod for pod in _answering(without, silent) if again.get(pod)]):
            self.tell(_innocent(ref, silent, again))
            return 2
        await self.cluster.delete(ref, uid=back["metadata"]["uid"])
        said = f"{blinded[0]} did not answer: {again[blinded[0]]}"
        await self._remember(policy, said)
        self.tell(_blind(ref, said))
        return 4

    async def _without(self, ref: Ref, policy: Raw) -> tuple[Heard, Raw]:
        """What pods answer while the policy is away, and the policy as it is there again, even if this is cut."""
        await self.cluster.delete(ref, uid=policy["metadata"]["uid"])
        try:
            heard = await self._heard(0)
        finally:
            back = await self.cluster.apply(_bare(policy))
        return heard, back

    async def _heard(self, settled: float) -> Heard:
        """Ready pods, each with why it does not answer; asked until all do and the policy counts, or time is up."""
        waits, began = pauses(longest=2), time.monotonic()
        while True:
            heard = await self._round()
            if time.monotonic() - began >= (self.seconds if any(heard.values()) else settled):
                return heard
            await asyncio.sleep(min(next(waits), self.seconds))

    async def _round(self) -> Heard:
        pods, connection = [name(pod) for pod in await self._pods()], next(self.rounds)
        return dict(zip(pods, await together(partial(self._ask, pod, connection) for pod in pods), strict=True))

    async def _pods(self) -> list[Raw]:
        """Those that should answer."""
        pods = await self.cluster.list(POD, namespace=NAMESPACE, labels=self.guarded.labels)
        return [pod for pod in pods if is_ready(pod) and not dig(pod, "metadata", "deletionTimestamp")]

    async def _ask(self, pod: str, connection: int) -> str | None:
        try:
            await self.cluster.ask_pod(NAMESPACE, pod, self.guarded.port, self.guarded.path, connection=connection)
        except Unavailable as error:
            return str(error)
        except Unreachable:
            return "no answer in time"
        except ClusterError:
            return None  # a missing right, a pod that has just gone: that is not the policy's fault
        return None

    async def _until_settled(self, policy: Raw) -> float:
        """Seconds until the policy surely counts. For pods that became ready behind it, it did from the beginning."""
        times = (moment(text(entry, "time")) for entry in items(policy, "metadata", "managedFields"))
        written = max(filter(None, times), default=None)
        if not written or all(
            since >= written - ONE_WAVE for pod in await self._pods() if (since := _ready_since(pod))
        ):
            return 0
        age = (datetime.now(UTC) - written).total_seconds()
        return min(self.seconds, SETTLED_SECONDS, SETTLED_SECONDS - age)

    async def _remember(self, policy: Raw, said: str) -> None:
        line = f"{annotation(policy, DIGEST)} {datetime.now(UTC).isoformat(timespec='seconds')} {said}"
        data = _data(await self.cluster.get(REF)) | {name(policy): line}
        meta = {"name": REF.name, "namespace": REF.namespace, "labels": {MANAGED_BY: OURS, LABEL: ""}}
        await self.cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}, force=True)

    async def _remind(self, ref: Ref) -> None:
        """Say each time that a policy is left out, as nothing else shows it."""
        if line := _lines(await self.cluster.get(REF)).get(ref.name):
            self.tell(_blind(ref, line[2]))


def _data(record: Raw | None) -> dict[str, str]:
    return (record or {}).get("data") or {}


def _lines(record: Raw | None) -> dict[str, tuple[str, datetime | None, str]]:
    """By policy: its digest, when it was taken back, and what was said of it."""
    parts = {policy: (*line.split(" ", 2), "", "", "") for policy, line in _data(record).items()}
    return {policy: (digest, moment(at), said) for policy, (digest, at, said, *_) in parts.items()}


def _answering(heard: Heard, pods: Iterable[str]) -> list[str]:
    return [pod for pod in pods if pod in heard and heard[pod] is None]


def _ready_since(pod: Raw) -> datetime | None:
    ready = (one for one in items(pod, "status", "conditions") if one.get("type") == "Ready")
    return next((moment(text(one, "lastTransitionTime")) for one in ready if one.get("status") == "True"), None)


def _bare(live: Raw) -> Raw:
    """The object as it was wished."""
    meta = {key: live["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta, "spec": live["spec"]}


def _blind(ref: Ref, said: str) -> Finding:
    return Finding(
        Severity.WARNING,
        at=str(ref),
        what=f"taken back: with it {said}; without it it does",
        why="the API server asks pods from an address that it does not admit, and the console asks through that; "
        "without it every pod may ask them",
        fix="admit that address in a NetworkPolicy of your own, then try this one again: "
        f"kubectl -n {REF.namespace} delete configmap {REF.name}; homelab-tui apply",
    )


def _innocent(ref: Ref, silent: Mapping[str, str], last: Heard) -> Finding:
    """About a pod that is silent with the policy and without, or was silent for a while."""
    still = {pod: why for pod in silent if (why := last.get(pod))}
    pod, why = next(iter((still or silent).items()))
    does = f"does not answer: {why}" if still else f"did not answer for a while: {why}"
    same = "it was the same without it for a moment" if still else "that is over, and it is in place"
    return Finding(
        Severity.WARNING,
        at=f"Pod {ref.namespace}/{pod}",
        what=f"it is ready and {does}",
        why=f"{ref} is not to blame, as {same}",
        fix=f"look at the network of its node: kubectl -n {ref.namespace} get pod {pod} -o wide",
    )
