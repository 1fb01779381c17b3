"""What a person likes: a small TOML file, read before the first paint by nothing but the standard library.

The dataclass is the schema: a setting is one field, with what it says of itself.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any

from homelab.finding import Finding, Severity
from homelab.plan.named import content, unreadable

FILE = "settings.toml"
THEMES = ("calm", "light", "contrast", "terminal")
WHY = "the default is used in its place"
MEND = "see what there is with `homelab-tui settings`"
CAREFUL = "true is used in its place, to be on the safe side"
READ_ONLY = "read_only"
ASKED = re.compile(r"""^\s*["']?read[_-]?only\b(?!["']?\s*=\s*false\b)""", re.MULTILINE | re.IGNORECASE)
"""Whether a file that is no TOML asks for read-only: a line that begins with it, and does not say false."""
PLACE = re.compile(r"\(at line ([0-9]+)")
END = "(at end of document)"
WIDE = 400
"""Characters of a line that is longer than a person writes: its brackets or digits are too many for the reader."""
KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*(=|$)""")
SECTION = re.compile(r"\s*\[([^\[\]]+)\]")
PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
KINDS = {bool: "true or false", int: "a whole number", str: "a word in quotes", dict: "a table"}


def _setting(
    default: Any, says: str, *, words: tuple[str, ...] = (), bounds: tuple[int, int] | None = None
) -> Any:  # what `field` gives is of no type of its own
    """A key of the file: its default, what it is for, and what it may be."""
    return field(default=default, metadata={"says": says, "words": words, "bounds": bounds})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by the names that the file has for them."""

    theme: str = _setting(
        "calm", "colours: calm, light, contrast (high), terminal (its own, none painted)", words=THEMES
    )
    read_only: bool = _setting(False, "whether the console begins read-only; ctrl+r lifts it for the session")
    bcrypt_cost: int = _setting(
        10, "work to check a password, doubled by each step; the ingress does it on every request", bounds=(4, 14)
    )
    log_lines: int = _setting(5_000, "lines of logs that are kept on show, the oldest go first", bounds=(100, 100_000))
    log_bytes: int = _setting(2_000_000, "the same in bytes: whichever is reached first", bounds=(10_000, 100_000_000))
    keys: Mapping[str, str] = field(
        default_factory=dict,
        metadata={"says": "keys of your own, by the id of the command", "words": (), "bounds": None},
    )
    """As Textual calls them."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the file says, and what is wrong with it."""

    settings: Settings
    findings: tuple[Finding, ...] = ()


def folder() -> Path:
    """Where a person's files for this program are."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(configuration) / "homelab-tui"


def file() -> Path:
    """The settings' file; it need not be there."""
    return folder() / FILE


def load(path: Path) -> Loaded:
    """Read it. What is wrong has its default and a finding; never raises."""
    if not os.path.lexists(path):
        return Loaded(Settings())
    try:
        raw = content(str(path))
    except (OSError, ValueError) as problem:
        return Loaded(Settings(), (_finding(str(path), unreadable(problem), "make it a file that you may read"),))
    text = raw.decode(errors="replace")
    try:
        raw.decode()
        return read(text)
    except (ValueError, RecursionError) as problem:  # TOML's and UTF-8's errors are ValueErrors, numbers' too
        return Loaded(Settings(read_only=bool(ASKED.search(text))), (_broken(problem, text),))


def read(text: str) -> Loaded:
    """What a text says. Raises ValueError, of which TOMLDecodeError, and RecursionError."""
    document = tomllib.loads(text)
    known = {one.name: one for one in fields(Settings)}
    findings = [_unknown(name, known, text) for name in document if name not in known]
    values: dict[str, Any] = {}
    for name in known.keys() & document.keys():
        if name == "keys":
            values[name], wrong = _keys(document[name], text)
            findings += wrong
        elif wrong_value := _wrong(known[name], document[name]):
            why = CAREFUL if name == READ_ONLY else WHY
            findings.append(_finding(name, *wrong_value, line_of(text, name), why=why))
        else:
            values[name] = document[name]
    values[READ_ONLY] = any(value is not False for name, value in document.items() if _meant(name, known) == READ_ONLY)
    return Loaded(Settings(**values), tuple(sorted(findings, key=lambda one: one.line or 0)))


def _wrong(known: Field[Any], value: object) -> tuple[str, str] | None:
    """What is wrong with a value, and the fix."""
    kind, bounds, words = type(known.default), known.metadata["bounds"], known.metadata["words"]
    if type(value) is not kind:
        return f"it is {_kind(value)}, and takes {KINDS[kind]}", f"write {known.name} = {written(known.default)}"
    if words and value not in words:
        return f"there is no {value!r}", f"write one of {', '.join(words)}"
    if bounds and not bounds[0] <= value <= bounds[1]:
        return f"{value} is out of its bounds", f"write a number from {bounds[0]} to {bounds[1]}"
    return None


def _kind(value: object) -> str:
    return KINDS.get(type(value), "something else")


def _unknown(name: str, known: Mapping[str, object], text: str) -> Finding:
    meant = _meant(name, known)
    fix = f"write {meant}" if meant else f"delete the line; {MEND}"
    why = "it has no effect" if meant != READ_ONLY else "it counts as that, to be on the safe side"
    return _finding(name, "there is no such setting", fix, line_of(text, name), why=why)


def _meant(name: str, known: Mapping[str, object]) -> str | None:
    """The setting of that name, or of nearly that name."""
    if name in known:
        return name
    from difflib import get_close_matches  # noqa: PLC0415 - only a mistake needs it

    return next(iter(get_close_matches(name.lower().replace("-", "_"), known, n=1)), None)


def _keys(table: object, text: str) -> tuple[dict[str, str], list[Finding]]:
    """The keys that can be used, and what is wrong with the others."""
    if not isinstance(table, dict):
        wrong = _finding(
            "keys",
            f"it is {_kind(table)}, and takes a table",
            'write [keys], below it "view.home" = "h"',
            line_of(text, "keys"),
        )
        return {}, [wrong]
    from screens.keys import chosen  # noqa: PLC0415 - only who has keys of their own needs it

    written = dict(_flat(table))
    found, faults = chosen(written)
    return found, [
        _finding(f"keys.{id}", what, fix, line_of(text, f"keys.{id}"), why="the usual key is used in its place")
        for id, what, fix in faults
    ]


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, object]]:
    """`view.home = "h"` without quotes is a table in a table to TOML, and means the same here."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def line_of(text: str, path: str) -> int | None:
    """The line of a key, counted from 1, or of the nearest table around it: TOML's reader knows no lines."""
    places: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := SECTION.match(line):
            section = _path(found[1])
            places.setdefault(section, number)
        elif found := KEY.match(line):
            places.setdefault(".".join(filter(None, (section, _path(found[1])))), number)
    while path and path not in places:
        path = path.rpartition(".")[0]
    return places.get(path)


def _path(key: str) -> str:
    return ".".join(part.strip("\"'") for part in PART.findall(key))


def _broken(problem: Exception, text: str) -> Finding:
    match problem:
        case tomllib.TOMLDecodeError():
            what = str(problem).partition(" (at ")[0]
        case UnicodeDecodeError():
            what = "it is not written in UTF-8"
        case _:
            what = "brackets are nested too deep, or a number has too many digits"
    why = "the defaults are used in place of all that it says"
    fix = "write each line as `name = value`, words in quotes; `homelab-tui settings` shows how"
    return _finding(FILE, f"it is no valid TOML: {what[0].lower()}{what[1:]}", fix, _place(problem, text), why=why)


def _place(problem: Exception, text: str) -> int | None:
    """The line that it is about, counted from 1."""
    if isinstance(problem, UnicodeDecodeError):
        return problem.object.count(b"\n", 0, problem.start) + 1
    if found := PLACE.search(str(problem)):
        return int(found[1])
    if END in str(problem):
        return text.rstrip().count("\n") + 1
    return next((number for number, line in enumerate(text.splitlines(), 1) if len(line) > WIDE), None)


def _finding(at: str, what: str, fix: str, line: int | None = None, *, why: str = WHY) -> Finding:
    return Finding(Severity.ERROR, at, what, why, fix, line)


def brief(found: Loaded, path: Path) -> str | None:
    """What is wrong in one or two sentences; None where nothing is."""
    if not found.findings:
        return None
    first, *others = found.findings
    place = f"{path}:{first.line}" if first.line else str(path)
    more = f"; {len(others)} more" if others else ""
    about = "" if first.at in (FILE, str(path)) else f"{first.at}: "
    until = first.why.replace("is used", "counts")
    return f"{place}: {about}{first.what}: {first.fix}{more}; until then {until}"


def written(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:_}" if isinstance(value, int) else quoted(str(value))


def quoted(text: str) -> str:
    """A text between quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
