"""Answers -> a plan and everything that is wrong with them, at the pace of typing.

The plan's reader and rules judge a tree that is put together from the fields, so each of them stands beside its field;
YAML is read once, when the set-up begins, and written once, when the plan is wanted as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from homelab.finding import Finding, Severity
from homelab.plan.build import build
from homelab.plan.checks import run
from homelab.plan.document import Document, Entry, Leaf, PlanError, Tree
from homelab.plan.document import Mapping as Section
from homelab.plan.edit import plain, with_value
from homelab.plan.file import Reading, initial, read
from homelab.plan.model import Plan, value_at
from homelab.plan.values import Refused
from homelab.setup.around import around
from homelab.setup.fields import COMPUTED, EMPTY, OF_PLAN, field_of, is_needed
from homelab.setup.forms import text_of, tree_of, value_of
from homelab.setup.model import Found, Judged
from homelab.setup.standins import STANDINS

COLUMN = 42
"""Where the comments of the article's plan stand."""
_COMMENTED = re.compile(r"^(\S.*?\S|\s+\S.*?\S) +(# .*)$")


@dataclass(frozen=True, slots=True)
class Base:
    """What the answers are written into: the plan that is there, else the article's with its comments."""

    name: str
    """The file that will be written."""
    before: str | None
    """The text that is there; None where there is none."""
    reading: Reading

    @property
    def is_readable(self) -> bool:
        """Whether it can be changed in place; a file that is no YAML must be mended by hand."""
        return isinstance(self.reading.document.root, Section)

    def values(self) -> Mapping[str, str]:
        """The fields' texts as the plan that is there has them, defaults among them."""
        if self.before is None:
            return {}
        entries = {path: self.reading.document.entry(path) for path in OF_PLAN}
        written = {path: text_of(path, entry.value) for path, entry in entries.items() if entry}
        plan = self.reading.plan
        unwritten = (path for path, entry in entries.items() if plan and entry is None)
        return written | {path: _in_words(value_at(plan, path)) for path in unwritten if plan}


def base_of(there: Reading | None, name: str) -> Base:
    """What to begin with."""
    return Base(name, there.document.text, there) if there else Base(name, None, read(initial(), name))


def judge(base: Base, values: Mapping[str, str], found: Found) -> Judged:
    """What the values amount to; `text` is left to `written`. Never raises, whatever was typed."""
    trees, refused = _trees(base, values)
    plan, faults = build(_document(base, trees))
    findings = [*refused, *_beside(values, faults), *_broken(base)]
    if plan is not None and not findings:
        meant = (*run(plan), *around(plan, found))
        return Judged(plan, "", meant, plan)
    wrong = {field_of(finding.at) or finding.at for finding in findings}
    told = (*findings, *_regardless(base, trees, wrong, found))
    return Judged(None, "", told, provisional(base, values))


def written(base: Base, values: Mapping[str, str]) -> str:
    """The plan's text with the values in it, comments and order kept. Raises PlanError.

    What the file says already, or leaves out since it is the default, stays as it is.
    """
    trees, refused = _trees(base, values)
    if refused:
        raise PlanError(f"{base.name}: {refused[0].at}: {refused[0].what}; {refused[0].fix}")
    document = base.reading.document
    for path, tree in trees.items():
        entry = document.entry(path)
        is_there = plain(entry.value) == plain(tree) if entry else _is_default(base, path, tree)
        if not is_there:
            document = read(with_value(document, path, value_of(tree)), base.name).document
    return _aligned(document.text) if base.before is None else document.text


def _aligned(text: str) -> str:
    """Comments of the article's plan in their column again."""
    return "".join(_COMMENTED.sub(_in_column, line) for line in text.splitlines(keepends=True))


def _in_column(found: re.Match[str]) -> str:
    return f"{found[1]:<{COLUMN - 2}}  {found[2]}" if '"' not in found[1] else found[0]


def provisional(base: Base, values: Mapping[str, str]) -> Plan:
    """A plan to look at the cluster with while fields are still wrong or empty: stand-ins take their places."""
    if plan := _stood_in(base, values) or _stood_in(base_of(None, base.name), values):
        return plan
    raise AssertionError("the stand-ins make no plan")


def _stood_in(base: Base, values: Mapping[str, str]) -> Plan | None:
    """The plan with stand-ins for what is wrong; None where that does not help."""
    trees, refused = _trees(base, values)
    _, faults = build(_document(base, trees))
    wrong = {field_of(fault.at) or fault.at for fault in (*refused, *faults)}
    return _with_standins(base, trees, wrong, 1)


def _trees(base: Base, values: Mapping[str, str]) -> tuple[dict[str, Tree], list[Finding]]:
    """What the fields amount to; one that says what the file says is taken from there, in whatever form that is."""
    trees: dict[str, Tree] = {}
    refused: list[Finding] = []
    for path in OF_PLAN:
        text, there = values.get(path, ""), base.reading.document.entry(path)
        if path in COMPUTED and not text.strip():
            continue  # nobody is asked for it, so nobody could write it
        try:
            same = there and text == text_of(path, there.value)
            trees[path] = there.value if there and same else tree_of(path, text)
        except Refused as fault:
            refused.append(Finding(Severity.ERROR, path, fault.what, fault.why, fault.fix))
    return trees, refused


def _document(base: Base, trees: Mapping[str, Tree]) -> Document:
    """The base's tree with the fields' in their places."""
    root: Tree | None = base.reading.document.root
    for path, tree in trees.items():
        is_left_out = isinstance(tree, Leaf) and tree.kind == "nothing" and base.reading.document.entry(path) is None
        if not is_left_out or is_needed(path):
            root = _placed(root, path.split("."), tree)
    return Document(base.name, "", root)


def _placed(tree: Tree | None, names: list[str], value: Tree) -> Tree:
    if not names:
        return value
    section = tree if isinstance(tree, Section) else Section(0, 0, (), flow=False)
    name, rest = names[0], names[1:]
    old = section.get(name)
    new = Entry(Leaf(0, 0, name, "text"), _placed(old.value if old else None, rest, value))
    if old is None:
        return replace(section, entries=(*section.entries, new))
    return replace(section, entries=tuple(new if entry is old else entry for entry in section.entries))


def _beside(values: Mapping[str, str], faults: Iterable[Finding]) -> list[Finding]:
    """Faults of form in a field's words: nobody who fills in a form can delete a key."""
    return [_empty(fault) if _is_empty(values, fault.at) else replace(fault, line=None) for fault in faults]


def _is_empty(values: Mapping[str, str], at: str) -> bool:
    return at in OF_PLAN and not values.get(at, "").strip()


def _empty(fault: Finding) -> Finding:
    return Finding(Severity.ERROR, fault.at, EMPTY, "the plan cannot do without it", "write it")


def _broken(base: Base) -> list[Finding]:
    if base.is_readable:
        return []
    first = next(iter(base.reading.findings))
    place = f"line {first.line} of the plan that is there" if first.line else "the plan that is there"
    fix = f"mend it by hand ({first.fix}), or move the file away: then a new one is written"
    return [Finding(Severity.ERROR, base.name, f"{place}: {first.what}", first.why, fix)]


def _regardless(base: Base, trees: Mapping[str, Tree], wrong: set[str], found: Found) -> list[Finding]:
    """What is wrong besides the wrong fields, whatever they will be.

    The rules need a whole plan, so two kinds of stand-ins take the wrong fields' places: what is found with both does
    not depend on them.
    """
    plans = (_with_standins(base, trees, wrong, number) for number in range(2))
    first, second = (() if plan is None else (*run(plan), *around(plan, found)) for plan in plans)
    return [finding for finding in first if finding in second and (field_of(finding.at) or finding.at) not in wrong]


def _with_standins(base: Base, trees: Mapping[str, Tree], wrong: set[str], number: int) -> Plan | None:
    """None where a key that nobody is asked for is wrong too."""
    given = {path: tree_of(path, STANDINS[path][number]) for path in wrong if path in STANDINS}
    return build(_document(base, {**trees, **given}))[0]


def _is_default(base: Base, path: str, tree: Tree) -> bool:
    """Whether a key that is not written has this value anyway."""
    plan = base.reading.plan
    if plan is None:
        return isinstance(tree, Leaf) and tree.kind == "nothing" and not is_needed(path)
    return _in_words(value_at(plan, path)) == text_of(path, tree)


def _in_words(value: object) -> str:
    """A default as a field shows it: those of lists are empty."""
    return "" if value in (None, ()) else str(value)
