"""What a deploy did, on disk: a line before and after each step, so that a dropped session is known and resumed.

Every step is idempotent, so resuming means doing the steps again; the journal says where the last run was cut. Only one
run at a time may work on a cluster from this machine: the journal's lock sees to that, and dies with its process.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

LONGEST = 256 * 1024
"""Bytes; a journal that is longer and leaves no run open begins anew, so that no SD card fills up."""
GLANCE_SECONDS = 0.05
"""Longer than a console that only asks who has the lock keeps it from being taken."""
ROOM = "make room there, or name a folder that you may write to with XDG_STATE_HOME"


class Busy(Exception):
    """Another run holds the journal."""


class NotKept(OSError):
    """The journal cannot be written, so nothing may be changed either; the text names it, why and what to do."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A run that began and did not end."""

    run: str
    at: str
    """RFC 3339 time of the last line that is its own."""
    stage: str | None
    """The stage it was in; None before the first."""
    how: str = "cut"
    """`stopped` where a person wished it."""


class Journal:
    """The journal of one cluster; a context manager that holds the lock."""

    def __init__(self, folder: Path) -> None:
        """`folder` belongs to one cluster; it is made when missing."""
        self.path = folder / "journal.jsonl"
        self._lock = folder / "lock"
        self._file: int | None = None
        self._locked: int | None = None

    def __enter__(self) -> Self:
        """Take the lock. Raises Busy naming the other process, NotKept."""
        try:
            with self._kept():
                self._open()
        except BaseException:  # without a `with` nobody else would let go of the lock
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._locked = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _take(self._locked)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _end_torn_line(self._file)
        if os.fstat(self._file).st_size > LONGEST and self.cut() is None:
            os.truncate(self._file, 0)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        """What the disk refuses becomes NotKept."""
        try:
            yield
        except OSError as error:
            raise NotKept(f"the journal {self.path} cannot be written: {error.strerror}; {ROOM}") from error

    def __exit__(self, *_: object) -> None:
        for descriptor in (self._file, self._locked):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._locked = None

    def holder(self) -> int | None:
        """The process that has the lock; None while nobody has."""
        try:
            with open(self._lock, encoding="ascii", errors="replace") as lock:
                return None if _free(lock.fileno()) else int(lock.read(20).strip() or 0)
        except (OSError, ValueError):
            return None

    def write(self, event: str, **details: Any) -> None:
        """Add a line and wait until it is on disk. Raises NotKept."""
        if self._file is None:
            raise RuntimeError("a journal is written inside its `with`")
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **details}
        left = (json.dumps(line) + "\n").encode()
        with self._kept():
            while left:  # a disk that is nearly full takes a part, and refuses the next
                left = left[os.write(self._file, left) :]
            os.fsync(self._file)

    def cut(self) -> Cut | None:
        """The last run, if it was cut."""
        try:
            return last_cut(self.path.read_text(errors="replace").splitlines())
        except FileNotFoundError:
            return None


def _take(lock: int) -> None:
    if not (_is_mine(lock) or _is_mine(lock, after=GLANCE_SECONDS)):
        holder = os.read(lock, 20).decode(errors="replace").strip()
        raise Busy(
            f"another homelab-tui (process {holder or 'unknown'}) is changing this cluster; wait for it, or end it"
        )
    os.truncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())


def _is_mine(lock: int, *, after: float = 0) -> bool:
    """Take it after so many seconds, unless somebody has it then."""
    time.sleep(after)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _free(lock: int) -> bool:
    """Whether nobody holds it; asked of the kernel by taking it for a moment together with whoever asks too."""
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_torn_line(file: int) -> None:
    """What a power loss left must not swallow the next run's first line."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        os.write(file, b"\n")


def last_cut(lines: Iterable[str]) -> Cut | None:
    """The run that the lines leave open. A torn last line (power loss) is passed over."""
    found: Cut | None = None
    for line in lines:
        try:
            entry = json.loads(line)
            event, at = entry["event"], entry["at"]
        except (ValueError, KeyError, TypeError):
            continue
        if event == "begin":
            found = Cut(entry.get("run", "?"), at, None)
        elif event == "end":
            found = None
        elif found and event == "stopped":
            found = Cut(found.run, at, found.stage, "stopped")
        elif found and "stage" in entry:  # a renewal in between is no part of the run
            found = Cut(found.run, at, entry["stage"])
    return found
