"""What is kept of a fault of ours: the trace goes to a file of the user's, never onto the screen."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import platformdirs

FILE = "fault.txt"


def kept() -> Path | None:
    """Write the trace of the exception being handled, without any variable; None where it cannot be written."""
    folder = platformdirs.user_state_path("homelab-tui")
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(traceback.format_exc())
    except OSError:
        return None
    return path


def told() -> str:
    """One sentence for the person, after the trace was kept."""
    path = kept()
    where = f"the details are in {path}" if path else "and its details could not be written"
    return f"homelab-tui: the console met a fault of its own, {where}; please report it; the cluster goes on as it is"
