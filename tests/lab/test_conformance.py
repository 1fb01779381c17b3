"""The same cases against the lab and, with KUBECONFIG and HOMELAB_CLUSTER, against a real API server."""

from __future__ import annotations

import secrets
from typing import Any

from apiserver import JSON_PATCH, MERGE, STRATEGIC, Server, config_map

from homelab.ports import Raw

pytest_plugins = ("servers",)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(group: str, **schema: Any) -> Raw:
    """A CustomResourceDefinition of the kind Gadget."""
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, **schema}
    root = {"type": "object", "properties": {"spec": spec}}
    names = {"kind": "Gadget", "plural": "gadgets", "singular": "gadget", "listKind": "GadgetList"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


async def test_a_second_object_of_a_name_is_refused(either: Server) -> None:
    path = either.path("configmaps")
    first = await either.ask("POST", path, config_map("web", {"a": "b"}))

    second = await either.ask("POST", path, config_map("web"))

    assert (first.code, second.code) == (201, 409)
    assert second.body["reason"] == "AlreadyExists"
    assert second.body["message"] == 'configmaps "web" already exists'
    assert second.body["details"] == {"name": "web", "kind": "configmaps"}


async def test_a_new_object_has_an_identity(either: Server) -> None:
    meta = (await either.ask("POST", either.path("configmaps"), config_map("web"))).body["metadata"]

    assert meta["name"] == "web" and meta["namespace"] == either.namespace
    assert len(meta["uid"]) == 36 and int(meta["resourceVersion"]) and meta["creationTimestamp"].endswith("Z")


async def test_a_name_is_made_from_generate_name(either: Server) -> None:
    made = await either.ask("POST", either.path("configmaps"), config_map(generateName="web-"))

    assert made.code == 201
    assert made.body["metadata"]["name"].startswith("web-") and len(made.body["metadata"]["name"]) == 9


async def test_what_is_not_there_is_not_found(either: Server) -> None:
    one = await either.ask("GET", either.path("configmaps", "web"))
    of_group = await either.ask("GET", either.path("deployments", "web", api="apis/apps/v1"))

    assert (one.code, one.body["reason"], one.body["message"]) == (404, "NotFound", 'configmaps "web" not found')
    assert of_group.body["message"] == 'deployments.apps "web" not found'
    assert of_group.body["details"] == {"name": "web", "group": "apps", "kind": "deployments"}


async def test_a_namespace_that_is_not_there(either: Server) -> None:
    answer = await either.ask("POST", "/api/v1/namespaces/nowhere-at-all/configmaps", config_map("web"))

    assert (answer.code, answer.body["message"]) == (404, 'namespaces "nowhere-at-all" not found')


async def test_a_body_that_contradicts_its_path(either: Server) -> None:
    other_kind = await either.ask("POST", either.path("secrets"), config_map("web"))
    other_space = await either.ask("POST", either.path("configmaps"), config_map("web", namespace="elsewhere"))
    await either.ask("POST", either.path("configmaps"), config_map("web"))
    other_name = await either.ask("PUT", either.path("configmaps", "web"), config_map("db"))

    assert (other_kind.code, other_space.code, other_name.code) == (400, 400, 400)
    assert other_space.body["message"] == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )
    assert other_name.body["message"] == "the name of the object (db) does not match the name on the URL (web)"


async def test_names_that_cannot_be(either: Server) -> None:
    missing = await either.ask("POST", either.path("configmaps"), config_map())
    odd = await either.ask("POST", either.path("configmaps"), config_map("Web_1"))

    assert (missing.code, odd.code) == (422, 422)
    assert missing.body["message"] == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )
    assert missing.causes == [
        ("FieldValueRequired", "Required value: name or generateName is required", "metadata.name")
    ]
    assert odd.body["message"].startswith('ConfigMap "Web_1" is invalid: metadata.name: Invalid value: "Web_1": ')
    assert odd.causes[0][0] == "FieldValueInvalid" and odd.causes[0][2] == "metadata.name"


async def test_an_older_version_does_not_replace_a_newer_one(either: Server) -> None:
    path = either.path("configmaps", "web")
    old = (await either.ask("POST", either.path("configmaps"), config_map("web"))).body
    new = await either.ask("PUT", path, old | {"data": {"a": "1"}})

    late = await either.ask("PUT", path, old | {"data": {"a": "2"}})

    assert (new.code, late.code, late.body["reason"]) == (200, 409, "Conflict")
    assert late.body["message"] == (
        'Operation cannot be fulfilled on configmaps "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_an_equal_object_is_no_change(either: Server) -> None:
    made = await either.ask("POST", either.path("configmaps"), config_map("web", {"a": "1"}))
    path = either.path("configmaps", "web")

    again = await either.ask("PATCH", path, {"data": {"a": "1"}}, content=MERGE)

    assert again.version == made.version


async def test_a_merge_patch_removes_with_null(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web", {"a": "1", "b": "2"}))

    patched = await either.ask("PATCH", path, {"data": {"a": None, "c": "3"}}, content=MERGE)

    assert patched.body["data"] == {"b": "2", "c": "3"}


async def test_a_json_patch(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web", {"a": "1"}))
    wrong = [{"op": "test", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data/a"}]

    right = await either.ask("PATCH", path, [{"op": "add", "path": "/data/b", "value": "2"}], content=JSON_PATCH)

    assert right.body["data"] == {"a": "1", "b": "2"}
    assert (await either.ask("PATCH", path, wrong, content=JSON_PATCH)).code == 422


async def test_a_strategic_merge_patch_knows_list_keys(either: Server) -> None:
    ports = [{"name": "web", "port": 80, "targetPort": 80}, {"name": "tls", "port": 443, "targetPort": 443}]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}}
    path = either.path("services", "web")
    await either.ask("POST", either.path("services"), service)
    patch = {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443, "$patch": "delete"}]}}

    patched = await either.ask("PATCH", path, patch, content=STRATEGIC)

    assert patched.body["spec"]["ports"] == [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": 8080}]


async def test_a_dry_run_changes_nothing(either: Server) -> None:
    path = either.path("configmaps", "web")
    dry = await either.ask("POST", either.path("configmaps"), config_map("web"), dryRun="All")
    assert (dry.code, (await either.ask("GET", path)).code) == (201, 404)
    before = await either.ask("POST", either.path("configmaps"), config_map("web"))

    would = await either.ask("PATCH", path, {"data": {"a": "1"}}, content=MERGE, dryRun="All")
    gone = await either.ask("DELETE", path, dryRun="All")

    assert (would.code, would.body["data"], gone.code) == (200, {"a": "1"}, 200)
    assert (await either.ask("GET", path)).body == before.body


async def test_a_secret_encodes_what_is_given_in_plain(either: Server) -> None:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"user": "anna"}}

    made = (await either.ask("POST", either.path("secrets"), body)).body

    assert made["data"] == {"user": "YW5uYQ=="} and made["type"] == "Opaque" and "stringData" not in made


async def test_label_and_field_selectors(either: Server) -> None:
    for name, labels in (("a", {"app": "web"}), ("b", {"app": "db"}), ("c", {})):
        await either.ask("POST", either.path("configmaps"), config_map(name, labels=labels))

    async def found(**selectors: str) -> list[str]:
        listed = await either.ask("GET", either.path("configmaps"), **selectors)
        names = [item["metadata"]["name"] for item in listed.body["items"]]
        return [name for name in names if name != "kube-root-ca.crt"]

    assert await found(labelSelector="app=web") == ["a"]
    assert await found(labelSelector="app in (web, db)") == ["a", "b"]
    assert await found(labelSelector="app!=web") == ["b", "c"]
    assert await found(labelSelector="!app") == ["c"]
    assert await found(labelSelector="app,app notin (db)") == ["a"]
    assert await found(fieldSelector="metadata.name=b") == ["b"]
    assert await found(fieldSelector="metadata.name!=b") == ["a", "c"]


async def test_selectors_that_cannot_be(either: Server) -> None:
    path = either.path("configmaps")
    field = await either.ask("GET", path, fieldSelector="data.a=1")
    label = await either.ask("GET", path, labelSelector="app in web")

    assert (field.code, label.code) == (400, 400)
    assert field.body["message"] == (
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )


async def test_pages_show_one_moment(either: Server) -> None:
    path = either.path("services")
    spec = {"ports": [{"port": 80}]}
    for name in ("a", "b", "c", "d", "e"):
        body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        await either.ask("POST", path, body)
    first = await either.ask("GET", path, limit=2)
    await either.ask("DELETE", f"{path}/c")

    token = first.body["metadata"]["continue"]
    second = await either.ask("GET", path, **{"limit": 2, "continue": token})
    third = await either.ask("GET", path, **{"limit": 2, "continue": second.body["metadata"]["continue"]})

    pages = [[item["metadata"]["name"] for item in page.body["items"]] for page in (first, second, third)]
    assert pages == [["a", "b"], ["c", "d"], ["e"]]
    assert first.body["metadata"]["remainingItemCount"] == 3
    assert first.version == second.version == third.version
    assert "continue" not in third.body["metadata"]


async def test_a_token_that_is_none(either: Server) -> None:
    assert (await either.ask("GET", either.path("services"), **{"continue": "nonsense"})).code == 400


async def test_deleting_another_object_of_that_name_is_refused(either: Server) -> None:
    path = either.path("configmaps", "web")
    uid = (await either.ask("POST", either.path("configmaps"), config_map("web"))).body["metadata"]["uid"]

    refused = await either.ask("DELETE", path, {"preconditions": {"uid": "other"}})
    done = await either.ask("DELETE", path, {"preconditions": {"uid": uid}})

    assert (refused.code, refused.body["reason"]) == (409, "Conflict")
    assert refused.body["message"] == (
        'Operation cannot be fulfilled on ConfigMap "web": the UID in the precondition (other) does not match the '
        f"UID in record ({uid}). The object might have been deleted and then recreated"
    )
    assert (done.code, done.body["status"]) == (200, "Success")
    assert done.body["details"] == {"name": "web", "kind": "configmaps", "uid": uid}


async def test_a_finalizer_keeps_an_object(either: Server) -> None:
    path = either.path("configmaps", "web")
    await either.ask("POST", either.path("configmaps"), config_map("web", finalizers=["example.test/wait"]))

    dying = await either.ask("DELETE", path)
    assert dying.code == 200 and "deletionTimestamp" in dying.body["metadata"]
    assert (await either.ask("GET", path)).body["metadata"]["finalizers"] == ["example.test/wait"]

    await either.ask("PATCH", path, {"metadata": {"finalizers": None}}, content=MERGE)
    assert (await either.ask("GET", path)).code == 404


async def test_dependents_go_with_their_owner(either: Server) -> None:
    owner = (await either.ask("POST", either.path("configmaps"), config_map("owner"))).body["metadata"]
    link = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    await either.ask("POST", either.path("configmaps"), config_map("child", ownerReferences=[link]))

    await either.ask("DELETE", either.path("configmaps", "owner"))

    await either.gone(either.path("configmaps", "child"))


async def test_an_owner_waits_for_those_that_block_it(either: Server) -> None:
    owner = (await either.ask("POST", either.path("configmaps"), config_map("owner"))).body["metadata"]
    link = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"], "blockOwnerDeletion": True}
    child = config_map("child", ownerReferences=[link], finalizers=["example.test/wait"])
    await either.ask("POST", either.path("configmaps"), child)

    dying = await either.ask("DELETE", either.path("configmaps", "owner"), {"propagationPolicy": "Foreground"})
    assert dying.body["metadata"]["finalizers"] == ["foregroundDeletion"]

    await either.ask("PATCH", either.path("configmaps", "child"), {"metadata": {"finalizers": None}}, content=MERGE)
    await either.gone(either.path("configmaps", "owner"))


async def test_orphans_stay(either: Server) -> None:
    owner = (await either.ask("POST", either.path("configmaps"), config_map("owner"))).body["metadata"]
    link = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    await either.ask("POST", either.path("configmaps"), config_map("child", ownerReferences=[link]))

    await either.ask("DELETE", either.path("configmaps", "owner"), {"propagationPolicy": "Orphan"})

    await either.gone(either.path("configmaps", "owner"))
    child = await either.ask("GET", either.path("configmaps", "child"))
    assert child.code == 200 and "ownerReferences" not in child.body["metadata"]


async def test_many_are_deleted_by_selector(either: Server) -> None:
    for name, labels in (("a", {"app": "web"}), ("b", {"app": "db"})):
        await either.ask("POST", either.path("configmaps"), config_map(name, labels=labels))

    assert (await either.ask("DELETE", either.path("configmaps"), labelSelector="app=web")).code == 200

    assert (await either.ask("GET", either.path("configmaps", "a"))).code == 404
    assert (await either.ask("GET", either.path("configmaps", "b"))).code == 200


async def test_a_definition_makes_its_kind_served(either: Server) -> None:
    group = f"x{secrets.token_hex(4)}.example.test"
    path = either.path("gadgets", api=f"apis/{group}/v1")
    assert (await either.ask("GET", f"/apis/{group}/v1")).code == 404
    made = await either.ask("POST", CRDS, definition(group))
    try:
        assert made.code == 201
        async for event in either.watch(CRDS, fieldSelector=f"metadata.name=gadgets.{group}"):
            states = {c["type"]: c["status"] for c in (event["object"].get("status") or {}).get("conditions") or []}
            if states.get("Established") == "True":
                break
        assert states == {"NamesAccepted": "True", "Established": "True"}
        gadget = {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": {"name": "g"}, "spec": {"a": 1}}
        assert (await either.ask("POST", path, gadget)).body["metadata"]["generation"] == 1
        changed = await either.ask("PATCH", f"{path}/g", {"spec": {"a": 2}}, content=MERGE)
        assert changed.body["metadata"]["generation"] == 2
        assert (await either.ask("PATCH", f"{path}/g", {}, content=STRATEGIC)).code == 415
        served = await either.ask("GET", f"/apis/{group}/v1")
        assert [r["name"] for r in served.body["resources"]] == ["gadgets"]
    finally:
        await either.ask("DELETE", f"{CRDS}/gadgets.{group}")
    await either.gone(f"{CRDS}/gadgets.{group}")
    assert (await either.ask("GET", path)).code == 404


async def test_status_is_written_through_its_own_path(either: Server) -> None:
    spec: Raw = {"ports": [{"port": 80}], "selector": {"app": "web"}}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    spec |= {"type": "LoadBalancer", "loadBalancerClass": "example.test/none"}
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    made = await either.ask("POST", either.path("services"), body | {"status": status})
    assert not made.body.get("status", {}).get("loadBalancer")
    path = either.path("services", "web")
    change = {"status": status, "spec": {"selector": {"app": "other"}}}

    changed = await either.ask("PATCH", f"{path}/status", change, content=MERGE)

    assert changed.body["status"]["loadBalancer"]["ingress"][0]["ip"] == "192.0.2.1"
    assert changed.body["spec"]["selector"] == {"app": "web"}


async def test_a_selector_never_changes(either: Server) -> None:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "none"}]}}
    spec = {"replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    path = either.path("deployments", api="apis/apps/v1")
    assert (await either.ask("POST", path, body)).code == 201
    other = template | {"metadata": {"labels": {"app": "db"}}}
    patch = {"spec": {"selector": {"matchLabels": {"app": "db"}}, "template": other}}

    refused = await either.ask("PATCH", f"{path}/web", patch, content=MERGE)

    assert refused.code == 422
    assert refused.body["message"].startswith('Deployment.apps "web" is invalid: spec.selector: Invalid value: ')
    assert refused.body["message"].endswith(": field is immutable")


async def test_paths_and_methods_that_are_not_served(either: Server) -> None:
    for path in ("/apis/nothing.example.test/v1", "/apis/nothing.example.test/v1/gadgets", "/nothing"):
        answer = await either.ask("GET", path)
        assert (answer.code, answer.body) == (404, {})
    for path in (either.path("gadgets"), either.path("configmaps", "web/gadget"), "/apis/apps/v2", "/api/v1/pods/x"):
        answer = await either.ask("GET", path)
        assert (answer.code, answer.body["details"]) == (404, {})
        assert answer.body["message"] == "the server could not find the requested resource"
    assert (await either.ask("POST", either.path("configmaps", "web"), config_map("web"))).code == 405


async def test_a_list_of_the_far_past_has_expired(either: Server) -> None:
    old = await either.ask("GET", "/api/v1/pods", resourceVersion=1, resourceVersionMatch="Exact")

    assert (old.code, old.body["reason"]) == (410, "Expired")
    assert old.body["message"] == "The resourceVersion for the provided list is too old."


async def test_a_watch_shows_what_came_after_a_version(either: Server) -> None:
    path = either.path("services")
    body = {"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}}
    since = (await either.ask("GET", path)).version
    await either.ask("POST", path, body | {"metadata": {"name": "web", "labels": {"app": "web"}}})
    await either.ask("POST", path, body | {"metadata": {"name": "db"}})
    await either.ask("PATCH", f"{path}/web", {"metadata": {"annotations": {"a": "b"}}}, content=MERGE)
    await either.ask("PATCH", f"{path}/web", {"metadata": {"labels": {"app": "other"}}}, content=MERGE)
    await either.ask("DELETE", f"{path}/web")

    def shown(events: list[Raw]) -> list[tuple[str, str]]:
        return [(e["type"], e["object"]["metadata"]["name"]) for e in events if e["type"] != "BOOKMARK"]

    events = [e async for e in either.watch(path, resourceVersion=since, timeoutSeconds=1)]
    of_web = [e async for e in either.watch(path, resourceVersion=since, timeoutSeconds=1, labelSelector="app=web")]

    changes = [("MODIFIED", "web"), ("MODIFIED", "web"), ("DELETED", "web")]
    assert shown(events) == [("ADDED", "web"), ("ADDED", "db"), *changes]
    assert shown(of_web) == [("ADDED", "web"), ("MODIFIED", "web"), ("DELETED", "web")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


async def test_a_watch_can_begin_with_the_state(either: Server) -> None:
    path = either.path("services")
    body = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    await either.ask("POST", path, body)
    wanted = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}

    plain = [event async for event in either.watch(path, timeoutSeconds=1)]
    marked = [event async for event in either.watch(path, timeoutSeconds=1, **wanted)]

    assert [event["type"] for event in plain] == ["ADDED"]
    assert [event["type"] for event in marked[:2]] == ["ADDED", "BOOKMARK"]
    assert marked[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_options_that_cannot_be(either: Server) -> None:
    path = either.path("configmaps")
    dry = await either.ask("POST", path, config_map("web"), dryRun="Some")
    match = await either.ask("GET", path, resourceVersionMatch="Exact")

    assert dry.body["message"] == (
        'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"'
    )
    assert match.body["message"] == (
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: '
        "resourceVersionMatch is forbidden unless resourceVersion is provided"
    )
    assert (dry.code, match.code) == (422, 422)


async def test_the_default_namespace_stays(either: Server) -> None:
    refused = await either.ask("DELETE", "/api/v1/namespaces/default")

    assert refused.code == 403
    assert refused.body["message"] == 'namespaces "default" is forbidden: this namespace may not be deleted'
