"""A file of answers: any part of a plan, in the plan's own form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from homelab.finding import Finding, Severity
from homelab.plan.build import faults_of_part
from homelab.plan.document import Document, Entry, Items, Tree
from homelab.plan.document import Mapping as Section
from homelab.plan.edit import Value, with_value
from homelab.plan.file import parsed, read
from homelab.plan.model import VERSION, keys
from homelab.plan.values import kind_of
from homelab.setup.fields import OF_PLAN
from homelab.setup.forms import RANGES, full, text_of, value_of
from homelab.setup.judge import Base

MEANT = "name a file of answers with --answers FILE; docs/setup.md shows one"
_OF_PLANS = ("plan init", "--plan ")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file of answers says."""

    document: Document
    fields: Mapping[str, str] = field(default_factory=dict)
    """Texts of the set-up's fields, by path."""
    others: Mapping[str, Value] = field(default_factory=dict)
    """Keys of the plan that the set-up does not ask for."""
    findings: tuple[Finding, ...] = ()
    """What no plan could say: then there are no answers."""

    def placed(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Findings with the line of the answer that they are about."""
        there = self.document
        return tuple(replace(one, line=there.line(one.at) if _is_in(there, one.at) else None) for one in findings)


def load(path: Path) -> Answers:
    """Read a file of answers. Raises PlanError where it cannot be opened."""
    document, faults = parsed(path, MEANT)
    return Answers(document, findings=tuple(map(_in_own_words, faults))) if faults else answers_of(document)


def answers_of(document: Document) -> Answers:
    """Its form is judged here, as that of a plan from which much may be missing; its meaning as that of the plan."""
    if not isinstance(document.root, Section):
        what = f"the file is {kind_of(document.root)}" if document.root else "the file is empty"
        return Answers(document, findings=(Finding(Severity.ERROR, document.name, what, "answers are keys", MEANT),))
    root = _spelled(document.root, "")
    spelled = replace(document, root=root)
    wrong = [_in_own_words(one) for one in faults_of_part(spelled)]
    if wrong:
        return Answers(document, findings=tuple(sorted(wrong, key=lambda one: one.line or 0)))
    fields: dict[str, str] = {}
    others: dict[str, Value] = {}
    for path, tree in _leaves(root, ""):
        if path in OF_PLAN:
            fields[path] = text_of(path, tree)
        elif (path, value_of(tree)) != ("version", VERSION):
            others[path] = value_of(tree)
    return Answers(document, fields, others)


def _is_in(document: Document, at: str) -> bool:
    """Whether a file says something at a place; an item of a list is where its list is."""
    return (document.entry(at) or document.entry(at.partition("[")[0])) is not None


def _in_own_words(finding: Finding) -> Finding:
    """Advice of the plan's reader that would lead to the plan."""
    return replace(finding, fix=MEANT) if any(word in finding.fix for word in _OF_PLANS) else finding


def _spelled(tree: Tree, path: str) -> Tree:
    """The tree with short forms written out, as in a field."""
    if isinstance(tree, Section):
        below = f"{path}." if path else ""
        return replace(
            tree, entries=tuple(Entry(one.key, _spelled(one.value, below + one.key.text)) for one in tree.entries)
        )
    if path not in RANGES:
        return tree
    if isinstance(tree, Items):
        return replace(tree, items=tuple(_spelled(item, path) for item in tree.items))
    return replace(tree, text=full(path, tree.text))


def _leaves(tree: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    """Everything that is a value of one key; a section of which nothing is written says nothing."""
    if isinstance(tree, Section) and path not in OF_PLAN:
        for entry in tree.entries:
            yield from _leaves(entry.value, f"{path}.{entry.key.text}" if path else entry.key.text)
    elif path in OF_PLAN or not any(key.startswith(f"{path}.") for key in keys()):
        yield path, tree


def onto(base: Base, others: Mapping[str, Value]) -> Base:
    """The base with the keys that are in no field. Raises PlanError where one cannot be set."""
    document = base.reading.document
    for path, value in others.items():
        document = read(with_value(document, path, value), base.name).document
    return replace(base, reading=read(document.text, base.name))
