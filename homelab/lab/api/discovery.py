"""What the API says of itself: version, groups, resources, and as much OpenAPI as kubectl asks for."""

from __future__ import annotations

import platform

from homelab.lab.refusal import NowhereError, not_implemented, not_served
from homelab.lab.resources import Resource, Resources
from homelab.ports import Raw

VERSION = "v1.37.2+lab"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_PARTIAL = ("get", "patch", "update")


def version() -> Raw:
    """`/version`."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {"major": "1", "minor": "37", "gitVersion": VERSION, "platform": f"linux/{machine}"}


def versions() -> Raw:
    """`/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(resources: Resources) -> Raw:
    """`/apis`."""
    found = [group(resources, name) for name in _groups(resources) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_bare(one) for one in found]}


def group(resources: Resources, name: str) -> Raw:
    """`/apis/<group>`. Raises Refusal 404."""
    served = _groups(resources).get(name)
    if not served:
        raise NowhereError
    found = [{"groupVersion": f"{name}/{one}", "version": one} for one in served]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": found, "preferredVersion": found[0]}


def resource_list(resources: Resources, api_version: str) -> Raw:
    """`/api/v1` and `/apis/<group>/<version>`. Raises Refusal 404."""
    found = [r for r in resources.all() if r.api_version == api_version]
    if not found:
        raise not_served() if resources.has_group(api_version.rpartition("/")[0]) else NowhereError()
    entries = [entry for resource in found for entry in _entries(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": entries}


def aggregated(resources: Resources, *, core: bool) -> Raw:
    """`/api` or `/apis` with everything inside, for clients that ask so."""
    found: list[Raw] = []
    for name, served in _groups(resources).items():
        if (not name) == core:
            found.append(
                {"metadata": {"name": name} if name else {}, "versions": [_served(resources, name, v) for v in served]}
            )
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": found}


def openapi_index(resources: Resources) -> Raw:
    """`/openapi/v3`."""
    roots = {_root(r.api_version) for r in resources.all()}
    return {"paths": {root: {"serverRelativeURL": f"/openapi/v3/{root}"} for root in sorted(roots)}}


def openapi(resources: Resources, root: str) -> Raw:
    """`/openapi/v3/apis/apps/v1`: no schemas; writes know dry run and field validation. Raises Refusal."""
    found = [r for r in resources.all() if _root(r.api_version) == root]
    if not found:
        raise NowhereError
    info = {"title": "Kubernetes", "version": VERSION}
    return {"openapi": "3.0.0", "info": info, "paths": {_path(r): _patchable(r) for r in found}, "components": {}}


def about(resources: Resources, parts: list[str]) -> Raw:
    """The answer to a path that is about the API itself. Raises Refusal 404, 501."""
    match parts:
        case ["version"]:
            found = version()
        case ["api"]:
            found = versions()
        case ["apis"]:
            found = groups(resources)
        case ["apis", name]:
            found = group(resources, name)
        case ["api", served]:
            found = resource_list(resources, served)
        case ["apis", name, served]:
            found = resource_list(resources, f"{name}/{served}")
        case ["openapi", "v3"]:
            found = openapi_index(resources)
        case ["openapi", "v3", *rest]:
            found = openapi(resources, "/".join(rest))
        case ["openapi", "v2"]:
            raise not_implemented("the lab has no schemas of built-in kinds to publish")
        case _:
            raise NowhereError
    return found


def _groups(resources: Resources) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for resource in resources.all():
        served = found.setdefault(resource.group, [])
        if resource.version not in served:
            served.append(resource.version)
    return found


def _bare(one: Raw) -> Raw:
    return {key: value for key, value in one.items() if key not in ("kind", "apiVersion")}


def _verbs(resource: Resource) -> list[str]:
    if resource.is_review:
        return ["create"]
    return [verb for verb in _VERBS if verb != "deletecollection" or resource.plural != "namespaces"]


def _entries(resource: Resource) -> list[Raw]:
    entry: Raw = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _verbs(resource),
    }
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return [entry, *({"singularName": "", "namespaced": resource.namespaced} | part for part in _parts(resource))]


def _parts(resource: Resource) -> list[Raw]:
    """Subresources."""
    found: list[Raw] = []
    if resource.has_status:
        found.append({"name": f"{resource.plural}/status", "kind": resource.kind, "verbs": list(_PARTIAL)})
    if resource.has_scale:
        scale = {"name": f"{resource.plural}/scale", "group": "autoscaling", "version": "v1", "kind": "Scale"}
        found.append(scale | {"verbs": list(_PARTIAL)})
    if resource.api_version == "v1" and resource.kind == "Pod":
        found.append({"name": "pods/proxy", "kind": "PodProxyOptions", "verbs": ["get", "create"]})
    return found


def _served(resources: Resources, name: str, served: str) -> Raw:
    found = [r for r in resources.all() if (r.group, r.version) == (name, served)]
    return {"version": served, "freshness": "Current", "resources": [_aggregated(r) for r in found]}


def _aggregated(resource: Resource) -> Raw:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {
        "resource": resource.plural,
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": _verbs(resource),
        "shortNames": list(resource.short),
        "categories": list(resource.categories),
        "subresources": [_aggregated_part(resource, part) for part in _parts(resource)],
    }


def _aggregated_part(resource: Resource, part: Raw) -> Raw:
    group_name, served = part.get("group", resource.group), part.get("version", resource.version)
    kind = {"group": group_name, "version": served, "kind": part["kind"]}
    return {"subresource": part["name"].partition("/")[2], "responseKind": kind, "verbs": part["verbs"]}


def _root(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def _path(resource: Resource) -> str:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"/{_root(resource.api_version)}{scope}/{resource.plural}/{{name}}"


def _patchable(resource: Resource) -> Raw:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    patch = {"operationId": f"patch{resource.kind}", "parameters": parameters, "responses": {}}
    return {"patch": patch | {"x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind}}
