"""From a plan to Kubernetes objects: what stands in the plan arrives, and nothing of it can become structure."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from objects import article_plan, other_home, thing

import manifests
from homelab.plan.model import Plan
from homelab.ports import Raw
from homelab.stack import render as rendering
from homelab.stack.components import COMPONENTS, STAGES, Component
from homelab.stack.diff import holds
from homelab.stack.render import (
    COMPONENT,
    DIGEST,
    MANAGED_BY,
    OURS,
    STAGE,
    Facts,
    Rendered,
    RenderError,
    as_yaml,
    parse,
    render,
    substitute,
)
from homelab.stack.upstream import Upstream
from homelab.stack.versions import Pinned, Versions, versions

ARTICLE = article_plan()
WITH_EVERY_APP = replace(ARTICLE, apps=("whoami", "headlamp"))
FACTS = Facts(pods=(IPv4Network("10.42.0.0/16"),))
OWN_STAGES = ("internal", "apps")
"""Stages that need no upstream file."""

METALLB = """\
apiVersion: v1
kind: Namespace
metadata: {name: metallb-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: metallb-system, labels: {app: metallb}}
spec: {template: {spec: {containers: [{name: controller, args: ["--ip=$(POD_IP)", "${kept.as.it.is}"]}]}}}
---
"""
TRAEFIK_CRDS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: middlewares.traefik.io}
spec: {group: traefik.io}
"""


class NoNetwork:
    """Downloads of a machine without one."""

    def fetch(self, url: str) -> bytes:
        raise AssertionError(f"{url} was asked for")


NOWHERE = Upstream(NoNetwork(), Path("/nowhere"))


@pytest.fixture
def mirror(tmp_path: Path) -> tuple[Upstream, Versions]:
    """A mirror folder with made-up upstream files, and pins with their sums."""
    pins: dict[str, Pinned] = {}
    for name, text in (("metallb", METALLB), ("traefik-crds", TRAEFIK_CRDS)):
        (tmp_path / f"{name}.yaml").write_text(text)
        pins[name] = Pinned(f"https://upstream.test/v1/{name}.yaml", sha256(text.encode()).hexdigest())
    return Upstream(NoNetwork(), tmp_path / "cache", tmp_path), Versions(versions().images, pins)


def everything(plan: Plan, mirror: tuple[Upstream, Versions]) -> tuple[Rendered, ...]:
    upstream, pins = mirror
    return render(plan, FACTS, upstream, pins=pins)


def own(plan: Plan = ARTICLE) -> tuple[Rendered, ...]:
    return render(plan, FACTS, NOWHERE, OWN_STAGES)


def own_objects_of_every_stage(plan: Plan, mirror: tuple[Upstream, Versions]) -> list[Raw]:
    """Everything but the upstream files' objects."""
    theirs = {"metallb-system", "controller", "middlewares.traefik.io"}
    return [item.obj for item in everything(plan, mirror) if item.ref.name not in theirs]


def the(rendered: tuple[Rendered, ...], name: str) -> Raw:
    (found,) = [item.obj for item in rendered if str(item.ref) == name]
    return found


def with_domain(domain: str) -> Plan:
    internal = replace(ARTICLE.ingress.internal, domain=domain)
    return replace(ARTICLE, ingress=replace(ARTICLE.ingress, internal=internal))


def shape(value: Any) -> Any:
    """The structure alone: every scalar becomes the name of its type."""
    if isinstance(value, dict):
        return {key: shape(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [shape(inside) for inside in value]
    return type(value).__name__


def read_back(text: str) -> list[Raw]:
    return list(yaml.load_all(text, Loader=yaml.CSafeLoader))


# Replacing names


@pytest.mark.parametrize("value", ["text", 2, ["10.0.0.0/24", "10.1.0.0/24"], True, "", "2"])
def test_a_name_that_stands_alone_takes_the_value_with_its_type(value: Any) -> None:
    found = substitute({"spec": ["${it}"]}, {"it": value}, set(), "a.yaml")

    assert found == {"spec": [value]}
    assert type(found["spec"][0]) is type(value)


def test_within_a_text_values_become_text() -> None:
    assert substitute("${a}-${b}:${a}", {"a": 1, "b": "x"}, set(), "a.yaml") == "1-x:1"


def test_a_list_within_a_text_is_refused_with_file_and_name() -> None:
    with pytest.raises(RenderError, match=r"web/a\.yaml: \$\{sources\} is a list, so it must stand alone"):
        substitute("from ${sources}", {"sources": ["10.0.0.0/24"]}, set(), "web/a.yaml")


def test_an_unknown_name_is_refused_with_file_name_and_what_may_be_used() -> None:
    with pytest.raises(RenderError, match=r"web/a\.yaml: unknown name \$\{wrong\}.*may use: right"):
        substitute({"spec": "x ${wrong}"}, {"right": 1}, set(), "web/a.yaml")


@pytest.mark.parametrize("written", ["$(POD_IP)", "$HOME", "${", "{name}", "$${", 5, None, 1.5, False])
def test_what_is_no_name_of_ours_stays_as_it_is(written: Any) -> None:
    assert substitute([written], {}, set(), "a.yaml") == [written]


def test_a_value_that_looks_like_a_name_is_not_replaced_again() -> None:
    values = {"a": "${b}", "b": "no"}

    assert substitute(["${a}", "see ${a}"], values, set(), "a.yaml") == ["${b}", "see ${b}"]


@given(st.text())
def test_whatever_a_value_holds_only_its_scalars_change(value: str) -> None:
    document = {"a": ["${it}", {"b": "x-${it}-y"}], "c": 1, "${it}": "a key is structure"}

    found = substitute(document, {"it": value}, set(), "a.yaml")

    assert found == {"a": [value, {"b": f"x-{value}-y"}], "c": 1, "${it}": "a key is structure"}


# Reading manifests


def test_broken_yaml_names_the_file_and_the_place() -> None:
    with pytest.raises(RenderError, match=r"(?s)web/a\.yaml is not YAML: .*line 2"):
        list(parse("kind: [\n]]", "web/a.yaml"))


@pytest.mark.parametrize("text", ["just words", "[1, 2]", "kind: Service\nmetadata: {name: x}"])
def test_what_is_no_kubernetes_object_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match=r"web/a\.yaml holds something that is no Kubernetes object"):
        list(parse(text, "web/a.yaml"))


def test_empty_documents_are_passed_over() -> None:
    assert [obj["metadata"]["name"] for obj in parse(f"---\n# nothing\n---\n{METALLB}", "metallb.yaml")] == [
        "metallb-system",
        "controller",
    ]


# Components


def component_line(monkeypatch: pytest.MonkeyPatch, *uses: str) -> None:
    """Whoami alone, with another list of names that it may use."""
    monkeypatch.setattr(rendering, "COMPONENTS", (Component("whoami", "apps", uses=uses),))


def test_a_name_that_no_manifest_uses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    component_line(monkeypatch, "images.whoami", "ingress.internal.domain", "network.lan", "load_balancer.pool")

    with pytest.raises(RenderError, match=r"component whoami: no manifest uses load_balancer\.pool, network\.lan;"):
        own()


def test_a_name_that_the_component_does_not_list_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    component_line(monkeypatch, "images.whoami")

    with pytest.raises(RenderError, match=r"whoami/whoami\.yaml: unknown name \$\{ingress\.internal\.domain\}"):
        own()


@pytest.mark.parametrize("name", ["network.wan", "images.nginx", "network"])
def test_a_name_that_is_neither_in_the_plan_nor_pinned_is_an_error(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    component_line(monkeypatch, name)

    with pytest.raises(RenderError, match=f"component whoami uses {name}, which is neither in the plan nor pinned"):
        own()


def test_every_folder_of_manifests_is_a_component_of_a_known_stage_and_the_other_way_round() -> None:
    folders = {entry.parent.name for entry in Path(str(manifests.__file__)).parent.glob("*/*.yaml")}

    assert folders == {component.id for component in COMPONENTS}
    assert {component.stage for component in COMPONENTS} == set(STAGES)


def test_components_stand_in_the_order_of_their_stages() -> None:
    order = [STAGES.index(component.stage) for component in COMPONENTS]

    assert order == sorted(order)


# The whole stack


def test_a_plan_renders_every_component_in_the_order_of_deploying(
    mirror: tuple[Upstream, Versions],
) -> None:
    rendered = everything(WITH_EVERY_APP, mirror)

    assert list(dict.fromkeys(item.stage for item in rendered)) == list(STAGES)
    assert {item.component for item in rendered} == {component.id for component in COMPONENTS}
    assert len({item.ref for item in rendered}) == len(rendered)


def test_the_article_s_values_arrive_where_they_belong(mirror: tuple[Upstream, Versions]) -> None:
    rendered = everything(ARTICLE, mirror)

    service = the(rendered, "Service homelab/traefik-internal")
    assert service["metadata"]["annotations"]["metallb.io/loadBalancerIPs"] == "192.168.1.20"
    pool = the(rendered, "IPAddressPool metallb-system/home")
    assert pool["spec"]["addresses"] == ["192.168.1.17-192.168.1.30"]
    deployment = the(rendered, "Deployment homelab/traefik-internal")
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == versions().images["traefik"]
    ingress = the(rendered, "Ingress whoami/whoami")
    assert ingress["spec"]["rules"][0]["host"] == "whoami.internal.domain.com"


def test_only_the_lan_the_trusted_networks_and_the_pods_may_use_the_internal_ingress() -> None:
    plan = replace(ARTICLE, network=replace(ARTICLE.network, trusted=(IPv4Network("10.8.0.0/24"),)))

    middleware = the(own(plan), "Middleware homelab/home-only")

    assert middleware["spec"] == {"ipAllowList": {"sourceRange": ["192.168.1.0/24", "10.8.0.0/24", "10.42.0.0/16"]}}
    args = the(own(plan), "Deployment homelab/traefik-internal")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--entrypoints.web.http.middlewares=homelab-home-only@kubernetescrd" in args


def test_another_home_has_its_own_addresses_and_nothing_of_the_first(mirror: tuple[Upstream, Versions]) -> None:
    text = as_yaml(everything(other_home(), mirror))

    for expected in ("10.77.3.20", "10.77.3.17-10.77.3.30", "10.77.3.0/24", "whoami.internal.home.test"):
        assert expected in text
    assert "192.168.1." not in text
    assert "domain.com" not in text


def test_only_the_stages_that_were_asked_for_are_rendered_and_their_files_alone_are_fetched() -> None:
    assert {item.stage for item in render(ARTICLE, FACTS, NOWHERE, ["apps"])} == {"apps"}


def test_upstream_files_are_taken_as_they_are(mirror: tuple[Upstream, Versions]) -> None:
    controller = the(everything(ARTICLE, mirror), "Deployment metallb-system/controller")

    assert controller["spec"] == list(parse(METALLB, "metallb.yaml"))[1]["spec"]
    assert controller["metadata"]["labels"]["app"] == "metallb"


def test_every_object_says_that_it_is_ours_and_of_which_component_and_stage(mirror: tuple[Upstream, Versions]) -> None:
    for item in everything(ARTICLE, mirror):
        marks = item.obj["metadata"]["labels"]
        assert (marks[MANAGED_BY], marks[COMPONENT], marks[STAGE]) == (OURS, item.component, item.stage)
        assert re.fullmatch("[0-9a-f]{16}", item.obj["metadata"]["annotations"][DIGEST])


# The digest


def digests(rendered: tuple[Rendered, ...]) -> dict[str, str]:
    return {str(item.ref): item.obj["metadata"]["annotations"][DIGEST] for item in rendered}


def test_another_process_finds_the_same_digests() -> None:
    """Another seed of Python's hashes gives sets another order."""
    program = "import test_stack_render as t; print(sorted(t.digests(t.own()).items()))"
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(Path(__file__).parent)}

    said = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout

    assert said.strip() == str(sorted(digests(own()).items()))


def test_the_plan_changes_the_digests_of_what_it_changes_and_no_other() -> None:
    before, after = digests(own()), digests(own(with_domain("other.test")))

    assert {name for name in before if before[name] != after[name]} == {"Ingress whoami/whoami"}


def with_defaults(obj: Raw) -> Raw:
    """The object as a server keeps it."""
    live = deepcopy(obj)
    live["metadata"] |= {"uid": "1", "resourceVersion": "7", "generation": 1, "managedFields": []}
    live["status"] = {"observedGeneration": 1}
    if "spec" in live:
        live["spec"]["somethingByDefault"] = {"a": 1}
    return live


def test_a_live_object_with_the_server_s_defaults_holds_what_was_rendered() -> None:
    for item in own():
        assert holds(with_defaults(item.obj), item.obj), item.ref


def test_a_field_that_left_the_manifest_is_noticed_by_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    live = with_defaults(the(own(), "Deployment whoami/whoami"))
    files = manifests.texts("whoami")
    shorter = files["whoami.yaml"].replace("      automountServiceAccountToken: false\n", "")
    assert shorter != files["whoami.yaml"]
    monkeypatch.setattr(manifests, "texts", lambda _: {"whoami.yaml": shorter})

    wished = the(render(ARTICLE, FACTS, NOWHERE, ["apps"]), "Deployment whoami/whoami")

    assert not holds(live, wished)
    del live["metadata"]["annotations"][DIGEST], wished["metadata"]["annotations"][DIGEST]
    assert holds(live, wished)


# As YAML


def test_as_yaml_is_read_back_as_the_same_objects(mirror: tuple[Upstream, Versions]) -> None:
    rendered = everything(ARTICLE, mirror)

    assert read_back(as_yaml(rendered)) == [item.obj for item in rendered]


SHAPES = [shape(item.obj) for item in render(ARTICLE, FACTS, NOWHERE, ["apps"])]


@given(
    st.text() | st.sampled_from(["x\n---\nkind: Secret", "a: b", "- a", "{a: b}", "&a", "*a", "!!int 1", '"', "'", "#"])
)
@settings(max_examples=60)
def test_no_domain_whatever_it_holds_becomes_structure(domain: str) -> None:
    found = read_back(as_yaml(render(with_domain(domain), FACTS, NOWHERE, ["apps"])))

    assert [shape(obj) for obj in found] == SHAPES
    assert found[-1]["spec"]["rules"][0]["host"] == f"whoami.{domain}"


@given(st.text(), st.text())
def test_any_text_is_read_back_as_the_same_text(key: str, value: str) -> None:
    obj = {**thing("v1", "ConfigMap", "x"), "data": {key: value, "list": [value, {"deep": value}]}}

    assert read_back(as_yaml([Rendered("apps", "x", obj)])) == [obj]


@pytest.mark.parametrize(
    "text", ["1234567890123e45", "0912345678912345", "1e3", "+1.e5", ".5E-3", "0o17", "0X1F", "0B1", "1_0e1", "y", "N"]
)
def test_a_text_that_kubectl_alone_would_read_as_a_number_or_truth_value_is_quoted(text: str) -> None:
    """Go's YAML reader knows more forms than Python's writer. Source: sigs.k8s.io/yaml, goyaml.v2, resolve.go."""
    written = as_yaml([Rendered("apps", "x", {**thing("v1", "ConfigMap", "x"), "data": {"it": text}})])

    assert f"it: '{text}'" in written


@pytest.mark.parametrize("value", [3, -1, 1.5, 1e20, True, None])
def test_what_is_no_text_is_not_quoted(value: Any) -> None:
    obj = {**thing("v1", "ConfigMap", "x"), "spec": {"it": value}}

    assert read_back(as_yaml([Rendered("apps", "x", obj)])) == [obj]


# What our manifests may do


def pod_specs(objects: list[Raw]) -> Iterator[tuple[str, Raw]]:
    for obj in objects:
        spec = obj.get("spec") or {}
        template = spec.get("template") or ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
        if template:
            yield obj["metadata"]["name"], template["spec"]


def faults(pod: Raw, container: Raw) -> list[str]:
    """What a container may do that it need not."""
    around, inside = pod.get("securityContext", {}), container.get("securityContext", {})
    rules = {
        "runs as root": around.get("runAsNonRoot") is True and around.get("runAsUser", 0) > 0,
        "no seccomp profile": around.get("seccompProfile") == {"type": "RuntimeDefault"},
        "writes its root": inside.get("readOnlyRootFilesystem") is True,
        "escalates": inside.get("allowPrivilegeEscalation") is False,
        "is privileged": not inside.get("privileged"),
        "has capabilities": inside.get("capabilities") == {"drop": ["ALL"]},
        "has no memory limit": bool(container.get("resources", {}).get("limits", {}).get("memory")),
        "image not pinned": re.fullmatch(r"[\w./-]+:v?\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?", container["image"]),
        "uses the host": not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
    }
    return [fault for fault, kept in rules.items() if not kept]


def test_every_container_of_ours_may_do_no_more_than_it_must(mirror: tuple[Upstream, Versions]) -> None:
    found = [
        (name, container["name"], faults(pod, container))
        for name, pod in pod_specs(own_objects_of_every_stage(WITH_EVERY_APP, mirror))
        for container in (*pod.get("initContainers", ()), *pod["containers"])
    ]

    assert [one for one in found if one[2]] == []
    assert {name.partition("-")[0] if name.startswith("config") else name for name, _, _ in found} == {
        "config",
        "consul",
        "headlamp",
        "issuer",
        "traefik-external",
        "traefik-internal",
        "whoami",
    }


def test_every_namespace_of_ours_enforces_the_restricted_profile(mirror: tuple[Upstream, Versions]) -> None:
    spaces = [obj for obj in own_objects_of_every_stage(WITH_EVERY_APP, mirror) if obj["kind"] == "Namespace"]

    enforced = {s["metadata"]["name"]: s["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] for s in spaces}
    assert enforced == dict.fromkeys(("headlamp", "homelab", "homelab-certificates", "whoami"), "restricted")


def test_our_roles_read_named_kinds_and_write_nothing_but_mirrors(mirror: tuple[Upstream, Versions]) -> None:
    objects = own_objects_of_every_stage(WITH_EVERY_APP, mirror)
    roles = [obj for obj in objects if obj["kind"] in ("Role", "ClusterRole")]
    bound = {obj["roleRef"]["name"] for obj in objects if obj["kind"] in ("RoleBinding", "ClusterRoleBinding")}

    assert bound <= {role["metadata"]["name"] for role in roles}  # no binding to a role that somebody else wrote
    for space, rule in ((one["metadata"].get("namespace"), rule) for one in roles for rule in one["rules"]):
        mirrors = space == "homelab-certificates"
        assert set(rule["verbs"]) <= ({"get", "create", "patch", "delete"} if mirrors else {"get", "list", "watch"})
        assert "*" not in [*rule["apiGroups"], *rule["resources"]]


def test_a_server_of_consul_that_ends_hands_over_and_admits_nobody_without_a_token() -> None:
    settings = json.loads(
        the(render(ARTICLE, FACTS, NOWHERE, ("store",)), "ConfigMap homelab/consul")["data"]["consul.json"]
    )

    assert (settings["leave_on_terminate"], settings["autopilot"]) == (True, {"min_quorum": 2})
    assert settings["acl"] == {"enabled": True, "default_policy": "deny"}


def test_our_jobs_end_by_themselves_and_say_at_their_end_why(mirror: tuple[Upstream, Versions]) -> None:
    objects = own_objects_of_every_stage(ARTICLE, mirror)
    every_ten_minutes = 600
    jobs = [obj.get("spec", {}).get("jobTemplate", obj) for obj in objects if obj["kind"] in ("Job", "CronJob")]
    ours = [
        container
        for _, pod in pod_specs(objects)
        for container in (*pod.get("initContainers", ()), *pod["containers"])
        if container.get("command", [""])[0] == "python3"
    ]

    assert [0 < job["spec"]["activeDeadlineSeconds"] < every_ten_minutes for job in jobs] == [True, True]
    assert [one["terminationMessagePolicy"] for one in ours] == ["FallbackToLogsOnError"] * 3


def test_of_the_sample_apps_those_come_that_the_plan_names() -> None:
    def apps(plan: Plan) -> set[str]:
        return {item.component for item in render(plan, FACTS, NOWHERE, ("apps",))}

    assert apps(ARTICLE) == {"whoami"}
    assert apps(replace(ARTICLE, apps=("headlamp",))) == {"headlamp"}
