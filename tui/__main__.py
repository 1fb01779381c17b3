"""The entry of `homelab-tui`; imports nothing heavy, so that the first answer comes at once."""

import os
import sys
from io import TextIOWrapper

from tui.cli import run


def main() -> None:
    """Run the program and leave with its exit code."""
    _mend_streams()
    sys.exit(run(sys.argv[1:]))


def _mend_streams() -> None:
    """A stream that the caller closed is one to nowhere; a sign that the terminal's encoding lacks becomes a `?`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the program runs
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
