"""A YAML text as a small tree whose every part knows where it stands, and plain words for what YAML cannot be read.

ruamel.yaml only composes: nothing is constructed, so no tag, alias or number form of YAML can surprise the plan.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from homelab.finding import Finding, Severity, brief

KINDS = {
    "str": "text",
    "merge": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
    "timestamp": "a date",
}
"""YAML's core tags in a reader's words."""


class PlanError(Exception):
    """A plan file could not be read, changed or written; one line with the fix."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar."""

    start: int
    end: int
    """Offsets into the text; equal where nothing is written (`key:`)."""
    text: str
    kind: str
    """One of `KINDS`' values."""
    style: str | None = None
    """The quote, `|` or `>` it is written with."""


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    start: int
    end: int
    items: tuple[Tree, ...]
    flow: bool
    """Written as `[a, b]`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value."""

    key: Leaf
    value: Tree


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values; each key once."""

    start: int
    end: int
    entries: tuple[Entry, ...]
    flow: bool
    """Written as `{a: b}`."""

    def get(self, name: str) -> Entry | None:
        """The entry of a key."""
        return next((entry for entry in self.entries if entry.key.text == name), None)


Tree = Leaf | Items | Mapping


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text with the tree that was read from it."""

    name: str
    """The file, as findings call it."""
    text: str
    root: Tree | None
    """None for an empty file and for one that is no YAML."""

    def line_of(self, offset: int) -> int:
        """Line of an offset, counted from 1."""
        return self.text.count("\n", 0, offset) + 1

    def line(self, path: str) -> int | None:
        """Line of a key such as `ingress.internal.address` or `network.reserved[0]`.

        A key that is not written gives the line of the nearest section around it that is; None if there is none.
        """
        steps = list(_along(self.root, path))
        return self.line_of(steps[-1].offset) if steps else None

    def entry(self, path: str) -> Entry | None:
        """The entry that a path names, if the file has it."""
        steps = list(_along(self.root, path))
        return steps[-1].entry if steps and not steps[-1].rest else None


@dataclass(frozen=True, slots=True)
class _Step:
    """One part of the tree that a path meets on its way down."""

    offset: int
    rest: str
    """What of the path is left below."""
    entry: Entry | None
    """None for an item of a list."""


def _along(tree: Tree | None, path: str) -> Iterator[_Step]:
    """The steps of a path as far as the file has them. Names with dots are matched whole, the longest first."""
    if isinstance(tree, Mapping):
        names = [e for e in tree.entries if path == e.key.text or path.startswith((f"{e.key.text}.", f"{e.key.text}["))]
        if names:
            entry = max(names, key=lambda e: len(e.key.text))
            rest = path[len(entry.key.text) :].removeprefix(".")
            yield _Step(entry.key.start, rest, entry)
            yield from _along(entry.value, rest)
    elif isinstance(tree, Items) and (index := re.match(r"\[(\d+)]\.?", path)) and int(index[1]) < len(tree.items):
        item, rest = tree.items[int(index[1])], path[index.end() :]
        yield _Step(item.start, rest, None)
        yield from _along(item, rest)


def parse(text: str, name: str) -> tuple[Document, tuple[Finding, ...]]:
    """The text's tree, and what makes it no plain YAML. Raises nothing, whatever the text."""
    text = text.removeprefix("\ufeff")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            node = YAML(typ="safe", pure=True).compose(text)
        if node is None:
            return Document(name, text, None), (_empty(name),)
        reading = _Conversion(text)
        root = reading.tree(node)
    except Exception as error:  # ruamel raises far more than YAMLError on hostile text, RecursionError among it
        return Document(name, text, None), (_unreadable(error, text, name),)
    return Document(name, text, root), tuple(reading.findings)


class _Conversion:
    """ruamel's nodes -> Tree, noting what a plan does not use: aliases, tags, a key twice, a key that is no word."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.findings: list[Finding] = []
        self._seen: set[int] = set()
        self._here = 0

    def tree(self, node: Node) -> Tree:
        """The tree of one node."""
        start, end = node.start_mark.index, node.end_mark.index
        if id(node) in self._seen:
            self._refuse(self._here, "*", "repeats another part by an alias", "write the value itself in both places")
            return Leaf(self._here, self._here, "", "nothing")
        self._seen.add(id(node))
        self._here = start
        if isinstance(node, MappingNode):
            return self._mapping(node, start, end)
        if isinstance(node, SequenceNode):
            items = tuple(self.tree(item) for item in node.value)
            return Items(start, end if node.flow_style or not items else items[-1].end, items, bool(node.flow_style))
        assert isinstance(node, ScalarNode)
        return self._leaf(node, start, end)

    def _leaf(self, node: ScalarNode, start: int, end: int) -> Leaf:
        kind = KINDS.get(str(node.tag).removeprefix("tag:yaml.org,2002:"))
        if kind is None:
            self._refuse(start, str(node.tag), "has a tag (!)", "remove the tag, leave the value")
        written = self.text[start:end].rstrip()
        return Leaf(start, start + len(written), node.value, kind or "text", node.style)

    def _mapping(self, node: MappingNode, start: int, end: int) -> Mapping:
        entries: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            key = self.tree(key_node)
            value = self._placed(key, self.tree(value_node))
            if not isinstance(key, Leaf):
                self._refuse(key.start, "?", "a key must be one word", "write `key: value`")
            elif key.text in entries:
                first = self.text.count("\n", 0, entries[key.text].key.start) + 1
                what = f"is written twice, first in line {first}"
                self._refuse(key.start, key.text, what, "keep one of the two and delete the other")
            else:
                entries[key.text] = Entry(key, value)
        found = tuple(entries.values())
        return Mapping(
            start, end if node.flow_style or not found else found[-1].value.end, found, bool(node.flow_style)
        )

    def _placed(self, key: Tree, value: Tree) -> Tree:
        """Moves a value that is not written (`key:  # comment`) next to its colon, where one can be put."""
        if not isinstance(value, Leaf) or value.text or value.style or value.end > value.start:
            return value
        colon = re.match(r"\s*:", self.text[key.end :])
        at = key.end + (colon.end() if colon else 0)
        return Leaf(at, at, "", value.kind)

    def _refuse(self, offset: int, at: str, what: str, fix: str) -> None:
        line = self.text.count("\n", 0, offset) + 1
        why = "a plan is read by people: every key stands once, with its value beside it"
        self.findings.append(Finding(Severity.ERROR, at, f"`{brief(at)}` {what}", why, fix, line))


_WORDS = (
    ("but found another document", "a second document (`---`) begins here", "keep one document, delete the other"),
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "check the indentation; quote text with `: `",
    ),
    ("end of stream", "a quote that was opened is never closed", "close the quote"),
    ("expected ',' or", "brackets are not closed, or a comma lacks", "close them and put commas between the parts"),
    (
        "expected <block end>",
        "this does not line up with the lines above",
        "indent it like its neighbours, with spaces",
    ),
    ("cannot start any token", "a value cannot begin with this character", "put the value in quotes"),
    ("expected the node content", "a value or a closing bracket lacks", "write the value, or close the bracket"),
    ("could not find expected ':'", "a key without `:`", "write `key: value`"),
    ("sequence entries are not allowed", "a `-` stands where no list can be", "begin the list on a line of its own"),
    ("mapping keys are not allowed", "a `?` stands where no key can be", "put text that begins with `?` in quotes"),
    ("expected alphabetic or numeric", "`*` and `&` have a meaning of their own in YAML", "put the value in quotes"),
    ("expected a comment or a line break", "`|` and `>` begin text of several lines", "put the value in quotes"),
    ("expected chomping", "`|` and `>` begin text of several lines", "put the value in quotes"),
    ("expected '<document start>'", "this does not line up with the lines above", "indent it like its neighbours"),
    ("undefined alias", "`*` names something that is nowhere", "put text that begins with `*` in quotes"),
    ("incompatible YAML document", "a `%` line that this program does not know", "delete the line"),
    ("directive", "a `%` line that this program does not know", "delete the line"),
)
"""What ruamel says, what a person should hear, and the fix."""


def _unreadable(error: Exception, text: str, name: str) -> Finding:
    offset = _offset(error, text)
    line = None if offset is None else text.count("\n", 0, offset) + 1
    what, fix = _explained(error, text, offset)
    why = "the file is no valid YAML, so nothing in it can be read"
    return Finding(Severity.ERROR, name, what, why, fix, line)


def _offset(error: Exception, text: str) -> int | None:
    """Where the trouble is; a mark behind the last line is moved to the last written one."""
    if isinstance(error, ReaderError):
        return int(error.position)
    if not isinstance(error, MarkedYAMLError):
        return None
    mark = error.context_mark if "end of stream" in str(error.problem) else error.problem_mark
    mark = mark or error.problem_mark or error.context_mark
    return None if mark is None else min(mark.index, len(text.rstrip()))


def _explained(error: Exception, text: str, offset: int | None) -> tuple[str, str]:
    if isinstance(error, ReaderError):
        return "the file holds a character that no text file should", "delete the invisible character in this line"
    if isinstance(error, RecursionError):
        return "brackets are nested too deep", "start again from `homelab-tui plan init`"
    if offset is not None and text[offset : offset + 1] == "\t":
        return "a tab stands where YAML wants spaces", "replace the tab with spaces, two for each level"
    problem = str(getattr(error, "problem", ""))
    for said, what, fix in _WORDS:
        if said in problem:
            return what, fix
    return "this is no valid YAML", "compare the line with the example that `homelab-tui plan init` writes"


def _empty(name: str) -> Finding:
    why = "without a plan nothing can be checked or deployed"
    return Finding(
        Severity.ERROR, name, "the file is empty", why, "write a first plan: `homelab-tui plan init --force`"
    )
