"""Field ownership, by its laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.lab.fields import difference, merged, paths, read, shown, written
from homelab.lab.ownership import Writer, applied, updated
from homelab.lab.refusal import Refusal
from homelab.lab.shapes import BuiltIn
from homelab.ports import Raw

SHAPE = BuiltIn()
ANNA, OTTO = (Writer(name, "Apply", "v1", time="2026-01-01T00:00:00Z") for name in ("anna", "otto"))
CARL = Writer("carl", "Update", "v1", time="2026-01-01T00:00:00Z")
NAMES = st.text("abcd", min_size=1, max_size=2)
PORTS = st.lists(
    st.fixed_dictionaries({"port": st.integers(1, 4)}, optional={"name": NAMES, "targetPort": st.integers(1, 3)}),
    unique_by=lambda port: port["port"],
    max_size=4,
)
DATA = st.dictionaries(NAMES, NAMES, max_size=4)


def obj(data: Raw | None = None, ports: list[Raw] | None = None, **meta: Any) -> Raw:
    """A Service with data, which no real one has; both kinds of structure in one."""
    rest = {"data": data} if data else {}
    return {"metadata": {"name": "web"} | meta, **rest, **({"spec": {"ports": ports}} if ports else {})}


OBJECTS = st.builds(obj, DATA, PORTS, labels=st.dictionaries(NAMES, NAMES, min_size=1))


def bare(found: Raw) -> Raw:
    """Without the record of managers."""
    return found | {"metadata": {key: value for key, value in found["metadata"].items() if key != "managedFields"}}


@given(OBJECTS)
def test_applying_twice_changes_nothing(wish: Raw) -> None:
    once = applied(None, wish, SHAPE, ANNA, force=False)

    assert applied(once, wish, SHAPE, ANNA, force=False) == once


@given(OBJECTS, OBJECTS)
def test_the_only_manager_gets_what_they_wish(first: Raw, second: Raw) -> None:
    live = applied(applied(None, first, SHAPE, ANNA, force=False), second, SHAPE, ANNA, force=False)

    assert not difference(bare(live), second, SHAPE).changed and not difference(bare(live), second, SHAPE).removed


@given(DATA, DATA)
def test_disjoint_maps_never_conflict(first: Raw, second: Raw) -> None:
    theirs = {f"x{key}": value for key, value in second.items()}
    live = applied(None, obj(first), SHAPE, ANNA, force=False)

    both = applied(live, obj(theirs), SHAPE, OTTO, force=False)

    assert both.get("data", {}) == first | theirs


@given(OBJECTS, OBJECTS)
def test_a_forced_apply_always_wins_and_takes_the_fields(first: Raw, second: Raw) -> None:
    live = applied(None, first, SHAPE, ANNA, force=False)

    forced = applied(live, second, SHAPE, OTTO, force=True)

    assert merged(bare(forced), second, SHAPE) == bare(forced)
    assert applied(forced, second, SHAPE, OTTO, force=False) == forced


@given(OBJECTS, OBJECTS, OBJECTS)
def test_what_others_hold_stays_when_one_lets_go(first: Raw, second: Raw, third: Raw) -> None:
    live = applied(None, first, SHAPE, ANNA, force=False)
    both = applied(live, second, SHAPE, OTTO, force=True)

    left = applied(both, obj(), SHAPE, ANNA, force=True)

    assert merged(bare(left), second, SHAPE) == bare(left)


@given(OBJECTS, OBJECTS)
def test_a_writer_never_conflicts_and_owns_what_it_changed(first: Raw, second: Raw) -> None:
    live = applied(None, first, SHAPE, ANNA, force=False)

    new = updated(live, second, SHAPE, CARL)

    changed = difference(bare(live), second, SHAPE).changed - {("f:spec",), ("f:metadata",)}
    held = {e["manager"]: frozenset(read(e["fieldsV1"])) for e in new["metadata"].get("managedFields", [])}
    assert bare(new) == second
    assert not held.get("anna", frozenset()) & changed and changed <= held.get("carl", frozenset())


@given(OBJECTS)
def test_fields_are_read_as_they_were_written(wish: Raw) -> None:
    found = paths(wish, SHAPE)

    assert frozenset(read(written(found))) == found


def test_unowned_fields_survive() -> None:
    live = obj({"a": "1"}) | {"status": {"x": 1}}

    new = applied(live, obj({"b": "1"}), SHAPE, ANNA, force=False)

    assert new["data"] == {"a": "1", "b": "1"} and new["status"] == {"x": 1}


def test_an_item_that_was_let_go_takes_its_unowned_fields_along() -> None:
    live = applied(None, obj(ports=[{"port": 80}, {"port": 81}]), SHAPE, ANNA, force=False)
    defaulted = live | {"spec": {"ports": [port | {"nodePort": 30000} for port in live["spec"]["ports"]]}}

    new = applied(defaulted, obj(ports=[{"port": 81}]), SHAPE, ANNA, force=False)

    assert new["spec"]["ports"] == [{"port": 81, "nodePort": 30000}]


def test_two_items_of_one_key_are_refused() -> None:
    with pytest.raises(Refusal, match=r'duplicate entries for key \[port=80,protocol="TCP"\]'):
        paths(obj(ports=[{"port": 80}, {"port": 80, "protocol": "TCP"}]), SHAPE)


def test_paths_are_shown_as_messages_spell_them() -> None:
    path = ("f:spec", 'k:{"port":80,"protocol":"TCP"}', "f:name")

    assert shown(path) == '.spec[port=80,protocol="TCP"].name'
    assert shown(("f:metadata", "f:finalizers", 'v:"a"')) == '.metadata.finalizers[="a"]'


def test_an_item_without_keys_is_refused() -> None:
    with pytest.raises(Refusal, match="has an item that is none"):
        paths({"spec": {"ports": ["http"]}}, SHAPE)
