"""The set-up of one plan as it stands: what was answered, what follows from it, and the files that keep it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from homelab.finding import Finding, Severity, brief
from homelab.observe.live import stamp, utc_now
from homelab.plan.document import PlanError
from homelab.plan.file import load, save
from homelab.plan.model import Plan
from homelab.setup import draft
from homelab.setup.draft import Kept, mark
from homelab.setup.fields import COMPUTED, FIELDS, KUBECONFIG, step_of
from homelab.setup.judge import Base, base_of, judge, provisional, written
from homelab.setup.model import STEPS, Draft, Found, Judged, Setup
from homelab.setup.propose import SEEN_ONLY, propose

CHANGED = (
    "{file} has been changed by somebody since; it was not overwritten. The review now compares with it as it is: "
    "look at it, and confirm once more"
)
BEGUN_ON_ANOTHER = "{file} has been changed since these answers were given; the review shows what they would change"


class Paper:
    """Holds one `Setup` and makes it anew with every answer."""

    def __init__(self, file: Path, step: str) -> None:
        """Take up the draft of a plan, else begin at a step. A file that cannot be read is a finding."""
        self._file = file
        self._base = begin(file)
        kept = draft.load(file)
        self._answered = dict(kept.draft.values) if kept else {}
        other = kept is not None and kept.base != mark(self._base.before)
        self.setup = Setup(
            draft=Draft(kept.draft.step if kept else step),
            found=Found(),
            proposals={},
            judged=Judged(None, "", ()),
            file=str(file),
            before=self._base.before,
            saved=kept.saved if kept else None,
            said=BEGUN_ON_ANOTHER.format(file=file) if other else None,
        )
        self._work_out()

    def show(self, **news: object) -> None:
        """Bring in what was learnt; what follows from it is worked out again."""
        before, self.setup = self.setup.found, replace(self.setup, **news)  # type: ignore[arg-type]  # its fields
        if self.setup.found is not before:
            self._work_out()

    def answer(self, path: str, text: str) -> None:
        """Something was typed."""
        self._answered[path] = text
        self.setup = replace(self.setup, said=None, is_written=False)
        self._work_out()

    def forget(self, path: str) -> None:
        """What was typed into a field counts no more."""
        self._answered.pop(path, None)
        self._work_out()

    def confirm(self, step: str) -> str | None:
        """The values of a step stand from now on; why not, where something in it is wrong."""
        wrong = [one for one in self.setup.judged.findings if one.is_error and step_of(one.at) == step]
        if wrong:
            return f"{wrong[0].at}: {wrong[0].what}; {wrong[0].fix}"
        values, paths = self.setup.draft.values, [field.path for field in FIELDS[step] if field.path != KUBECONFIG]
        more = COMPUTED if step == "nodes" else ()
        self._answered |= {path: values[path] for path in (*paths, *more) if path in values}
        passed = self.setup.draft.step
        if step == passed:
            self.setup = replace(self.setup, draft=replace(self.setup.draft, step=self.following(step)))
        self.setup = replace(self.setup, said=None)
        self._work_out()
        return None

    def following(self, step: str) -> str:
        """The step behind one; behind a setting there is the review."""
        is_setting = self.setup.before is not None and self.setup.draft.step == STEPS[-1]
        if step not in STEPS or is_setting:
            return STEPS[-1]
        return STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)]

    @property
    def is_changed(self) -> bool:
        """Whether anything was answered that the plan's file does not say."""
        there = self._base.values()
        return any(text != there.get(path, "") for path, text in self._answered.items() if path != KUBECONFIG)

    def provisional(self) -> Plan:
        """A plan to look at the cluster with; stand-ins for what is not answered yet."""
        return provisional(self._base, self.setup.draft.values)

    def write_out(self) -> None:
        """Make the plan's text, where every field is right."""
        if self.setup.judged.plan:
            try:
                text = written(self._base, self.setup.draft.values)
            except PlanError as error:
                self.setup = replace(self.setup, said=str(error))
                return
            self.setup = replace(self.setup, judged=replace(self.setup.judged, text=text))

    def save(self) -> str | None:
        """Write the draft; why not, where the disk refuses."""
        now = stamp(utc_now())
        kept = Kept(Draft(self.setup.draft.step, self._answered), mark(self._base.before), now)
        try:
            draft.save(self._file, kept)
        except PlanError as error:
            return f"{error}; your answers stay here on the screen"
        self.setup = replace(self.setup, saved=now)
        return None

    def leave(self) -> str | None:
        """Keep what was answered, or no draft at all where that is nothing new. Why not, where the disk refuses."""
        if self.is_changed:
            return self.save()
        draft.remove(self._file)
        return None

    def finish(self) -> str | None:
        """Write the plan, unless somebody else changed it; the draft is gone then. Why not, where it was not done."""
        if any(one.is_error for one in self.setup.judged.findings) or self.setup.judged.plan is None:
            return "the plan has errors still; nothing was written"
        now = begin(self._file)
        if now.before != self._base.before:
            self._base = now
            self.setup = replace(self.setup, before=now.before)
            self._work_out()
            self.write_out()
            return CHANGED.format(file=self._file)
        try:
            save(self._file, written(self._base, self.setup.draft.values))
        except PlanError as error:
            return str(error)
        draft.remove(self._file)
        self._base, self._answered = begin(self._file), {}
        self.setup = replace(self.setup, is_written=True, saved=None, draft=replace(self.setup.draft, step=STEPS[-1]))
        return None

    def _work_out(self) -> None:
        proposals, filled = fill(self._base, self._answered, self.setup.found)
        values = {KUBECONFIG: self.setup.found.kubeconfig or "", **filled}
        judged = judge(self._base, values, self.setup.found)
        judged = replace(judged, findings=(*_leads_nowhere(values, self.setup.found), *judged.findings))
        self.setup = replace(
            self.setup, draft=replace(self.setup.draft, values=values), proposals=proposals, judged=judged
        )


def fill(base: Base, answered: Mapping[str, str], found: Found) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Proposals, and what stands in the fields: answers, else what the plan that is there says, else a proposal.

    What nobody but a person can know is proposed, but not taken over.
    """
    set_already = {**base.values(), **answered}
    proposals = propose(found, set_already)
    taken_over = {path: text for path, text in proposals.items() if path not in SEEN_ONLY}
    return proposals, {**taken_over, **set_already}


def begin(file: Path) -> Base:
    """The plan that is there; an empty file is none. Raises PlanError where it cannot be read at all."""
    try:
        is_there = file.stat().st_size > 0
    except FileNotFoundError:
        is_there = False
    return base_of(load(file) if is_there else None, str(file))


def _leads_nowhere(values: Mapping[str, str], found: Found) -> Iterator[Finding]:
    """What is wrong with the kubeconfig."""
    typed = values[KUBECONFIG].strip()
    if typed != (found.kubeconfig or ""):
        if not os.path.isfile(os.path.expanduser(typed)):
            why, fix = "the cluster's address and key are read from it", "correct it, or copy the file there"
            yield Finding(Severity.ERROR, KUBECONFIG, f"there is no file `{brief(typed)}`", why, fix)
    elif found.trouble:
        what, _, fix = found.trouble.partition("; ")
        yield Finding(Severity.ERROR, KUBECONFIG, what, "without the cluster nothing can be found or deployed", fix)
