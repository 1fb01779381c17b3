"""Selectors on labels and fields."""

from __future__ import annotations

import pytest

from homelab.lab.refusal import Refusal
from homelab.lab.selectors import field_tests, label_tests, selecting
from homelab.ports import Kind, Raw

POD = Kind("v1", "Pod")


def pod(labels: Raw | None = None, **status: str) -> Raw:
    """A pod with these labels and status."""
    return {"metadata": {"name": "web", "labels": labels or {}}, "spec": {"nodeName": "node1"}, "status": status}


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ("", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "db"}, False),
        ("app!=web", {}, True),
        ("app in (web, db)", {"app": "db"}, True),
        ("app notin (web,db),tier", {"tier": "x"}, True),
        ("tier", {}, False),
        ("!tier", {}, True),
        ("age>3", {"age": "10"}, True),
        ("age<3", {"age": "10"}, False),
        ("example.test/app=", {"example.test/app": ""}, True),
    ],
)
def test_label_selectors(selector: str, labels: Raw, matches: bool) -> None:
    assert all(test(pod(labels)) for test in label_tests(selector)) is matches


@pytest.mark.parametrize("selector", ["app in web", "a b", "=web", "age>x"])
def test_label_selectors_that_cannot_be(selector: str) -> None:
    with pytest.raises(Refusal) as refused:
        label_tests(selector)
    assert refused.value.code == 400


def test_field_selectors() -> None:
    test = selecting(POD, "", "spec.nodeName=node1,status.phase!=Running")

    assert test(pod(phase="Pending")) and not test(pod(phase="Running"))


def test_a_field_that_is_no_selector_is_refused() -> None:
    with pytest.raises(Refusal, match="field label not supported"):
        field_tests(POD, "spec.image=x")
