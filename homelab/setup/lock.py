"""One console at a time changes a plan: the lock names who holds it, and dies with its process."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
from collections.abc import Mapping
from contextlib import suppress
from errno import EISDIR, ELOOP
from pathlib import Path

from homelab.finding import brief
from homelab.plan.document import PlanError

MOST = 4096
"""Bytes of what a lock says."""


class Held(Exception):
    """Somebody else is at it; the text says who."""


class Lock:
    """The lock of one plan's set-up."""

    def __init__(self, plan: Path, environment: Mapping[str, str], now: str) -> None:
        """Take it; the plan's folder is made where there is none. Raises Held; PlanError where it cannot be taken."""
        self._path = plan.absolute().with_name(f".{plan.name}.lock")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _opened(self._path)
        except OSError as error:
            raise PlanError(_refusal(self._path, error)) from None
        with suppress(OSError):  # a full disk takes no name, but the lock holds all the same
            os.truncate(self._file, 0)
            os.pwrite(self._file, json.dumps(_myself(environment, now)).encode(), 0)

    def release(self) -> None:
        """Let the next one begin."""
        with suppress(OSError):
            self._path.unlink()
        os.close(self._file)


def _refusal(path: Path, error: OSError) -> str:
    """What a person can do about a lock that cannot be taken."""
    if error.errno in (ELOOP, EISDIR):
        kind = "a link" if error.errno == ELOOP else "a folder"
        return f"{path} is {kind} where the set-up's lock must be, so nothing can be saved; move it away"
    folder = path.parent
    why = f"{folder} cannot be written to: {error.strerror}; nothing can be saved there"
    return f"{why}. Check its owner and mode with `ls -ld {folder}`, or name another place with --plan FILE"


def _opened(path: Path) -> int:
    """The lock's file, locked; again where it was removed between opening and locking."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            said = os.pread(file, MOST, 0)
            os.close(file)
            raise Held(_holder(said)) from None
        with suppress(FileNotFoundError):
            if os.stat(path).st_ino == os.fstat(file).st_ino:
                return file
        os.close(file)


def _myself(environment: Mapping[str, str], now: str) -> dict[str, object]:
    try:
        user, terminal = pwd.getpwuid(os.getuid()).pw_name, ""
    except KeyError:
        user, terminal = str(os.getuid()), ""
    with suppress(OSError):
        terminal = os.ttyname(0).removeprefix("/dev/")
    client = environment.get("SSH_CONNECTION", "").partition(" ")[0]
    return {"pid": os.getpid(), "user": user, "terminal": terminal, "from": client, "since": now}


def _holder(said: bytes) -> str:
    """`anna on pts/2 from 192.168.1.30, since 2026-11-23T17:20:04Z (process 4711)`."""
    try:
        found = json.loads(said)
        words = {key: brief(str(found[key])) for key in ("pid", "user", "terminal", "from", "since")}
    except (ValueError, KeyError, TypeError):
        return "another homelab-tui"
    where = f" on {words['terminal']}" if words["terminal"] else ""
    client = f" from {words['from']}" if words["from"] else ""
    return f"{words['user']}{where}{client}, since {words['since']} (process {words['pid']})"
