"""StatefulSets: pods with names and volumes of their own, made and renewed in order."""

from __future__ import annotations

from typing import Any

from homelab.lab.controllers.kinds import CLAIM, POD, STATEFUL_SET
from homelab.lab.controllers.owned import is_dying, is_ready, managers, owned, pod_of, replicas, revision
from homelab.lab.store import Event, Store
from homelab.observe.raw import dig, items, number, text
from homelab.ports import Raw, Ref

REVISION = "controller-revision-hash"


class StatefulSets:
    """StatefulSet -> pods and claims."""

    kinds = frozenset({STATEFUL_SET, POD})

    def reconcile(self, store: Store, event: Event) -> None:
        """Make what is missing, one after the other unless Parallel; end what is too much or of an old revision."""
        ours = Ref.of(event.object).kind == STATEFUL_SET
        found = store.get(Ref.of(event.object)) if ours else managers(store, event.object, STATEFUL_SET)
        if not found or is_dying(found):
            return
        in_turn = text(found, "spec", "podManagementPolicy") != "Parallel"
        for ordinal in range(replicas(found)):
            pod = store.get(_pod_ref(found, ordinal)) or _make(store, found, ordinal)
            if in_turn and not is_ready(pod):
                break
        for pod in _pods(store, found)[replicas(found) :]:
            store.delete(Ref.of(pod))
        _renew(store, found)
        store.set_status(Ref.of(found), _status(found, _pods(store, found)))


def _pods(store: Store, found: Raw) -> list[Raw]:
    """Its pods by ordinal."""
    return sorted(owned(store, found, POD), key=_ordinal)


def _ordinal(pod: Raw) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])


def _pod_ref(found: Raw, ordinal: int) -> Ref:
    meta = found["metadata"]
    return Ref(POD, meta["namespace"], f"{meta['name']}-{ordinal}")


def _make(store: Store, found: Raw, ordinal: int) -> Raw:
    name = _pod_ref(found, ordinal).name
    labels = {REVISION: _newest(found), "statefulset.kubernetes.io/pod-name": name}
    pod = pod_of(found, found["spec"]["template"], {**labels, "apps.kubernetes.io/pod-index": str(ordinal)}, name=name)
    templates = [one for one in items(found, "spec", "volumeClaimTemplates") if text(one, "metadata", "name")]
    for template in templates:
        _claim(store, found, template, name)
    volumes = [*items(pod, "spec", "volumes"), *(_volume(template, name) for template in templates)]
    spec = {**pod["spec"], "hostname": name, "subdomain": text(found, "spec", "serviceName") or ""}
    return store.create({**pod, "spec": {**spec, **({"volumes": volumes} if volumes else {})}})


def _claim(store: Store, found: Raw, template: Raw, pod: str) -> None:
    """Claims stay when the set goes: nobody owns them."""
    meta = found["metadata"]
    ref = Ref(CLAIM, meta["namespace"], f"{template['metadata']['name']}-{pod}")
    if not store.get(ref):
        own = dig(template, "metadata", "labels") or {}
        labels = {**own, **(dig(found, "spec", "selector", "matchLabels") or {})}
        named = {"name": ref.name, "namespace": ref.namespace, "labels": labels}
        claim = {
            "apiVersion": CLAIM.api_version,
            "kind": CLAIM.name,
            "metadata": named,
            "spec": template.get("spec") or {},
        }
        store.create(claim)


def _volume(template: Raw, pod: str) -> Raw:
    name = template["metadata"]["name"]
    return {"name": name, "persistentVolumeClaim": {"claimName": f"{name}-{pod}"}}


def _newest(found: Raw) -> str:
    return f"{found['metadata']['name']}-{revision(found['spec']['template'])}"


def _is_newest(found: Raw, pod: Raw) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(REVISION) == _newest(found))


def _renew(store: Store, found: Raw) -> None:
    """End the last pod of an old revision, once all others are ready; it comes back as a new one."""
    pods = _pods(store, found)
    if text(found, "spec", "updateStrategy", "type") == "OnDelete":
        return
    first = number(found, "spec", "updateStrategy", "rollingUpdate", "partition") or 0
    old = [pod for pod in pods[first:] if not _is_newest(found, pod)]
    if old and all(is_ready(pod) for pod in pods if pod is not old[-1]):
        store.delete(Ref.of(old[-1]))


def _status(found: Raw, pods: list[Raw]) -> Raw:
    newest, ready = _newest(found), sum(map(is_ready, pods))
    updated = sum(_is_newest(found, pod) for pod in pods)
    before = text(found, "status", "currentRevision") or newest
    done = updated == len(pods) == ready == replicas(found)
    counts: dict[str, Any] = {"readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": updated}
    counts["currentReplicas"] = updated if done or before == newest else len(pods) - updated
    return {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": len(pods),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": newest if done else before,
        "updateRevision": newest,
        "collisionCount": 0,
    }
