"""Rules of a policy: read from JSON or HCL, and what they allow. Pure. Source: Consul docs, ACL rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from homelab.lab.consul.fault import failed

LEVELS = ("deny", "write", "list", "read")
"""What counts first when several policies speak of the same."""
NAMED = frozenset({"agent", "event", "identity", "key", "node", "query", "service", "session"})
"""Of these a rule names one, or with `_prefix` all that begin so."""
WHOLE = frozenset({"acl", "keyring", "mesh", "operator", "peering"})
_TOKEN = re.compile(r'\s+|#.*|//.*|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[\w-]+)|(?P<sign>[{}=])')


@dataclass(frozen=True, slots=True)
class Rule:
    """What may be done with one thing, or with all whose name begins so."""

    resource: str
    name: str
    level: str
    prefix: bool


def parsed(text: str) -> tuple[Rule, ...]:
    """The rules in a policy's text. Raises Fault."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else _hcl(text)
        return tuple(_rules(found)) if text.strip() else ()
    except (ValueError, TypeError, AttributeError, StopIteration) as error:
        raise failed(f"Failed to parse ACL rules: {error or 'it ends too early'}") from None


def level(rules: Iterable[Rule], resource: str, name: str) -> str | None:
    """What the rules say of a thing: its own counts more than that of a beginning, a longer beginning more."""
    meant = [rule for rule in rules if rule.resource == resource and _means(rule, name)]
    if not meant:
        return None
    nearest = max((not rule.prefix, len(rule.name)) for rule in meant)
    said = {rule.level for rule in meant if (not rule.prefix, len(rule.name)) == nearest}
    return next(one for one in LEVELS if one in said)


def allows(found: str, wanted: str) -> bool:
    """Whether a level is enough."""
    return found in ("write", wanted) or (found == "list" and wanted == "read")


def _means(rule: Rule, name: str) -> bool:
    return name.startswith(rule.name) if rule.prefix else name == rule.name


def _rules(found: Any) -> Iterator[Rule]:
    for kind, said in found.items():
        resource = kind.removesuffix("_prefix")
        if kind in WHOLE:
            yield Rule(kind, "", _level(kind, said), False)
        elif resource in NAMED:
            for name, entry in said.items():
                yield Rule(resource, name, _level(kind, entry["policy"]), kind != resource)
        else:
            raise ValueError(f"the lab's Consul knows no rule {kind}")


def _level(kind: str, found: Any) -> str:
    if found not in LEVELS:
        raise ValueError(f"Invalid {kind} policy: {found!r}")
    return str(found)


def _hcl(text: str) -> dict[str, Any]:
    """`KIND "NAME" { policy = "LEVEL" }` and `KIND = "LEVEL"`."""
    tokens, found = _tokens(text), dict[str, Any]()
    for kind in tokens:
        if (after := next(tokens)) == "=":
            found[kind] = json.loads(next(tokens))
            continue
        body = "".join([*iter(lambda: next(tokens), "}")])
        policy = re.fullmatch(r'\{policy=("\w+").*', body)
        if not policy:
            raise ValueError(f"expected {{ policy = ... }} after {kind} {after}")
        found.setdefault(kind, {})[json.loads(after)] = {"policy": json.loads(policy[1])}
    return found


def _tokens(text: str) -> Iterator[str]:
    place = 0
    while place < len(text):
        if not (found := _TOKEN.match(text, place)):
            raise ValueError(f"unexpected {text[place]!r}")
        place = found.end()
        if found.lastgroup:
            yield found[0]
