"""Files that the plan names."""

from __future__ import annotations

import os
from pathlib import Path

LARGEST = 2**18
"""Bytes of a file. A ConfigMap holds four times as many, and Consul takes twice as many in a transaction, where every
value grows by a third on its way."""


def content(file: str) -> bytes:
    """What it holds. Raises OSError, ValueError for what is no file or too large."""
    path = Path(os.path.expanduser(file))
    if not path.is_file():  # nor is a pipe waited for
        raise FileNotFoundError("there is no file of that name")
    found = path.read_bytes()
    if len(found) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 1024} KiB")
    return found


def unreadable(problem: OSError | ValueError) -> str:
    """Why a file cannot be read, in the system's own words where it has some."""
    return getattr(problem, "strerror", None) or str(problem)
