"""What a CustomResourceDefinition may say: 422 for what no API server takes, 501 for what this one cannot do.

Types are right already where this is asked, save for the schema, which is free text to everybody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from homelab.lab.refusal import not_implemented
from homelab.lab.resources import Resources
from homelab.lab.validation.faults import SAYS_SERVICE, SERVICE, Fault, invalid, required, unsupported
from homelab.observe.raw import dig, items, strings, text
from homelab.ports import Raw

_APPROVED = "api-approved.kubernetes.io"
_PROTECTED = ("k8s.io", "kubernetes.io")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_COLUMNS = ("boolean", "date", "integer", "number", "string")
_FREE = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")
"""A schema with one of these needs no type."""
_LACKING = {
    "allOf": "combine schemas",
    "anyOf": "combine schemas",
    "not": "combine schemas",
    "oneOf": "combine schemas",
    "x-kubernetes-embedded-resource": "check objects inside objects",
    "x-kubernetes-validations": "run CEL rules",
}
_SORTS: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("minimum", "maximum", "multipleOf"), ("a number", (int, float))),
    **dict.fromkeys(
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), ("a whole number", int)
    ),
    **dict.fromkeys(
        ("exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "nullable", *_FREE), ("true or false", bool)
    ),
    **dict.fromkeys(("enum", "required", "x-kubernetes-list-map-keys"), ("a list", list)),
    **dict.fromkeys(
        ("pattern", "format", "type", "x-kubernetes-list-type", "x-kubernetes-map-type"), ("a string", str)
    ),
    "properties": ("an object", dict),
    "items": ("an object", dict),
    "additionalProperties": ("an object or a boolean", (dict, bool)),
}
"""Keywords and what they hold. Source: Kubernetes, JSONSchemaProps."""


def definition_faults(new: Raw, old: Raw | None, resources: Resources) -> Iterator[Fault]:
    """All that keeps it from being served. Raises Refusal 501 for what the lab cannot do."""
    spec = new.get("spec") or {}
    yield from _spec(spec, new["metadata"])
    yield from _taken(spec, new["metadata"].get("name"), resources)
    if old:
        for path in (("scope",), ("group",), ("names", "kind"), ("names", "plural")):
            if dig(spec, *path) != dig(old, "spec", *path):
                yield invalid("spec." + ".".join(path), dig(spec, *path), "field is immutable")
        if _stored(spec) != _stored(old.get("spec") or {}):
            raise not_implemented("the lab cannot move stored objects to another version: spec.versions")
    for number, version in enumerate(items(spec, "versions")):
        yield from _version(version, f"spec.versions[{number}]")
    _possible(spec)


def _spec(spec: Raw, meta: Raw) -> Iterator[Fault]:
    group, names, scope = text(spec, "group") or "", spec.get("names") or {}, text(spec, "scope")
    if "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    notes = meta.get("annotations") or {}
    if any(group == own or group.endswith(f".{own}") for own in _PROTECTED) and not notes.get(_APPROVED):
        why = f'protected groups must have approval annotation "{_APPROVED}"'
        yield required(f"metadata.annotations[{_APPROVED}]", why)
    if scope not in ("Cluster", "Namespaced"):
        yield unsupported("spec.scope", scope or "", "Cluster", "Namespaced")
    for name in ("plural", "kind"):
        if not text(names, name):
            yield required(f"spec.names.{name}")
    words = {name: [found] for name in ("plural", "singular", "kind", "listKind") if (found := text(names, name))}
    for field, given in {**words, "shortNames": [*strings(names, "shortNames")]}.items():
        for word in given:
            if not re.fullmatch(SERVICE, word.lower() if field in ("kind", "listKind") else word):
                yield invalid(f"spec.names.{field}", word, SAYS_SERVICE)
    wanted = f"{text(names, 'plural')}.{group}"
    if meta.get("name") != wanted:
        why = f'must be spec.names.plural+"."+spec.group, that is {wanted}'
        yield invalid("metadata.name", meta.get("name"), why)
    yield from _versions(items(spec, "versions"))


def _versions(versions: list[Raw]) -> Iterator[Fault]:
    names = [text(version, "name") or "" for version in versions]
    for number, name in enumerate(names):
        if not re.fullmatch(SERVICE, name):
            yield invalid(f"spec.versions[{number}].name", name, SAYS_SERVICE)
    if len(set(names)) < len(names):
        yield invalid("spec.versions", names, "must contain unique version names")
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield invalid("spec.versions", names, "must have exactly one version marked as storage version")


def _taken(spec: Raw, own: str | None, resources: Resources) -> Iterator[Fault]:
    """A real server accepts such a definition and then never serves it; here it is told at once."""
    group, names = text(spec, "group"), spec.get("names") or {}
    for other in resources.all_defined():
        if other.group != group:
            continue
        if other.built_in:
            yield invalid("spec.group", group, "the API server itself serves this group")
            return
        if other.qualified == own:
            continue
        kinds, plurals = (other.kind, other.list_kind), (other.plural, other.singular, *other.short)
        for field, used in (("kind", kinds), ("listKind", kinds), ("singular", plurals), ("plural", plurals)):
            if names.get(field) in used:
                yield invalid(f"spec.names.{field}", names[field], f"{other.qualified} has this name already")
        for short in strings(names, "shortNames"):
            if short in plurals:
                yield invalid("spec.names.shortNames", short, f"{other.qualified} has this name already")


def _version(version: Raw, field: str) -> Iterator[Fault]:
    for number, column in enumerate(items(version, "additionalPrinterColumns")):
        place = f"{field}.additionalPrinterColumns[{number}]"
        if not text(column, "name"):
            yield required(f"{place}.name")
        if column.get("type") not in _COLUMNS:
            yield unsupported(f"{place}.type", column.get("type") or "", *_COLUMNS)
        if not (text(column, "jsonPath") or "").startswith("."):
            yield invalid(
                f"{place}.jsonPath", column.get("jsonPath") or "", "must be a simple json path starting with ."
            )
    schema, place = dig(version, "schema", "openAPIV3Schema"), f"{field}.schema.openAPIV3Schema"
    if schema is None:
        yield required(place)
        return
    if isinstance(schema, dict) and schema.get("type") != "object":
        why = "must be object at the root"
        yield invalid(f"{place}.type", schema["type"], why) if schema.get("type") else required(f"{place}.type", why)
        return
    yield from _schema(schema, place)


def _schema(schema: Any, field: str) -> Iterator[Fault]:
    if not isinstance(schema, dict):
        yield invalid(field, schema, "a schema is an object")
        return
    if faults := list(_keywords(schema, field)):
        yield from faults
        return
    found = schema.get("type")
    if found is None and not any(schema.get(free) for free in _FREE):
        yield required(f"{field}.type", "must not be empty for specified object fields")
    elif found not in (None, *_TYPES):
        yield unsupported(f"{field}.type", found, *_TYPES)
    if found == "array" and "items" not in schema:
        yield required(f"{field}.items", "must be specified")
    for name, inner in (schema.get("properties") or {}).items():
        yield from _schema(inner, f"{field}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _schema(schema[name], f"{field}.{name}")


def _keywords(schema: Raw, field: str) -> Iterable[Fault]:
    """Raises Refusal 501."""
    for word, value in schema.items():
        if value and word in _LACKING:
            raise not_implemented(f"the lab cannot {_LACKING[word]}: {field}.{word}")
        said, sorts = _SORTS.get(word, ("", object))
        if not isinstance(value, sorts) or (isinstance(value, bool) and bool not in (sorts, *_several(sorts), object)):
            yield invalid(f"{field}.{word}", value, f"must be {said}")
    for word in ("required", "x-kubernetes-list-map-keys"):
        listed = schema.get(word)
        if isinstance(listed, list) and not all(isinstance(name, str) for name in listed):
            yield invalid(f"{field}.{word}", listed, "must be a list of strings")
    try:
        re.compile(schema["pattern"] if isinstance(schema.get("pattern"), str) else "")
    except (re.error, OverflowError, RecursionError) as error:
        why = f"must be a valid regular expression, but isn't: {error}"
        yield invalid(f"{field}.pattern", schema["pattern"], why)


def _several(sorts: Any) -> tuple[Any, ...]:
    return sorts if isinstance(sorts, tuple) else ()


def _possible(spec: Raw) -> None:
    """Raises Refusal 501."""
    served = [version for version in items(spec, "versions") if version.get("served")]
    if len(served) > 1:
        raise not_implemented("the lab serves one version of a kind: spec.versions has more with served: true")
    if served and not served[0].get("storage"):
        raise not_implemented("the lab serves the version that it stores: spec.versions has another with served: true")
    if text(spec, "conversion", "strategy") not in (None, "None"):
        raise not_implemented("the lab converts nothing between versions: spec.conversion.strategy")
    for version in served:
        if dig(version, "subresources", "scale") is not None:
            raise not_implemented("the lab scales built-in kinds only: spec.versions[].subresources.scale")
        if version.get("selectableFields"):
            raise not_implemented("the lab selects by names and labels only: spec.versions[].selectableFields")


def _stored(spec: Raw) -> str | None:
    return next((text(version, "name") for version in items(spec, "versions") if version.get("storage")), None)
