"""The `scale` subresource: how many replicas, whatever the kind."""

from __future__ import annotations

from dataclasses import replace

from homelab.lab.api.asked import Asked
from homelab.lab.api.writing import MERGE, STRATEGIC
from homelab.lab.ownership import Writer, updated
from homelab.lab.patches import merged
from homelab.lab.refusal import bad_request, not_found, not_implemented
from homelab.lab.shapes import shape
from homelab.lab.store import Store, utc_now
from homelab.observe.raw import dig, number
from homelab.ports import Raw


def scale(store: Store, asked: Asked) -> Raw:
    """The Scale of an object. Raises Refusal 404."""
    return _scale(_live(store, asked))


async def scaled(store: Store, asked: Asked) -> Raw:
    """Set the replicas by a Scale or a merge patch of one. Raises Refusal."""
    live = _live(store, asked)
    wish = await asked.body()
    if asked.request.method == "PATCH":
        if asked.request.content_type not in (MERGE, STRATEGIC):
            raise not_implemented("the lab knows merge patches of a scale only")
        wish = merged(_scale(live), wish)
    replicas = number(wish, "spec", "replicas")
    if replicas is None or replicas < 0:
        raise bad_request("spec.replicas must be a whole number, 0 or more")
    seen = {"resourceVersion": dig(wish, "metadata", "resourceVersion") or live["metadata"]["resourceVersion"]}
    new = live | {"spec": live["spec"] | {"replicas": replicas}, "metadata": live["metadata"] | seen}
    now = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
    writer = Writer(asked.manager, "Update", asked.place.resource.api_version, "scale", now)
    return _scale(store.update(updated(live, new, shape(asked.place.resource), writer), dry_run=asked.dry_run))


def _live(store: Store, asked: Asked) -> Raw:
    found = store.get(replace(asked.place, subresource="").ref)
    if not found:
        raise not_found(asked.place.resource, asked.place.ref.name)
    return found


def _scale(obj: Raw) -> Raw:
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    chosen = dig(obj, "spec", "selector", "matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: obj["metadata"][key] for key in names if key in obj["metadata"]},
        "spec": {"replicas": number(obj, "spec", "replicas") or 0},
        "status": {"replicas": number(obj, "status", "replicas") or 0, "selector": selector},
    }
