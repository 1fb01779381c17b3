"""The lab without a terminal: `python -m homelab.lab LOCK SOCKET [--bare]`, run by `process.attach` alone."""

from __future__ import annotations

import os
import socket
import sys

from homelab.lab.process import Folder, Seat


def main() -> None:
    """Leave the starter behind, who began a session without a terminal; then be the lab until its last user left."""
    lock, listener, *rest = sys.argv[1:]
    if os.fork():
        os._exit(0)
    for descriptor in (lock, listener):
        os.set_inheritable(int(descriptor), False)
    seat = Seat(Folder.make(os.environ), int(lock), socket.socket(fileno=int(listener)))
    from homelab.lab.serve import run_detached  # noqa: PLC0415 - the starter waits for the lines above

    sys.exit(run_detached(seat, bare="--bare" in rest))


if __name__ == "__main__":
    main()
