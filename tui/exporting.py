"""Tables into files, as a service of the console."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from homelab.observe.text import clean
from screens.scene import Said
from tui.feed import CannotConnect


class Exporting:
    """One for each console; `tell` gets what became of it."""

    def __init__(self, world: object, tell: Callable[..., None]) -> None:
        self._tell = tell

    async def write(self, name: str, text: str) -> None:
        """Make a file for nobody else's eyes. Raises CannotConnect where there is one already, or can be none."""
        path = await asyncio.to_thread(written, name, text)
        self._tell(said=Said(f"written to {path}"))


def written(name: str, text: str) -> Path:
    """Where it was written. Raises CannotConnect."""
    if clean(name) != name:
        raise CannotConnect("the name of the file has a sign that cannot be seen: nothing was written; type it anew")
    path = Path(os.path.expanduser(name)).absolute()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise CannotConnect(f"{path} is there already, and is left as it is: take another name") from None
    except OSError as error:
        raise CannotConnect(f"{path} cannot be made: {error.strerror}; take another folder") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise CannotConnect(f"{path} cannot be written: {error.strerror}; nothing is left of it") from None
    return path
