"""Create, replace, patch and apply: who may write which part of an object, and who wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http import HTTPStatus

from homelab.lab.admission import admitted, invalid
from homelab.lab.api.asked import APPLY, Asked
from homelab.lab.api.bodies import object_of, plain
from homelab.lab.definitions import definition_faults
from homelab.lab.ownership import Writer, applied, readable, updated
from homelab.lab.patches import json_patch, merged, strategic
from homelab.lab.refusal import Refusal, bad_request, conflict, not_found, options
from homelab.lab.resources import DEFINITION
from homelab.lab.shapes import shape
from homelab.lab.store import Store, utc_now
from homelab.lab.validation.faults import Fault, forbidden
from homelab.observe.raw import dig, strings, text
from homelab.ports import Kind, Raw

JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
NODE = Kind("v1", "Node")
Answer = tuple[int, Raw]


async def created(store: Store, asked: Asked) -> Answer:
    """A new object. Raises Refusal."""
    resource = asked.place.resource
    if resource.namespaced and not asked.place.namespace:
        raise bad_request("an empty namespace may not be set during creation")
    obj = _unborn(_unowned(asked.fitting(await asked.object())))
    if resource.as_kind != NODE:  # a kubelet brings its node's first status along
        obj = _with_status(asked, obj, None)
    return HTTPStatus.CREATED, _stored(store, asked, obj, None)


async def replaced(store: Store, asked: Asked) -> Answer:
    """An object, or its status, replaced by another. Raises Refusal."""
    obj = asked.fitting(await asked.object())
    return HTTPStatus.OK, _rewritten(store, asked, obj, _live(store, asked))


async def patched(store: Store, asked: Asked) -> Answer:
    """An object, or its status, changed in part. Raises Refusal."""
    content = asked.request.content_type
    if content == APPLY:
        return await _applied(store, asked)
    if asked.option("force"):
        raise options(
            "PatchOptions", "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch"
        )
    live = _live(store, asked)
    patch = await asked.body()
    if content == JSON_PATCH:
        new = plain(json_patch(live, patch))
    elif content == MERGE:
        new = merged(live, object_of(patch))
    elif content == STRATEGIC and asked.place.resource.built_in:
        new = strategic(live, object_of(patch), shape(asked.place.resource))
    else:
        known = [JSON_PATCH, MERGE, *([STRATEGIC] if asked.place.resource.built_in else []), APPLY]
        why = f"the body of the request was in an unknown format - accepted media types include: {', '.join(known)}"
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", why)
    return HTTPStatus.OK, _rewritten(store, asked, asked.fitting(new), live)


async def _applied(store: Store, asked: Asked) -> Answer:
    manager = asked.option("fieldManager") and asked.manager
    if not manager:
        raise options(
            "PatchOptions", "fieldManager", "FieldValueRequired", "Required value: is required for apply patch"
        )
    sent = await asked.document()
    if dig(sent, "metadata", "managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    wish, live = _part(asked, asked.fitting(_without_nulls(sent))), store.get(asked.place.ref)
    if live is None and asked.place.subresource:
        raise not_found(asked.place.resource, asked.place.ref.name)
    if live is None and (uid := text(wish, "metadata", "uid")):
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(asked.place.resource, asked.place.ref.name, why)
    writer = _writer(asked, "Apply", manager)
    new = applied(live, wish, shape(asked.place.resource), writer, force=asked.flag("force"))
    done = _allowed(store, asked, new, live)
    if live is None:
        return HTTPStatus.CREATED, store.create(done, dry_run=asked.dry_run)
    return HTTPStatus.OK, store.update(done, dry_run=asked.dry_run)


def _rewritten(store: Store, asked: Asked, obj: Raw, live: Raw) -> Raw:
    """Store what was sent, but only the part that the path is for."""
    if asked.place.subresource:
        seen = {key: obj["metadata"][key] for key in ("uid", "resourceVersion") if key in obj["metadata"]}
        obj = live | {"metadata": live["metadata"] | seen} | ({"status": obj["status"]} if "status" in obj else {})
    else:
        obj = _with_status(asked, _reset(obj), live)
    return _stored(store, asked, obj, live)


def _stored(store: Store, asked: Asked, obj: Raw, live: Raw | None) -> Raw:
    done = _allowed(store, asked, store.named(obj), live)
    owned = updated(live, done, shape(asked.place.resource), _writer(asked, "Update", asked.manager))
    write = store.create if live is None else store.update
    return write(owned, dry_run=asked.dry_run)


def _allowed(store: Store, asked: Asked, obj: Raw, live: Raw | None) -> Raw:
    """The object with defaults, when it may be stored so. Raises Refusal 422, 501."""
    resource = asked.place.resource
    faults = list(_new_finalizers(obj, live)) if live else []
    if resource.as_kind == DEFINITION and not asked.place.subresource:
        faults += definition_faults(obj, live, store.resources)
    if faults:
        raise invalid(resource, obj, faults)
    return admitted(resource, obj, live)


def _new_finalizers(obj: Raw, live: Raw) -> Iterator[Fault]:
    known = strings(live, "metadata", "finalizers")
    new = [name for name in strings(obj, "metadata", "finalizers") if name not in known]
    if new and "deletionTimestamp" in live["metadata"]:
        listed = ", ".join(json.dumps(name) for name in new)
        why = "no new finalizers can be added if the object is being deleted, found new finalizers"
        yield forbidden("metadata.finalizers", f"{why} []string{{{listed}}}")


def _unborn(obj: Raw) -> Raw:
    version = text(obj, "metadata", "resourceVersion") or ""
    if re.fullmatch("0*[1-9][0-9]*", version):
        raise bad_request("resourceVersion should not be set on objects to be created")
    return obj


def _live(store: Store, asked: Asked) -> Raw:
    found = store.get(asked.place.ref)
    if not found:
        raise not_found(asked.place.resource, asked.place.ref.name)
    return found


def _with_status(asked: Asked, obj: Raw, live: Raw | None) -> Raw:
    """The object with the status that is stored, for kinds whose status has its own path."""
    if not asked.place.resource.has_status:
        return obj
    rest = {key: value for key, value in obj.items() if key != "status"}
    return rest | ({"status": live["status"]} if live and "status" in live else {})


def _part(asked: Asked, wish: Raw) -> Raw:
    """What an apply may be about: the status or all but the status."""
    if not asked.place.resource.has_status:
        return wish
    if not asked.place.subresource:
        return {key: value for key, value in wish.items() if key != "status"}
    meta = {
        key: wish["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion") if key in wish["metadata"]
    }
    return {key: wish[key] for key in ("apiVersion", "kind", "status") if key in wish} | {"metadata": meta}


def _writer(asked: Asked, operation: str, manager: str) -> Writer:
    now = utc_now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return Writer(manager, operation, asked.place.resource.api_version, asked.place.subresource, now)


def _unowned(obj: Raw) -> Raw:
    return obj | {"metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}}


def _reset(obj: Raw) -> Raw:
    """A list with one empty entry forgets all managers; an empty list is no opinion.

    Source: Kubernetes documentation, server-side apply, clearing managedFields.
    """
    given = obj["metadata"].get("managedFields")
    if given == [{}]:
        return obj | {"metadata": obj["metadata"] | {"managedFields": []}}
    return obj if given and readable(given) else _unowned(obj)


def _without_nulls(value: Raw) -> Raw:
    """A null in an applied object is no opinion."""
    return {
        key: _without_nulls(inner) if isinstance(inner, dict) else inner
        for key, inner in value.items()
        if inner is not None
    }
