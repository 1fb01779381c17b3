"""The entry of `homelab-tui`; imports nothing heavy, so that the first answer comes at once."""

import sys

from tui.cli import run


def main() -> None:
    """Run the program and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
