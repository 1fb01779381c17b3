"""`homelab-tui renew`: certificates at once, due or not."""

from __future__ import annotations

import sys
from argparse import Namespace

from homelab.stack.renewal import renew as ordered
from tui import wiring
from tui.headless import running
from tui.headless.terminal import ask, say
from tui.options import Options, Refused


def renew(parsed: Namespace, options: Options) -> int:
    """Order new certificates for some hosts. Raises Refused."""
    if options.read_only:
        raise Refused("--read-only is set: renew does nothing")
    if not parsed.yes and not sys.stdin.isatty():
        raise Refused("renew asks before it orders anything, and here is no terminal to ask on; say --yes")

    async def work() -> int:
        if not parsed.yes:
            say("A CA signs only so many certificates for the same name in a week.")
            if not await ask(f"Order anew for {', '.join(parsed.host)}? Type yes to go on:", "yes"):
                say("nothing was ordered")
                return 1
        async with wiring.cluster(options) as cluster:
            with await wiring.journal(cluster, options) as journal:
                job = await ordered(cluster, journal, parsed.host)
        say(f"{job} was started; what it does: kubectl -n {job.namespace} logs -f job/{job.name}")
        return 0

    return running.run(work)
