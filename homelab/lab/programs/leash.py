"""`leash.py PARENT PROGRAM ARGUMENTS...`: become the program, but die with the parent, also when that one is killed.

Run with `python -I -S`; the alternative, code between fork and exec in the lab itself, is unsafe beside threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""Source: prctl(2). It outlives exec, so the program itself needs to know nothing of it."""


def main() -> None:
    """Ask the kernel for the signal, look whether the parent died before that, and become the program."""
    parent, program, *arguments = sys.argv[1:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == int(parent):
        os.execv(program, [program, *arguments])


if __name__ == "__main__":
    main()
