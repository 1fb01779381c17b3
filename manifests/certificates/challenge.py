"""The answer to the CA's challenge, and the proof beforehand that the way to it is open."""

from __future__ import annotations

import http.client
import http.server
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PATH = "/.well-known/acme-challenge/"
PORT = 5002
REPLICA_PORT = 8000
"""Where a replica of the external Traefik takes plain HTTP."""
CHECK_SECONDS = 60.0
"""In which every replica has to lead to the challenge server: a new endpoint takes some seconds to be known."""
AGAIN_SECONDS = 0.5


@contextmanager
def answering(webroot: Path, allowed: Callable[[], bool]) -> Iterator[None]:
    """The server that answers the CA, open for the block; it knows nothing while it is not allowed to, and is ready
    for requests when `/ready` answers 200."""

    class Answer(http.server.BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            name = self.path.removeprefix(PATH)
            file = webroot / PATH[1:] / name
            known = name != self.path and re.fullmatch(r"[\w-]+", name) and file.is_file()
            text = file.read_bytes() if known else b"ready" if self.path == "/ready" else b""
            self.send_response(200 if text and allowed() else 404)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(text if allowed() else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing: a run prints one line per host."""

    with http.server.ThreadingHTTPServer(("", PORT), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def astray(replicas: Mapping[str, str], host: str, webroot: Path) -> str | None:
    """Why a replica does not lead to the challenge server, which would cost a failed validation; None when all do."""
    if not replicas:
        return "no replica of the external Traefik is ready, so the CA could not reach the challenge"
    token = secrets.token_urlsafe(16)
    folder = webroot / PATH[1:]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / token).write_text(token)
    end = time.monotonic() + CHECK_SECONDS
    waiting = dict(replicas)
    while True:
        said = {name: _asked(address, host, token) for name, address in waiting.items()}
        waiting = {name: waiting[name] for name, trouble in said.items() if trouble}
        if not waiting or time.monotonic() >= end:
            (folder / token).unlink()
            return "; ".join(f"{name} {said[name]}" for name in waiting) or None
        time.sleep(AGAIN_SECONDS)


def _asked(address: str, host: str, token: str) -> str | None:
    connection = http.client.HTTPConnection(address, REPLICA_PORT, timeout=5)
    try:
        connection.request("GET", PATH + token, headers={"Host": host})
        answer = connection.getresponse()
        same = answer.read(1000) == token.encode()
        return None if same else f"answers {answer.status} to the challenge path, not the issuer's token"
    except (OSError, http.client.HTTPException) as error:
        return f"cannot be asked for the challenge path: {error}"
    finally:
        connection.close()
