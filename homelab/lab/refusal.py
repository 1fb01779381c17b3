"""A refusal, worded as the API server words it."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from homelab.lab.resources import Resource
from homelab.ports import Raw


class Refusal(Exception):
    """Why something is not done; the API answers with it as a Status."""

    def __init__(self, code: int, reason: str, message: str, details: Raw | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Raw:
        """The Status object."""
        details = {"details": self.details} if self.details is not None else {}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **details,
            "code": self.code,
        }


class NowhereError(Exception):
    """A path that no part of the API server knows: 404 in plain text, not as a Status."""


def about(resource: Resource, name: str) -> Raw:
    """Details that name an object."""
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: Resource, name: str) -> Refusal:
    """No object of that name."""
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", f'{resource.qualified} "{name}" not found', about(resource, name))


def not_served() -> Refusal:
    """No such path or kind."""
    return Refusal(HTTPStatus.NOT_FOUND, "NotFound", "the server could not find the requested resource", {})


def already_exists(resource: Resource, name: str) -> Refusal:
    """The name is taken."""
    message = f'{resource.qualified} "{name}" already exists'
    return Refusal(HTTPStatus.CONFLICT, "AlreadyExists", message, about(resource, name))


def conflict(resource: Resource, name: str, why: str, called: str = "") -> Refusal:
    """The object is not what the caller took it for; preconditions call it by its kind."""
    called = called or resource.plural
    qualified = f"{called}.{resource.group}" if resource.group else called
    message = f'Operation cannot be fulfilled on {qualified} "{name}": {why}'
    return Refusal(HTTPStatus.CONFLICT, "Conflict", message, about(resource, name) | {"kind": called})


def forbidden(resource: Resource, name: str, why: str, causes: Iterable[Raw] = ()) -> Refusal:
    """Never allowed, whoever asks."""
    details = about(resource, name) | ({"causes": list(causes)} if causes else {})
    message = f'{resource.qualified} "{name}" is forbidden: {why}'
    return Refusal(HTTPStatus.FORBIDDEN, "Forbidden", message, details)


def options(kind: str, field: str, reason: str, why: str) -> Refusal:
    """A query parameter that cannot be; `reason` as causes name it, such as FieldValueRequired."""
    cause = {"reason": reason, "message": why, "field": field}
    details = {"group": "meta.k8s.io", "kind": kind, "causes": [cause]}
    message = f'{kind}.meta.k8s.io "" is invalid: {field}: {why}'
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid", message, details)


def bad_request(message: str) -> Refusal:
    """The request itself makes no sense."""
    return Refusal(HTTPStatus.BAD_REQUEST, "BadRequest", message)


def expired(message: str = "The resourceVersion for the provided list is too old.") -> Refusal:
    """410: history does not reach back so far."""
    return Refusal(HTTPStatus.GONE, "Expired", message)


def not_implemented(message: str) -> Refusal:
    """501: real clusters can do this, the lab cannot."""
    return Refusal(HTTPStatus.NOT_IMPLEMENTED, "NotImplemented", message)
