"""`homelab-tui render`, `diff`, `apply` and `delete`."""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from homelab.access.remains import remains
from homelab.finding import Finding
from homelab.plan.checks import findings_of
from homelab.plan.model import Plan
from homelab.ports import Cluster, ClusterError
from homelab.stack.apply import Applying
from homelab.stack.compare import compare
from homelab.stack.components import STAGES
from homelab.stack.delete import Removal, Removing, survey
from homelab.stack.deployment import Comparison
from homelab.stack.diff import Action, Difference
from homelab.stack.facts import facts
from homelab.stack.journal import Journal
from homelab.stack.obstacles import obstacles
from homelab.stack.order import NAMESPACE
from homelab.stack.preview import preview, wished
from homelab.stack.progress import Awaiting, Done, Event, StageBegun, StageEnded, Stopped
from homelab.stack.record import Recording, path_of
from homelab.stack.render import Facts, Rendered, as_yaml
from homelab.stack.render import render as rendered_of
from tui import wiring
from tui.headless import running
from tui.headless.failures import explained
from tui.headless.running import Brake
from tui.headless.terminal import Ticker, ask, say, show, warn
from tui.options import Options, Refused

AGAIN = "run the same command again to go on"


def render(parsed: Namespace, options: Options) -> int:
    """Print the stack as YAML. The cluster is asked for its networks if there is one; without, the plan has to do."""
    plan = checked(options)
    if plan is None:
        return 1

    async def known() -> Facts:
        async with wiring.cluster(options) as cluster:
            return await facts(cluster, plan)

    found = Facts(pods=(plan.cluster.pods,) if plan.cluster.pods else ())

    async def work() -> int:
        nonlocal found
        try:
            found = await known()
        except ClusterError as error:
            if not found.pods:
                warn(f"the pods' network is not known, so pods may not use the internal ingress: {error}")
            warn(f"the nodes are not known, so the network policies admit those of the plan alone: {error}")
        return 0

    if code := running.run(work):
        return code
    sys.stdout.write(as_yaml(rendered_of(plan, found, wiring.upstream(options), parsed.stage or STAGES)))
    return 0


def checked(options: Options) -> Plan | None:
    """The plan; None, with the findings shown, when it has errors. Raises PlanError."""
    found = wiring.reading(options)
    return None if show(findings_of(found), found.name) else found.plan


def diff(parsed: Namespace, options: Options) -> int:
    """Print what apply would change: 0 nothing, 1 something, 2 it cannot be told."""
    plan = checked(options)
    if plan is None:
        return 2

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            found = await preview(cluster, plan, wiring.upstream(options), parsed.stage or STAGES)
            blocked = show(found.findings)
            _print(found.differences)
            if blocked or is_blocked(found.differences):
                return 2
            return 1 if any(difference.changes for difference in found.differences) else 0

    return running.run(work)


def apply(parsed: Namespace, options: Options) -> int:
    """Bring the stack onto the cluster."""
    if not parsed.dry_run:
        may_write(parsed, options, "apply")
    plan = checked(options)
    if plan is None:
        return 1
    brake, stages = Brake(), [stage for stage in STAGES if stage in (parsed.stage or STAGES)]

    async def looked(cluster: Cluster) -> tuple[Rendered, ...]:
        found = await obstacles(cluster, plan)
        if show(found):
            raise InTheWay(Comparison(found, ()).hindrance)
        return await wished(cluster, plan, wiring.upstream(options), stages)

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            began = time.monotonic()
            if parsed.yes and not parsed.dry_run:  # it may take long to look, too: every console sees it, and stops it
                async with changing(cluster, options, stages) as run:
                    return await carry_out(cluster, run, await looked(cluster), began, brake)
            rendered = await looked(cluster)
            found = await compare(cluster, rendered)
            _print(found)
            if parsed.dry_run or is_blocked(found):
                return 1 if is_blocked(found) else 0
            # With nothing to change there is nothing to ask: the stages are only waited for.
            if any(difference.changes for difference in found):
                if not await ask("Apply this? Type yes to go on:", "yes"):
                    say("nothing was changed")
                    return 1
                began = time.monotonic()
            async with changing(cluster, options, stages) as run:
                return await carry_out(cluster, run, rendered, began, brake)

    try:
        return running.run(work, AGAIN, brake)
    except InTheWay:
        return 1


def is_blocked(found: Iterable[Difference]) -> bool:
    """Whether something stands in the way: it is not ours, or cannot be changed."""
    return any(difference.action is Action.BLOCKED for difference in found)


def may_write(parsed: Namespace, options: Options, command: str) -> None:
    """Raises Refused where nothing may be written, or nobody could be asked first."""
    if options.read_only:
        raise Refused(f"--read-only is set: {command} does nothing")
    if not parsed.yes and not sys.stdin.isatty():
        raise Refused(f"{command} asks before it changes anything, and here is no terminal to ask on; say --yes")


class InTheWay(Exception):
    """What is in the way has been shown; the text is the first of it."""


@asynccontextmanager
async def changing(
    cluster: Cluster, options: Options, stages: Sequence[str]
) -> AsyncIterator[tuple[Journal, Recording]]:
    """A run that every console sees, and nobody else's is one meanwhile. Raises Busy, NotKept, ClusterError."""
    with await wiring.journal(cluster, options) as journal:
        _resuming(journal)
        with _recorded(journal, stages) as record:
            yield journal, record


async def carry_out(
    cluster: Cluster, run: tuple[Journal, Recording], rendered: tuple[Rendered, ...], began: float, brake: Brake
) -> int:
    """Apply what is wished, and say how that went. Raises Blocked, StageFailed, Stopped, ClusterError."""
    journal, record = run
    with brake.handed() as stop:
        printer = _Printer(record)
        steps = wiring.steps(cluster, printer.notice)
        written = await Applying(cluster, journal, printer, steps, stop=stop).run(rendered)
    printer.ticker.clear()
    changed = f"{written} objects written" if written else "nothing to change"
    left = printer.outcomes["left alone"]
    as_wished = f"{len(rendered) - left} as wished" + (f", {left} left alone" if left else "")
    say(f"done: {changed}, {as_wished}, {time.monotonic() - began:.2f} s")
    return 0


@contextmanager
def _recorded(journal: Journal, stages: Sequence[str]) -> Iterator[Recording]:
    """What happens inside the block is seen by every console, with its end."""
    record = Recording(path_of(journal))
    record.begin(stages)
    try:
        yield record
    except (Stopped, asyncio.CancelledError):
        record.end("stopped")
        raise
    except InTheWay as error:
        record.end("failed", str(error))
        raise
    except Exception as error:
        record.end("failed", explained(error) or f"a fault of homelab-tui itself: {type(error).__name__}")
        raise
    record.end("done")


def _resuming(journal: Journal) -> None:
    """Say where the last run was cut; every step may be repeated, so going on means running again."""
    if cut := journal.cut():
        where = f" in stage {cut.stage}" if cut.stage else ""
        say(f"the {cut.run} of {cut.at} was {cut.how}{where}: going on from there")


def delete(parsed: Namespace, options: Options) -> int:
    """Take the stack off the cluster."""
    may_write(parsed, options, "delete")

    async def work() -> int:
        async with wiring.cluster(options) as cluster:
            removal = await survey(cluster, parsed.include)
            _announce(removal)
            if not removal.gone:
                return 0
            spaces = {entry.ref.name for entry, _ in removal.gone if entry.ref.kind == NAMESPACE}
            for line in await remains(cluster, spaces):
                say(line)
            if not parsed.yes and not await ask("Type delete to go on:", "delete"):
                say("nothing was deleted")
                return 1
            with await wiring.journal(cluster, options) as journal:
                _resuming(journal)
                left = await Removing(cluster, journal, printer := _Printer()).run(parsed.include)
                printer.ticker.clear()
            for kept in left.kept:
                if kept not in removal.kept:
                    say(f"stays: {kept.entry.ref}: {kept.why}")
            say(f"done: {printer.outcomes['removed']} objects removed, {len(left.kept)} kept")
            return 0

    return running.run(work, AGAIN)


def _announce(removal: Removal) -> None:
    """What would go, by stage, and every object that stays with the reason."""
    counts = Counter(entry.stage for entry, _ in removal.gone)
    for stage, number in counts.items():
        say(f"would remove {number} objects of stage {stage}")
    for kept in removal.kept:
        say(f"stays: {kept.entry.ref}: {kept.why}")
    if not removal.gone:
        say("nothing to remove")


GLYPHS = {
    Action.NEW: "+",
    Action.UNVERIFIED: "+",
    Action.CHANGE: "~",
    Action.SAME: " ",
    Action.THEIRS: "=",
    Action.REMOVE: "-",
    Action.BLOCKED: "!",
}


def _print(differences: Iterable[Difference]) -> None:
    """One head line per object that is not as wished, below it what changes; then the sum.

    New objects are only named, since the kinds alone are thousands of lines: `render` prints them.
    """
    found = list(differences)
    for difference in found:
        if difference.action is Action.SAME:
            continue
        head = f"{GLYPHS[difference.action]} {difference.ref}: {difference.action}"
        say(f"{head}: {difference.note}" if difference.note else head)
        for contest in difference.contests:
            say(f"    takes {contest.field} back from {contest.manager}")
        if difference.text and difference.action in (Action.CHANGE, Action.REMOVE):
            say("\n".join(f"    {line}" for line in difference.text.splitlines()))
    counts = Counter(difference.action for difference in found)
    say(", ".join(f"{number} {action}" for action, number in counts.items()) or "nothing")


class _Printer:
    """Prints what a run tells: what was written stays on the screen, what is awaited is one changing line."""

    def __init__(self, record: Recording | None = None) -> None:
        self.ticker = Ticker()
        self._record = record
        self.outcomes: Counter[str] = Counter()
        self._noticed: set[Finding] = set()

    def notice(self, finding: Finding) -> None:
        """Print a finding once, as a step that is repeated finds the same."""
        if finding not in self._noticed:
            self._noticed.add(finding)
            self.ticker.clear()
            show([finding])
            if self._record:
                self._record.note(f"{finding.at}: {finding.what}")

    def __call__(self, event: Event) -> None:
        if self._record:
            self._record(event)
        if isinstance(event, Done):
            self.outcomes[event.outcome] += 1
        match event:
            case StageBegun(stage, objects):
                self.ticker.line(f"{stage}: {objects} objects")
            case Done(stage, ref, outcome, note, contests) if outcome != "unchanged":
                taken = ", ".join(f"{contest.field} from {contest.manager}" for contest in contests)
                detail = "; ".join(part for part in (note, f"took back {taken}" if taken else "") if part)
                self.ticker.line(f"{stage}: {ref} {outcome}{f' ({detail})' if detail else ''}")
            case Awaiting(stage, missing, reasons) if missing:
                ref = next(iter(reasons), next(iter(missing)))
                more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
                why = "; ".join((missing[ref].why, *reasons.get(ref, ())[:1]))
                self.ticker.set(f"{stage}: waiting for {ref}: {why}{more}")
            case StageEnded(stage, seconds):
                self.ticker.line(f"{stage}: ready, {seconds:.1f} s")
