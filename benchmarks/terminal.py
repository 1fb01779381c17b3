"""A program in a terminal of its own: what it writes and when, what is on the screen, keys, size, signals, its end."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Self

import pyte

PATIENCE = 15.0
"""Seconds until what should appear counts as missing; a busy machine needs some."""
QUIET = 0.4
"""Seconds without a byte after which an answer is complete: many frames of the console."""
TICKS = os.sysconf("SC_CLK_TCK")
COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
UP, DOWN, PAGE_DOWN, HOME, END = "\x1b[A", "\x1b[B", "\x1b[6~", "\x1b[H", "\x1b[F"


class NotSeen(Exception):
    """What was waited for did not come; the text says what was on the screen instead."""


class Terminal:
    """Started with the program; as a context manager it ends it, in whatever state it is. Not for several threads.

    A thread of its own reads at once whatever is written, so that times are those of arrival and the program never
    waits for us.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        columns: int = 80,
        lines: int = 24,
        controlling: bool = True,
    ) -> None:
        """`controlling`: whether the program's session belongs to the terminal, so that it is sent SIGHUP with it."""
        self._master, self._slave = pty.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._written = bytearray()
        self._ends: list[int] = []
        self._times: list[float] = []
        self._news = Condition()
        self._size(columns, lines)
        self.settings = termios.tcgetattr(self._slave)
        """Of the line, as they were before the program came."""
        self.settings_left = self.settings
        """As the program left them; known when it has ended."""
        self.began = time.monotonic()
        session = ["setsid", "--ctty"] if controlling else ["setsid"]
        self._process = subprocess.Popen(
            [*session, *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            env={**_without_a_size(os.environ), **COLOURS, **(environment or {})},
        )
        self._pidfd = os.pidfd_open(self._process.pid)
        self._cpu: float | None = None
        self._wake, self._stop = os.pipe()
        self._reader: Thread | None = Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Until nobody can write any more, or until we hang up."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        poll.register(self._wake, 0)
        while all(descriptor != self._wake for descriptor, _ in poll.poll()):
            try:
                data = os.read(self._master, 1 << 16)
            except OSError:  # EIO: the last writer is gone, and all that it wrote was read
                return
            now = time.monotonic()
            with self._news:
                self._written += data
                self._ends.append(len(self._written))
                self._times.append(now)
                self._news.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._process.kill()
        self._process.wait()
        os.close(self._pidfd)

    # What is written

    @property
    def written(self) -> bytes:
        """Everything, as it went over the line."""
        return bytes(self._written)

    @property
    def count(self) -> int:
        """Bytes written so far."""
        return len(self._written)

    @property
    def display(self) -> tuple[str, ...]:
        """The lines that are on the screen now."""
        self._feed()
        return tuple(self._screen.display)

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.display)

    def column(self, line: int, text: str) -> int:
        """Where a text begins on the screen, in columns: a wide character takes two."""
        self._feed()
        row = self._screen.buffer[line]
        found = "".join(row[x].data or "\0" for x in range(self._screen.columns))
        return found.index(text)

    def _feed(self) -> None:
        with self._news:
            end = len(self._written)
            data = bytes(self._written[self._fed : end])
        self._stream.feed(data)
        self._fed = end

    # Waiting

    def until(self, probe: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Wait until it is true; asked again whenever something was written. Raises NotSeen."""
        end = time.monotonic() + seconds
        while True:
            seen = self.count
            if probe():
                return
            if not self.listen(end - time.monotonic(), seen) and not probe():
                raise NotSeen(f"not within {seconds:.0f} s; the screen shows:\n{self.text}")

    def shows(self, *texts: str, seconds: float = PATIENCE) -> None:
        """Wait until all of them are on the screen. Raises NotSeen."""
        self.until(lambda: all(text in self.text for text in texts), seconds)

    def lacks(self, text: str, seconds: float = PATIENCE) -> None:
        """Wait until it is no longer on the screen. Raises NotSeen."""
        self.until(lambda: text not in self.text, seconds)

    def arrival(self, text: str, since: int = 0, seconds: float = PATIENCE) -> float:
        """Wait until these bytes came after so many others; when the last of them did. Raises NotSeen."""
        data = text.encode()
        self.until(lambda: self._written.find(data, since) >= 0, seconds)
        return self.time_of(self._written.find(data, since) + len(data))

    def next_arrival(self, since: int, seconds: float = PATIENCE) -> float:
        """Wait until anything came after so many bytes; when. Raises NotSeen."""
        self.until(lambda: self.count > since, seconds)
        return self.time_of(since + 1)

    def time_of(self, count: int) -> float:
        """When so many bytes had come."""
        return self._times[bisect_left(self._ends, count)]

    def settled(self, seconds: float = QUIET) -> int:
        """Wait until nothing was written for so long; bytes written so far."""
        while True:
            seen = self.count
            if not self.listen(seconds):
                return seen

    def listen(self, seconds: float, since: int | None = None) -> bool:
        """Wait for so long, or until more is written than there was (or than `since`): whether it was."""
        seen = self.count if since is None else since
        with self._news:
            return self._news.wait_for(lambda: len(self._written) > seen, max(seconds, 0))

    # Doing

    def send(self, keys: str) -> float:
        """Type; when."""
        now = time.monotonic()
        os.write(self._master, keys.encode())
        return now

    def resize(self, columns: int, lines: int) -> None:
        """Another size; the program is told by the kernel."""
        self._feed()
        self._screen.resize(lines, columns)
        self._size(columns, lines)

    def _size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def signal(self, number: int) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """The terminal is gone, as when an SSH session drops."""
        if self._reader is None:
            return
        os.close(self._stop)
        self._reader.join()
        for descriptor in (self._wake, self._master, self._slave):
            os.close(descriptor)
        self._reader = None

    # The process

    @property
    def cpu(self) -> float:
        """Seconds of processor time that the program has used, all its threads."""
        if self._cpu is not None:
            return self._cpu
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """Resident megabytes of this one process."""
        return resident(self._process.pid)

    def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for the end of the program, and for all that it wrote; its exit code. Raises NotSeen."""
        if not select.select([self._pidfd], [], [], seconds)[0]:
            raise NotSeen(f"still running after {seconds:.0f} s")
        self._cpu = self.cpu  # it ends with the wait
        code = self._process.wait()
        if self._reader:
            self.settings_left = termios.tcgetattr(self._slave)
            os.close(self._slave)
            self._reader.join()
            for descriptor in (self._wake, self._stop, self._master):
                os.close(descriptor)
            self._reader = None
        return code


def resident(pid: int) -> float:
    """Megabytes of memory that a process has, its children apart."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def _without_a_size(environment: Mapping[str, str]) -> dict[str, str]:
    """Whoever started us may have told theirs; a program would believe it more than the terminal."""
    return {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
