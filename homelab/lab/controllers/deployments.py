"""Deployments and ReplicaSets. A new revision starts whole before the old one ends."""

from __future__ import annotations

from datetime import datetime

from homelab.lab.controllers.clock import Clock, stamp
from homelab.lab.controllers.conditions import condition, conditions, wished
from homelab.lab.controllers.kinds import DEPLOYMENT, POD, REPLICA_SET
from homelab.lab.controllers.owned import (
    is_dying,
    is_ready,
    made_by,
    managers,
    owned,
    pod_of,
    replicas,
    revision,
)
from homelab.lab.store import Event, Store
from homelab.observe.raw import dig, number, text
from homelab.ports import Raw, Ref

HASH = "pod-template-hash"
NUMBER = "deployment.kubernetes.io/revision"
HISTORY = 10
"""Old ReplicaSets kept where a Deployment does not say. Source: Kubernetes, revisionHistoryLimit."""


class Deployments:
    """Deployment -> ReplicaSets."""

    kinds = frozenset({DEPLOYMENT, REPLICA_SET})

    def __init__(self, now: Clock) -> None:
        self._now = now

    def reconcile(self, store: Store, event: Event) -> None:
        """Make the ReplicaSet of the newest template, scale the others down, say how far it is."""
        ours = Ref.of(event.object).kind == DEPLOYMENT
        found = store.get(Ref.of(event.object)) if ours else managers(store, event.object, DEPLOYMENT)
        if not found or is_dying(found):
            return
        if not found["spec"].get("paused"):
            self._roll(store, found)
        sets = owned(store, found, REPLICA_SET)
        store.set_status(Ref.of(found), _deployment_status(found, sets, self._now()))

    @staticmethod
    def _roll(store: Store, deployment: Raw) -> None:
        sets = owned(store, deployment, REPLICA_SET)
        wanted, old = _newest(deployment, sets), _older(deployment, sets)
        waits = dig(deployment, "spec", "strategy", "type") == "Recreate" and any(map(_running, old))
        if wanted is None:
            wanted = store.create(_replica_set(deployment, sets))
        _scale(store, wanted, 0 if waits else replicas(deployment))
        if waits or number(wanted, "status", "availableReplicas") == replicas(deployment) or not replicas(deployment):
            for one in old:
                _scale(store, one, 0)
            _trim(store, deployment, old)


class ReplicaSets:
    """ReplicaSet -> pods."""

    kinds = frozenset({REPLICA_SET, POD})

    def __init__(self) -> None:
        self._due: dict[Ref, None] = {}
        """ReplicaSets that may have to be mended."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Note the ReplicaSet that changed, or whose pod did."""
        ref = Ref.of(event.object)
        found = store.get(ref) if ref.kind == REPLICA_SET else managers(store, event.object, REPLICA_SET)
        if found:
            self._due[Ref.of(found)] = None

    def settle(self, store: Store) -> None:
        """Mend each, once however many of its pods have changed."""
        due, self._due = self._due, {}
        for found in filter(None, map(store.get, due)):
            if not is_dying(found):
                self._mend(store, found)

    @staticmethod
    def _mend(store: Store, found: Raw) -> None:
        """Make what is missing, delete what is too much, count."""
        pods = [pod for pod in owned(store, found, POD) if not _ended(store, pod)]
        for _ in range(replicas(found) - len(pods)):
            store.create(pod_of(found, found["spec"]["template"], {}))
        surplus = max(0, len(pods) - replicas(found))
        for pod in sorted(pods, key=is_ready)[:surplus]:
            store.delete(Ref.of(pod))
        store.set_status(Ref.of(found), _set_status(found, owned(store, found, POD)))


def _ended(store: Store, pod: Raw) -> bool:
    """A pod that will never be ready again makes room for a new one."""
    over = text(pod, "status", "phase") in ("Failed", "Succeeded")
    if over:
        store.delete(Ref.of(pod))
    return over


def _set_status(found: Raw, pods: list[Raw]) -> Raw:
    ready = sum(map(is_ready, pods))
    counts = {"replicas": len(pods), "fullyLabeledReplicas": len(pods)}
    up = {"readyReplicas": ready, "availableReplicas": ready} if ready else {}
    return {**counts, **up, "observedGeneration": found["metadata"]["generation"]}


def _replica_set(deployment: Raw, sets: list[Raw]) -> Raw:
    template, meta = deployment["spec"]["template"], deployment["metadata"]
    short = revision(template)
    label = {HASH: short}
    chosen = deployment["spec"]["selector"]
    template_meta = template.get("metadata") or {}
    return {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.name,
        "metadata": {
            "name": f"{meta['name']}-{short}",
            "namespace": meta["namespace"],
            "labels": {**(template_meta.get("labels") or {}), **label},
            "annotations": {NUMBER: str(1 + max(map(_number, sets), default=0))},
            "ownerReferences": made_by(deployment),
        },
        "spec": {
            "replicas": 0,
            "selector": {**chosen, "matchLabels": {**(chosen.get("matchLabels") or {}), **label}},
            "template": {
                **template,
                "metadata": {**template_meta, "labels": {**(template_meta.get("labels") or {}), **label}},
            },
        },
    }


def _newest(deployment: Raw, sets: list[Raw]) -> Raw | None:
    name = f"{deployment['metadata']['name']}-{revision(deployment['spec']['template'])}"
    return next((one for one in sets if one["metadata"]["name"] == name), None)


def _older(deployment: Raw, sets: list[Raw]) -> list[Raw]:
    newest = _newest(deployment, sets)
    return [one for one in sets if one is not newest]


def _running(replica_set: Raw) -> bool:
    return bool(number(replica_set, "status", "replicas"))


def _number(replica_set: Raw) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(NUMBER, 0))


def _scale(store: Store, replica_set: Raw, wanted: int) -> None:
    if replicas(replica_set) != wanted:
        store.update({**replica_set, "spec": {**replica_set["spec"], "replicas": wanted}})


def _trim(store: Store, deployment: Raw, old: list[Raw]) -> None:
    limit = number(deployment, "spec", "revisionHistoryLimit")
    empty = sorted((one for one in old if not _running(one) and not replicas(one)), key=_number)
    for one in empty[: max(0, len(empty) - (HISTORY if limit is None else limit))]:
        store.delete(Ref.of(one))


def _deployment_status(found: Raw, sets: list[Raw], now: datetime) -> Raw:
    seen = found.get("status") or {}
    newest = _newest(found, sets)
    total, ready = (sum(number(one, "status", name) or 0 for one in sets) for name in ("replicas", "readyReplicas"))
    updated = (number(newest, "status", "replicas") or 0) if newest else 0
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": max(0, replicas(found) - ready),
    }
    done = updated == ready == total == replicas(found)
    return {
        "observedGeneration": found["metadata"]["generation"],
        **{name: count for name, count in counts.items() if count},
        "conditions": _conditions(found, seen, newest, (ready >= replicas(found), done), now),
    }


def _conditions(found: Raw, seen: Raw, newest: Raw | None, how: tuple[bool, bool], now: datetime) -> list[Raw]:
    available, done = how
    name = newest["metadata"]["name"] if newest else found["metadata"]["name"]
    up = (
        wished("Available", True, "MinimumReplicasAvailable", "Deployment has minimum availability.")
        if available
        else wished("Available", False, "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    )
    progress = (
        wished("Progressing", True, "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
        if done
        else wished("Progressing", True, "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    )
    return [_dated(seen, one, now) for one in conditions(seen, now, up, progress)]


def _dated(seen: Raw, new: Raw, now: datetime) -> Raw:
    """With the time of the last change of its words, which Deployments keep besides."""
    old = condition(seen, new["type"])
    same = {**new, "lastUpdateTime": old.get("lastUpdateTime")} == old
    return {**new, "lastUpdateTime": old["lastUpdateTime"] if same else stamp(now)}
