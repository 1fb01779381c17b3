"""The last of what containers say: so many lines and bytes, whatever comes in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from homelab.observe.text import clean

LOG_LINES = 2000
LOG_BYTES = 1_000_000
"""Of those lines together."""
LONGEST = 16_384
"""Bytes of a line; a longer one is broken. Source: what container runtimes put into one."""


@dataclass(slots=True)
class Tail:
    """Bounded: the oldest lines go first."""

    most_lines: int = LOG_LINES
    most_bytes: int = LOG_BYTES
    gone: int = 0
    """Lines that are kept no more."""
    _lines: deque[str] = field(default_factory=deque)
    _size: int = 0
    _begun: dict[str, bytes] = field(default_factory=dict)
    """What each has said of a line that has no end yet."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Oldest first, cleaned: none can steer a terminal."""
        return tuple(self._lines)

    def take(self, label: str, piece: bytes) -> None:
        """Some more of what one says; the label stands before its lines, unless it is empty."""
        *whole, rest = (self._begun.pop(label, b"") + piece).split(b"\n")
        self._keep(label, whole)
        while len(rest) > LONGEST:
            self._keep(label, [rest[:LONGEST]])
            rest = rest[LONGEST:]
        if rest:
            self._begun[label] = rest

    def end(self, label: str) -> None:
        """Nothing more comes: a line without an end is one too."""
        if rest := self._begun.pop(label, b""):
            self._keep(label, [rest])

    def _keep(self, label: str, lines: list[bytes]) -> None:
        """Only those that can stay are looked at."""
        before = f"{label}  " if label else ""
        lost = max(len(lines) - self.most_lines, 0)
        self.gone += lost
        for line in lines[lost:]:
            said = before + clean(line[:LONGEST].decode(errors="replace").rstrip("\r"))
            self._lines.append(said)
            self._size += len(said)
        while self._lines and (len(self._lines) > self.most_lines or self._size > self.most_bytes):
            self._size -= len(self._lines.popleft())
            self.gone += 1
