"""Merge, strategic merge and JSON patches."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.lab.patches import json_patch, merged, strategic
from homelab.lab.refusal import Refusal
from homelab.lab.shapes import BuiltIn

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("abc", min_size=1, max_size=2), VALUES, max_size=3)


def without_nulls(value: Any) -> Any:
    """What can be said by a merge patch."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once_and_changes_nothing_given(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = merged(target, patch)

    assert merged(once, patch) == once
    assert (target, patch) == before


@given(OBJECTS)
def test_a_merge_patch_into_nothing_is_itself(patch: Any) -> None:
    assert merged(None, without_nulls(patch)) == without_nulls(patch)


@given(OBJECTS, OBJECTS)
def test_without_lists_of_known_keys_strategic_is_merge(target: Any, patch: Any) -> None:
    assert strategic(target, patch, BuiltIn()) == merged(target, patch)


def containers(*items: Any, **more: Any) -> Any:
    """A pod's specification."""
    return {"spec": {"containers": list(items)} | more}


def test_containers_merge_by_name() -> None:
    live = containers({"name": "a", "image": "1"}, {"name": "b", "image": "1"})
    patch = containers({"name": "b", "image": "2"}, {"name": "c"}, **{"$setElementOrder/containers": [
        {"name": "c"}, {"name": "b"}, {"name": "a"}]})  # fmt: skip

    assert strategic(live, patch, BuiltIn()) == containers(
        {"name": "c"}, {"name": "b", "image": "2"}, live["spec"]["containers"][0]
    )


def test_directives() -> None:
    live = {"metadata": {"finalizers": ["a", "b"]}, **containers({"name": "a"}, {"name": "b"})}
    live["spec"]["strategy"] = {"type": "RollingUpdate", "rollingUpdate": {}}
    patch = {
        "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]},
        "spec": {
            "containers": [{"name": "a", "$patch": "delete"}],
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
        },
    }

    found = strategic(live, patch, BuiltIn())

    assert found["metadata"]["finalizers"] == ["b"]
    assert found["spec"] == {"containers": [{"name": "b"}], "strategy": {"type": "Recreate"}}
    assert strategic(live, {"spec": {"$patch": "replace", "x": 1}}, BuiltIn())["spec"] == {"x": 1}


def test_json_patches() -> None:
    target = {"a": {"b": [1, 2]}, "x/y": 1}
    operations = [
        {"op": "test", "path": "/a/b/0", "value": 1},
        {"op": "add", "path": "/a/b/-", "value": 3},
        {"op": "add", "path": "/a/b/0", "value": 0},
        {"op": "remove", "path": "/a/b/1"},
        {"op": "replace", "path": "/x~1y", "value": 2},
        {"op": "copy", "from": "/a", "path": "/c"},
        {"op": "move", "from": "/a/b", "path": "/d"},
    ]

    assert json_patch(target, operations) == {"a": {}, "x/y": 2, "c": {"b": [0, 2, 3]}, "d": [0, 2, 3]}
    assert target == {"a": {"b": [1, 2]}, "x/y": 1}


def test_json_patches_count_from_the_end_when_negative() -> None:
    operations = [
        {"op": "add", "path": "/a/-1", "value": 4},
        {"op": "replace", "path": "/a/-2", "value": 9},
        {"op": "remove", "path": "/a/-4"},
    ]

    assert json_patch({"a": [1, 2, 3]}, operations) == {"a": [2, 9, 4]}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/nothing"},
        {"op": "remove", "path": "/list/-1"},
        {"op": "add", "path": "/list/-2", "value": 1},
        {"op": "add", "path": "/list/²", "value": 1},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/list/9", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "explode", "path": "/a"},
        {},
    ],
    ids=json.dumps,
)
def test_json_patches_that_do_not_fit(operation: Any) -> None:
    with pytest.raises(Refusal) as refused:
        json_patch({"a": 1, "list": []}, [operation])
    assert refused.value.code == 422
