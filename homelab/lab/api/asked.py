"""One request, read: which resource, which object, which options."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from homelab.lab import refusal
from homelab.lab.api.bodies import LARGEST, json_of, object_of, readable, yaml_of
from homelab.lab.refusal import NowhereError, Refusal, bad_request, not_served
from homelab.lab.resources import Resource, Resources
from homelab.lab.selectors import Test, selecting
from homelab.lab.typed import decoded
from homelab.ports import Raw, Ref

APPLY = "application/apply-patch+yaml"
_LONGEST_MANAGER = 128
"""Bytes. Source: k8s.io/apimachinery, meta/v1/validation."""
_WRITES = {"POST": "CreateOptions", "PATCH": "PatchOptions", "PUT": "UpdateOptions"}


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names."""

    resource: Resource
    namespace: str | None
    name: str | None
    subresource: str = ""
    rest: str = ""
    """What follows a subresource, as it was escaped."""

    @property
    def ref(self) -> Ref:
        """The one object it names."""
        assert self.name is not None
        return Ref(self.resource.as_kind, self.namespace, self.name)


def place(resources: Resources, path: str) -> Place:
    """Read `/api/v1/namespaces/home/pods/web/status` and the like. Raises Refusal 404."""
    parts = path.strip("/").split("/")
    head = 2 if parts[0] == "api" else 3
    api_version, rest = "/".join(parts[1:head]), parts[head:]
    namespace = None
    if rest[:1] == ["namespaces"] and rest[2:] and rest[2] not in ("status", "finalize"):
        namespace, rest = unquote(rest[1]), rest[2:]
    resource = resources.at(api_version, rest[0]) if rest else None
    if not resource and not resources.has_group(api_version.rpartition("/")[0]):
        raise NowhereError
    if not resource or (namespace is not None and not resource.namespaced):
        raise not_served()
    name = unquote(rest[1]) if len(rest) > 1 else None
    if name is not None and resource.namespaced and namespace is None:
        raise not_served()
    last = "/" if rest[3:] and path.endswith("/") else ""
    return Place(resource, namespace, name, "/".join(rest[2:3]), "/".join(rest[3:]) + last)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the place it names."""

    request: web.BaseRequest
    place: Place

    def option(self, name: str) -> str:
        """A query parameter; empty when it was not given."""
        return self.request.query.get(name, "")

    def flag(self, name: str) -> bool:
        """A query parameter that is true or not."""
        return self.option(name) in ("true", "1", "True")

    def options(self, name: str) -> list[str]:
        """A query parameter that may be given more than once, without empty ones."""
        return [value for value in self.request.query.getall(name, []) if value]

    def number(self, name: str, *, least: int = 0) -> int | None:
        """A query parameter that is a whole number; None when it was not given. Raises Refusal 400."""
        found = self.option(name)
        if not found:
            return None
        if not re.fullmatch("-?[0-9]{1,18}", found) or int(found) < least:
            raise bad_request(f'invalid {name}: strconv.ParseInt: parsing "{found}": invalid syntax')
        return int(found)

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored. Raises Refusal 422 for an unknown kind of dry run."""
        return only_all(self.options("dryRun"), _WRITES[self.request.method])

    @property
    def manager(self) -> str:
        """Who writes: as they say, else the name of their program. Raises Refusal 422."""
        found = self.option("fieldManager")
        odd = next((at for at, letter in enumerate(found) if not letter.isprintable()), None)
        if odd is not None:
            why = f"Invalid value: {json.dumps(found)}: invalid character U+{ord(found[odd]):04X} (at position {odd})"
            raise refusal.options(_WRITES[self.request.method], "fieldManager", "FieldValueInvalid", why)
        if len(found.encode()) > _LONGEST_MANAGER:
            why = f"Too long: may not be more than {_LONGEST_MANAGER} bytes"
            raise refusal.options(_WRITES[self.request.method], "fieldManager", "FieldValueTooLong", why)
        return found or self._agent or "unknown"

    @property
    def _agent(self) -> str:
        name = self.request.headers.get("User-Agent", "").split("/")[0]
        return "".join(letter for letter in readable(name) if letter.isprintable())[:_LONGEST_MANAGER]

    def matches(self) -> Test:
        """The test of namespace, name and both selectors. Raises Refusal 400."""
        chosen = selecting(self.place.resource.as_kind, self.option("labelSelector"), self.option("fieldSelector"))
        namespace, name = self.place.namespace, self.place.name

        def test(obj: Raw) -> bool:
            meta = obj["metadata"]
            here = namespace is None or meta.get("namespace") == namespace
            return here and (name is None or meta["name"] == name) and chosen(obj)

        return test

    async def sent(self) -> bytes:
        """The body as it came. Raises Refusal 413."""
        try:
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge:
            why = f"Request entity too large: limit is {LARGEST}"
            raise Refusal(413, "RequestEntityTooLarge", why) from None

    async def body(self) -> Any:
        """The JSON that was sent. Raises Refusal 400, 413."""
        return json_of(await self.sent())

    async def document(self) -> Raw:
        """The object that was sent, in YAML where the content type says so. Raises Refusal 400, 413."""
        parse = yaml_of if self.request.content_type in ("application/yaml", APPLY) else json_of
        return object_of(parse(await self.sent()))

    async def object(self) -> Raw:
        """The JSON object that was sent. Raises Refusal 400, 415."""
        content = self.request.content_type
        if "protobuf" in content:
            why = "the lab reads no protobuf: add --dry-run=client -o yaml and pipe that into kubectl create -f -"
            raise Refusal(415, "UnsupportedMediaType", why)
        if content not in ("application/json", "application/yaml", "application/octet-stream"):
            known = "application/json, application/yaml"
            why = f"the body of the request was in an unknown format - accepted media types include: {known}"
            raise Refusal(415, "UnsupportedMediaType", why)
        return await self.document()

    def fitting(self, obj: Raw) -> Raw:
        """The object with what the path says. Raises Refusal 400 when they contradict each other."""
        here, resource = self.place, self.place.resource
        found = f"{obj.get('apiVersion', '')}, Kind={obj.get('kind', '')}"
        wanted = f"{resource.api_version}, Kind={resource.kind}"
        if found != wanted:
            raise bad_request(f"the API version and kind in the data ({found}) do not match the expected ({wanted})")
        strict = self.option("fieldValidation") == "Strict" or self.request.content_type == APPLY
        obj = decoded(resource, obj, strict=strict)
        meta = obj.get("metadata") or {}
        if here.name is not None and meta.get("name", here.name) != here.name:
            raise bad_request(
                f"the name of the object ({meta.get('name')}) does not match the name on the URL ({here.name})"
            )
        if meta.get("namespace") not in (None, "", here.namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        named = {"name": here.name} if here.name is not None else {}
        spaced = {"namespace": here.namespace} if here.namespace else {}
        return obj | {"metadata": {k: v for k, v in meta.items() if k != "namespace"} | named | spaced}


def only_all(found: list[str], kind: str) -> bool:
    """Whether a `dryRun` asks for one. Raises Refusal 422 when it asks for one of another kind."""
    if any(value != "All" for value in found):
        why = f'Unsupported value: {json.dumps(found, separators=(",", ":"))}: supported values: "All"'
        raise refusal.options(kind, "dryRun", "FieldValueNotSupported", why)
    return bool(found)
