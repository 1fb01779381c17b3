"""The set-up of one plan as it stands: what was answered, what follows from it, and the files that keep it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from homelab.observe.live import stamp, utc_now
from homelab.plan.document import PlanError
from homelab.plan.file import load, save
from homelab.plan.model import Plan
from homelab.setup import draft
from homelab.setup.answers import Answers, onto
from homelab.setup.draft import Kept, mark
from homelab.setup.fields import COMPUTED, FIELDS, KUBECONFIG, step_of
from homelab.setup.forms import located
from homelab.setup.judge import Base, base_of, judge, provisional, written
from homelab.setup.model import STEPS, Draft, Found, Judged, Setup
from homelab.setup.propose import guesses, propose
from homelab.setup.remarks import remarks, with_reason

CHANGED = (
    "{file} has been changed by somebody since; it was not overwritten. Look at what would change in it as it is now, "
    "and do this once more"
)
BEGUN_ON_ANOTHER = "{file} has been changed since these answers were given; the review shows what they would change"


class Paper:
    """Holds one `Setup` and makes it anew with every answer."""

    def __init__(self, file: Path, step: str, answers: Answers | None = None) -> None:
        """Take up the answers of a file, else the draft of a plan, else begin at a step. Raises PlanError.

        A plan that is no YAML is a finding.
        """
        self._file = file
        self._others = answers.others if answers else {}
        self._base = self._begun()
        kept = None if answers else draft.load(file)
        self._answered = dict(answers.fields if answers else kept.draft.values if kept else {})
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

    def wrong(self, step: str) -> str | None:
        """The first error of a step."""
        wrong = (one for one in self.setup.judged.findings if one.is_error and step_of(one.at) == step)
        return next((f"{one.at}: {one.what}; {one.fix}" for one in wrong), None)

    def confirm(self, step: str) -> str | None:
        """The values of a step stand from now on; why not, where something in it is wrong."""
        if why := self.wrong(step):
            return why
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
        """Make the plan's text, where every field is right; whatever is learnt or answered later takes it away."""
        if self.setup.judged.plan and not self.setup.judged.text:
            try:
                text = written(self._base, self.setup.draft.values)
            except PlanError as error:
                self.setup = replace(self.setup, said=str(error))
                return
            self.setup = replace(self.setup, judged=replace(self.setup.judged, text=text))

    def save(self) -> str | None:
        """Write the draft; why not, where the disk refuses."""
        now = stamp(utc_now())
        there = self._base.values()
        typed = self._answered.items()
        answered = {path: text if text == there.get(path) else located(path, text) for path, text in typed}
        kept = Kept(Draft(self.setup.draft.step, answered), mark(self._base.before), now)
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

    def discard(self) -> None:
        """Forget what was answered; the plan stays as it is."""
        draft.remove(self._file)

    def finish(self) -> str | None:
        """Write the plan, unless somebody else changed it; the draft is gone then. Why not, where it was not done."""
        if any(one.is_error for one in self.setup.judged.findings) or self.setup.judged.plan is None:
            return "the plan has errors still; nothing was written"
        now = self._begun()
        if now.before != self._base.before:
            self._base = now
            self.setup = replace(self.setup, before=now.before)
            self._work_out()
            self.write_out()
            return CHANGED.format(file=self._file)
        try:
            text = written(self._base, self.setup.draft.values)
            if text != now.before:
                save(self._file, text)
        except PlanError as error:
            return str(error)
        draft.remove(self._file)
        self._base, self._answered = self._begun(), {}
        self.setup = replace(self.setup, is_written=True, saved=None, draft=replace(self.setup.draft, step=STEPS[-1]))
        return None

    def _begun(self) -> Base:
        return onto(begin(self._file), self._others)

    def _work_out(self) -> None:
        proposals, filled = fill(self._base, self._answered, self.setup.found)
        found_one = self.setup.found.kubeconfig or ""
        values = {**filled, KUBECONFIG: filled.get(KUBECONFIG, "").strip() or found_one}
        proposals = {**proposals, KUBECONFIG: found_one}
        judged = judge(self._base, values, self.setup.found)
        findings = (with_reason(one, values, proposals, self.setup.found) for one in judged.findings)
        judged = replace(judged, findings=(*remarks(values, self.setup.found), *findings))
        self.setup = replace(
            self.setup, draft=replace(self.setup.draft, values=values), proposals=proposals, judged=judged
        )


def fill(base: Base, answered: Mapping[str, str], found: Found) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Proposals, and what stands in the fields: answers, else what the plan that is there says, else a proposal.

    What nobody but a person can know is proposed, but not taken over.
    """
    said = {**base.values(), **answered}
    set_already = {path: text for path, text in said.items() if text.strip() or path not in COMPUTED}
    proposals, guessed = propose(found, set_already), guesses(found, set_already)
    taken_over = {path: text for path, text in proposals.items() if path not in guessed}
    return proposals, {**taken_over, **set_already}


def begin(file: Path) -> Base:
    """The plan that is there; an empty file is none. Raises PlanError where it cannot be read at all."""
    try:
        found = file.stat()
        is_none = S_ISREG(found.st_mode) and not found.st_size
    except (FileNotFoundError, NotADirectoryError):
        is_none = True
    except OSError:
        is_none = False  # reading it says why
    return base_of(None if is_none else load(file), str(file))
