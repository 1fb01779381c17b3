"""The root certificates of another CA: nothing else of the user's file may ever leave it.

The issuer trusts by OpenSSL, so OpenSSL says here too what a certificate is.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from homelab.plan.named import content

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Block:
    """One of a PEM file."""

    line: int
    """On which it begins, counted from 1."""
    label: str
    certificate: str | None
    """In PEM form, written anew; None for everything else, and for one that cannot be read."""

    @property
    def is_key(self) -> bool:
        """Whether it is for its owner's eyes alone."""
        return "PRIVATE KEY" in self.label


def blocks(file: str) -> tuple[Block, ...]:
    """What a PEM file holds. Raises OSError, ValueError."""
    text = content(file).decode("latin-1")  # words around the blocks may be of any encoding
    return tuple(_blocks(text))


def roots(file: str) -> str:
    """Its certificates and nothing else, in PEM form; empty where there is none. Raises OSError, ValueError."""
    return "".join(block.certificate or "" for block in blocks(file))


def _blocks(text: str) -> Iterator[Block]:
    for begin in _BEGIN.finditer(text):
        whole = _CERTIFICATE.match(text, begin.start())
        yield Block(text.count("\n", 0, begin.start()) + 1, begin[1], _anew(whole[0]) if whole else None)


def _anew(block: str) -> str | None:
    """The same certificate as PEM writes it; None for what is none, or holds anything beside it."""
    try:
        der = ssl.PEM_cert_to_DER_cert(block)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=der)
    except (ValueError, ssl.SSLError):
        return None
    return ssl.DER_cert_to_PEM_cert(der)
