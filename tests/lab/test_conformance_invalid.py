"""Objects that cannot be, of every built-in kind: the lab says about them what a real API server says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from apiserver import MERGE, Server, config_map

from homelab.lab.resources import Resources
from homelab.ports import Raw

pytest_plugins = ("servers",)

CASES: dict[str, list[Raw]] = yaml.safe_load((Path(__file__).parent / "invalid.yaml").read_text())
RESOURCES = {resource.kind: resource for resource in Resources().all()}
UNREADABLE = [
    (
        "ConfigMap",
        {"data": {"a": 1}},
        "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
    ),
    (
        "ConfigMap",
        {"data": [1]},
        "json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string",
    ),
    ("ConfigMap", {"metadata": {"name": "a", "labels": {"a": 1}}}, "field ObjectMeta.metadata.labels of type string"),
    ("ConfigMap", {"metadata": {"name": "a", "finalizers": "x"}}, "ObjectMeta.metadata.finalizers of type []string"),
    ("ConfigMap", {"metadata": {"name": "a", "creationTimestamp": "x"}}, 'cannot parse "x" as "2006"'),
    ("Secret", {"data": {"a": "!!"}}, "illegal base64 data at input byte 0"),
    ("Secret", {"data": {"a": "YWJj!"}}, "illegal base64 data at input byte 4"),
    ("Secret", {"data": {"a": 1}}, "cannot unmarshal number into Go struct field Secret.data of type []uint8"),
    (
        "Service",
        {"spec": {"ports": [{"port": "80"}]}},
        "string into Go struct field ServicePort.spec.ports.port of type int32",
    ),
    ("Service", {"spec": {"ports": [{"port": 80.5}]}}, "cannot unmarshal number 80.5 into"),
    ("Service", {"spec": {"ports": [{"port": 5000000000}]}}, "cannot unmarshal number 5000000000 into"),
    (
        "Service",
        {"spec": {"ports": [{"port": 80, "targetPort": []}]}},
        "ServicePort.spec.ports.targetPort of type int32",
    ),
    ("Service", {"spec": {"ports": [1]}}, "Go struct field ServiceSpec.spec.ports of type v1.ServicePort"),
    (
        "Service",
        {"spec": "x"},
        "json: cannot unmarshal string into Go struct field Service.spec of type v1.ServiceSpec",
    ),
    (
        "Service",
        {"spec": {"publishNotReadyAddresses": "true"}},
        "ServiceSpec.spec.publishNotReadyAddresses of type bool",
    ),
    ("Pod", {"spec": {"containers": [{"resources": {"limits": {"cpu": "x y"}}}]}}, "quantities must match"),
    (
        "Pod",
        {"spec": {"containers": [{"env": [{"name": "a", "value": 1}]}]}},
        "EnvVar.spec.containers.env.value of type string",
    ),
    ("Deployment", {"spec": {"replicas": "1"}}, "Go struct field DeploymentSpec.spec.replicas of type int32"),
]


def written(kind: str, body: Raw) -> Raw:
    """A whole object."""
    named = {"name": "bad", **(body.get("metadata") or {})}
    return {"apiVersion": RESOURCES[kind].api_version, "kind": kind, **body, "metadata": named}


def path(server: Server, kind: str) -> str:
    """Where objects of a kind are."""
    resource = RESOURCES[kind]
    api = f"{'apis' if resource.group else 'api'}/{resource.api_version}"
    return server.path(resource.plural, api=api) if resource.namespaced else f"/{api}/{resource.plural}"


@pytest.mark.parametrize("kind", CASES)
async def test_what_cannot_be_is_refused_and_what_can_is_not(either: Server, kind: str) -> None:
    for case in CASES[kind]:
        wanted = case.get("causes", [])
        answer = await either.ask("POST", path(either, kind), written(kind, case["object"]), dryRun="All")

        causes = answer.causes if answer.code == 422 else []
        found = sorted({f"{reason.removeprefix('FieldValue')} {field}" for reason, _, field in causes})
        assert (answer.code, found) == (422 if wanted else 201, wanted), (case["object"], answer.body.get("message"))


@pytest.mark.parametrize(("kind", "body", "said"), UNREADABLE)
async def test_a_value_of_another_type_is_refused(either: Server, kind: str, body: Raw, said: str) -> None:
    answer = await either.ask("POST", path(either, kind), written(kind, body), dryRun="All")

    assert (answer.code, answer.body["reason"]) == (400, "BadRequest")
    assert answer.body["message"].startswith(f'{kind} in version "v1" cannot be handled as a {kind}: ')
    assert said in answer.body["message"]


async def test_an_unknown_field_is_dropped_or_refused_as_the_writer_wants(either: Server) -> None:
    container = {"name": "x", "image": "y", "bar": 1}
    body = written("Pod", {"spec": {"foo": 1, "containers": [container]}})

    strict = await either.ask("POST", path(either, "Pod"), body, fieldValidation="Strict", dryRun="All")
    lax = await either.ask("POST", path(either, "Pod"), body, dryRun="All")

    wanted = 'strict decoding error: unknown field "spec.foo", unknown field "spec.containers[0].bar"'
    assert (strict.code, strict.body["reason"]) == (400, "BadRequest") and strict.body["message"].endswith(wanted)
    assert lax.code == 201
    assert "foo" not in lax.body["spec"] and "bar" not in lax.body["spec"]["containers"][0]


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
async def test_what_is_immutable_stays(either: Server, kind: str) -> None:
    where = path(either, kind)
    await either.ask("POST", where, written(kind, {"immutable": True, "data": {"a": "eA=="}}))

    changed = await either.ask("PATCH", f"{where}/bad", {"data": {"a": "eQ=="}}, content=MERGE)
    opened = await either.ask("PATCH", f"{where}/bad", {"immutable": None}, content=MERGE)
    labelled = await either.ask("PATCH", f"{where}/bad", {"metadata": {"labels": {"a": "b"}}}, content=MERGE)

    why = "Forbidden: field is immutable when `immutable` is set"
    assert (changed.code, opened.code, labelled.code) == (422, 422, 200)
    assert changed.causes == [("FieldValueForbidden", why, "data")]
    assert opened.causes == [("FieldValueForbidden", why, "immutable")]


async def test_a_service_of_another_type_loses_what_only_the_first_had(either: Server) -> None:
    where = path(either, "Service")
    spec = {"type": "NodePort", "externalTrafficPolicy": "Local", "ports": [{"port": 80}]}
    made = await either.ask("POST", where, written("Service", {"spec": spec}))

    changed = await either.ask("PATCH", f"{where}/bad", {"spec": {"type": "ClusterIP"}}, content=MERGE)

    assert (made.code, changed.code) == (201, 200), changed.body
    assert "externalTrafficPolicy" not in changed.body["spec"]
    assert "nodePort" not in changed.body["spec"]["ports"][0]


async def test_nulls_are_nothing(either: Server) -> None:
    made = await either.ask("POST", path(either, "ConfigMap"), {**config_map("a"), "data": None, "immutable": None})

    assert made.code == 201 and "data" not in made.body and "immutable" not in made.body


async def test_a_real_object_is_kept_whole(either: Server) -> None:
    """What a server gave can be sent back, and it takes it as it is."""
    probe: dict[str, Any] = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 2}
    limits = {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "100m"}}
    mounts = [{"name": "v", "mountPath": "/v"}]
    ports = [{"name": "web", "containerPort": 80}]
    container = {"name": "x", "image": "y", "readinessProbe": probe, "resources": limits, "ports": ports}
    pods = {"containers": [{**container, "volumeMounts": mounts}], "volumes": [{"name": "v", "emptyDir": {}}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pods}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "replicas": 0, "template": template}
    where = path(either, "Deployment")
    made = await either.ask("POST", where, written("Deployment", {"spec": spec}))

    body = {key: value for key, value in made.body.items() if key != "status"}
    body["metadata"].pop("resourceVersion")
    again = await either.ask("PUT", f"{where}/bad", body, fieldValidation="Strict")

    assert (made.code, again.code) == (201, 200), again.body
    assert again.body["spec"] == made.body["spec"]
