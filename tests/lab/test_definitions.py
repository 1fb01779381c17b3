"""Definitions of kinds: which are refused as by a real server, and which the lab says it cannot serve."""

from __future__ import annotations

from typing import Any

import pytest
from apiserver import MERGE, Server

from homelab.ports import Raw

pytest_plugins = ("servers",)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
VERSION: Raw = {
    "name": "v1",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}},
}


def definition(plural: str = "gadgets", kind: str = "Gadget", group: str = "example.test", **spec: Any) -> Raw:
    """A CustomResourceDefinition."""
    names = {"plural": plural, "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [VERSION], **spec},
    }


def version(**parts: Any) -> Raw:
    """A definition whose one version is odd."""
    return definition(versions=[{**VERSION, **parts}])


def schema(**spec: Any) -> Raw:
    """A definition with an odd schema."""
    root = {"type": "object", "properties": {"spec": {"type": "object", **spec}}}
    return version(schema={"openAPIV3Schema": root})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (definition("configmaps", "ConfigMap", "v1"), "spec.group"),
        (definition("deployments", "Deployment", "apps"), "spec.group"),
        (definition("ingresses", "Ingress", "networking.k8s.io"), "annotations"),
        (definition(scope="Everywhere"), "spec.scope"),
        (definition(scope=""), "spec.scope"),
        (definition() | {"metadata": {"name": "other.example.test"}}, "metadata.name"),
        (definition(names={"plural": "gadgets"}), "spec.names.kind"),
        (definition(names={"plural": "gadgets", "kind": "No Kind"}), "spec.names.kind"),
        (definition(versions=[]), "spec.versions"),
        (definition(versions=[VERSION, {**VERSION, "storage": False, "served": False}]), "spec.versions"),
        (version(name=""), "spec.versions[0].name"),
        (version(storage=False, served=False), "spec.versions"),
        (version(schema=None), "spec.versions[0].schema.openAPIV3Schema"),
        (version(schema={"openAPIV3Schema": {"type": "array"}}), "spec.versions[0].schema.openAPIV3Schema.type"),
        (version(additionalPrinterColumns=[{"name": "a", "type": "x", "jsonPath": ".a"}]), "type"),
        (schema(type="text"), "properties[spec].type"),
        (schema(properties={"a": {}}), "properties[a].type"),
        (schema(properties={"a": {"type": "array"}}), "properties[a].items"),
        (schema(properties={"a": {"type": "string", "pattern": "("}}), "properties[a].pattern"),
    ],
    ids=str,
)
async def test_a_definition_that_cannot_be_is_refused_and_nothing_is_served(
    server: Server, body: Raw, field: str
) -> None:
    answer = await server.ask("POST", CRDS, body)

    assert answer.code == 422, answer.body
    assert any(field in found for _, _, found in answer.causes)
    assert (await server.ask("GET", CRDS)).body["items"] == []
    assert (await server.ask("GET", server.path("configmaps"))).code == 200


async def test_a_version_without_a_name_is_unreadable_or_refused(server: Server) -> None:
    nameless = {key: value for key, value in VERSION.items() if key != "name"}

    assert (await server.ask("POST", CRDS, definition(versions=[nameless]))).code == 422
    assert (await server.ask("POST", CRDS, definition(versions="v1"))).code == 400


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (definition(versions=[VERSION, {**VERSION, "name": "v2", "storage": False}]), "one version"),
        (definition(conversion={"strategy": "Webhook"}), "converts nothing"),
        (version(subresources={"scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}}), "scale"),
        (version(selectableFields=[{"jsonPath": ".spec.a"}]), "selects by"),
        (schema(**{"x-kubernetes-validations": [{"rule": "self.a > 1"}]}), "CEL"),
        (schema(oneOf=[{"required": ["a"]}]), "combine schemas"),
    ],
    ids=str,
)
async def test_what_the_lab_cannot_serve_it_says_at_once(server: Server, body: Raw, word: str) -> None:
    answer = await server.ask("POST", CRDS, body)

    assert (answer.code, answer.body["reason"]) == (501, "NotImplemented")
    assert word in answer.body["message"]
    assert (await server.ask("GET", CRDS)).body["items"] == []


async def test_what_is_not_served_is_stored_and_has_no_path(server: Server) -> None:
    assert (await server.ask("POST", CRDS, version(served=False))).code == 201

    assert (await server.ask("GET", server.path("gadgets", api="apis/example.test/v1"))).code == 404


async def test_a_kind_is_defined_once(server: Server) -> None:
    assert (await server.ask("POST", CRDS, definition())).code == 201

    again = await server.ask("POST", CRDS, definition())
    same_kind = await server.ask("POST", CRDS, definition("gizmos", "Gadget"))
    moved = await server.ask("PATCH", f"{CRDS}/gadgets.example.test", {"spec": {"scope": "Cluster"}}, content=MERGE)

    assert (again.code, same_kind.code, moved.code) == (409, 422, 422)
    assert same_kind.causes[0][2] == "spec.names.kind"
    made = {"apiVersion": "example.test/v1", "kind": "Gadget", "metadata": {"name": "g"}}
    assert (await server.ask("POST", server.path("gadgets", api="apis/example.test/v1"), made)).code == 201
