"""A manifest's arguments for Traefik, with nothing changed but where it listens. Pure.

Source: Traefik docs, static configuration, CLI: names are case-insensitive, `--name=value` and `--name value` are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

API = "traefik"
"""The entry point of the API, ping and metrics."""
DEFAULTS = {API: 8080}
"""An entry point that Traefik adds by itself. Source: Traefik docs, API, insecure."""
LONELY = {"http": 80}
"""What it listens on when the arguments name no other entry point. Source: Traefik docs, entry points."""

_OPTION = re.IGNORECASE | re.DOTALL
_ADDRESS = re.compile(r"--?entrypoints\.(?P<name>[^.=]+)\.address(=(?P<value>.*))?", _OPTION)
_NAMED = re.compile(r"--?entrypoints\.(?P<name>[^.=]+)([.=].*)?", _OPTION)
_BEYOND = re.compile(
    r"(--?(configfile|(accesslog|log)\.filepath(?!=/dev/std(out|err)$)|certificatesresolvers\.[^.=]+"
    r"|experimental\.(local)?plugins\.[^.=]+|providers\.(?!kubernetes|providersthrottle|precedence|consul[.=])[^.=]+"
    r"|providers\.consul\.(?!endpoints=|rootkey=)[^=]+))([.=].*)?",
    _OPTION,
)


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


_SERVERS = re.compile(r"--?providers\.consul\.endpoints=(?P<value>.*)", _OPTION)
_CONSUL = re.compile(r"--?providers\.consul[.=].*", _OPTION)
CONSUL = "127.0.0.1:8500"
"""Where Traefik looks for Consul unless told. Source: Traefik docs, Consul provider."""

Place = Callable[[Listening], tuple[str, int]]
"""Chooses where an entry point really listens."""


def entry_points(arguments: Iterable[str]) -> tuple[Listening, ...]:
    """Every entry point that the arguments name, then those that Traefik would add by itself."""
    given = _joined(arguments)
    named = {found["name"].lower(): found["name"] for text in given if (found := _NAMED.fullmatch(text))}
    addresses = {found["name"].lower(): found["value"] or "" for text in given if (found := _ADDRESS.fullmatch(text))}
    declared = [_listening(name, addresses.get(key, "")) for key, name in named.items()]
    added = {} if named.keys() - {API} else dict(LONELY)
    added |= {name: port for name, port in DEFAULTS.items() if name not in named}
    return (*declared, *(Listening(name, port, "") for name, port in added.items()))


def beyond(arguments: Iterable[str]) -> str | None:
    """The first option that reaches beyond the cluster: to files of this machine, to other providers, to the world."""
    return next((found[1] for text in arguments if (found := _BEYOND.fullmatch(text))), None)


def services(arguments: Iterable[str]) -> tuple[str, ...]:
    """The names with ports under which Traefik looks for what it reads beside the API."""
    given = tuple(arguments)
    named = [found["value"] for text in given if (found := _SERVERS.fullmatch(text))]
    default = [CONSUL] if any(map(_CONSUL.fullmatch, given)) else []
    return tuple(name for value in named or default for name in value.split(","))


def command_line(
    arguments: Iterable[str], places: Mapping[str, tuple[str, int]], found: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    """The arguments with other addresses: `places` has one for every entry point's name, `found` for every service."""
    given = _joined(arguments)
    moved = [(entry, *places[entry.name]) for entry in entry_points(given)]
    return [
        # first, since an option at the end that lacks its value would take the next argument for it
        *(f"--entrypoints.{entry.name}.address={host}:{port}{entry.protocol}" for entry, host, port in moved),
        *(_moved(text, found) for text in given if not _ADDRESS.fullmatch(text)),
    ]


def _moved(text: str, found: Mapping[str, str]) -> str:
    if not (servers := _SERVERS.fullmatch(text)):
        return text
    return text[: servers.start("value")] + ",".join(found[name] for name in servers["value"].split(","))


def _listening(name: str, value: str) -> Listening:
    address, slash, protocol = value.partition("/")
    port = address.rpartition(":")[2]
    return Listening(name, int(port) if port.isdecimal() else 0, slash + protocol)


def _joined(arguments: Iterable[str]) -> list[str]:
    """The arguments with every address in one piece with its name."""
    joined: list[str] = []
    for text in arguments:
        if joined and (found := _ADDRESS.fullmatch(joined[-1])) and found["value"] is None:
            joined[-1] += f"={text}"
        else:
            joined.append(text)
    return joined
