"""A manifest's arguments for Traefik, with nothing changed but where it listens. Pure.

Source: Traefik docs, static configuration, CLI: names are case-insensitive, `--name=value` and `--name value` are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

API = "traefik"
"""The entry point of the API, ping and metrics."""
DEFAULTS = {API: 8080}
"""An entry point that Traefik adds by itself. Source: Traefik docs, API, insecure."""
LONELY = {"http": 80}
"""What it listens on when the arguments name no other entry point. Source: Traefik docs, entry points."""

_ADDRESS = re.compile(r"--?entrypoints\.(?P<name>[^.=]+)\.address(=(?P<value>.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listening:
    """One entry point: the port that the manifest gives it."""

    name: str
    port: int
    protocol: str
    """`/udp`, `/tcp`, or empty."""

    @property
    def is_api(self) -> bool:
        """Whether it is the one of API, ping and metrics."""
        return self.name.lower() == API


Place = Callable[[Listening], tuple[str, int]]
"""Chooses where an entry point really listens."""


def entry_points(arguments: Iterable[str]) -> tuple[Listening, ...]:
    """Every entry point of the arguments, then those that Traefik would add by itself."""
    declared = [_listening(found) for text in _joined(arguments) if (found := _ADDRESS.fullmatch(text))]
    names = {entry.name.lower() for entry in declared}
    added = {} if names - {API} else dict(LONELY)
    added |= {name: port for name, port in DEFAULTS.items() if name not in names}
    return (*declared, *(Listening(name, port, "") for name, port in added.items()))


def command_line(arguments: Iterable[str], places: Mapping[str, tuple[str, int]]) -> list[str]:
    """The arguments with the addresses of the entry points replaced; `places` has one for every entry point's name."""
    given = _joined(arguments)
    kept = [text for text in given if not _ADDRESS.fullmatch(text)]
    moved = [(entry, *places[entry.name]) for entry in entry_points(given)]
    return [
        *kept,
        *(f"--entrypoints.{entry.name}.address={host}:{port}{entry.protocol}" for entry, host, port in moved),
    ]


def _listening(found: re.Match[str]) -> Listening:
    address, slash, protocol = (found["value"] or "").partition("/")
    port = address.rpartition(":")[2]
    return Listening(found["name"], int(port) if port.isdecimal() else 0, slash + protocol)


def _joined(arguments: Iterable[str]) -> list[str]:
    """The arguments with every address in one piece with its name."""
    joined: list[str] = []
    for text in arguments:
        if joined and (found := _ADDRESS.fullmatch(joined[-1])) and found["value"] is None:
            joined[-1] += f"={text}"
        else:
            joined.append(text)
    return joined
