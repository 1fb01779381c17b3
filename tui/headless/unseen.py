"""What nobody else may see: secrets typed without an echo, and new files for their owner's eyes alone."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import suppress
from getpass import getpass
from pathlib import Path

from tui.options import Refused


def secret(what: str, *, anew: bool) -> bytes:
    """Of the first line of standard input, or typed unseen; a new one twice. Raises Refused."""
    if not sys.stdin.isatty():
        given = sys.stdin.buffer.readline().rstrip(b"\r\n")
    else:
        given = _typed(f"{what.capitalize()}: ")
        if anew and given and _typed("Once more: ") != given:
            raise Refused("the two are not the same; nothing was written")
    if not given:
        raise Refused(f"there is no {what}: type one, or give it as the first line of standard input")
    return given


def _typed(prompt: str) -> bytes:
    try:
        return getpass(prompt).encode("utf-8", "surrogateescape")
    except EOFError:
        return b""


def new_path(named: str) -> Path:
    """Where a new file may be written. Raises Refused."""
    path = Path(os.path.expanduser(named))
    if os.path.lexists(path):
        raise Refused(f"{path} is there already: name another file, or remove it")
    if not path.parent.is_dir():
        raise Refused(f"there is no folder {path.parent}; make it first")
    return path


def write_new(path: Path, content: bytes) -> None:
    """Whole or not at all, mode 0600. Raises FileExistsError where one has come meanwhile, OSError."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))  # what has come meanwhile is not overwritten
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
