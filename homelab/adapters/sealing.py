"""A file under a passphrase: Scrypt makes the key, ChaCha20-Poly1305 keeps the content secret and as it was.

    magic | version | Scrypt: log2 n, r, p | salt | length of the content      the header, in plain
    check                                   proves the key, so that a wrong passphrase is told from a damaged file
    sealed content

The salt is a new one for each file and so is the key, hence the two nonces are fixed; the header is authenticated with
both. ChaCha20 because a Pi has no instructions for AES. Source: RFC 7914, RFC 8439.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from struct import Struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from homelab.ports import SealError

MAGIC = b"homelab-tui backup"
VERSION = 1
_BEGINNING = Struct(f">{len(MAGIC)}sH")
"""Magic and version: what every version begins with."""
_HEADER = Struct(f">{len(MAGIC)}sHBHH16sQ")
_TAG = 16
_CHECK, _CONTENT = bytes(12), bytes(11) + b"\1"
"""Nonces."""
MOST_MEMORY, MOST_PASSES = 256 * 1024 * 1024, 16
"""Bytes, and rounds over them, that a header may ask for: it is read before it is proved."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a guess of the passphrase costs."""

    log_n: int
    r: int
    p: int

    @property
    def is_bearable(self) -> bool:
        """Whether a key may be made at this cost. Source: RFC 7914, 2; the limits are ours."""
        memory = 128 * self.r << self.log_n
        return 0 < self.log_n < 16 * self.r and 0 < self.p <= MOST_PASSES and memory <= MOST_MEMORY


USUAL = Cost(16, 8, 2)
"""64 MiB and about a second on a Pi. Source: OWASP, Password Storage Cheat Sheet."""


class PassphraseSealing:
    """Keeps `homelab.ports.Sealing`."""

    def __init__(self, cost: Cost = USUAL) -> None:
        self._cost = cost

    def seal(self, content: bytes, passphrase: bytes) -> bytes:
        """The content as it may lie about anywhere."""
        salt, cost = os.urandom(16), self._cost
        header = _HEADER.pack(MAGIC, VERSION, cost.log_n, cost.r, cost.p, salt, len(content))
        cipher = _cipher(passphrase, salt, cost)
        return header + cipher.encrypt(_CHECK, b"", header) + cipher.encrypt(_CONTENT, content, header)

    def open(self, sealed: bytes, passphrase: bytes) -> bytes:
        """The content again. Raises SealError."""
        cost, salt, length = _read(sealed)
        content = _HEADER.size + _TAG
        if (there := len(sealed)) < (whole := content + length + _TAG):
            raise SealError(f"is cut short: {there} of {whole} bytes are there; copy it anew from where it was made")
        header, check = sealed[: _HEADER.size], sealed[_HEADER.size : content]
        cipher = _cipher(passphrase, salt, cost)
        try:
            cipher.decrypt(_CHECK, check, header)
        except InvalidTag:
            raise SealError("does not open with this passphrase") from None
        try:
            return cipher.decrypt(_CONTENT, sealed[content:], header)
        except InvalidTag:
            raise _damaged() from None


def _read(sealed: bytes) -> tuple[Cost, bytes, int]:
    """What the header says. Raises SealError."""
    if sealed[: len(MAGIC)] != MAGIC[: len(sealed)]:
        raise SealError("is no backup of homelab-tui; name the file that `homelab-tui backup` wrote")
    if len(sealed) < _BEGINNING.size:
        raise _beheaded(sealed)
    version: int = _BEGINNING.unpack_from(sealed)[1]
    if version > VERSION:
        raise SealError(
            f"was written by a newer homelab-tui (form {version}, this one reads {VERSION}): update this one"
        )
    if len(sealed) < _HEADER.size:
        raise _beheaded(sealed)
    *_, log_n, r, p, salt, length = _HEADER.unpack_from(sealed)
    if version != VERSION or not (cost := Cost(log_n, r, p)).is_bearable:
        raise _damaged()
    return cost, salt, length


def _beheaded(sealed: bytes) -> SealError:
    return SealError(f"is cut short: only {len(sealed)} bytes are there; copy it anew from where it was made")


def _damaged() -> SealError:
    return SealError("is damaged: it is not as it was sealed; use another copy of it")


def _cipher(passphrase: bytes, salt: bytes, cost: Cost) -> ChaCha20Poly1305:
    key = Scrypt(salt=salt, length=32, n=1 << cost.log_n, r=cost.r, p=cost.p).derive(passphrase)
    return ChaCha20Poly1305(key)
