"""`homelab-tui lab`, and every other command with `--lab`: on the lab in place of a cluster."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from importlib import import_module
from signal import SIGINT

from homelab.lab.process import Folder, LabError, attach, claim, need_extra
from homelab.observe.text import clean
from tui.headless.terminal import let_go, say, warn
from tui.options import Options, Refused

NOTICE = "the lab uses its own small stand-ins in place of the upstream files of MetalLB and Traefik"


def lab(parsed: Namespace, options: Options) -> int:
    """Be the lab until a signal comes. Raises LabError, OSError."""
    if options.lab:
        raise Refused("lab is the lab itself: leave out --lab, and say lab --bare for one without the stack")
    need_extra()
    folder = Folder.make(os.environ)
    if (seat := claim(folder)) is None:
        raise LabError(f"a lab runs already in {folder.path}: use it with --lab, or end what uses it first")
    try:
        code: int = import_module("homelab.lab.serve").run_here(seat, parsed.bare, _say)
        return code
    except KeyboardInterrupt:  # before it had begun
        return 128 + SIGINT
    finally:
        seat.leave()


def _say(text: str) -> None:
    try:
        for line in text.split("\n"):
            print(clean(line), flush=True)
    except OSError:  # whoever read this has gone; the lab is there for others
        let_go()


def on_lab(command: Callable[[Namespace, Options], int], parsed: Namespace, options: Options) -> int:
    """Run a command on the lab, which is started when none runs. Raises LabError and what the command raises."""
    name = parsed.command.rpartition(":")[2]
    try:
        with attach(options.lab == "bare", warn) as attached:
            if name in ("apply", "setup", "delete", "backup", "restore"):  # they would meet the deploy of a new lab
                attached.deployed(warn)
            if name in ("apply", "setup"):
                say(NOTICE)
            return command(parsed, options.on(attached))
    except KeyboardInterrupt:
        return 128 + SIGINT
