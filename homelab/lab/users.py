"""Who uses the lab: one open connection each, however its holder ends."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from homelab.lab.process import Seat


class Users:
    """The users of a lab and what they are told. Nothing here waits, so nobody can join a lab that has begun to end."""

    def __init__(self, seat: Seat, left: Callable[[], None] | None) -> None:
        """`left` is called when the last one has left; None: the lab lives without any."""
        self._seat = seat
        self._left = left
        self._loop = asyncio.get_running_loop()
        self._connections: set[socket.socket] = set()
        self._said: list[bytes] = []
        seat.listener.setblocking(False)
        self._loop.add_reader(seat.listener, self._accept)

    def tell(self, **fact: Any) -> None:
        """Tell everybody, also those who join later."""
        line = json.dumps(fact).encode() + b"\n"
        self._said.append(line)
        for connection in self._connections:
            _send(connection, line)

    def close(self) -> None:
        """Let nobody in any more, and let go of everybody. The socket's name stays until the lab has gone."""
        if self._seat.listener.fileno() >= 0:
            self._loop.remove_reader(self._seat.listener)
        self._seat.listener.close()
        for connection in list(self._connections):
            self._drop(connection)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            connection, _ = self._seat.listener.accept()
            connection.setblocking(False)
            self._connections.add(connection)
            self._loop.add_reader(connection, self._heard, connection)
            _send(connection, b"".join(self._said))

    def _heard(self, connection: socket.socket) -> None:
        """Users say nothing; what is heard of them is that they have gone."""
        try:
            if connection.recv(64):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # gone as well
        self._drop(connection)
        if self._left and not self._connections:
            self.close()
            self._left()

    def _drop(self, connection: socket.socket) -> None:
        self._loop.remove_reader(connection)
        self._connections.discard(connection)
        connection.close()


def _send(connection: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # it has gone, and its end of file says so
        connection.send(data)
