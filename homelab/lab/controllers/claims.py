"""PersistentVolumeClaims: each is bound to a volume made for it. There is no disk behind it."""

from __future__ import annotations

from homelab.lab.controllers.kinds import CLAIM, VOLUME
from homelab.lab.controllers.owned import is_dying
from homelab.lab.store import Event, Store
from homelab.observe.raw import dig, strings, text
from homelab.ports import Raw, Ref


class Claims:
    """Claim -> volume."""

    kinds = frozenset({CLAIM})

    def reconcile(self, store: Store, event: Event) -> None:
        """Bind a claim; delete the volume of one that is gone."""
        ref = Ref.of(event.object)
        claim = store.get(ref)
        name = f"pvc-{event.object['metadata']['uid']}"
        volume = Ref(VOLUME, None, name)
        if event.type == "DELETED":
            if store.get(volume):
                store.delete(volume)
        elif claim and not is_dying(claim) and text(claim, "status", "phase") != "Bound":
            if not store.get(volume):
                store.create(_volume(claim, name))
                store.set_status(volume, {"phase": "Bound"})
            store.update({**claim, "spec": {**claim["spec"], "volumeName": name}, "status": _status(claim)})


def _status(claim: Raw) -> Raw:
    modes = list(strings(claim, "spec", "accessModes"))
    return {"phase": "Bound", "accessModes": modes, "capacity": _size(claim)}


def _size(claim: Raw) -> Raw:
    return dig(claim, "spec", "resources", "requests") or {}


def _volume(claim: Raw, name: str) -> Raw:
    meta, modes = claim["metadata"], list(strings(claim, "spec", "accessModes"))
    bound = {"apiVersion": CLAIM.api_version, "kind": CLAIM.name, "name": meta["name"], "namespace": meta["namespace"]}
    return {
        "apiVersion": VOLUME.api_version,
        "kind": VOLUME.name,
        "metadata": {"name": name},
        "spec": {
            "accessModes": modes,
            "capacity": _size(claim),
            "claimRef": {**bound, "uid": meta["uid"]},
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": text(claim, "spec", "storageClassName") or "lab",
        },
    }
