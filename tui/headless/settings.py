"""`homelab-tui settings`: print what counts, check the file, write a first one."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import fields

from screens.commands import COMMANDS, KEY_SIGNS, name_of
from tui.headless.terminal import say
from tui.options import Options, Refused
from tui.settings import Settings, file, load, quoted, written


def settings(parsed: Namespace, options: Options) -> int:
    """Do one of these. Raises Refused, OSError."""
    if parsed.action == "check":
        return check()
    if parsed.action == "init":
        return init(options)
    if options.trouble:
        raise Refused(f"{options.trouble}\n`homelab-tui settings check` says everything")
    say(text(options.settings))
    return 0


def check() -> int:
    """Print everything that is wrong with the file."""
    found = load(file())
    for one in found.findings:
        say(one.text(str(file())))
    count = len(found.findings)
    there = "" if os.path.lexists(file()) else ", which is not there: the defaults count"
    say(f"{file()}{there}: {count or 'no'} error{'' if count == 1 else 's'}")
    return 1 if count else 0


def init(options: Options) -> int:
    """Write every setting with its default. Raises Refused, OSError."""
    if options.read_only:
        raise Refused("--read-only is set: no settings are written")
    file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with open(file(), "x", encoding="utf-8") as made:
            made.write(text(Settings()))
    except FileExistsError:
        raise Refused(f"{file()} exists; edit it, or delete it first") from None
    say(f"{file()} written: every setting with its default; the console reads it when it starts")
    return 0


def text(known: Settings) -> str:
    """Settings as the file has them, with a word on each; keys that are not chosen as comments."""
    lines = [f"# Settings of homelab-tui, from {file()}", ""]
    for one in fields(known):
        if one.name != "keys":
            bounds, says = one.metadata["bounds"], one.metadata["says"]
            lines.append(f"# {says}{f', {bounds[0]:_} to {bounds[1]:_}' if bounds else ''}")
            lines += [f"{one.name} = {written(getattr(known, one.name))}", ""]
    return "\n".join(
        [
            *lines,
            "[keys]",
            "# of your own, by command: a letter, a digit, a sign, f1 to f12, ctrl+letter",
            *keys(known),
            "",
        ]
    )


def keys(known: Settings) -> list[str]:
    """A line for each command, with its key where it has one."""
    found = []
    for one in COMMANDS:
        key = known.keys.get(one.id, one.usual) or ""
        mark = "" if one.id in known.keys else "# "
        found.append(f"{mark}{quoted(one.id)} = {quoted(KEY_SIGNS.get(key, key))}  # {name_of(one)}: {one.help}")
    return found
