"""DaemonSets: one pod on each node that it may run on."""

from __future__ import annotations

from homelab.lab.controllers.kinds import DAEMON_SET, NODE, POD
from homelab.lab.controllers.matching import fits
from homelab.lab.controllers.owned import is_dying, is_ready, managers, owned, pod_of, revision
from homelab.lab.controllers.stateful import REVISION
from homelab.lab.store import Event, Store
from homelab.observe.raw import text
from homelab.ports import Raw, Ref


class DaemonSets:
    """DaemonSet -> pods."""

    kinds = frozenset({DAEMON_SET, NODE, POD})

    def reconcile(self, store: Store, event: Event) -> None:
        """Place a pod on each node that lacks one, take away those that have no place, renew old ones one by one."""
        ref = Ref.of(event.object)
        if ref.kind == NODE:
            sets = list(store.all(DAEMON_SET))
        else:
            one = store.get(ref) if ref.kind == DAEMON_SET else managers(store, event.object, DAEMON_SET)
            sets = [one] if one else []
        for found in sets:
            if not is_dying(found):
                _place(store, found)


def _place(store: Store, found: Raw) -> None:
    template, newest = found["spec"]["template"], revision(found["spec"]["template"])
    wanted = {node["metadata"]["name"] for node in store.all(NODE) if fits(template.get("spec") or {}, node)}
    pods = {text(pod, "spec", "nodeName"): pod for pod in owned(store, found, POD)}
    for node, pod in pods.items():
        if node not in wanted:
            store.delete(Ref.of(pod))
    for node in sorted(wanted - pods.keys()):
        store.create(pod_of(found, template, {REVISION: newest}, node=node))
    _renew(store, found, newest)
    store.set_status(Ref.of(found), _status(found, owned(store, found, POD), newest, len(wanted)))


def _renew(store: Store, found: Raw, newest: str) -> None:
    """End one pod of an old revision, once all others are ready; its node then lacks one."""
    if text(found, "spec", "updateStrategy", "type") == "OnDelete":
        return
    pods = owned(store, found, POD)
    old = [pod for pod in pods if not _is(newest, pod)]
    if old and all(is_ready(pod) for pod in pods if pod is not old[0]):
        store.delete(Ref.of(old[0]))


def _is(newest: str, pod: Raw) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(REVISION) == newest)


def _status(found: Raw, pods: list[Raw], newest: str, wanted: int) -> Raw:
    ready = sum(map(is_ready, pods))
    missing = {"numberUnavailable": wanted - ready} if wanted > ready else {}
    return {
        "observedGeneration": found["metadata"]["generation"],
        "desiredNumberScheduled": wanted,
        "currentNumberScheduled": len(pods),
        "numberMisscheduled": 0,
        "numberReady": ready,
        "numberAvailable": ready,
        "updatedNumberScheduled": sum(_is(newest, pod) for pod in pods),
        **missing,
    }
