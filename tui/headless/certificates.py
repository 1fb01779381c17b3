"""`homelab-tui renew`: certificates at once, due or not."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Collection, Iterable

from homelab.ports import Cluster
from homelab.stack.outcome import STATUS, Outcome, awaited, outcome, tries
from homelab.stack.renewal import Unfit, fit
from homelab.stack.renewal import renew as ordered
from tui import wiring
from tui.headless import running
from tui.headless.terminal import Ticker, ask, say
from tui.options import Options, Refused

ADVICE = f"a run that was started goes on; {STATUS}"


def renew(parsed: Namespace, options: Options) -> int:
    """Order new certificates for some hosts, and say what became of it; 1 when one was not issued. Raises Refused."""
    if options.read_only:
        raise Refused("--read-only is set: renew does nothing")
    if not parsed.yes and not sys.stdin.isatty():
        raise Refused("renew asks before it orders anything, and here is no terminal to ask on; say --yes")

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            try:
                hosts = await fit(cluster, parsed.host)
            except Unfit as error:
                raise Refused(str(error)) from None
            if not parsed.yes:
                say("A CA signs only so many certificates for the same name in a week.")
                if not await ask(f"Order anew for {', '.join(hosts)}? Type yes to go on:", "yes"):
                    say("nothing was ordered")
                    return 1
            return await _order(cluster, hosts, options)

    return running.run(work, ADVICE)


async def _order(cluster: Cluster, hosts: Collection[str], options: Options) -> int:
    open_store, ticker = wiring.store(cluster), Ticker()
    before = await tries(cluster, open_store)
    with await wiring.journal(cluster, options) as journal:
        job = await ordered(cluster, journal, hosts)
    ticker.line(f"{job} was started; waiting for its end, Ctrl-C leaves it running")
    trouble = await awaited(cluster, job, ticker.set)
    after = await tries(cluster, open_store)
    ticker.clear()
    return _tell([outcome(host, before, after, trouble) for host in hosts], trouble)


def _tell(outcomes: Iterable[Outcome], trouble: str | None) -> int:
    found = list(outcomes)
    for one in found:
        say(f"{'✓' if one.is_issued else '✗'} {one.host}: {one.said}")
    if trouble and not any(trouble in one.said for one in found):
        say(f"▲ the run itself failed: {trouble}")
    return 0 if all(one.is_issued for one in found) else 1
