"""Changes one value of a plan's text and leaves every other character as it was.

The text is cut at the offsets that ruamel.yaml's composer gives, since dumping a whole file would re-align comments
and re-wrap lines that a person arranged. Every change is read back before it is handed out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from collections.abc import Mapping as AnyMapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeAlias

from homelab.plan.document import Document, Entry, Items, Leaf, Mapping, PlanError, Tree, parse
from homelab.plan.model import AddressRange

Value: TypeAlias = (
    "str | int | bool | IPv4Address | IPv4Network | AddressRange | Sequence[Value] | AnyMapping[str, Value] | None"
)
"""What a key can be set to; addresses, networks and ranges are written in their text form."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*")
_INDENT = 2


def with_value(document: Document, path: str, value: Value) -> str:
    """The text with one key set. A missing key is added at the end of its section, a missing section likewise.

    A mapping as value replaces the section's keys one by one, so that comments beside those that stay are kept; a block
    list is written anew. Raises PlanError for a text that is no YAML and for a path that leads through a plain value.
    """
    if isinstance(value, AnyMapping):
        return _with_section(document, path, value)
    entry = document.entry(path)
    text = _replaced(document, entry, value) if entry else _added(document, path, value)
    return _read_back(document, text, path, lambda data: _set(data, _names(document, path), _data(value)))


def without(document: Document, path: str) -> str:
    """The text without one key and its value; a key that is not there changes nothing. Raises PlanError."""
    entry, section = document.entry(path), _section(document, path)
    if entry is None or section is None:
        return document.text
    if len(section.entries) == 1:
        return with_value(document, _parent(document, path), {}) if "." in path else ""
    text = _cut_flow(document.text, section, entry) if section.flow else _cut_block(document.text, entry)
    return _read_back(document, text, path, lambda data: _delete(data, _names(document, path)))


def plain(tree: Tree | None) -> Any:
    """A tree as dictionaries, lists and texts: what is compared to see that nothing else changed."""
    if isinstance(tree, Mapping):
        return {entry.key.text: plain(entry.value) for entry in tree.entries}
    if isinstance(tree, Items):
        return [plain(item) for item in tree.items]
    return None if tree is None or tree.kind == "nothing" else tree.text


def _with_section(document: Document, path: str, value: AnyMapping[str, Value]) -> str:
    entry = document.entry(path)
    if not value or entry is None or not isinstance(entry.value, Mapping) or not entry.value.entries:
        text = _replaced(document, entry, value) if entry else _added(document, path, value)
        return _read_back(document, text, path, lambda data: _set(data, _names(document, path), _data(value)))
    for name, inner in value.items():
        document = _again(document, with_value(document, f"{path}.{name}", inner))
    for old in entry.value.entries:
        if old.key.text not in value:
            document = _again(document, without(document, f"{path}.{old.key.text}"))
    return document.text


def _replaced(document: Document, entry: Entry, value: Value) -> str:
    text, old = document.text, entry.value
    if isinstance(old, Leaf) or old.flow:
        new = _written(value, old.style if isinstance(old, Leaf) else None)
        colon = "" if ":" in text[entry.key.end : old.start] or old.start != old.end else ":"
        space = " " if colon or text[old.start - 1] == ":" else ""
        return text[: old.start] + colon + space + new + text[old.end :]
    if isinstance(old, Items) and isinstance(value, Sequence) and not isinstance(value, str) and value:
        column = " " * _column(text, old.start)
        lines = [f"- {_written(item)}" for item in value]
        return text[: old.start] + f"{_newline(text)}{column}".join(lines) + text[old.end :]
    after, newline = text.index(":", entry.key.end) + 1, _newline(text)
    ends = [at for start in (after, old.end) if (at := text.find(newline, start)) >= 0]
    if len(ends) > 1 and ends[0] < ends[1] and text[after : ends[0]].strip():  # the comment beside the key is the one
        return f"{text[:after]} {_written(value)}{text[after : ends[0]]}{text[ends[1] :]}"
    return f"{text[:after]} {_written(value)}{text[old.end :]}"


def _added(document: Document, path: str, value: Value) -> str:
    """Puts a new key behind the last one of its section."""
    text, section, parent = document.text, _section(document, path), _parent(document, path)
    name = path.removeprefix(f"{parent}.") if parent else path
    if section is None or not section.entries:
        if not parent or not _is_nothing(document.entry(parent)):
            raise PlanError(
                f"{document.name}: {path} cannot be set, since {parent or 'the file'} is no section with keys"
            )
        return with_value(document, parent, {name: value})
    last = section.entries[-1].value.end
    if section.flow:
        return f"{text[:last]}, {_key(name)}: {_written(value)}{text[last:]}"
    newline, column = _newline(text), _column(text, section.entries[0].key.start)
    end = text.find(newline, last)
    end = len(text) if end < 0 else end
    lines = _block(name, value, column)
    return text[:end] + newline + newline.join(lines) + text[end:]


def _block(name: str, value: Value, column: int) -> list[str]:
    """Lines of a new key. A section stands below its key, what is in it on one line each."""
    if isinstance(value, AnyMapping) and value:
        inner = [f"{' ' * (column + _INDENT)}{_key(k)}: {_written(v)}" for k, v in value.items()]
        return [f"{' ' * column}{_key(name)}:", *inner]
    return [f"{' ' * column}{_key(name)}: {_written(value)}"]


def _cut_flow(text: str, section: Mapping, entry: Entry) -> str:
    at = section.entries.index(entry)
    if at + 1 < len(section.entries):
        return text[: entry.key.start] + text[section.entries[at + 1].key.start :]
    return text[: section.entries[at - 1].value.end] + text[entry.value.end :]


def _cut_block(text: str, entry: Entry) -> str:
    start = text.rfind("\n", 0, entry.key.start) + 1
    end = text.find("\n", max(entry.value.end, entry.key.end))
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def _written(value: Value, style: str | None = None) -> str:
    """One line of YAML; text keeps the quotes that it had, and gets some where it could be read as something else."""
    if isinstance(value, AnyMapping):
        return "{" + ", ".join(f"{_key(k)}: {_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_written(item) for item in value) + "]"
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    return _text(str(value), style)


def _text(text: str, style: str | None) -> str:
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return _quoted(text) if style == '"' or not _is_plain(text) else text


def _key(name: str) -> str:
    return name if _is_plain(name) else _quoted(name)


def _is_plain(text: str) -> bool:
    document, _ = parse(text, "value")
    return bool(_PLAIN.fullmatch(text)) and isinstance(document.root, Leaf) and document.root.kind == "text"


def _quoted(text: str) -> str:
    escaped = (f"\\{c}" if c in '"\\' else c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
    return '"' + "".join(escaped) + '"'


def _section(document: Document, path: str) -> Mapping | None:
    """The mapping that holds, or would hold, the key of a path."""
    parent = _parent(document, path)
    entry = document.entry(parent) if parent else None
    tree = entry.value if entry else None if parent else document.root
    return tree if isinstance(tree, Mapping) else None


def _parent(document: Document, path: str) -> str:
    return ".".join(_names(document, path)[:-1])


def _names(document: Document, path: str) -> list[str]:
    """A path's names; one with dots is known by being in the file, or by standing below `nodes` or `network.hosts`."""
    names = re.match(r"(nodes|network\.hosts)\.(.+?)(?:\.(address|role))?$", path)
    if not names:
        return path.split(".")
    return [*names[1].split("."), names[2], *filter(None, [names[3]])]


def _is_nothing(entry: Entry | None) -> bool:
    """A section that can be filled: not there yet, empty, or `null`."""
    return entry is None or not plain(entry.value)


def _again(document: Document, text: str) -> Document:
    return parse(text, document.name)[0]


def _read_back(document: Document, text: str, path: str, change: Callable[[Any], None]) -> str:
    """The new text, if it says just what was to be changed. Guards against forms of YAML that nobody thought of."""
    wanted = plain(document.root)
    change(wanted)
    changed, findings = parse(text, document.name)
    if findings or plain(changed.root) != wanted:
        line = document.line(path) or 1
        raise PlanError(f"{document.name}:{line}: {path} cannot be changed by the program; edit this line by hand")
    return text


def _set(data: Any, names: list[str], value: Any) -> None:
    for name in names[:-1]:
        data[name] = data.get(name) or {}
        data = data[name]
    data[names[-1]] = value


def _delete(data: Any, names: list[str]) -> None:
    for name in names[:-1]:
        data = data[name]
    del data[names[-1]]


def _data(value: Value) -> Any:
    """A value as `plain` would show it after reading."""
    if isinstance(value, AnyMapping):
        return {key: _data(inner) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_data(item) for item in value]
    return None if value is None else json.dumps(value) if isinstance(value, bool) else str(value)


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset) - 1


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
