"""The entry of `homelab-tui`; imports nothing heavy, so that the first answer comes at once."""

import os
import sys
from io import TextIOWrapper

INTERRUPTED = 130
"""Exit code, as a shell says it of Ctrl-C."""


def main() -> None:
    """Run the program and leave with its exit code."""
    try:
        _mend_streams()
        from tui.cli import run  # noqa: PLC0415 - Ctrl-C may come while it is loaded

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _mend_streams() -> None:
    """A stream that the caller closed is one to nowhere; a sign that the terminal's encoding lacks becomes a `?`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - as long as the program runs
    for stream in (sys.stdout, sys.stderr, sys.__stderr__):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
