"""Every object of the lab and its history: names, versions, owners, finalizers, namespaces. No HTTP, one event loop.

Objects are plain JSON and are never changed in place: a write puts a new object where the old one was, so whoever holds
one may keep it. What a kind's fields mean is not known here, save for Namespaces and CustomResourceDefinitions.
"""

from __future__ import annotations

import random
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

from homelab.lab import refusal
from homelab.lab.history import Event, History, Subscription
from homelab.lab.refusal import Refusal
from homelab.lab.resources import DEFINITION, NAMESPACE, Resource, Resources, custom
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Kind, Raw, Ref

__all__ = ["Event", "Refusal", "Store", "Subscription", "utc_now"]

Propagation = Literal["Background", "Foreground", "Orphan"]
FOREGROUND = "foregroundDeletion"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Of generated names. Source: k8s.io/apimachinery/pkg/util/rand."""
_LONGEST_BASE = 58
"""Of generated names, which are labels. Source: k8s.io/apiserver/pkg/storage/names."""
_KEPT = ("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp")
_DYING = ("deletionTimestamp", "deletionGracePeriodSeconds")
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class Store:
    """Reads and writes of objects, each write with a version of its own."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self.resources = Resources()
        self._now = now
        self._start = int(now().timestamp() * 1000)
        """Higher than all versions of an earlier lab, so that a watch from those days is told 410."""
        self.version = self._start
        self._objects: dict[Kind, dict[str | None, dict[str, Raw]]] = {}
        self._history: dict[Kind, History] = {}
        self._readers: set[Subscription] = set()
        self._alive: dict[str, Ref] = {}
        self._dependents: dict[str, dict[Ref, None]] = {}

    # Reading

    def get(self, ref: Ref) -> Raw | None:
        """The stored object; never change it."""
        return self._objects.get(ref.kind, {}).get(ref.namespace, {}).get(ref.name)

    def all(self, kind: Kind, namespace: str | None = None) -> tuple[Raw, ...]:
        """Every object of a kind, of one namespace or of all."""
        spaces = self._objects.get(kind, {})
        chosen = spaces.values() if namespace is None else [spaces.get(namespace, {})]
        return tuple(obj for space in chosen for obj in space.values())

    def owner(self, uid: str) -> Raw | None:
        """The object with this uid."""
        ref = self._alive.get(uid)
        return self.get(ref) if ref else None

    def dependents(self, uid: str) -> tuple[Raw, ...]:
        """Every object that names this uid among its owners."""
        return tuple(obj for ref in self._dependents.get(uid, ()) if (obj := self.get(ref)))

    def subscribe(self, *kinds: Kind) -> Subscription:
        """Every change from now on, of these kinds or of all."""
        return Subscription(self._readers, kinds)

    def since(self, kind: Kind, version: int) -> tuple[Event, ...]:
        """Every change after a version, oldest first. Raises Refusal 410."""
        return self._past(kind).since(version)

    def at(self, kind: Kind, version: int, namespace: str | None = None) -> tuple[Raw, ...]:
        """Every object as it was at a version. Raises Refusal 410."""
        known = {Ref.of(obj): obj for obj in self.all(kind, namespace)}
        for event in reversed(self.since(kind, version)):
            ref = Ref.of(event.object)
            if namespace in (None, ref.namespace):
                known.pop(ref, None)
                if event.before:
                    known[ref] = event.before
        return tuple(known.values())

    # Writing

    def named(self, obj: Raw) -> Raw:
        """The object with a name, made from its `generateName` when it has none."""
        meta, resource = obj["metadata"], self._resource(obj)
        if text(meta, "name") or not text(meta, "generateName"):
            return obj
        name = self._free_name(resource, meta.get("namespace") if resource.namespaced else None, meta)
        return obj | {"metadata": meta | {"name": name}}

    def create(self, obj: Raw, *, dry_run: bool = False) -> Raw:
        """Store a new object. Raises Refusal: name taken, no such namespace or kind."""
        resource = self._resource(obj)
        meta = self.named(obj)["metadata"]
        namespace = meta.get("namespace") if resource.namespaced else None
        ref = Ref(resource.as_kind, namespace, meta["name"])
        self._enter(resource, namespace, ref.name)
        if self.get(ref):
            raise refusal.already_exists(resource, ref.name)
        named = {"name": ref.name} | ({"namespace": namespace} if namespace else {})
        counted = {"generation": 1} if resource.has_generation else {}
        ours = {"uid": str(uuid.uuid4()), "creationTimestamp": self._timestamp(), **counted}
        given = {key: value for key, value in meta.items() if key not in (*_KEPT, *_DYING) or key == "generateName"}
        born = self._completed(obj | {"metadata": named | ours | given})
        if dry_run:
            return born
        stored = self._put(None, born)
        self._disown(stored)
        return self.get(ref) or stored

    def update(self, obj: Raw, *, dry_run: bool = False) -> Raw:
        """Replace an object, all but what is immutable; nothing happens when it is equal. Raises Refusal 404, 409."""
        resource, old = self._stored(Ref.of(obj))
        meta, kept = obj["metadata"], old["metadata"]
        _same(resource, meta, kept)
        new_meta = {key: value for key, value in meta.items() if key not in (*_KEPT, *_DYING)}
        new_meta |= {key: kept[key] for key in (*_KEPT, *_DYING) if key in kept}
        if "managedFields" not in meta and "managedFields" in kept:
            new_meta["managedFields"] = kept["managedFields"]
        new = self._completed(obj | {"metadata": new_meta})
        if new == old:
            return old
        if resource.has_generation and _wished(new) != _wished(old):
            new["metadata"]["generation"] = kept.get("generation", 0) + 1
        if dry_run:
            return new
        stored = self._put(old, new)
        self._disown(stored)
        self._finish(Ref.of(stored))
        self._release(set(_owners(old)) - set(_owners(stored)))
        return stored

    def set_status(self, ref: Ref, status: Raw) -> None:
        """Replace the status; nothing happens when it is equal or the object is gone."""
        if old := self.get(ref):
            self.update(old | {"status": status})

    def annotate(self, ref: Ref, annotations: Mapping[str, str | None]) -> None:
        """Set annotations, or remove those that are None; nothing happens when the object is gone."""
        if old := self.get(ref):
            merged = {**(old["metadata"].get("annotations") or {}), **annotations}
            left = {key: value for key, value in merged.items() if value is not None}
            meta = {key: value for key, value in old["metadata"].items() if key != "annotations"}
            self.update(old | {"metadata": meta | ({"annotations": left} if left else {})})

    def delete(
        self, ref: Ref, *, uid: str | None = None, version: str | None = None, propagation: Propagation = "Background"
    ) -> Raw:
        """Delete an object, or begin to when something holds it. Raises Refusal 404, and 409 when it is another one.

        Returns it as it is now, or as it last was.
        """
        self.deletable(ref, uid=uid, version=version)
        _, old = self._stored(ref)
        if "deletionTimestamp" in old["metadata"]:
            return old
        own = old["metadata"]["uid"]
        if propagation == "Orphan":
            for dependent in self.dependents(own):
                self._put(dependent, _without_owner(dependent, own))
            self._dependents.pop(own, None)
        waits = propagation == "Foreground" and self._dependents.get(own)
        dying = self._dying(old, [FOREGROUND] if waits else [])
        if not strings(dying, "metadata", "finalizers") and not any(self._content(old)):
            return self._remove(ref, old)
        self._put(old, dying)
        for thing in (*(self.dependents(own) if waits else ()), *self._content(old)):
            if self.get(Ref.of(thing)):
                self.delete(Ref.of(thing), propagation="Foreground" if waits else "Background")
        return self._finish(ref) or self.get(ref) or dying

    def deletable(self, ref: Ref, *, uid: str | None = None, version: str | None = None) -> Raw:
        """The object, when it is the one that is meant. Raises Refusal 404, 409."""
        resource, obj = self._stored(ref)
        meta = obj["metadata"]
        for what, wanted, found, event in (
            ("UID", uid, meta["uid"], "deleted and then recreated"),
            ("ResourceVersion", version, meta["resourceVersion"], "modified"),
        ):
            if wanted not in (None, found):
                why = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found})."
                why = f"{why} The object might have been {event}"
                raise refusal.conflict(resource, ref.name, why, resource.kind)
        return obj

    # What a write needs

    def _resource(self, obj: Raw) -> Resource:
        found = self.resources.of(Kind(obj["apiVersion"], obj["kind"]))
        if not found:
            raise refusal.not_served()
        return found

    def _stored(self, ref: Ref) -> tuple[Resource, Raw]:
        resource, obj = self.resources.of(ref.kind), self.get(ref)
        if not resource:
            raise refusal.not_served()
        if not obj:
            raise refusal.not_found(resource, ref.name)
        return resource, obj

    def _enter(self, resource: Resource, namespace: str | None, name: str) -> None:
        """New things need a namespace that is there to stay."""
        if not resource.namespaced:
            return
        space = self.get(Ref(NAMESPACE, None, namespace or ""))
        if not space:
            spaces = self.resources.of(NAMESPACE)
            assert spaces
            raise refusal.not_found(spaces, namespace or "")
        if "deletionTimestamp" in space["metadata"]:
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            cause = {"reason": "NamespaceTerminating", "message": f"namespace {namespace} is being terminated"}
            raise refusal.forbidden(resource, name, why, [cause | {"field": "metadata.namespace"}])

    def _free_name(self, resource: Resource, namespace: str | None, meta: Raw) -> str:
        while True:
            name = meta["generateName"][:_LONGEST_BASE] + "".join(random.choices(_LETTERS, k=5))
            if not self.get(Ref(resource.as_kind, namespace, name)):
                return str(name)

    def _completed(self, obj: Raw) -> Raw:
        """What the API server itself writes into Namespaces and CustomResourceDefinitions."""
        kind = Kind(obj["apiVersion"], obj["kind"])
        if kind == NAMESPACE:
            return _completed_namespace(obj)
        return _completed_definition(obj, self._timestamp()) if kind == DEFINITION else obj

    def _timestamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _past(self, kind: Kind) -> History:
        return self._history.setdefault(kind, History(self._start))

    def _put(self, old: Raw | None, new: Raw) -> Raw:
        """Store and tell; an object that cannot be served or indexed raises before anything is stored."""
        version = self.version + 1
        new = new | {"metadata": new["metadata"] | {"resourceVersion": str(version)}}
        ref = Ref.of(new)
        if ref.kind == DEFINITION:
            self.resources.define(new)
        self._index(ref, old, new)
        self.version = version
        self._objects.setdefault(ref.kind, {}).setdefault(ref.namespace, {})[ref.name] = new
        self._tell(ref.kind, Event("MODIFIED" if old else "ADDED", new, self.version, old))
        return new

    def _tell(self, kind: Kind, event: Event) -> None:
        self._past(kind).record(event)
        for reader in self._readers:
            reader.offer(kind, event)

    def _index(self, ref: Ref, old: Raw | None, new: Raw | None) -> None:
        """Keep who is alive and who depends on whom."""
        before, after = _owners(old) if old else [], _owners(new) if new else []
        for uid in before:
            self._dependents.get(uid, {}).pop(ref, None)
        for uid in after:
            self._dependents.setdefault(uid, {})[ref] = None
        if new:
            self._alive[new["metadata"]["uid"]] = ref

    # Ends

    def _dying(self, old: Raw, finalizers: list[str]) -> Raw:
        meta = old["metadata"]
        held = [*strings(meta, "finalizers"), *finalizers]
        marks: Raw = {"deletionTimestamp": self._timestamp(), "deletionGracePeriodSeconds": 0}
        if "generation" in meta:
            marks["generation"] = meta["generation"] + 1
        dying = old | {"metadata": meta | marks | ({"finalizers": held} if held else {})}
        if Ref.of(old).kind == NAMESPACE:
            dying["status"] = (old.get("status") or {}) | {"phase": "Terminating"}
        return dying

    def _content(self, obj: Raw) -> Iterator[Raw]:
        """What lives in a namespace, or by a definition, and has to end before it."""
        ref = Ref.of(obj)
        if ref.kind == NAMESPACE:
            return (thing for spaces in self._objects.values() for thing in spaces.get(ref.name, {}).values())
        return iter(self.all(custom(obj).as_kind) if ref.kind == DEFINITION else ())

    def _finish(self, ref: Ref) -> Raw | None:
        """Remove an object that is to be deleted and that nothing holds any more; None when something does."""
        obj = self.get(ref)
        if not obj or "deletionTimestamp" not in obj["metadata"] or any(self._content(obj)):
            return None
        held = strings(obj, "metadata", "finalizers")
        if held == (FOREGROUND,) and not self._blocked(obj):
            held = ()
        return None if held else self._remove(ref, obj)

    def _blocked(self, obj: Raw) -> bool:
        uid = obj["metadata"]["uid"]
        links = (link for dependent in self.dependents(uid) for link in items(dependent, "metadata", "ownerReferences"))
        return any(link.get("uid") == uid and link.get("blockOwnerDeletion") for link in links)

    def _remove(self, ref: Ref, obj: Raw) -> Raw:
        self.version += 1
        meta = {key: value for key, value in obj["metadata"].items() if key != "finalizers"}
        last = obj | {"metadata": meta | {"resourceVersion": str(self.version)}}
        del self._objects[ref.kind][ref.namespace][ref.name]
        self._index(ref, obj, None)
        self._alive.pop(meta["uid"], None)
        if ref.kind == DEFINITION:
            self.resources.withdraw(obj)
        self._tell(ref.kind, Event("DELETED", last, self.version, obj))
        self._after(ref, obj)
        return last

    def _after(self, ref: Ref, obj: Raw) -> None:
        """Whoever depended on a removed object ends; whoever waited for its end goes on."""
        for dependent in self.dependents(obj["metadata"]["uid"]):
            self._disown(dependent)
        self._dependents.pop(obj["metadata"]["uid"], None)
        self._release(_owners(obj))
        if ref.namespace:
            self._finish(Ref(NAMESPACE, None, ref.namespace))
        resource = self.resources.of(ref.kind)
        if resource and not resource.built_in:
            self._finish(Ref(DEFINITION, None, f"{resource.plural}.{resource.group}"))

    def _release(self, owners: Iterable[str]) -> None:
        """Owners that may have waited for a dependent go on."""
        for uid in owners:
            if owner := self._alive.get(uid):
                self._finish(owner)

    def _disown(self, obj: Raw) -> None:
        """An object whose owners are all gone is deleted; one that has others forgets the gone ones."""
        obj = self.get(Ref.of(obj)) or obj
        gone = [uid for uid in _owners(obj) if uid not in self._alive]
        if not gone:
            return
        if len(gone) == len(_owners(obj)):
            if self.get(Ref.of(obj)):
                self.delete(Ref.of(obj))
            return
        for uid in gone:
            obj = self._put(obj, _without_owner(obj, uid))


def _owners(obj: Raw) -> list[str]:
    return [link["uid"] for link in items(obj, "metadata", "ownerReferences")]


def _without_owner(obj: Raw, uid: str) -> Raw:
    meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
    left = [link for link in obj["metadata"]["ownerReferences"] if link["uid"] != uid]
    return obj | {"metadata": meta | ({"ownerReferences": left} if left else {})}


def _wished(obj: Raw) -> Raw:
    """What counts for the generation."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def _same(resource: Resource, meta: Raw, kept: Raw) -> None:
    """Whether an update means the object that is stored."""
    if meta.get("uid") not in (None, "", kept["uid"]):
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {kept['uid']}"
        raise refusal.conflict(resource, kept["name"], why)
    version = meta.get("resourceVersion") or ""
    if not re.fullmatch("[0-9]{0,19}", version):
        raise refusal.bad_request(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version not in ("", kept["resourceVersion"]):
        raise refusal.conflict(resource, kept["name"], _MODIFIED)


def _completed_namespace(obj: Raw) -> Raw:
    meta = obj["metadata"]
    labels = {"kubernetes.io/metadata.name": meta["name"]} | (meta.get("labels") or {})
    phase = {"phase": "Active"} | (obj.get("status") or {})
    spec = {"finalizers": ["kubernetes"]} | (obj.get("spec") or {})
    return obj | {"metadata": meta | {"labels": labels}, "spec": spec, "status": phase}


def _completed_definition(obj: Raw, at: str) -> Raw:
    """Names are never contested in the lab, so a definition is served at once."""
    status = obj.get("status") or {}
    since = {c.get("type"): c.get("lastTransitionTime") for c in items(status, "conditions")}
    conditions = [
        {"type": kind, "status": "True", "lastTransitionTime": since.get(kind) or at, "reason": reason, "message": said}
        for kind, reason, said in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        )
    ]
    stored = [v["name"] for v in items(obj, "spec", "versions") if v.get("storage")]
    names = dict(dig(obj, "spec", "names") or {})
    names.setdefault("singular", (text(names, "kind") or "").lower())
    names.setdefault("listKind", f"{names.get('kind')}List")
    spec = obj["spec"] | {"names": names}
    return obj | {"spec": spec, "status": {"conditions": conditions, "acceptedNames": names, "storedVersions": stored}}
