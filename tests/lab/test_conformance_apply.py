"""Server-side apply: the same cases against the lab and against a real API server."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

from apiserver import APPLY, MERGE, PATIENCE, Answer, Server, config_map
from test_conformance import CRDS, definition

from homelab.ports import Raw

pytest_plugins = ("servers",)


def owners(answer: Answer) -> dict[str, Raw]:
    """The fields of each applier."""
    entries = answer.body["metadata"].get("managedFields") or []
    return {entry["manager"]: entry["fieldsV1"] for entry in entries if entry["operation"] == "Apply"}


def service(*ports: Raw, **spec: Any) -> Raw:
    """The Service web."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": list(ports)} | spec}


def deployment(*containers: Raw, **spec: Any) -> Raw:
    """The Deployment web, with no replicas."""
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    whole = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": whole}


async def test_apply_creates_and_then_changes_nothing(either: Server) -> None:
    path, wish = either.path("configmaps", "web"), config_map("web", {"a": "1"}, labels={"app": "web"})

    first = await either.apply(path, wish, "anna")
    second = await either.apply(path, wish, "anna")

    assert (first.code, second.code) == (201, 200)
    assert first.body == second.body
    assert owners(first) == {"anna": {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:app": {}}}}}


async def test_one_conflict(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1"}), "anna")

    refused = await either.apply(path, config_map("web", {"a": "2"}), "otto")

    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == 'Apply failed with 1 conflict: conflict with "anna": .data.a'
    assert refused.body["details"] == {
        "causes": [{"reason": "FieldManagerConflict", "message": 'conflict with "anna"', "field": ".data.a"}]
    }


async def test_many_conflicts(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1", "b": "1"}), "anna")
    await either.apply(path, config_map("web", {"c": "1"}), "berta")

    refused = await either.apply(path, config_map("web", {"a": "2", "b": "2", "c": "2"}), "otto")

    assert refused.body["message"].splitlines() == [
        'Apply failed with 3 conflicts: conflicts with "anna":',
        "- .data.a",
        "- .data.b",
        'conflicts with "berta":',
        "- .data.c",
    ]
    assert sorted(refused.causes) == [
        ("FieldManagerConflict", 'conflict with "anna"', ".data.a"),
        ("FieldManagerConflict", 'conflict with "anna"', ".data.b"),
        ("FieldManagerConflict", 'conflict with "berta"', ".data.c"),
    ]


async def test_a_conflict_with_somebody_who_did_not_apply(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web", {"a": "1"}), fieldManager="carl")

    refused = await either.apply(path, config_map("web", {"a": "2"}), "otto")

    (cause,) = refused.causes
    assert re.fullmatch(r'conflict with "carl" using v1(?: at \S+)?', cause[1]) and cause[2] == ".data.a"
    assert re.fullmatch(
        r'Apply failed with 1 conflict: conflict with "carl" using v1(?: at \S+)?: \.data\.a', refused.body["message"]
    )


async def test_force_takes_the_field_over(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1", "b": "1"}), "anna")

    forced = await either.apply(path, config_map("web", {"a": "2"}), "otto", force="true")

    assert forced.body["data"] == {"a": "2", "b": "1"}
    assert owners(forced) == {"anna": {"f:data": {"f:b": {}}}, "otto": {"f:data": {"f:a": {}}}}


async def test_equal_values_are_shared(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1"}), "anna")
    shared = await either.apply(path, config_map("web", {"a": "1"}), "otto")
    left = await either.apply(path, config_map("web"), "anna")

    assert owners(shared) == {"anna": {"f:data": {"f:a": {}}}, "otto": {"f:data": {"f:a": {}}}}
    assert left.body["data"] == {"a": "1"} and set(owners(left)) == {"otto"}


async def test_what_is_not_applied_any_more_is_removed(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1", "b": "1"}, labels={"app": "web"}), "anna")
    await either.ask("PATCH", path, {"data": {"c": "1"}}, content=MERGE)

    changed = await either.apply(path, config_map("web", {"b": "1"}), "anna")

    assert changed.body["data"] == {"b": "1", "c": "1"}
    assert "labels" not in changed.body["metadata"]


async def test_ports_have_keys(either: Server) -> None:
    path = either.path("services", "web")
    await either.apply(path, service({"name": "web", "port": 80}), "anna")
    both = await either.apply(path, service({"name": "tls", "port": 443}), "otto")
    assert [port["port"] for port in both.body["spec"]["ports"]] == [443, 80] or [
        port["port"] for port in both.body["spec"]["ports"]
    ] == [80, 443]
    refused = await either.apply(path, service({"name": "www", "port": 80}), "otto")
    left = await either.apply(path, service({"name": "web", "port": 80}), "otto")

    assert owners(both)["otto"]["f:spec"]["f:ports"] == {
        'k:{"port":443,"protocol":"TCP"}': {".": {}, "f:name": {}, "f:port": {}}
    }
    assert refused.causes[0][2] == '.spec.ports[port=80,protocol="TCP"].name'
    assert [port["port"] for port in left.body["spec"]["ports"]] == [80]


async def test_a_selector_belongs_to_one(either: Server) -> None:
    path = either.path("services", "web")
    await either.apply(path, service({"port": 80}, selector={"app": "web"}), "anna")

    refused = await either.apply(path, service(selector={"tier": "front"}, ports=[]), "otto")

    assert [cause[2] for cause in refused.causes] == [".spec.selector"]


async def test_containers_env_and_mounts_have_keys(either: Server) -> None:
    path = either.path("deployments", "web", api="apis/apps/v1")
    web = {"name": "web", "image": "none", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}]}
    web |= {"ports": [{"containerPort": 80}], "args": ["--a", "--b"]}
    first = await either.apply(path, deployment(web, {"name": "side", "image": "none"}), "anna")
    changed = web | {"env": [{"name": "B", "value": "2"}], "args": ["--c"]}
    second = await either.apply(path, deployment(changed), "anna")

    (container,) = second.body["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "B", "value": "2"}] and container["args"] == ["--c"]
    held = owners(first)["anna"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']
    assert held["f:env"]['k:{"name":"A"}'] == {".": {}, "f:name": {}, "f:value": {}}
    assert held["f:ports"] == {'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}
    assert held["f:args"] == {} and owners(first)["anna"]["f:spec"]["f:selector"] == {}


async def test_the_order_of_items(either: Server) -> None:
    path = either.path("deployments", "web", api="apis/apps/v1")
    a, b, c = ({"name": name, "image": "none"} for name in "abc")
    await either.apply(path, deployment(a, c), "anna")
    await either.ask("PATCH", path, [{"op": "add", "path": "/spec/template/spec/containers/1", "value": b}],
                     content="application/json-patch+json")  # fmt: skip

    kept = await either.apply(path, deployment(c, a), "anna")

    assert [one["name"] for one in kept.body["spec"]["template"]["spec"]["containers"]] == ["b", "c", "a"]


async def test_finalizers_are_a_set(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", finalizers=["a.test/a"]), "anna")
    both = await either.apply(path, config_map("web", finalizers=["b.test/b"]), "otto")
    left = await either.apply(path, config_map("web"), "anna")
    await either.apply(path, config_map("web"), "otto")

    assert sorted(both.body["metadata"]["finalizers"]) == ["a.test/a", "b.test/b"]
    assert owners(both)["otto"] == {"f:metadata": {"f:finalizers": {'v:"b.test/b"': {}}}}
    assert left.body["metadata"]["finalizers"] == ["b.test/b"]


async def test_a_dry_run_of_an_apply(either: Server) -> None:
    path = either.path("configmaps", "web")
    absent = await either.apply(path, config_map("web", {"a": "1"}), "anna", dryRun="All")
    assert (absent.code, (await either.ask("GET", path)).code) == (201, 404)
    stored = await either.apply(path, config_map("web", {"a": "1"}), "anna")

    dry = await either.apply(path, config_map("web", {"a": "2"}), "anna", dryRun="All")

    assert dry.body["data"] == {"a": "2"}
    assert (await either.ask("GET", path)).body == stored.body


async def test_a_custom_resource_has_keys_where_its_schema_says_so(either: Server) -> None:
    group = f"x{secrets.token_hex(4)}.example.test"
    item = {"type": "object", "properties": {"id": {"type": "string"}, "value": {"type": "string"}}, "required": ["id"]}
    keyed = {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"]}
    text = {"type": "array", "items": {"type": "string"}}
    schema = {"properties": {"keyed": keyed, "whole": text, "set": text | {"x-kubernetes-list-type": "set"}}}
    path = either.path("gadgets", "g", api=f"apis/{group}/v1")

    def gadget(**spec: Any) -> Raw:
        return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec}

    await either.ask("POST", CRDS, definition(group, **schema))
    try:
        await established(either, path)
        await either.apply(
            path, gadget(keyed=[{"id": "a", "value": "1"}], set=["a"], whole=["a"], free={"x": 1}), "anna"
        )
        both = await either.apply(path, gadget(keyed=[{"id": "b"}], set=["b"], free={"y": 1}), "otto")
        refused = await either.apply(path, gadget(keyed=[{"id": "a", "value": "2"}], whole=["b"]), "otto")
        left = await either.apply(path, gadget(whole=["a"]), "anna")
    finally:
        await either.ask("DELETE", f"{CRDS}/gadgets.{group}")
    assert sorted(item["id"] for item in both.body["spec"]["keyed"]) == ["a", "b"]
    assert sorted(both.body["spec"]["set"]) == ["a", "b"] and both.body["spec"]["free"] == {"x": 1, "y": 1}
    assert sorted(cause[2] for cause in refused.causes) == ['.spec.keyed[id="a"].value', ".spec.whole"]
    assert left.body["spec"] == {"keyed": [{"id": "b"}], "set": ["b"], "whole": ["a"], "free": {"y": 1}}


async def test_a_custom_resource_has_to_fit_its_schema(either: Server) -> None:
    group = f"x{secrets.token_hex(4)}.example.test"
    properties = {"name": {"type": "string"}, "on": {"type": "boolean"}, "mode": {"type": "string", "enum": ["a", "b"]}}
    schema = {"properties": properties, "required": ["name"], "x-kubernetes-preserve-unknown-fields": False}
    made = definition(group, **schema)
    del made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"][
        "x-kubernetes-preserve-unknown-fields"
    ]
    path = either.path("gadgets", api=f"apis/{group}/v1")

    async def answer(**spec: Any) -> tuple[int, str]:
        body = {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": spec}
        refused = await either.ask("POST", path, body, fieldValidation="Strict", dryRun="All")
        return refused.code, refused.body.get("message", "").rpartition(" is invalid: ")[2]

    await either.ask("POST", CRDS, made)
    try:
        await established(either, f"{path}/g")
        assert (await answer(name="x", on=True, mode="a"))[0] == 201
        assert await answer() == (422, "spec.name: Required value")
        assert await answer(name="x", mode="c") == (
            422,
            'spec.mode: Unsupported value: "c": supported values: "a", "b"',
        )
        wrong = 'spec.on: Invalid value: "string": spec.on in body must be of type boolean: "string"'
        assert await answer(name="x", on="yes") == (422, wrong)
        code, said = await answer(name="x", other=1)
        assert code == 400 and said.endswith('strict decoding error: unknown field "spec.other"')
    finally:
        await either.ask("DELETE", f"{CRDS}/gadgets.{group}")


async def established(server: Server, path: str) -> None:
    """Wait until the kind of the path is served."""
    async with asyncio.timeout(PATIENCE):
        while not (await server.ask("GET", path)).body.get("details"):
            await asyncio.sleep(0.05)


async def test_what_an_apply_needs(either: Server) -> None:
    path = either.path("configmaps", "web")
    nobody = await either.ask("PATCH", path, config_map("web"), content=APPLY)
    managed = await either.apply(path, config_map("web", managedFields=[{}]), "anna")
    unknown = await either.apply(path, config_map("web", uid="other"), "anna")

    assert (nobody.code, managed.code, unknown.code) == (422, 400, 409)
    assert nobody.body["message"] == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )
    assert managed.body["message"] == "metadata.managedFields must be nil"


async def test_a_writer_takes_what_it_changes(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.apply(path, config_map("web", {"a": "1", "b": "1"}), "anna")

    changed = await either.ask("PATCH", path, {"data": {"a": "2"}}, content=MERGE, fieldManager="carl")

    assert owners(changed) == {"anna": {"f:data": {"f:b": {}}}}
    (update,) = (e for e in changed.body["metadata"]["managedFields"] if e["operation"] == "Update")
    assert (update["manager"], update["fieldsV1"]) == ("carl", {"f:data": {"f:a": {}}})


async def test_status_has_managers_of_its_own(either: Server) -> None:
    path = either.path("services", "web")
    await either.apply(path, service({"port": 80}, type="LoadBalancer", loadBalancerClass="example.test/none"), "anna")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    wish = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "status": status}

    applied = await either.apply(f"{path}/status", wish, "otto")

    entry = next(e for e in applied.body["metadata"]["managedFields"] if e["manager"] == "otto")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:loadBalancer": {"f:ingress": {}}}})
