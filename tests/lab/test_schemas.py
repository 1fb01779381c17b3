"""Custom resources against the schemas of their definitions; the words are those of a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from homelab.lab.admission import admitted
from homelab.lab.refusal import Refusal
from homelab.lab.resources import Resource
from homelab.lab.typed import decoded
from homelab.ports import Raw

SPEC: Raw = {
    "type": "object",
    "required": ["r"],
    "properties": {
        "r": {"type": "string", "default": "q"},
        "deep": {"type": "object", "default": {}, "properties": {"z": {"type": "integer", "default": 4}}},
        "least": {"type": "number", "minimum": 0.5, "maximum": 9},
        "between": {
            "type": "integer",
            "minimum": 3,
            "maximum": 9,
            "exclusiveMinimum": True,
            "exclusiveMaximum": True,
            "multipleOf": 2,
        },
        "word": {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^[a-z]+$"},
        "list": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"type": "string", "maxLength": 2}},
        "keyed": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        },
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "map": {"type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": {"type": "integer"}},
        "small": {"type": "integer", "format": "int32"},
        "time": {"type": "string", "format": "date-time"},
        "either": {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+%?$"},
        "none": {"type": "string", "nullable": True, "default": "w"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
FOO = Resource("e.test", "v1", "Foo", "foos", "foo", schema={"type": "object", "properties": {"spec": SPEC}})


def foo(**spec: Any) -> Raw:
    """As it would be stored."""
    sent = {"apiVersion": "e.test/v1", "kind": "Foo", "metadata": {"name": "a"}, "spec": spec}
    stored: Raw = admitted(FOO, decoded(FOO, sent), None)["spec"]
    return stored


def test_defaults_come_at_every_depth() -> None:
    assert foo() == {"r": "q", "deep": {"z": 4}, "none": "w"}
    assert foo(r=None, none=None) == {"r": "q", "deep": {"z": 4}, "none": None}


def test_what_is_unknown_goes_but_where_anything_may_be() -> None:
    found = foo(other=1, deep={"y": 1}, free={"x": {"y": 1}})

    assert "other" not in found and found["deep"] == {"z": 4} and found["free"] == {"x": {"y": 1}}


def test_what_fits_is_kept() -> None:
    fitting = {"least": 0.5, "between": 4, "word": "ab", "list": ["a"], "keyed": [{"name": "a"}], "set": ["a", "b"]}
    more = {"map": {"a": 1}, "small": 1, "time": "2026-01-01T00:00:00Z", "either": "5%"}

    assert foo(**fitting, **more).items() >= {**fitting, **more}.items()


@pytest.mark.parametrize(
    ("spec", "field", "said"),
    [
        ({"least": 0.1}, "least", "Invalid value: 0.1: spec.least in body should be greater than or equal to 0.5"),
        ({"least": 10}, "least", "Invalid value: 10: spec.least in body should be less than or equal to 9"),
        ({"between": 3}, "between", "Invalid value: 3: spec.between in body should be greater than 3"),
        ({"between": 9}, "between", "Invalid value: 9: spec.between in body should be less than 9"),
        ({"between": 5}, "between", "Invalid value: 5: spec.between in body should be a multiple of 2"),
        ({"word": "a"}, "word", 'Invalid value: "a": spec.word in body should be at least 2 chars long'),
        ({"word": "abcd"}, "word", "Too long: may not be more than 3 bytes"),
        ({"word": "AB"}, "word", "Invalid value: \"AB\": spec.word in body should match '^[a-z]+$'"),
        ({"list": []}, "list", "Invalid value: 0: spec.list in body should have at least 1 items"),
        ({"list": ["a", "b", "c"]}, "list", "Too many: 3: must have at most 2 items"),
        ({"list": ["abc"]}, "list[0]", "Too long: may not be more than 2 bytes"),
        ({"keyed": [{"name": "a"}, {"name": "a"}]}, "keyed[1]", 'Duplicate value: {"name":"a"}'),
        ({"keyed": [{}]}, "keyed[0].name", "Required value"),
        ({"set": ["a", "a"]}, "set[1]", 'Duplicate value: "a"'),
        ({"map": {}}, "map", "Invalid value: 0: spec.map in body should have at least 1 properties"),
        ({"time": "x"}, "time", 'Invalid value: "x": spec.time in body must be of type date-time: "x"'),
        ({"either": "x"}, "either", "Invalid value: \"x\": spec.either in body should match '^[0-9]+%?$'"),
        (
            {"either": True},
            "either",
            'Invalid value: "boolean": spec.either in body must be of type integer,string: "boolean"',
        ),
    ],
)
def test_what_does_not_fit_is_told(spec: Raw, field: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        foo(**spec)

    causes = (refused.value.details or {})["causes"]
    assert (refused.value.code, refused.value.reason) == (422, "Invalid")
    assert (f"spec.{field}", said) in [(cause["field"], cause["message"]) for cause in causes]
