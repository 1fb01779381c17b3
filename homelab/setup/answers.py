"""A file of answers: any part of a plan, in the plan's own form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homelab.plan.document import Document, Tree
from homelab.plan.document import Mapping as Section
from homelab.plan.edit import Value, with_value
from homelab.plan.file import read
from homelab.plan.model import VERSION
from homelab.setup.fields import OF_PLAN
from homelab.setup.forms import text_of, value_of
from homelab.setup.judge import Base


@dataclass(frozen=True, slots=True)
class Answers:
    """What a file of answers says."""

    fields: Mapping[str, str]
    """Texts of the set-up's fields, by path."""
    others: Mapping[str, Value]
    """Keys of the plan that the set-up does not ask for, and keys that there are not."""


def answers_of(document: Document) -> Answers:
    """Pure; what is wrong with an answer is found when the plan is judged."""
    fields: dict[str, str] = {}
    others: dict[str, Value] = {}
    for path, tree in _leaves(document.root, ""):
        if path in OF_PLAN:
            fields[path] = text_of(path, tree)
        elif (path, value_of(tree)) != ("version", VERSION):
            others[path] = value_of(tree)
    return Answers(fields, others)


def _leaves(tree: Tree | None, path: str) -> Iterator[tuple[str, Tree]]:
    """Everything that is a value of one key: what the set-up has a field for, and else what is no section."""
    if isinstance(tree, Section) and path not in OF_PLAN:
        for entry in tree.entries:
            yield from _leaves(entry.value, f"{path}.{entry.key.text}" if path else entry.key.text)
    elif tree is not None:
        yield path, tree


def onto(base: Base, answers: Answers) -> Base:
    """The base with the keys that are in no field. Raises PlanError where one cannot be set."""
    document = base.reading.document
    for path, value in answers.others.items():
        document = read(with_value(document, path, value), base.name).document
    return Base(base.name, base.before, read(document.text, base.name))
