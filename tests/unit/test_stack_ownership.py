"""Whose object is it: decides what may be changed, forced and deleted, so a doubt is never ours."""

from __future__ import annotations

from typing import Any

import pytest
from objects import by_helm, ours, thing

from homelab.ports import Raw
from homelab.stack.ownership import labels, owner


def config(**more: Any) -> Raw:
    return thing("v1", "ConfigMap", "web", "apps", **more)


def test_what_bears_our_label_is_ours() -> None:
    found = owner(ours(config()))

    assert (found.name, found.tool, found.ours) == ("homelab-tui", False, True)


MARKS = [
    ("annotations", "meta.helm.sh/release-name", "web", "Helm release web"),
    ("labels", "kustomize.toolkit.fluxcd.io/name", "apps", "Flux Kustomization apps"),
    ("labels", "helm.toolkit.fluxcd.io/name", "apps", "Flux HelmRelease apps"),
    ("labels", "argocd.argoproj.io/instance", "apps", "Argo CD application apps"),
    ("annotations", "argocd.argoproj.io/tracking-id", "apps:/ConfigMap:apps/web", "Argo CD apps:/ConfigMap:apps/web"),
    ("annotations", "objectset.rio.cattle.io/owner-name", "traefik", "k3s add-on traefik"),
    ("labels", "objectset.rio.cattle.io/hash", "f1e2", "k3s add-on f1e2"),
]


@pytest.mark.parametrize(("where", "key", "value", "name"), MARKS)
def test_what_a_tool_marked_is_the_tool_s(where: str, key: str, value: str, name: str) -> None:
    found = owner(config(**{where: {key: value}}))

    assert (found.name, found.tool, found.ours) == (name, True, False)


@pytest.mark.parametrize(("where", "key", "value", "name"), MARKS)
def test_a_tool_s_mark_counts_more_than_our_label(where: str, key: str, value: str, name: str) -> None:
    """The tool would put its own state back over ours."""
    assert owner(ours(config(**{where: {key: value}}))).name == name


def test_helm_s_label_alone_is_helm_s() -> None:
    found = owner(config(labels={"app.kubernetes.io/managed-by": "Helm"}))

    assert (found.name, found.tool, found.ours) == ("Helm", True, False)


def test_an_object_of_a_release_names_the_release() -> None:
    assert owner(by_helm(config(), "web")).name == "Helm release web"


def test_without_a_mark_the_field_managers_are_named_but_not_those_of_the_status() -> None:
    managers = [
        {"manager": "kubectl-edit"},
        {"manager": "kube-controller-manager", "subresource": "status"},
        {"manager": "anna", "subresource": ""},
        {"manager": "kubectl-edit"},
    ]

    found = owner(config(managedFields=managers))

    assert (found.name, found.tool, found.ours) == ("anna and kubectl-edit", False, False)


@pytest.mark.parametrize("nothing", [None, {}, {"app.kubernetes.io/managed-by": "somebody"}])
def test_what_nobody_marked_is_somebody_s(nothing: Any) -> None:
    found = owner(config(labels=nothing, annotations=None, managedFields=None))

    assert (found.name, found.tool, found.ours) == ("somebody else", False, False)


@pytest.mark.parametrize("obj", [config(), config(labels=None)])
def test_an_object_without_labels_has_none(obj: Raw) -> None:
    assert labels(obj) == {}
