"""What a person is shown before an apply, and what may never be shown."""

from __future__ import annotations

import json
from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import places, thing

from homelab.ports import Kind, Raw, Ref
from homelab.stack.diff import Action, Difference, difference_text, drops, holds

CONFIG = {**thing("v1", "ConfigMap", "web", "apps"), "data": {"a": "1", "b": "2"}}

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
MAPS = st.dictionaries(st.text(max_size=4), JSON, max_size=4)


def lines(before: Raw | None, after: Raw, sign: str) -> list[str]:
    return [line[1:].strip() for line in difference_text(before, after).splitlines() if line.startswith(sign)]


# The text


def test_a_changed_value_is_one_line_out_and_one_line_in() -> None:
    after = {**CONFIG, "data": {"a": "1", "b": "3"}}

    assert difference_text(CONFIG, after).startswith("@@ ")
    assert lines(CONFIG, after, "-") == ["b: '2'"]
    assert lines(CONFIG, after, "+") == ["b: '3'"]


def test_equal_objects_have_no_difference() -> None:
    assert difference_text(CONFIG, deepcopy(CONFIG)) == ""


def test_a_new_object_is_all_additions() -> None:
    text = difference_text(None, CONFIG)

    assert lines(None, CONFIG, "-") == []
    assert "+kind: ConfigMap" in text
    assert "+  name: web" in text


def test_what_the_server_writes_by_itself_is_not_shown() -> None:
    live = deepcopy(CONFIG)
    live["metadata"] |= {
        "uid": "another",
        "resourceVersion": "81",
        "generation": 4,
        "creationTimestamp": "2026-11-23T05:00:00Z",
        "selfLink": "/api",
        "managedFields": [{"manager": "kubectl"}],
    }
    live["status"] = {"observedGeneration": 4}

    assert difference_text(live, CONFIG) == ""
    assert difference_text(CONFIG, live) == ""


def test_other_metadata_is_shown() -> None:
    labelled = {**CONFIG, "metadata": CONFIG["metadata"] | {"labels": {"zone": "internal"}}}

    assert lines(CONFIG, labelled, "+") == ["labels:", "zone: internal"]


def test_control_characters_of_an_object_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in difference_text(None, {**CONFIG, "data": {"a": "\x1b[2J", "\x1b": "x"}})


@given(JSON, JSON)
def test_there_is_a_difference_exactly_where_the_wished_parts_differ(one: Any, other: Any) -> None:
    before, after = {**CONFIG, "spec": one}, {**CONFIG, "spec": other}

    assert (difference_text(before, after) == "") == (
        json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@pytest.mark.parametrize(
    ("action", "changes"),
    [
        (Action.NEW, True),
        (Action.UNVERIFIED, True),
        (Action.CHANGE, True),
        (Action.REMOVE, True),
        (Action.SAME, False),
        (Action.THEIRS, False),
        (Action.BLOCKED, False),
    ],
)
def test_only_what_would_be_written_counts_as_a_change(action: Action, changes: bool) -> None:
    assert Difference("apps", Ref(Kind("v1", "ConfigMap"), "apps", "web"), action).changes == changes


# Secrets


def encoded(value: str) -> str:
    return b64encode(value.encode()).decode()


def secret(value: str | None, **plain: str) -> Raw:
    """A Secret as `kubectl apply` leaves it, with a copy of itself in an annotation."""
    data = {} if value is None else {"password": encoded(value)}
    found = {**thing("v1", "Secret", "login", "apps", annotations={}), "data": data, "stringData": plain}
    found["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = json.dumps(found)
    return found


VALUES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8)
"""Made of what the text around them is not."""


@given(VALUES, VALUES)
def test_no_value_of_a_secret_is_ever_shown_in_any_form(old: str, new: str) -> None:
    before, after = secret(old, token=old), secret(new, token=new)

    for text in (difference_text(before, after), difference_text(None, after), difference_text(before, secret(None))):
        for value in (old, new):
            assert value not in text
            assert encoded(value) not in text


@given(VALUES, VALUES)
def test_whether_a_value_of_a_secret_changes_is_shown(old: str, new: str) -> None:
    assert (difference_text(secret(old), secret(new)) != "") == (old != new)


def test_a_changed_value_of_a_secret_is_named_by_its_key() -> None:
    assert lines(secret("OLD"), secret("NEW"), "-") == ["password: <hidden>"]
    assert lines(secret("OLD"), secret("NEW"), "+") == ["password: <hidden, changed>"]


def test_a_new_value_of_a_secret_is_not_called_changed() -> None:
    assert "token: <hidden, new>" in lines(secret("OLD"), secret("OLD", token="NEW"), "+")
    assert "password: <hidden, new>" in lines(None, secret("NEW"), "+")


def test_a_value_that_leaves_a_secret_is_named_by_its_key() -> None:
    assert "password: <hidden>" in lines(secret("OLD"), secret(None), "-")


def test_null_values_of_a_secret_are_no_values() -> None:
    assert difference_text({**secret(None), "data": None}, secret(None)) == ""
    assert lines({**secret(None), "data": None}, secret("NEW"), "+") == ["data:", "password: <hidden, new>"]


# Whether a live object already holds what is wished


@given(JSON)
def test_whatever_is_live_holds_itself(value: Any) -> None:
    assert holds(value, deepcopy(value))


@given(MAPS, MAPS)
def test_a_map_may_hold_more_than_is_wished(wished: Raw, more: Raw) -> None:
    assert holds({**more, **wished}, wished)


@given(MAPS, MAPS)
def test_so_may_a_map_inside_a_list(wished: Raw, more: Raw) -> None:
    assert holds({"rules": [{**more, **wished}]}, {"rules": [wished]})


@given(MAPS.filter(bool), st.data())
def test_any_changed_value_is_noticed(wished: Raw, data: st.DataObject) -> None:
    live = deepcopy(wished)
    *way, last = data.draw(st.sampled_from(list(places(live))))
    inside: Any = live
    for key in way:
        inside = inside[key]
    inside[last] = "a value that was not there before"

    assert not holds(live, wished)


@given(MAPS.filter(bool), st.data())
def test_any_missing_key_is_noticed(wished: Raw, data: st.DataObject) -> None:
    live = deepcopy(wished)
    del live[data.draw(st.sampled_from(sorted(live)))]

    assert not holds(live, wished)


@pytest.mark.parametrize(("live", "wished"), [([1, 2], [1]), ([1], [1, 2]), ([2, 1], [1, 2]), ([], [{}]), ([{}], [])])
def test_lists_must_match_item_by_item(live: list[Any], wished: list[Any]) -> None:
    assert not holds(live, wished)


@pytest.mark.parametrize(
    ("live", "wished"), [(True, 1), (1, True), (False, 0), ("1", 1), (None, ""), ({}, []), ([], {})]
)
def test_values_of_different_types_are_never_equal(live: Any, wished: Any) -> None:
    assert not holds({"it": live}, {"it": wished})


OWNED = {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:ports": {'k:{"port":80}': {"f:port": {}}}}}


@pytest.mark.parametrize(
    ("manager", "operation", "labels", "is_dropped"),
    [
        ("homelab-tui", "Apply", {"app": "web"}, False),
        ("homelab-tui", "Apply", {}, True),
        ("homelab-tui", "Apply", None, True),
        ("homelab-tui", "Update", {}, False),
        ("kubectl", "Apply", {}, False),
    ],
)
def test_what_we_once_set_and_no_longer_wish_is_a_change(
    manager: str, operation: str, labels: dict[str, str] | None, is_dropped: bool
) -> None:
    wished = {**thing("v1", "Service", "web", "apps"), "spec": {"ports": [{"port": 80}]}}
    wished["metadata"] |= {} if labels is None else {"labels": labels}
    live = deepcopy(wished)
    live["metadata"]["managedFields"] = [{"manager": manager, "operation": operation, "fieldsV1": OWNED}]

    assert drops(live, wished) is is_dropped
