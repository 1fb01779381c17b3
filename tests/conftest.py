"""What every test needs of the process that runs them."""

from __future__ import annotations

import signal

# A job in the background of a shell ignores Ctrl-C, and so would each program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
