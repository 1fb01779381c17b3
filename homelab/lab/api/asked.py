"""One request, read: which resource, which object, which options."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import yaml
from aiohttp import web

from homelab.lab import refusal
from homelab.lab.refusal import NowhereError, Refusal, bad_request, not_served
from homelab.lab.resources import Resource, Resources
from homelab.lab.selectors import Test, selecting
from homelab.ports import Raw, Ref

_Raw = Raw | list[Any]


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
    return Place(resource, namespace, name, "/".join(rest[2:3]), "/".join(rest[3:]))


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

    def number(self, name: str) -> int | None:
        """A query parameter that is a whole number; None when it was not given. Raises Refusal 400."""
        found = self.option(name)
        if not found:
            return None
        if not found.isdigit():
            raise bad_request(f'Invalid value: "{found}": {name} must be a whole number')
        return int(found)

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored. Raises Refusal 422 for an unknown kind of dry run."""
        found = self.request.query.getall("dryRun", [])
        if any(value not in ("", "All") for value in found):
            kind = {"POST": "CreateOptions", "PATCH": "PatchOptions", "PUT": "UpdateOptions"}.get(self.request.method)
            why = f'Unsupported value: {json.dumps(found)}: supported values: "All"'
            raise refusal.options(kind or "DeleteOptions", "dryRun", "FieldValueNotSupported", why)
        return "All" in found

    @property
    def manager(self) -> str:
        """Who writes: as they say, else the name of their program."""
        agent = self.request.headers.get("User-Agent", "unknown")
        return self.option("fieldManager") or agent.split("/")[0] or "unknown"

    def matches(self) -> Test:
        """The test of namespace, name and both selectors. Raises Refusal 400."""
        chosen = selecting(self.place.resource.as_kind, self.option("labelSelector"), self.option("fieldSelector"))
        namespace, name = self.place.namespace, self.place.name

        def test(obj: Raw) -> bool:
            meta = obj["metadata"]
            here = namespace is None or meta.get("namespace") == namespace
            return here and (name is None or meta["name"] == name) and chosen(obj)

        return test

    async def body(self) -> Any:
        """The JSON that was sent. Raises Refusal 400."""
        return _parsed(await self.request.read(), json.loads)

    async def document(self) -> Raw:
        """The YAML, and so JSON, object that was sent. Raises Refusal 400."""
        sent = await self.request.read()
        try:
            return _object(json.loads(sent))
        except ValueError:
            return _object(_parsed(sent, _yaml))

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
        meta = obj.get("metadata") or {}
        if not all(isinstance(part, dict) for part in (meta, *_maps(meta))):
            raise bad_request("metadata, its labels and its annotations are objects")
        if here.name is not None and meta.get("name", here.name) != here.name:
            raise bad_request(
                f"the name of the object ({meta.get('name')}) does not match the name on the URL ({here.name})"
            )
        if meta.get("namespace") not in (None, "", here.namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        named = {"name": here.name} if here.name is not None else {}
        spaced = {"namespace": here.namespace} if here.namespace else {}
        return obj | {"metadata": {k: v for k, v in meta.items() if k != "namespace"} | named | spaced}


def _maps(meta: Any) -> list[Any]:
    return [meta.get(key) or {} for key in ("labels", "annotations")] if isinstance(meta, dict) else []


def _yaml(sent: bytes) -> Any:
    return yaml.load(sent, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _parsed(sent: bytes, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(sent)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the body is not understood: {error}") from None


def _object(found: Any) -> Raw:
    if not isinstance(found, dict):
        raise refusal.bad_request("the body is no object")
    return found
