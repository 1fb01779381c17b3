"""The config loader: writes the dynamic configuration of the external Traefik into Consul's KV store.

    python3 loader.py

The configuration, a text in the form that `dynamic` describes, is checked first, and then written in one transaction
that replaces `http/` and `tls/options/`, and never touches `tls/certificates/`. When all is there to the last key
nothing is written, so whoever may need it runs this: a Job, each starting replica, each run of the issuer; what
somebody wrote or deleted by hand does not last. A middleware named `homelab-<hash>`, used by nobody, shows in each
replica's API whether it took the configuration.

Environment: CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN_FILE, HOMELAB_CONFIG (file with the text), HOMELAB_PATIENCE (seconds
to wait for a Consul that has a leader). Exit code 0: KV holds it; 1: it does not, and the last line says why.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from dynamic import FOLDERS, HASH, Trouble, digest, wished

AGAIN_SECONDS = 1.0
TIMEOUT_SECONDS = 10.0
T = TypeVar("T")


class Away(Trouble):
    """Consul does not answer, or has no leader; worth another try."""


class Outrun(Trouble):
    """Somebody else was faster: the transaction's condition no longer held, nothing was written."""


class Environment(dict[str, str]):
    """What a program is given; who lacks a name learns where it should come from."""

    def __missing__(self, name: str) -> str:
        raise Trouble(f"the environment lacks {name!r}; the manifests of `homelab-tui apply` give it")


Operation = dict[str, Any]


def write(key: str, value: bytes) -> Operation:
    """Set a key, as part of a transaction."""
    return {"KV": {"Verb": "set", "Key": key, "Value": base64.b64encode(value).decode()}}


def clear(folder: str) -> Operation:
    """Delete everything below a folder, as part of a transaction."""
    return {"KV": {"Verb": "delete-tree", "Key": folder}}


def transaction(keys: Mapping[str, bytes], name: str, index: int) -> list[Operation]:
    """Replaces what the loader owns, if the hash is still the one that was read: Traefik sees the old or the new."""
    first = write(HASH, name.encode())
    first["KV"] |= {"Verb": "cas", "Index": index}
    return [first, *map(clear, FOLDERS), *(write(key, value) for key, value in sorted(keys.items()))]


@dataclass(frozen=True, slots=True)
class Pair:
    """A value in KV and the index of its last change."""

    value: bytes
    index: int


@dataclass(frozen=True)
class Consul:
    """The parts of Consul's HTTP API that the loader and the issuer need."""

    address: str
    token: str = field(repr=False)

    @classmethod
    def of(cls, address: str, token_file: str) -> Consul:
        """With the token of a file, so that it is in no argument. Raises OSError."""
        return cls(address if "://" in address else "http://" + address, Path(token_file).read_text().strip())

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The JSON of an answer, None for a 404. Raises Away, Outrun or Trouble."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"X-Consul-Token": self.token, "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/v1/{path}", data, headers, method=method)
        try:
            with _opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return self._refusal(f"{method} {path}", error.code, said_in(error).strip())
        except (OSError, ValueError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or str(error) or type(error).__name__
            raise Away(f"Consul at {self.address} does not answer: {why}") from None

    def _refusal(self, what: str, status: int, said: str) -> None:
        if status == 404:  # noqa: PLR2004 - Consul says so of every key and session that is not there
            return
        if "ermission denied" in said or "ACL not found" in said:
            raise Trouble(f"Consul refuses the token for {what}: {said}; `homelab-tui apply` creates missing tokens")
        kind = Outrun if status == 409 else Away if status in (429, 500, 503) else Trouble  # noqa: PLR2004
        raise kind(f"Consul answers {status} to {what}: {' '.join(said.split())[:300]}")

    def below(self, prefix: str) -> dict[str, Pair]:
        """Every key that begins so. Raises Away or Trouble."""
        found = self.ask("GET", f"kv/{prefix}?recurse&consistent") or []
        return {e["Key"]: Pair(base64.b64decode(e["Value"] or ""), e["ModifyIndex"]) for e in found}

    def commit(self, operations: Iterable[Operation]) -> None:
        """All or nothing. Raises Outrun when a condition does not hold, Away or Trouble."""
        self.ask("PUT", "txn", list(operations))


# Whatever proxy the environment names, it is not for the cluster's own addresses.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def said_in(error: urllib.error.HTTPError) -> str:
    """What a refusal says, as far as it came."""
    try:
        return error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return "the answer broke off"


def load(consul: Consul, file: Path) -> tuple[bool, str]:
    """Bring the configuration into KV: whether it was not there to the last key, and its hash.

    The file is read after the index of what is to be replaced: whoever loads another one in between makes this fail,
    and the next try reads the file anew. Raises Away, Outrun, Trouble or OSError.
    """
    mark = consul.below(HASH).get(HASH, Pair(b"", 0))
    text = file.read_text("utf-8")
    keys, name = wished(text), digest(text)
    found = {key: pair.value for folder in FOLDERS for key, pair in consul.below(folder).items()}
    if found == keys and mark.value == name.encode():
        return False, name
    consul.commit(transaction(keys, name, mark.index))
    return True, name


def patiently(seconds: float, what: Callable[[], T], passing: tuple[type[Trouble], ...] = (Away, Outrun)) -> T:
    """Try until it works, or until the time is over or the trouble is none that passes: then it is raised."""
    end = time.monotonic() + seconds
    told = False
    while True:
        try:
            return what()
        except passing as error:
            if time.monotonic() >= end:
                raise
            if not told:
                tell("waiting", error=str(error))
            told = True
        time.sleep(AGAIN_SECONDS)


def tell(event: str, **facts: object) -> None:
    """One line of JSON on standard output; what is no text, such as half a character of a CA's words, is a `?`."""
    line = json.dumps({"event": event, **facts}, ensure_ascii=False)
    print(line.encode(errors="replace").decode(), flush=True)


def gist(error: Exception) -> str:
    """An error in one sentence; of one that nobody foresaw also its kind and its place in the program."""
    if isinstance(error, Trouble | OSError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"a fault of the program itself, please report it: {type(error).__name__}{place}: {error}"


def main() -> int:
    """Load what the environment names. The last line is JSON, whatever happens."""
    try:
        given = Environment(os.environ)
        consul = Consul.of(given["CONSUL_HTTP_ADDR"], given["CONSUL_HTTP_TOKEN_FILE"])
        file = Path(given["HOMELAB_CONFIG"])
        wrote, name = patiently(float(given["HOMELAB_PATIENCE"]), lambda: load(consul, file))
    except Exception as error:
        tell("failed", error=gist(error))
        return 1
    tell("loaded" if wrote else "already loaded", hash=name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
