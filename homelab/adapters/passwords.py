"""Hashing passwords over libpass, in a thread: bcrypt takes a tenth of a second, on a small Pi a whole one."""

from __future__ import annotations

import asyncio
from importlib import import_module

IDENT = "2y"
"""The prefix that Apache's htpasswd writes; every program that knows bcrypt takes it."""


class LibpassPasswords:
    """Keeps `ports.Passwords`. libpass is loaded when it is first used, in the thread."""

    async def hash(self, password: str, cost: int) -> str:
        """As bcrypt keeps it; two calls give two hashes."""
        return await asyncio.to_thread(_hash, password, cost)

    async def verify(self, password: str, hashed: str) -> bool:
        """Whether a hash is of this password; of a kind that Traefik does not take: no."""
        return await asyncio.to_thread(_verify, password, hashed)


def _hash(password: str, cost: int) -> str:
    return str(import_module("passlib.hash").bcrypt.using(rounds=cost, ident=IDENT).hash(password))


def _verify(password: str, hashed: str) -> bool:
    try:
        if hashed.startswith("$2"):  # libpass would warn on the terminal of salts that other programs wrote
            return bool(import_module("bcrypt").checkpw(password.encode(), hashed.strip().encode()))
        hashes = import_module("passlib.hash")
        schemes = (hashes.apr_md5_crypt, hashes.md5_crypt, hashes.ldap_sha1)
        return any(scheme.identify(hashed) and scheme.verify(password, hashed) for scheme in schemes)
    except ValueError:  # longer than bcrypt reads, a NUL, or a hash that only begins like one
        return False
