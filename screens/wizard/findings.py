"""Findings in full, with their commands as they are to be pasted."""

from __future__ import annotations

import re
from collections.abc import Iterable

from homelab.finding import Finding
from homelab.observe.text import clean, wrapped
from homelab.setup.fields import field_of
from screens.widgets.hints import sentence, sign
from screens.widgets.lines import Line

INDENT = "    "
COMMAND = re.compile(r"`([^`]+ [^`]+)`")
"""What is in backquotes and more than one word is to be typed."""


def commands(finding: Finding) -> list[str]:
    """What is to be typed to mend it."""
    return COMMAND.findall(finding.fix)


def pasted(findings: Iterable[Finding]) -> str:
    """Every command, a line each."""
    return "".join(f"{command}\n" for finding in findings for command in commands(finding))


def finding_lines(findings: Iterable[Finding], width: int) -> list[Line]:
    """What, why and fix, wrapped; commands on lines of their own, whole."""
    found: list[Line] = []
    for finding in findings:
        glyph, style = sign(finding)
        what = wrapped(f"{INDENT}{clean(f'{finding.at}: {sentence(finding.what)}')}", width - 1)
        found.append(((f"  {glyph} ", style), (what[0].strip(), style)))
        found += [((line, style),) for line in what[1:]]
        found += [((line, "dim"),) for line in wrapped(f"{INDENT}{clean(sentence(finding.why))}", width - 1)]
        found += fix_lines(finding, width)
        found.append(())
    return found


def fix_lines(finding: Finding, width: int) -> list[Line]:
    """What to do; commands stand alone, so that they can be taken with the mouse too."""
    found: list[Line] = []
    for number, part in enumerate(COMMAND.split(f"Fix: {finding.fix}")):
        told = clean(part).strip(" ,;.")
        if number % 2:
            found.append(((f"{INDENT}  {told}", "accent"),))
        elif told:
            found += [((line, ""),) for line in wrapped(f"{INDENT}{told}", width - 1)]
    return found


def of_nodes(findings: Iterable[Finding]) -> list[Finding]:
    """Those that are mended on a machine."""
    return [one for one in findings if one.at.lower().startswith("node")]


def of_cluster(findings: Iterable[Finding]) -> list[Finding]:
    """Those that stand beside no field and are mended on no single machine."""
    found = list(findings)
    return [one for one in found if field_of(one.at) is None and one not in of_nodes(found)]
