"""`homelab-tui setup`: the set-up on the screen, or from a file of answers."""

from __future__ import annotations

import os
from argparse import Namespace
from dataclasses import replace
from functools import partial
from pathlib import Path

from homelab.observe.live import stamp, utc_now
from homelab.ports import ClusterError
from homelab.setup.answers import load
from homelab.setup.lock import Held, Lock
from homelab.setup.model import STEPS, Found
from homelab.setup.paper import Paper
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
    path = Path(os.path.expanduser(parsed.answers))
    if not path.exists():
        raise Refused(f"there is no file {path}; docs/setup.md shows what a file of answers looks like")
    answers = load(path)
    if show(answers.findings, str(path)):
        return _refused(file, path)
    paper = Paper(file, STEPS[-1], answers)
    if code := running.run(partial(_looked, paper, options)):
        return code
    paper.write_out()
    judged = paper.setup.judged
    if show(answers.placed(judged.findings), str(path)) or judged.plan is None:
        return _refused(file, path)
    return _written(parsed, file, paper)


def _refused(file: Path, answers: Path) -> int:
    warn(f"{file} was not written: answer these in {answers}")
    return 1


async def _looked(paper: Paper, options: Options) -> int:
    """Let the answers be judged by what is found; a cluster that does not answer is told, and keeps nobody."""
    around = wiring.neighbourhood(options)
    found = Found(machine=around.machine())
    paper.show(found=found)
    try:
        async with wiring.cluster(options) as cluster:
            found = await survey(cluster, paper.provisional(), found)
    except ClusterError as error:
        warn(f"the cluster was not asked: {error}")
    paper.show(found=found)
    wanted = sought(paper.provisional(), found.machine)
    paper.show(found=replace(found, taken=await taken(around, wanted, found.given), searched=wanted))
    return 0


def _written(parsed: Namespace, file: Path, paper: Paper) -> int:
    if why := paper.setup.said:
        warn(why)
        return 1
    lines = changes(paper.setup.before, paper.setup.judged.text)
    if parsed.dry_run:
        for line in lines:
            say(line)
        say(f"{file} would {'change' if lines else 'stay as it is'}")
        return 0
    if why := paper.finish():
        warn(why)
        return 1
    say(f"{file} {'written' if lines else 'stays as it is'}")
    if not parsed.yes:
        say(f"look at it, then: homelab-tui apply --plan {file}")
    return 0
