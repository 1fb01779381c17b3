"""What was sent, as plain JSON: whatever passes here can be stored, compared and sent back."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import yaml

from homelab.lab.refusal import Refusal, bad_request
from homelab.ports import Raw

LARGEST = 3 * 1024 * 1024
"""Bytes of a request. Source: kube-apiserver, MaxRequestBodyBytes."""
_DEEPEST = 100
"""Values inside each other; far more than any kind has, and few enough for whoever walks through them."""
_ALIASED = 400_000
"""Values that aliases may make of a short document. Source: the YAML decoder of Kubernetes."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_LOADER):  # type: ignore[misc,valid-type]
    """YAML as JSON has it: a date is the text that was written."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, rule) for tag, rule in known if tag != "tag:yaml.org,2002:timestamp"]
        for first, known in _LOADER.yaml_implicit_resolvers.items()
    }


def json_of(sent: bytes) -> Any:
    """The JSON that was sent. Raises Refusal 400."""
    return _understood(_strict, sent, len(sent))


def yaml_of(sent: bytes) -> Any:
    """The YAML, and so JSON, that was sent. Raises Refusal 400."""
    try:
        parsed = _strict(sent.decode())
    except ValueError:
        return _understood(_yaml, sent, max(_ALIASED, len(sent)))
    except RecursionError:
        raise _too_deep() from None
    return plain(parsed)


def object_of(found: Any) -> Raw:
    """The object that a body has to be. Raises Refusal 400."""
    if not isinstance(found, dict):
        raise bad_request("the body is no object")
    return found


def plain(value: Any, most: int = LARGEST) -> Any:
    """The value as JSON can say it, with so many values at most. Raises Refusal 400."""
    return _plain(value, 0, iter(range(most)))


def readable(text: str) -> str:
    """The text with a replacement character for all that is no character, as the API server has it."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def sort(value: Any) -> str:
    """What kind of JSON it is, as messages name it."""
    if isinstance(value, bool):
        return "bool"
    names = {str: "string", int: "number", float: "number", dict: "object", list: "array"}
    return names.get(type(value), "null")


def _understood(parse: Callable[[str], Any], sent: bytes, most: int) -> Any:
    try:
        return plain(parse(sent.decode(errors="replace")), most)
    except RecursionError:
        raise _too_deep() from None
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the body is not understood: {error}") from None


def _strict(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _yaml(text: str) -> Any:
    """Nesting is measured first: the parser ends the whole process when it is too deep."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise _too_deep()
    return yaml.load(text, _Loader)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number in JSON")


def _plain(value: Any, depth: int, left: Iterator[int]) -> Any:
    if next(left, None) is None:
        raise bad_request("the body is not understood: document contains excessive aliasing")
    if depth > _DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        return value if value.isascii() else readable(value)
    if isinstance(value, dict):
        return {_key(key): _plain(inner, depth + 1, left) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner, depth + 1, left) for inner in value]
    if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise bad_request(f"the body is not understood: JSON has no {type(value).__name__} like {value}")


def _key(key: Any) -> str:
    """Numbers and booleans are names too where YAML says so."""
    if isinstance(key, str):
        return key if key.isascii() else readable(key)
    if isinstance(key, bool | int | float):
        return json.dumps(key)
    raise bad_request(f"the body is not understood: unsupported map key {key}")


def _too_deep() -> Refusal:
    return bad_request(f"the body is not understood: exceeded max depth, which is {_DEEPEST} in the lab")
