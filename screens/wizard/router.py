"""What the router has to know: the domains, the text to paste, and what is seen of it from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from textual.widget import Widget

from homelab.doctor.result import Result, State
from homelab.observe.text import Head, Row, clean, wrapped
from homelab.plan.model import Plan
from homelab.plan.router import Part, texts
from homelab.setup.fields import field_of
from homelab.setup.model import Setup
from screens.widgets import hints
from screens.widgets.lines import Line, Span
from screens.widgets.patch_table import NO_HEAD, PatchTable
from screens.widgets.reading import Reading
from screens.wizard.frame import Frame

HEAD = Head(("SEEN FROM HERE", "", "STATE"), drops=())
INDENT = "  "
EXTERNAL = "ingress.external.domain"
LATER = "The text to paste into your router appears here once every field can be read."
ABOUT = "Paste this into your router; `homelab-tui router` prints the same. F5 then looks whether it took it."


class Router(Frame):
    """The text is made anew with every answer; what it did to the router is looked at when a person asks."""

    STEP: ClassVar[str] = "router"
    LOOK: ClassVar[str | None] = "verify"

    def compose_parts(self) -> Iterable[Widget]:
        """What to paste, and what is seen."""
        self._text, self._seen = Reading(classes="told"), PatchTable()
        yield self._text
        yield self._seen

    def show_parts(self, setup: Setup) -> None:
        """Draw both."""
        plan = setup.judged.plan or foretold(setup)
        parts = texts(plan, macs(setup)) if plan else ()
        shown = [line for part in parts for line in part_lines(part, self.size.width)]
        copied = "".join(f"{part.text}\n\n" for part in parts if part.text) if setup.judged.plan else ""
        if plan and not setup.judged.plan:
            stands = f"{INDENT}{plan.ingress.external.domain} stands for the external domain until you type it."
            shown = [((stands, "warn"),), (), *shown]
        self._text.show_text(shown or [((f"{INDENT}{LATER}", "warn"),)], copied)
        self._seen.show_rows(*((HEAD, map(row, setup.verdicts)) if setup.verdicts else (NO_HEAD, ())))
        self._seen.display = bool(setup.verdicts)

    def help(self, setup: Setup) -> Sequence[Span]:
        """What is seen under the cursor, whole; else what to do with the text."""
        key = self.pointed
        found = next((one for one in setup.verdicts if one.id == key), None)
        return verdict(found) if found else [(ABOUT, "")]


def foretold(setup: Setup) -> Plan | None:
    """The plan with a stand-in for the external domain, where that alone is wrong: nobody can propose it."""
    wrong = {field_of(one.at) for one in setup.judged.findings if one.is_error}
    return setup.judged.sketch if wrong == {EXTERNAL} else None


def macs(setup: Setup) -> Mapping[str, str]:
    """MAC addresses of nodes, of those that were seen on the LAN."""
    plan = setup.judged.plan
    nodes = plan.nodes if plan else ()
    return {node.name: setup.found.taken[node.address] for node in nodes if node.address in setup.found.taken}


def part_lines(part: Part, width: int) -> Iterator[Line]:
    """Where it goes, the text as it is, and what to mind."""
    yield ((f"{INDENT}{clean(part.topic[:1].upper() + part.topic[1:])}", "title"), (f"  {clean(part.where)}", "dim"))
    for line in part.text.splitlines():
        yield ((f"{INDENT}{INDENT}{clean(line)}", "strong"),)
    for note in part.notes:
        yield from (((line, "dim"),) for line in wrapped(f"{INDENT}{clean(note)}", width - 1))
    yield ()


def row(one: Result) -> Row:
    """One thing that was looked at."""
    return Row((one.title, one.what, f"{one.state.sign} {one.state}"), (), one.id)


def verdict(one: Result) -> list[Span]:
    """Everything about it."""
    style = {State.OK: "good", State.WARNING: "warn", State.ERROR: "bad"}.get(one.state, "")
    told: list[Span] = [(f"{one.state.sign} {hints.sentence(one.what)} {hints.sentence(one.why)}".rstrip(), style)]
    if one.fix:
        told.append((f"Fix: {hints.sentence(one.fix)}", ""))
    return [*told, *([(f"On a laptop: {one.paste}", "accent")] if one.paste else [])]
