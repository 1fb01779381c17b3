"""What forms say around their fields: findings in full and in a few words, sentences in so many lines, rules, keys."""

from __future__ import annotations

from collections.abc import Sequence

from homelab.finding import Finding
from homelab.observe.text import cells, clean, shortened, wrapped
from screens.widgets.lines import Line, Span, length
from screens.widgets.pane import RULE, cut

INDENT = "  "
COPIED: Span = ("✓ Copied, if your terminal lets programs copy (OSC 52); else select the text with the mouse.", "good")
ERROR, WARNING, DONE = "✗", "▲", "✓"
NOTHING_CHANGES = "read-only: nothing can be changed here."
"""Said where `--read-only` was given, and where ctrl+r was pressed."""
Keys = Sequence[tuple[str, str]]
READING: Keys = (("↑ ↓", "scroll"), ("c", "copy"))
TABLE: Keys = (("↑ ↓", "row"),)
FIELD: Keys = (("tab", "next"),)


def rule(width: int, said: str = "") -> Line:
    """A line across, with a word at its right end."""
    end = f" {shortened(said, max(width - 8, 0))} {RULE}" if said and width > 12 else ""  # noqa: PLR2004 - room for a word
    return ((f" {RULE * max(width - 2 - cells(end), 0)}{end} ", "dim"),)


def sign(finding: Finding) -> Span:
    """Glyph and style."""
    return (ERROR, "bad") if finding.is_error else (WARNING, "warn")


def brief(finding: Finding, written: str) -> Span:
    """A finding in the few words that fit beside its field: what the field shows is not repeated."""
    glyph, style = sign(finding)
    said = finding.what.replace("`", "")
    for known in (written, f"{finding.at} "):
        said = said.removeprefix(known).strip()
    said = said.removeprefix("is ").removeprefix("has ")
    return f"{glyph} {clean(said)}", style


def told(finding: Finding) -> Span:
    """A finding as sentences: what to do before why, which a small terminal may have no room for."""
    glyph, style = sign(finding)
    return f"{glyph} {sentence(finding.what)} {sentence(finding.fix)} {sentence(finding.why)}", style


def sentence(words: str) -> str:
    """With a capital letter and a full stop, unless it begins with what must stay as it is."""
    is_name = set("./") & set(words.split(" ", maxsplit=1)[0])
    begun = words[:1].upper() + words[1:] if words[:1].islower() and not is_name else words
    return begun if not begun or begun.endswith((".", "!", "?")) else f"{begun}."


def block(sentences: Sequence[Span], rows: int, width: int) -> list[Line]:
    """Sentences in so many lines, no more and no fewer; the last one has its place though others be cut."""
    room = max(width - 2 * len(INDENT), 1)
    parts = [(wrapped(clean(text), room), style) for text, style in sentences]
    while len(parts) > rows:
        parts.pop(-2 if len(parts) > 2 else -1)  # noqa: PLR2004 - the first one and the last one stay longest
    lines: list[Line] = []
    for number, (found, style) in enumerate(parts):
        most = rows - len(lines) - (len(parts) - number - 1)
        lines += [((f"{INDENT}{line.strip()}", style),) for line in cut(found, most, room)]
    blank: list[Line] = [()] * (rows - len(lines))
    return [*lines, *blank]


def keys(wanted: Keys, width: int) -> Line:
    """What can be pressed, the most needed first; where the room is short the last ones go."""
    shown: list[Span] = []
    for key, what in wanted:
        more: list[Span] = [(f" {key}", "accent"), (f" {what} ", "dim")]
        if length([*shown, *more]) > width:
            break
        shown += more
    return tuple(shown)
