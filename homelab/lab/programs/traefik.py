"""The real Traefik: one process a workload, with the arguments of its own manifest and the lab's API to read from."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from homelab.lab.process import private
from homelab.lab.programs.arguments import Listening, beyond, command_line, entry_points, services
from homelab.lab.programs.containers import Container
from homelab.lab.programs.launch import KILLED, ended, launched
from homelab.lab.programs.program import Address, Ended, ProgramError, is_free, taken
from homelab.lab.programs.words import Words

LOOPBACK = "127.0.0.1"
FIRST_PORT = 8020
LAST_PORT = 65535
TAIL = 4096
"""Bytes of a log in which last words are looked for."""
FOREIGN = tuple(Path(f"/etc/traefik/traefik.{ending}") for ending in ("toml", "yaml", "yml"))
"""A configuration in one of these would be read in place of the arguments. Source: Traefik docs, boot environment."""
TOKEN_FILE = "CONSUL_HTTP_TOKEN_FILE"
"""The variable that names the file with the token for Consul; no other is passed on."""


_ERROR = re.compile(r'error"?[:=]"((?:[^"\\]|\\.)+)"')
"""In both of Traefik's formats: `"error":"..."` and `error="..."`."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Ports:
    """Ports of this machine for the entry points: from 8020 on, and after a restart the same again while it is free."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def take(self, owner: str) -> Address:
        """A free one, kept for this owner. Raises ProgramError."""
        others = {port for name, port in self._given.items() if name != owner}
        before = [self._given[owner]] if owner in self._given else []
        for port in (*before, *range(FIRST_PORT, LAST_PORT)):
            if port not in others and is_free((LOOPBACK, port)):
                self._given[owner] = port
                return LOOPBACK, port
        raise ProgramError(f"no port of {LOOPBACK} is free from {FIRST_PORT} on")


@dataclass(frozen=True, slots=True)
class Place:
    """What the lab gives every Traefik."""

    program: Path
    kubeconfig: Path
    """With the token in it, which must not be among the arguments. Traefik reads the file that KUBECONFIG names."""
    folder: Path
    ports: Ports
    network: IPv4Network
    """The pods' addresses: nothing listens on any other, whatever a pod's status says."""


@dataclass(frozen=True, slots=True)
class Around:
    """What it finds in its cluster when it starts."""

    services: Mapping[str, str]
    """Addresses of the Services that its arguments name."""
    files: Mapping[str, bytes]
    """Of ConfigMaps and Secrets, by path."""


class Traefik:
    """One start of it. Keeps `program.Program`."""

    def __init__(self, place: Place, workload: str, container: Container, pod_address: str, around: Around) -> None:
        """The entry point of the API listens on the pod's address, the others on 127.0.0.1."""
        self.addresses: Mapping[int, Address] = {}
        self._place = place
        self._workload = workload
        self._container = container
        self._pod_address = pod_address
        self._around = around
        self._process: asyncio.subprocess.Process | None = None
        self._log_size = 0
        """Before it began."""

    @property
    def log(self) -> Path:
        """What it says, over all its starts."""
        return self._file("log")

    @property
    def words(self) -> Words | None:
        """What it says in this life."""
        return Words(self.log, self._log_size) if self._process else None

    def _file(self, ending: str) -> Path:
        return self._place.folder / f"traefik-{self._workload.replace('/', '-')}.{ending}"

    async def start(self) -> None:
        """Choose addresses and run it. Raises ProgramError."""
        if foreign := next((path for path in FOREIGN if path.exists()), None):
            raise ProgramError(
                f"Traefik would read {foreign} in place of its arguments; move it away while the lab runs"
            )
        if option := beyond(self._container.arguments):
            raise ProgramError(f"Traefik is not started with {option}: in the lab it reads nothing but the cluster")
        if lost := [name for name in services(self._container.arguments) if name not in self._around.services]:
            raise ProgramError(f"no ready pod of the lab answers at {lost[0]}")
        listening = entry_points(self._container.arguments)
        places = {entry.name: self._listen(entry) for entry in listening}
        self.addresses = {entry.port: places[entry.name] for entry in listening}
        arguments = command_line(self._container.arguments, places, self._around.services)
        environment = {"KUBECONFIG": str(self._place.kubeconfig), "HOME": str(self._place.folder)}
        try:
            self._process, self._log_size = await launched(
                self._place.program, arguments, self.log, environment | self._token()
            )
        except OSError as error:
            raise ProgramError(f"Traefik cannot be started: {error.strerror}") from None

    def _token(self) -> dict[str, str]:
        """The variable for a copy of the mounted token, for this user's eyes. Raises ProgramError, OSError."""
        if not (wanted := dict(self._container.environment).get(TOKEN_FILE)):
            return {}
        if wanted not in self._around.files:
            raise ProgramError(f"{TOKEN_FILE} names {wanted}, which no ConfigMap or Secret puts there")
        with open(self._file("token"), "wb", opener=private) as file:
            file.write(self._around.files[wanted])
        return {TOKEN_FILE: str(self._file("token"))}

    def _listen(self, entry: Listening) -> Address:
        if not entry.is_api:
            return self._place.ports.take(f"{self._workload} {entry.name}")
        if not is_free(wanted := (self._pod_address, entry.port)):
            raise taken(wanted)
        return wanted

    async def ended(self) -> Ended:
        """Wait until it has ended by itself. Who is killed has no last words: its log says nothing of it."""
        code = await self._process.wait() if self._process else 0
        if code < 0:
            return Ended(KILLED - code, f"Traefik was ended by signal {-code}; see {self.log}")
        words = last_words(self.log, self._log_size)
        return Ended(code, f"Traefik ended with exit code {code}{': ' if words else ''}{words}; see {self.log}")

    async def stop(self) -> None:
        """Kill it: it keeps nothing, and its time of grace is for load balancers that send traffic elsewhere."""
        if self._process:
            await ended(self._process)
        self._file("token").unlink(missing_ok=True)


def last_words(log: Path, since: int) -> str:
    """The error in the last line that a log has got since it had that size; the line itself when it names none."""
    with open(log, "rb") as file:
        file.seek(max(since, file.seek(0, os.SEEK_END) - TAIL))
        said = _COLOUR.sub("", file.read().decode(errors="replace")).strip().rpartition("\n")[2]
    found = _ERROR.search(said)
    return found[1] if found else said
