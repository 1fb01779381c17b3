"""`homelab-tui setup`: the set-up on the screen, or from a file of answers."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from homelab.observe.live import stamp, utc_now
from homelab.plan.file import load, save
from homelab.ports import ClusterError
from homelab.setup.answers import answers_of, onto
from homelab.setup.judge import Base, judge, provisional, written
from homelab.setup.lock import Held, Lock
from homelab.setup.model import Found, Judged
from homelab.setup.paper import begin, fill
from homelab.setup.place import meant
from homelab.setup.review import changes
from homelab.setup.survey import sought, survey, taken
from tui import wiring
from tui.console import console, no_terminal
from tui.headless import running
from tui.headless.stack import apply
from tui.headless.terminal import say, show, warn
from tui.options import Options, Refused

NO_SCREEN = "the set-up asks its questions on a terminal, and {why}; give a file of answers with --answers FILE"
WITHOUT = "--yes and --dry-run belong to --answers FILE: on the screen the deploy shows what it would do, and asks"


def setup(parsed: Namespace, options: Options) -> int:
    """Make the plan. Raises Refused, PlanError."""
    if parsed.answers is None:
        if parsed.yes or parsed.dry_run:
            raise Refused(WITHOUT)
        if why := no_terminal():
            raise Refused(NO_SCREEN.format(why=why))
        return console(parsed, options)
    if options.read_only and not parsed.dry_run:
        raise Refused("--read-only is set: setup writes nothing; --dry-run shows what it would write")
    file = meant(options.plan_files())
    if parsed.dry_run:
        return _answered(parsed, options, file)
    file.absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock = Lock(file, os.environ, stamp(utc_now()))
    except Held as held:
        raise Refused(f"{held} is at the set-up of {file}; nothing was written") from None
    try:
        code = _answered(parsed, options, file)
    finally:
        lock.release()
    if code or not parsed.yes:
        return code
    return apply(Namespace(yes=True, dry_run=False, stage=None), replace(options, plan=file))


def _answered(parsed: Namespace, options: Options, file: Path) -> int:
    """Write the plan that the answers make, unless it has errors; whether it has."""
    answers = Path(os.path.expanduser(parsed.answers))
    if not answers.exists():
        raise Refused(f"there is no file {answers}; docs/setup.md shows what a file of answers looks like")
    reading = load(answers)
    if reading.document.root is None:
        show(reading.findings, str(answers))
        return 1
    said = answers_of(reading.document)
    base = onto(begin(file), said)
    judged = _judged(base, said.fields, options)
    if show(judged.findings) or judged.plan is None:
        warn(f"{file} was not written: answer these in {answers}")
        return 1
    return _written(parsed, file, base.before, judged.text)


def _judged(base: Base, answered: Mapping[str, str], options: Options) -> Judged:
    """The plan that the answers and what was found make."""
    found = Found()

    async def work() -> int:
        nonlocal found
        around = wiring.neighbourhood(options)
        found = Found(machine=around.machine())
        try:
            async with wiring.cluster(options) as cluster:
                found = await survey(cluster, provisional(base, fill(base, answered, found)[1]), found)
        except ClusterError as error:
            warn(f"the cluster was not asked: {error}")
        wanted = sought(provisional(base, fill(base, answered, found)[1]), found.machine)
        found = replace(found, taken=await taken(around, wanted, found.given), searched=wanted)
        return 0

    if running.run(work):
        return Judged(None, "", ())
    _, values = fill(base, answered, found)
    judged = judge(base, values, found)
    return replace(judged, text=written(base, values)) if judged.plan else judged


def _written(parsed: Namespace, file: Path, before: str | None, text: str) -> int:
    lines = changes(before, text)
    if parsed.dry_run:
        for line in lines:
            say(line)
        say(f"{file} would {'change' if lines else 'stay as it is'}")
        return 0
    if lines:
        save(file, text)
    say(f"{file} {'written' if lines else 'stays as it is'}")
    if not parsed.yes:
        say(f"look at it, then: homelab-tui apply --plan {file}")
    return 0
