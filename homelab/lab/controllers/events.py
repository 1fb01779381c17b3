"""Events about objects: what is said again is counted, not written anew, and what is old is dropped."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

from homelab.lab.controllers.clock import Clock, stamp
from homelab.lab.controllers.kinds import EVENT
from homelab.lab.refusal import Refusal
from homelab.lab.store import Store
from homelab.ports import Raw, Ref

LIFE = timedelta(hours=1)
"""How long an event stays after it was last seen. Source: kube-apiserver, --event-ttl."""
Type = Literal["Normal", "Warning"]


class Recorder:
    """What one component has to say."""

    def __init__(self, component: str, now: Clock) -> None:
        self._component = component
        self._now = now
        self._said: dict[tuple[str, str, str], tuple[Ref, datetime]] = {}
        """(uid, reason, message) -> the event and when it was last seen; the longest unseen first."""

    def say(self, store: Store, about: Raw, kind: Type, reason: str, message: str) -> None:
        """Write an event about an object, or count it once more."""
        now = self._now()
        self._forget(store, now)
        key = (about["metadata"]["uid"], reason, message)
        known, _ = self._said.pop(key, (None, now))
        before = store.get(known) if known else None
        if known and before:
            store.update({**before, "count": before["count"] + 1, "lastTimestamp": stamp(now)})
            self._said[key] = (known, now)
            return
        with suppress(Refusal):  # the object's namespace is being deleted: nobody is left to tell
            made = store.create(self._event(store, about, kind, reason, message))
            self._said[key] = (Ref.of(made), now)

    def _forget(self, store: Store, now: datetime) -> None:
        while self._said:
            key, (ref, seen) = next(iter(self._said.items()))
            if now - seen < LIFE:
                return
            del self._said[key]
            if store.get(ref):
                store.delete(ref)

    def _event(self, store: Store, about: Raw, kind: Type, reason: str, message: str) -> Raw:
        meta, at = about["metadata"], stamp(self._now())
        named = {name: meta[name] for name in ("namespace", "name", "uid", "resourceVersion") if name in meta}
        space = meta.get("namespace", "default")
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.name,
            "metadata": {"name": f"{meta['name']}.{store.version:016x}", "namespace": space},
            "involvedObject": {"apiVersion": about["apiVersion"], "kind": about["kind"], **named},
            "type": kind,
            "reason": reason,
            "message": message,
            "count": 1,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "eventTime": None,
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "reportingInstance": "",
        }
