"""What workloads have in common: the objects that they make, and how they know them again."""

from __future__ import annotations

import json
from hashlib import sha256

from homelab.lab.controllers.conditions import holds
from homelab.lab.controllers.kinds import POD
from homelab.lab.store import Store
from homelab.ports import Kind, Raw, Ref


def owned(store: Store, owner: Raw, kind: Kind) -> list[Raw]:
    """The objects of a kind that an object manages, by name."""
    uid = owner["metadata"]["uid"]
    every = [obj for obj in store.dependents(uid) if Ref.of(obj).kind == kind and controller_of(obj).get("uid") == uid]
    return sorted(every, key=lambda obj: str(obj["metadata"]["name"]))


def controller_of(obj: Raw) -> Raw:
    """The owner reference of the object that manages this one; empty when nothing does."""
    return next((one for one in obj["metadata"].get("ownerReferences") or () if one.get("controller")), {})


def managers(store: Store, obj: Raw, kind: Kind) -> Raw | None:
    """The object of a kind that manages this one."""
    found = controller_of(obj)
    owner = store.owner(found["uid"]) if found else None
    return owner if owner and Ref.of(owner).kind == kind else None


def made_by(owner: Raw) -> list[Raw]:
    """The owner references of an object that this one manages."""
    meta = owner["metadata"]
    named = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
    return [{**named, "controller": True, "blockOwnerDeletion": True}]


def pod_of(owner: Raw, template: Raw, labels: Raw, *, name: str = "", node: str = "") -> Raw:
    """A pod by a template; without a name it gets one that begins with its owner's."""
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    known = {"name": name} if name else {"generateName": f"{owner['metadata']['name']}-"}
    notes = {"annotations": meta["annotations"]} if meta.get("annotations") else {}
    return {
        "apiVersion": POD.api_version,
        "kind": POD.name,
        "metadata": {
            **known,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**(meta.get("labels") or {}), **labels},
            **notes,
            "ownerReferences": made_by(owner),
        },
        "spec": {**spec, "nodeName": node} if node else spec,
    }


def revision(template: Raw) -> str:
    """Short name of a template: equal ones have the same."""
    return sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]


def is_dying(obj: Raw) -> bool:
    """Whether an object is being deleted: its manager makes nothing more for it."""
    return "deletionTimestamp" in obj["metadata"]


def is_ready(pod: Raw) -> bool:
    """Whether a pod can be used."""
    return holds(pod, "Ready") and not is_dying(pod)


def replicas(obj: Raw) -> int:
    """How many pods are wished; one where nothing is written."""
    found = obj["spec"].get("replicas")
    return 1 if found is None else int(found)
