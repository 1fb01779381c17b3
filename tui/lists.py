"""Lists of users on this machine: read for an import, written by an export, by the console and by commands alike."""

from __future__ import annotations

import os
from pathlib import Path

from homelab.access.htpasswd import hashes
from homelab.access.model import UserFile
from tui.headless.unseen import write_new
from tui.options import Refused

LARGEST = 1024 * 1024
"""Bytes of a file that can be imported: a Secret holds no more."""


def listed(named: str) -> bytes:
    """What an htpasswd file says. Raises Refused where it is no list of users."""
    path = Path(os.path.expanduser(named))
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}; name a file that htpasswd wrote") from None
    if len(found) > LARGEST or not hashes(found):
        raise Refused(f"{path} has no users: a line is a name, a colon and a hash, as `htpasswd -nB NAME` prints it")
    return found


def write_out(path: Path, file: UserFile) -> str:
    """Write the list as it is, hashes and all, into a new file; what was done. Raises Refused, OSError."""
    if not file.content:
        raise Refused(f"nothing to export: {file.refusal or f'there is no user in {file.secret} yet'}")
    try:
        write_new(path, file.content)
    except FileExistsError:
        raise Refused(f"{path} has been made meanwhile, and stays as it is: name another file") from None
    number = len(file.users)
    users = f"{number} user{'' if number == 1 else 's'}"
    return f"{path} written: {users} of {file.secret}; keep it to yourself, it has their hashes"
