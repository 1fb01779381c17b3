"""What a cluster gives every pod that asks its API, and the CA that the lab has in place of a real one; as files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from homelab.lab.certificate import authority
from homelab.lab.process import private


@dataclass(frozen=True, slots=True)
class Account:
    """Where those files are, for the eyes of this machine's user alone."""

    folder: Path
    """With the files `token` and `ca.crt`."""
    host: str
    port: int
    authority: Path
    """Certificate and key of the lab's CA."""


@contextmanager
def account(folder: Path, url: str, token: str, certificate: bytes) -> Iterator[Account]:
    """The files below this folder, for the block. The CA is a new one each time."""
    found = urlsplit(url)
    made = Account(folder / "account", found.hostname or "", found.port or 443, folder / "account" / "authority.pem")
    shutil.rmtree(made.folder, ignore_errors=True)
    made.folder.mkdir(mode=0o700)
    files = {"token": token.encode(), "ca.crt": certificate, made.authority.name: authority()}
    try:
        for name, content in files.items():
            with open(made.folder / name, "wb", opener=private) as file:
                file.write(content)
        yield made
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)
