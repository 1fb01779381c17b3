"""The sentences of the deploy view."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from shlex import quote

from homelab.observe.snapshot import SourceState
from homelab.setup.fields import step_of
from homelab.stack.deployment import Comparison, Deployment
from homelab.stack.diff import Action, Difference, as_text
from screens.commands import COMMANDS, sign
from screens.deploying.rows import Phase, grouped
from screens.dialogs.deploying import counted
from screens.freshness import MINUTE, Freshness, age
from screens.scene import Scene

Said = tuple[str, str]
"""A sentence and the name of its style."""
SAMPLE = "whoami"
"""The app that the stack brings along."""
ENDINGS = {"done": "✓ done", "failed": "✗ failed", "stopped": "▲ stopped", "cut": "▲ cut"}
STATES = {
    "done": SourceState.LIVE,
    "failed": SourceState.FAILED,
    "stopped": SourceState.STALE,
    "cut": SourceState.STALE,
}


def fresh(scene: Scene, phase: Phase) -> Freshness:
    """What stands at the end of the title."""
    run = scene.deployment
    if phase is Phase.RUNNING:
        return Freshness(SourceState.LIVE, "● under way")
    if phase is not Phase.BEFORE and run and run.ending:
        return Freshness(STATES.get(run.ending, SourceState.STALE), ENDINGS[run.ending])
    if scene.comparison is None:
        return Freshness(SourceState.LOADING, "○ comparing")
    if scene.comparison.hindrance:
        return Freshness(SourceState.FAILED, "✗ not possible")
    return Freshness(SourceState.LIVE, "● compared")


def summary(scene: Scene, phase: Phase) -> tuple[str, ...]:
    """After the title."""
    if phase is Phase.BEFORE:
        return (counted(scene.comparison),) if scene.comparison and scene.comparison.differences else ()
    run = scene.deployment
    if run is None:
        return ()
    ready = sum(stage.state == "ready" for stage in run.stages)
    return (f"{ready} of {len(run.stages)} stages", f"{sum(stage.written for stage in run.stages)} objects written")


def head(scene: Scene, phase: Phase) -> Iterator[Said]:
    """What is to be known before the rows: what is in the way, why it ended, what to do next."""
    run = scene.deployment
    if phase is Phase.BEFORE:
        yield from before(scene)
    elif phase is Phase.RUNNING:
        yield "The run goes on without this console: leave it and come back as you like.", "dim"
    elif phase is Phase.DONE and run:
        yield f"✓ Deployed in {lasted(run)}: every stage is ready.", "good"
        yield from after(scene)
    elif run:
        yield from broken(run, scene)
    if run and phase is not Phase.BEFORE:
        yield from ((f"▲ {note}", "warn") for note in run.notes)


def before(scene: Scene) -> Iterator[Said]:
    """Findings, and how the last run ended where that was before its end."""
    found, run = scene.comparison, scene.deployment
    if run and run.ending not in (None, "done"):
        yield (
            f"▲ The last run was not brought to its end ({run.ending}, {ago(run, scene)}): a goes on from there.",
            "warn",
        )
    if found is None:
        yield "Comparing the plan with the cluster …", "dim"
        return
    if found.trouble:
        yield f"✗ {found.trouble}", "bad"
        if scene.plan is None:
            yield "s opens the set-up, which writes a plan step by step.", "strong"
    elif not (found.hindrance or any(one.changes for one in found.differences)):
        yield "✓ The cluster is as the plan wishes: nothing to deploy.", "good"
        yield from after(scene)
    yield from findings(found)
    yield from blocked(found.differences)


def findings(found: Comparison) -> Iterator[Said]:
    """Errors first, each with where it is, what to do, and in which step of the set-up that is asked."""
    for one in sorted(found.findings, key=lambda finding: not finding.is_error):
        place = f"{Path(found.file).name}:{one.line}: " if found.file and one.line else ""
        yield f"{'✗' if one.is_error else '▲'} {place}{one.at}: {one.what}", "bad" if one.is_error else "warn"
        step = step_of(one.at)
        yield f"  {one.fix}{f' (s, {step.capitalize()})' if step else ''}", "dim"


def blocked(found: Iterable[Difference]) -> Iterator[Said]:
    """Objects that stand in the way."""
    return ((f"✗ {one.ref}: {one.note}", "bad") for one in found if one.action is Action.BLOCKED)


def broken(run: Deployment, scene: Scene) -> Iterator[Said]:
    """Why it ended before its end, and how to go on."""
    words = {
        "failed": ("✗ The deploy failed", "bad"),
        "stopped": ("▲ The deploy was stopped", "warn"),
        "cut": ("▲ The deploy was cut: its process was ended from outside, or the machine was", "warn"),
    }
    said, style = words.get(run.ending or "", words["cut"])
    yield f"{said}, {ago(run, scene)}.", style
    if scene.comparison is None:
        yield "Looking at what is left …", "dim"
    elif why := scene.comparison.hindrance:
        yield f"✗ To go on, mend this first, then c: {why}", "bad"
    else:
        yield "enter goes on from there; what is ready is not done again. c shows what is left.", ""
    yield from ((line, style) for line in (run.error or "").removeprefix("homelab-tui: ").split("\n") if line)


def after(scene: Scene) -> Iterator[Said]:
    """What to do next, with this home's names and addresses."""
    plan = scene.plan
    if plan is None:
        return
    inside, outside = plan.ingress.internal, plan.ingress.external
    host = f"{SAMPLE}.{inside.domain}"
    yield "The sample app answers within seconds:", ""
    yield f"  curl -H {quote(f'Host: {host}')} {place(scene, inside.address)}", "strong"
    yield "Paste the router's text, if you have not: s, Router, or `homelab-tui router`", ""
    if plan.certificates.environment == "staging" and not plan.certificates.server:
        yield "Certificates are for trial, untrusted. For production: s, Certificates", ""
    yield "Next, the first app of yours:", "title"
    users, apps = (sign(one) for id in ("view.users", "view.apps") for one in COMMANDS if one.id == id)
    yield f"  1  Key {users} adds who may come in from the internet.", ""
    yield f"  2  Key {apps}, then a: its Service, at {inside.domain} (LAN) or {outside.domain} (internet).", ""
    yield "  3  The console follows it until it answers.", ""


def place(scene: Scene, address: IPv4Address) -> str:
    """Where the internal ingress is asked: in the lab that is on loopback."""
    held = scene.snapshot.allocations if scene.snapshot else ()
    loopback = next((one.loopback for one in held if one.address == str(address) and one.loopback), None)
    return f"http://{loopback.split(', ')[0] if loopback else address}/"


def lasted(run: Deployment) -> str:
    """How long it took."""
    seconds = int((run.ended or run.began) - run.began)
    return f"{seconds // MINUTE} min {seconds % MINUTE} s" if seconds >= MINUTE else f"{seconds} s"


def ago(run: Deployment, scene: Scene) -> str:
    """When it ended."""
    return f"{age(datetime.fromtimestamp(run.ended or run.began, UTC).isoformat(), scene.now)} ago"


def changes(row: str, scene: Scene) -> str:
    """What would change of the object of a row; empty for a row that is none."""
    found = next((one for one in of(scene.comparison) if str(one.ref) == row), None)
    if found is None:
        return ""
    taken = [f"takes {contest.field} back from {contest.manager}" for contest in found.contests]
    return "\n".join([f"{found.ref}: {found.action}", *filter(None, [found.note]), *taken, "", found.text])


def of(found: Comparison | None) -> tuple[Difference, ...]:
    """Every difference there is."""
    return found.differences if found else ()


def yaml(row: str, scene: Scene) -> str:
    """The object of a row as it is wished, or all of a component or stage; the values of Secrets are words."""
    if scene.comparison is None:
        return ""
    inside = {one.ref for one in grouped(scene.comparison).get(row, ())}
    wished = [one.obj for one in scene.comparison.rendered if one.ref in inside or row in (str(one.ref), one.stage)]
    return "\n---\n".join(map(as_text, wished))
