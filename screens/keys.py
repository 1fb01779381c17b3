"""Keys that a person has in the place of ours, and the table of all of them that the README shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from screens.commands import CHOSEN, COMMANDS, KEY_SIGNS, MOVES_HELP, ROWS, TABLES, Command, key_words, name_of

Fault = tuple[str, str, str]
"""A command, what is wrong with its key, and the fix."""

NAMES = {sign: name for name, sign in KEY_SIGNS.items()} | {" ": "space"}
SENT = re.compile(r"[A-Za-z0-9]|f[1-9]|f1[0-2]|ctrl\+[a-z]|enter|delete|insert|space|backspace")
"""Keys that every terminal sends, apart from punctuation."""
SAME = {"ctrl+h": "backspace", "ctrl+i": "tab", "ctrl+j": "enter", "ctrl+m": "enter"}
"""Keys that arrive as another one."""
MOVES = ("up", "down", "left", "right", "tab", "home", "end", "pageup", "pagedown", "j", "k", "g", "G")
TAKEN = {**dict.fromkeys(MOVES, "moves the cursor"), "escape": "leads back everywhere"}
"""Keys that mean the same wherever one is."""
DIALOGS = {
    "c": "copies in a text",
    "d": "closes a text",
    "enter": "takes what a dialog marks",
    "f2": "takes what the set-up proposes",
    "f5": "looks again in the set-up",
    "ctrl+s": "saves the set-up",
    "ctrl+u": "empties a field",
}
"""What keys do in dialogs and forms: no command that works everywhere can have them."""
OTHER = "take another one"
BEGIN, END = "<!-- keys: make keys -->", "<!-- /keys -->"
WHERE = {ROWS: "a row", TABLES: "a table"}


def choose(keys: Mapping[str, str]) -> None:
    """Use these keys, by command, in the place of ours, until the program ends."""
    CHOSEN.clear()
    CHOSEN.update(keys)


def chosen(written: Mapping[str, object]) -> tuple[dict[str, str], list[Fault]]:
    """Keys by command as Textual calls them, and the faults of those that cannot be had."""
    known = {one.id: one for one in COMMANDS}
    found: dict[str, str] = {}
    faults: list[Fault] = []
    for id, sign in written.items():
        if id not in known:
            meant = get_close_matches(id, known, n=1)
            faults.append((id, "there is no such command", f"write {meant[0]}" if meant else "delete the line"))
        elif wrong := _wrong(known[id], sign):
            faults.append((id, *wrong))
        elif (key := _named(str(sign))) != known[id].usual:
            found[id] = key
    while clash := next(_clashes(found), None):
        id, other = clash
        del found[id]  # its usual key may be another's now: look again
        faults.append((id, f"its key is that of {other} too, in the same place", OTHER))
    return found, faults


def _named(sign: str) -> str:
    return NAMES.get(sign, sign if len(sign) == 1 else sign.lower())


def _wrong(command: Command, sign: object) -> tuple[str, str] | None:
    """Why a command cannot have a key, and the fix."""
    if not isinstance(sign, str):
        return "a key is written in quotes", f'write "{command.id}" = "h"'
    key = _named(sign)
    if key == command.usual:
        return None
    if not (key in TAKEN or key in SAME or SENT.fullmatch(key) or key in KEY_SIGNS):
        return (
            f"{sign!r} is no key that every terminal sends",
            "take a letter, a digit, a sign, f1 to f12 or ctrl+letter",
        )
    means = f"arrives as {SAME[key]} from a terminal" if key in SAME else TAKEN.get(key)
    means = means or (None if command.on else DIALOGS.get(key))
    return (f"{sign} {means}", OTHER) if means else None


def _clashes(found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Chosen commands whose key another one has where both can be pressed, each with that other one."""
    pressed = {one.id: {found.get(one.id, one.usual), *one.keys} - {None} for one in COMMANDS}
    for at, one in enumerate(COMMANDS):
        for other in COMMANDS[at + 1 :]:
            if {one.id, other.id} & found.keys() and meet(one, other) and pressed[one.id] & pressed[other.id]:
                first, second = (one.id, other.id) if one.id in found else (other.id, one.id)
                yield first, second


def meet(one: Command, other: Command) -> bool:
    """Whether both can be pressed in one place."""
    wide = {None, ROWS, TABLES}
    return one.on in wide or other.on in wide or one.on == other.on


def table() -> str:
    """Every command that has a key, as a table in Markdown."""
    rows = [(f"`{key_words(one)}`", where(one), one.help) for one in COMMANDS if one.key]
    moves = [(f"`{keys}`", "everywhere", told) for keys, told in MOVES_HELP]
    lines = [f"| {key} | {place} | {told.replace('|', chr(92) + '|')} |" for key, place, told in (*rows, *moves)]
    return "\n".join(["| key | where | does |", "|---|---|---|", *lines])


def where(command: Command) -> str:
    """Where its key does something."""
    if command.on in WHERE:
        return WHERE[command.on]
    return command.on.rpartition(":")[2].lower() if command.on else "everywhere"


def renewed(text: str) -> str:
    """A page with the table of now between the two marks. Raises ValueError where it lacks them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs two lines, {BEGIN} and {END}")
    return f"{before}{begin}\n{table()}\n{end}{after}"


def told() -> list[tuple[str, str]]:
    """Every command without a key, with what it does: the palette has it."""
    return [(name_of(one), one.help) for one in COMMANDS if not (one.key or one.is_inner)]


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(renewed(page.read_text()))
