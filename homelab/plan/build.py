"""The file's tree -> the plan, driven by the model's own types; every fault becomes a finding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Literal, get_args, get_origin, get_type_hints

from homelab.finding import Finding, Severity, brief
from homelab.plan import values
from homelab.plan.document import Document, Entry, Items, Leaf, Mapping, Tree
from homelab.plan.model import VERSION, AddressRange, Host, Node, Plan, Section, keys, may_be_null, section_of
from homelab.plan.values import Refused

_FAILED: Any = object()
"""Stands in for a value that was refused; a finding says why."""

_hints: Callable[[Any], dict[str, Any]] = cache(get_type_hints)
"""Types of a section's keys, worked out once: the set-up builds a plan with every key press."""

_SCALARS: dict[object, Callable[[Leaf], object]] = {
    str: values.text,
    int: values.whole_number,
    IPv4Address: values.address,
    IPv4Network: values.network,
    AddressRange: values.address_range,
}


def build(document: Document) -> tuple[Plan | None, tuple[Finding, ...]]:
    """The plan, or None with at least one finding that says why there is none."""
    builder = _Builder(document)
    plan = builder.plan()
    return (None if builder.findings else plan), tuple(builder.findings)


def faults_of_part(document: Document) -> tuple[Finding, ...]:
    """What is wrong with a part of a plan, in which nothing can be missing but what a node needs."""
    builder = _Builder(document, is_whole=False)
    builder.plan()
    return tuple(builder.findings)


def nearest(key: str, section: type[Section]) -> str | None:
    """The key of a section that was probably meant."""
    known = [f for f in _hints(section) if f != "name"]
    return next(iter(get_close_matches(key.lower().replace("-", "_"), known, n=1)), None)


class _Builder:
    """Walks model and tree side by side."""

    def __init__(self, document: Document, *, is_whole: bool = True) -> None:
        self.document, self.is_whole = document, is_whole
        self.findings: list[Finding] = []

    def plan(self) -> Plan | None:
        """The whole plan; another version is not looked into, since its keys may mean other things."""
        root = self.document.root
        if not isinstance(root, Mapping):
            what = f"the file is {values.kind_of(root)}" if root else "the file is empty"
            self._refuse(
                "", Refused(what, "a plan is keys with values", "compare with what `homelab-tui plan init` writes")
            )
            return None
        version = root.get("version")
        if version and not (isinstance(version.value, Leaf) and version.value.text == str(VERSION)):
            self._refuse("version", _other_version(version.value))
            return None
        plan: Plan = self.section(Plan, root, "")
        return plan

    def section(self, section: type[Section], tree: Tree, path: str, **given: object) -> Any:
        """An instance of a section class, or _FAILED."""
        if isinstance(tree, Leaf) and tree.kind == "nothing":
            tree = Mapping(tree.start, tree.end, (), flow=True)
        if not isinstance(tree, Mapping):
            return self._refuse(path, _not("a section with keys", tree, path))
        hints = {name: hint for name, hint in _hints(section).items() if name not in given}
        meant = {self._unknown(entry, section, path) for entry in tree.entries if entry.key.text not in hints}
        found = {name: self.value(e.value, hints[name], _join(path, name)) for name in hints if (e := tree.get(name))}
        missing = [name for name in _required(section) if name not in found and name not in given]
        for name in missing:
            if name not in meant and (self.is_whole or section is Node):
                self._missing(name, hints[name], path)
        if missing or meant or any(value is _FAILED for value in found.values()):
            return _FAILED
        return section(**given, **_borrowed(section, found), **found)

    def value(self, tree: Tree, wanted: Any, path: str) -> Any:
        """A value of the wanted type, or _FAILED."""
        if may_be_null(wanted):
            if isinstance(tree, Leaf) and tree.kind == "nothing":
                return None
            wanted = next(inner for inner in get_args(wanted) if inner is not type(None))
        inner = section_of(wanted)
        if get_origin(wanted) is tuple:
            return self._named(inner, tree, path) if inner else self._list(get_args(wanted)[0], tree, path)
        if inner:
            return self.section(inner, tree, path)
        if not isinstance(tree, Leaf):
            return self._refuse(path, _not("one value", tree, path))
        try:
            return values.choice(tree, get_args(wanted)) if get_origin(wanted) is Literal else _SCALARS[wanted](tree)
        except Refused as refused:
            return self._refuse(path, refused)

    def _list(self, wanted: Any, tree: Tree, path: str) -> Any:
        if isinstance(tree, Leaf) and tree.kind == "nothing":
            return ()
        if not isinstance(tree, Items):
            return self._refuse(path, _not("a list", tree, path))
        found = tuple(self.value(item, wanted, f"{path}[{index}]") for index, item in enumerate(tree.items))
        return _FAILED if _FAILED in found else found

    def _named(self, wanted: type[Section], tree: Tree, path: str) -> Any:
        """Nodes and hosts: a mapping from name to what is known of it."""
        if isinstance(tree, Leaf) and tree.kind == "nothing":
            return ()
        if not isinstance(tree, Mapping):
            return self._refuse(path, _not("names with addresses", tree, path))
        one = self._host if wanted is Host else self._node
        found = tuple(one(entry, _join(path, entry.key.text)) for entry in tree.entries)
        return _FAILED if _FAILED in found else found

    def _host(self, entry: Entry, path: str) -> Any:
        address = self.value(entry.value, IPv4Address, path)
        return _FAILED if address is _FAILED else Host(entry.key.text, address)

    def _node(self, entry: Entry, path: str) -> Any:
        return self.section(Node, entry.value, path, name=entry.key.text)

    def _unknown(self, entry: Entry, section: type[Section], path: str) -> str | None:
        """Reports an unknown key; gives the key that was probably meant, so that it is not called missing too."""
        key, meant = entry.key.text, nearest(entry.key.text, section)
        elsewhere = [known for known in keys() if known.rpartition(".")[2] == key and "NAME" not in known]
        fix = f"write `{meant}`" if meant else "delete the line; docs/plan.md lists every key"
        if elsewhere and not meant:
            fix = (
                f"move it under `{elsewhere[0].rpartition('.')[0]}`"
                if "." in elsewhere[0]
                else "move it to the left edge"
            )
        place = f"in `{brief(path)}`" if path else "at the top of a plan"
        why = "a key that nobody reads has no effect, so the plan would not do what it says"
        self._refuse(_join(path, key), Refused(f"there is no key `{brief(key)}` {place}", why, fix))
        return meant

    def _missing(self, name: str, wanted: Any, path: str) -> None:
        why = "it belongs to this home, so there is no default that could be right"
        inner = section_of(wanted)
        below = [f"{key}:" for key in _required(inner)] if inner and inner is not Node else []
        fix = (
            f"add `{name}:`"
            + (f" with {', '.join(below)} below it" if below else "")
            + (f" under `{brief(path)}`" if path else "")
        )
        if name == "version":
            why, fix = (
                "the version says how the other keys are to be read",
                f"add `version: {VERSION}` as the first line",
            )
        self._refuse(_join(path, name), Refused(f"`{brief(_join(path, name))}` is missing", why, fix))

    def _refuse(self, path: str, refused: Refused) -> Any:
        line = self.document.line(path)
        at = path or self.document.name
        self.findings.append(Finding(Severity.ERROR, at, refused.what, refused.why, refused.fix, line))
        return _FAILED


def _required(section: type[Section]) -> tuple[str, ...]:
    """Keys without a default of any kind."""
    bare = (f for f in _fields(section) if f.default is MISSING and "default" not in f.metadata)
    return tuple(f.name for f in bare)


def _borrowed(section: type[Section], found: dict[str, object]) -> dict[str, object]:
    """Defaults that are another key's value."""
    borrowing = (f for f in _fields(section) if "default" in f.metadata and f.name not in found)
    return {f.name: found[f.metadata["default"]] for f in borrowing}


def _fields(section: type[Section]) -> tuple[Any, ...]:
    return fields(section)  # type: ignore[arg-type]  # every Section is a dataclass


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _not(wanted: str, tree: Tree, path: str) -> Refused:
    written = f" (`{brief(tree.text)}`)" if isinstance(tree, Leaf) and tree.text else ""
    what = f"`{brief(path)}` is {values.kind_of(tree)}{written} where {wanted} must be"
    return Refused(what, "the key has one form only", "compare with the example of the key in docs/plan.md")


def _other_version(tree: Tree) -> Refused:
    written = brief(tree.text) if isinstance(tree, Leaf) else values.kind_of(tree)
    what = f"this plan is of version {written}; this program reads version {VERSION}"
    why = "keys of another version may mean something else"
    return Refused(what, why, f"use the homelab-tui that wrote the plan, or `version: {VERSION}` if that is a slip")
