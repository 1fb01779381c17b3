"""Asks routes without end, as several clients; run at the laptop by `gates.py`.

A line of JSON on stdin says what to ask, and the end of stdin ends it; then stdout has what was met.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Any

SECONDS = 5.0
"""Until no answer counts as none."""
PAUSE = 0.05
"""Between two questions of a client: asked faster, the hashing alone takes all of a small machine."""


@dataclass(frozen=True)
class Client:
    """One who asks one route."""

    host: str
    address: str
    port: int
    known: tuple[str, str] | None
    tls: ssl.SSLContext
    keeps: bool
    """The connection, for the next question."""

    @property
    def name(self) -> str:
        """Of what it asks, and as whom."""
        return f"{self.host} {self.known[0] if self.known else '-'}"

    def ask(self, stop: Event) -> Counter[str]:
        """Until it is time to stop; what was met."""
        met: Counter[str] = Counter()
        connection: HTTPConnection | None = None
        while not stop.wait(PAUSE):
            try:
                connection = connection or self._connected()
                met[str(self._answer(connection))] += 1
            except (OSError, HTTPException) as error:
                met[f"{type(error).__name__}: {error}"] += 1
                connection = None
            if connection and not self.keeps:
                connection.close()
                connection = None
        return met

    def _connected(self) -> HTTPConnection:
        made = HTTPConnection(self.host, self.port)
        line = socket.create_connection((self.address, self.port), SECONDS)
        made.sock = self.tls.wrap_socket(line, server_hostname=self.host) if self.port == 443 else line
        return made

    def _answer(self, connection: HTTPConnection) -> int:
        told = b64encode(":".join(self.known).encode()).decode() if self.known else None
        connection.request("GET", "/", headers={"Authorization": f"Basic {told}"} if told else {})
        response = connection.getresponse()
        response.read()
        return response.status


def main() -> None:
    """Read what to ask, ask until stdin ends, print what was met."""
    wish: dict[str, Any] = json.loads(sys.stdin.readline())
    tls = ssl.create_default_context(cafile=wish["root"])
    clients = [
        Client(host, address, port, known, tls, keeps)
        for host, address, port, known in wish["knocks"]
        for keeps in (True, False)
    ]
    stop = Event()
    with ThreadPoolExecutor(len(clients)) as pool:
        asking = [pool.submit(client.ask, stop) for client in clients]
        print("begun", flush=True)
        sys.stdin.read()
        stop.set()
    met: dict[str, Counter[str]] = {}
    for client, found in zip(clients, asking, strict=True):
        met.setdefault(client.name, Counter()).update(found.result())
    print(json.dumps(met))


if __name__ == "__main__":
    main()
