"""Delete one object or many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from homelab.lab.api.asked import Asked, only_all
from homelab.lab.api.bodies import sort
from homelab.lab.api.tables import form
from homelab.lab.refusal import Refusal, about, bad_request, forbidden, options
from homelab.lab.resources import NAMESPACE, Resource
from homelab.lab.store import Propagation, Store
from homelab.observe.raw import strings, text
from homelab.ports import Kind, Raw, Ref

_JOB = Kind("batch/v1", "Job")
_PROTECTED = ("default", "kube-system", "kube-public")
_POLICIES = ("Foreground", "Background", "Orphan")
_SORTS = {
    "dryRun": "array",
    "gracePeriodSeconds": "number",
    "orphanDependents": "bool",
    "preconditions": "object",
    "propagationPolicy": "string",
}


@dataclass(frozen=True, slots=True)
class _Options:
    """How to delete: from the body, or from the query when there is no body, as the API server reads them."""

    dry_run: bool
    uid: str | None
    version: str | None
    propagation: Propagation


async def deleted(store: Store, asked: Asked) -> Raw:
    """Delete an object; the answer is the object while something still holds it. Raises Refusal."""
    wanted = await _options(asked)
    ref = asked.place.ref
    if ref.kind == NAMESPACE and ref.name in _PROTECTED:
        raise forbidden(asked.place.resource, ref.name, "this namespace may not be deleted")
    obj = store.deletable(ref, uid=wanted.uid, version=wanted.version)
    if not wanted.dry_run:
        store.delete(ref, propagation=wanted.propagation)
        left = store.get(ref)
        if left and left["metadata"]["uid"] == obj["metadata"]["uid"]:
            return left
    elif ref.kind == NAMESPACE or strings(obj, "metadata", "finalizers"):
        return obj
    details = about(asked.place.resource, ref.name) | {"uid": obj["metadata"]["uid"]}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def all_deleted(store: Store, asked: Asked) -> Raw:
    """Delete every object that matches. Raises Refusal."""
    if asked.place.resource.as_kind == NAMESPACE:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", "namespaces are deleted one by one")
    wanted, matches = await _options(asked), asked.matches()
    found = [obj for obj in store.all(asked.place.resource.as_kind, asked.place.namespace) if matches(obj)]
    for obj in () if wanted.dry_run else found:
        if store.get(Ref.of(obj)):  # one may have gone with its owner
            store.delete(Ref.of(obj), propagation=wanted.propagation)
    return form(asked).many(found, {"resourceVersion": str(store.version)})


async def _options(asked: Asked) -> _Options:
    """Raises Refusal 400, 422."""
    given = await asked.document() if await asked.sent() else _queried(asked)
    for name, wanted in _SORTS.items():
        _must_be(given.get(name), wanted, f"DeleteOptions.{name}")
    for value in given.get("dryRun") or ():
        _must_be(value, "string", "DeleteOptions.dryRun")
    conditions = given.get("preconditions") or {}
    for name in ("uid", "resourceVersion"):
        _must_be(conditions.get(name), "string", f"Preconditions.preconditions.{name}")
    return _Options(
        dry_run=only_all(given.get("dryRun") or [], "DeleteOptions"),
        uid=text(conditions, "uid"),
        version=text(conditions, "resourceVersion"),
        propagation=_propagation(asked.place.resource, given),
    )


def _queried(asked: Asked) -> Raw:
    policy = {"propagationPolicy": found} if (found := asked.option("propagationPolicy")) else {}
    orphan = {"orphanDependents": asked.flag("orphanDependents")} if asked.option("orphanDependents") else {}
    return {"dryRun": asked.options("dryRun"), **policy, **orphan}


def _must_be(value: Any, wanted: str, field: str) -> None:
    if value is not None and sort(value) != wanted:
        raise bad_request(f"json: cannot unmarshal {sort(value)} into Go struct field {field}: {wanted} expected")


def _propagation(resource: Resource, given: Mapping[str, Any]) -> Propagation:
    """What becomes of dependents. Jobs leave their pods unless asked. Source: kube-apiserver, batch/job/strategy.go."""
    orphan, found = given.get("orphanDependents"), given.get("propagationPolicy")
    if found is None:
        return "Orphan" if orphan or (orphan is None and resource.as_kind == _JOB) else "Background"
    if found not in _POLICIES:
        known = ", ".join(f'"{policy}"' for policy in (*_POLICIES, "nil"))
        why = f'Unsupported value: "{found}": supported values: {known}'
        raise options("DeleteOptions", "propagationPolicy", "FieldValueNotSupported", why)
    if orphan is not None:
        why = f'Invalid value: "{found}": orphanDependents and deletionPropagation cannot be both set'
        raise options("DeleteOptions", "propagationPolicy", "FieldValueInvalid", why)
    return cast("Propagation", found)
