"""The machines of the cluster, and what has to be done on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from homelab.observe.text import NODE_HEAD, clean, node_row
from homelab.setup.model import Found, Setup
from homelab.setup.pasting import Paste, pastes
from screens.widgets.lines import Line, Span
from screens.widgets.patch_table import NO_HEAD, PatchTable
from screens.widgets.reading import Reading
from screens.wizard.findings import finding_lines, of_nodes, pasted
from screens.wizard.frame import Frame


class Nodes(Frame):
    """Watched: what is changed on a machine is seen here."""

    STEP: ClassVar[str] = "nodes"
    LOOK: ClassVar[str | None] = "look"

    def compose_parts(self) -> Iterable[Widget]:
        """The table, and what to paste."""
        self._table, self._told = PatchTable(), Reading(classes="told")
        yield self._table
        yield self._told

    def show_parts(self, setup: Setup) -> None:
        """Draw them."""
        found = setup.found
        rows = tuple(map(node_row, found.nodes))
        self._table.show_rows(*((NODE_HEAD, rows) if rows else (NO_HEAD, ())))
        findings, ready = of_nodes(found.findings), pastes(found)
        shown = [*finding_lines(findings, self.size.width), *(line for one in ready for line in paste_lines(one))]
        self._told.show_text(
            shown, pasted(findings) + "".join(f"{command}\n" for one in ready for command in one.commands)
        )

    def remark(self, path: str, setup: Setup) -> Span:
        """How many there are."""
        return counted(setup.found), "good"

    def help(self, setup: Setup) -> Sequence[Span]:
        """What to do."""
        if of_nodes(setup.found.findings) or pastes(setup.found):
            return [("Paste the commands on the machine that is named; what changes is seen here by itself.", "")]
        return [("Machines that join or leave are seen here by themselves. The plan has those of the field above.", "")]


def counted(found: Found) -> str:
    """How many the cluster has, and how many of them are ready."""
    ready = sum(node.ready is True for node in found.nodes)
    return f"✓ {ready} of {len(found.nodes)} ready" if found.nodes else ""


def paste_lines(one: Paste) -> tuple[Line, ...]:
    """Where, and below it the commands as they are."""
    where: Line = ((f"  {one.where[:1].upper()}{clean(one.where[1:])}:", "dim"),)
    return (where, *(((f"    {clean(command)}", "strong"),) for command in one.commands))
