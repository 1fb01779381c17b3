"""Delete one object or many."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from homelab.lab.api.asked import Asked
from homelab.lab.api.tables import form
from homelab.lab.refusal import Refusal, about, bad_request, forbidden
from homelab.lab.resources import NAMESPACE
from homelab.lab.store import Propagation, Store
from homelab.observe.raw import dig, text
from homelab.ports import Kind, Raw, Ref

_JOB = Kind("batch/v1", "Job")
_PROTECTED = ("default", "kube-system", "kube-public")


async def deleted(store: Store, asked: Asked) -> Raw:
    """Delete an object; the answer is the object while something still holds it. Raises Refusal."""
    options = await _options(asked)
    ref = asked.place.ref
    if ref.kind == NAMESPACE and ref.name in _PROTECTED:
        raise forbidden(asked.place.resource, ref.name, "this namespace may not be deleted")
    uid, version = text(options, "preconditions", "uid"), text(options, "preconditions", "resourceVersion")
    obj = store.deletable(ref, uid=uid, version=version)
    if not asked.dry_run:
        store.delete(ref, propagation=_propagation(asked, options))
    left = store.get(ref)
    if left and not asked.dry_run and left["metadata"]["uid"] == obj["metadata"]["uid"]:
        return left
    details = about(asked.place.resource, ref.name) | {"uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def all_deleted(store: Store, asked: Asked) -> Raw:
    """Delete every object that matches. Raises Refusal."""
    if asked.place.resource.as_kind == NAMESPACE:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "namespaces are deleted one by one")
    options, matches = await _options(asked), asked.matches()
    found = [obj for obj in store.all(asked.place.resource.as_kind, asked.place.namespace) if matches(obj)]
    for obj in () if asked.dry_run else found:
        if store.get(Ref.of(obj)):  # one may have gone with its owner
            store.delete(Ref.of(obj), propagation=_propagation(asked, options))
    return form(asked).many(found, {"resourceVersion": str(store.version)})


async def _options(asked: Asked) -> Raw:
    return await asked.document() if await asked.request.read() else {}


def _propagation(asked: Asked, options: Raw) -> Propagation:
    """What becomes of dependents. Jobs leave their pods unless asked. Source: kube-apiserver, batch/job/strategy.go."""
    orphan = dig(options, "orphanDependents")
    default = "Orphan" if orphan or (orphan is None and asked.place.resource.as_kind == _JOB) else "Background"
    found = text(options, "propagationPolicy") or asked.option("propagationPolicy") or default
    if found not in ("Background", "Foreground", "Orphan"):
        raise bad_request(f'Invalid value: "{found}": propagationPolicy is Background, Foreground or Orphan')
    return cast("Propagation", found)
