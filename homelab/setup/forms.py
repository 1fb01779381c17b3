"""A field's text <-> what the plan's file has there; short forms that the file does not know are written out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from homelab.finding import brief
from homelab.plan.document import Entry, Items, Leaf, Mapping, Tree
from homelab.plan.edit import Value
from homelab.plan.values import Refused

RANGES = ("network.dhcp", "network.reserved", "load_balancer.pool")
LISTS = ("network.reserved", "network.trusted")
NUMBERS = ("ingress.internal.replicas", "ingress.external.replicas", "store.servers")
FILES = ("ingress.external.config", "certificates.ca")
HOSTS, NODES = "network.hosts", "nodes"
ROLES = ("control-plane", "worker")
MOST, LONGEST = 256, 16384
"""Entries and characters of one field."""
BY_HAND = "write fewer: a range or a network instead of single addresses; or write the plan's file by hand"
_SHORT = re.compile(r"((?:\d{1,3}\.){3})(\d{1,3})\s*-\s*(\d{1,3})")
_NAMED = re.compile(r"(.*[^\s:=])\s*[\s:=]\s*(\S+)")


def tree_of(path: str, text: str) -> Tree:
    """What a field's text is in the file. Raises Refused where its form has no name, a name twice, or far too much."""
    if len(text) > LONGEST:
        what, why = f"more than {LONGEST} characters stand here", "every key press would take long"
        raise Refused(what, why, BY_HAND)
    if path == NODES:
        return _mapping((name, _node(rest)) for name, rest in _named(text, "master1 192.168.1.50 control-plane"))
    if path == HOSTS:
        return _mapping((name, _leaf(address)) for name, address in _named(text, "switch 192.168.1.3"))
    if path in LISTS:
        return Items(0, 0, tuple(_leaf(full(path, part)) for part in parts(text)), flow=True)
    return _leaf(full(path, text.strip()), "a number" if path in NUMBERS else "text")


def value_of(tree: Tree) -> Value:
    """The same for the editor of the file."""
    if isinstance(tree, Mapping):
        return {entry.key.text: value_of(entry.value) for entry in tree.entries}
    if isinstance(tree, Items):
        return [value_of(item) for item in tree.items]
    if tree.kind == "a number" and re.fullmatch(r"-?\d{1,9}", tree.text):
        return int(tree.text)
    return None if tree.kind == "nothing" else tree.text


def text_of(path: str, tree: Tree | None) -> str:
    """A field's text for what the file has there; whatever it is, a person sees it and can correct it."""
    if isinstance(tree, Mapping):
        return ", ".join(" ".join((entry.key.text, *_texts(path, entry.value))) for entry in tree.entries)
    if isinstance(tree, Items):
        return ", ".join(text_of(path, item) for item in tree.items)
    return "" if tree is None or tree.kind == "nothing" else tree.text


def _texts(path: str, tree: Tree) -> Iterator[str]:
    if path == NODES and isinstance(tree, Mapping):
        yield from (text_of("", entry.value) for key in ("address", "role") if (entry := tree.get(key)))
    else:
        yield text_of("", tree)


def parts(text: str) -> list[str]:
    """The entries between the commas. Raises Refused where they are more than anybody would type."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    if len(found) > MOST:
        what, why = f"{len(found)} entries stand here", f"a field takes {MOST}: every key press would take long"
        raise Refused(what, why, BY_HAND)
    return found


def _named(text: str, example: str) -> Iterator[tuple[str, str]]:
    """Names with what follows each; a role after the address belongs to it."""
    seen: set[str] = set()
    for part in parts(text):
        role = next((f" {role}" for role in ROLES if part.endswith(f" {role}")), "")
        found = _NAMED.fullmatch(part.removesuffix(role).strip())
        if not found:
            what = f"`{brief(part)}` is not a name with an address"
            raise Refused(what, "each machine is known by both", f"write `{example}`, more with commas between")
        if found[1] in seen:
            what = f"`{brief(found[1])}` stands here twice"
            raise Refused(what, "one name is one machine", "delete one of the two, or give it another name")
        seen.add(found[1])
        yield found[1], f"{found[2]}{role}"


def _node(text: str) -> Tree:
    address, _, role = text.partition(" ")
    written = [("address", _leaf(address))]
    return _mapping([*written, ("role", _leaf(role))] if role and role != "worker" else written)


def _mapping(entries: Iterable[tuple[str, Tree]]) -> Mapping:
    return Mapping(0, 0, tuple(Entry(_leaf(name), tree) for name, tree in entries), flow=False)


def _leaf(text: str, kind: str = "text") -> Leaf:
    return Leaf(0, 0, text, kind if text else "nothing")


def full(path: str, text: str) -> str:
    """`192.168.1.101-200` in the field of a range as the two addresses that it means; a file by its whole path."""
    short = _SHORT.fullmatch(text) if path in RANGES else None
    return f"{short[1]}{short[2]}-{short[1]}{short[3]}" if short else located(path, text)


def located(path: str, text: str) -> str:
    """A file by its whole path: the plan may lie elsewhere, and be used from there. What is no file stays."""
    if path in FILES and (file := text.strip()):
        return os.path.abspath(os.path.expanduser(file) if file.startswith("~/") else file)
    return text
