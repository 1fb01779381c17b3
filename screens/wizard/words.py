"""What the set-up says around its fields: pure functions from what is known to lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from homelab.finding import Finding
from homelab.observe.text import clean, shortened
from homelab.setup.fields import EMPTY, Field, field_of, step_of
from homelab.setup.model import Setup
from screens.commands import FIRST_TIME, STEPS, Command
from screens.freshness import clock
from screens.scene import Scene
from screens.widgets import hints
from screens.widgets.hints import DONE, ERROR, NOTHING_CHANGES, WARNING, Keys, rule
from screens.widgets.lines import Line, Span, length

OPENING = "Looking at this machine …"
HELD = "{} is at this set-up: you can look, but change nothing until they have left; this is looked at again and again."
SINCE = re.compile(r"since (\S+Z) \(process \d+\)")
"""How a lock tells of its holder; the time of day is what a person asks for."""
REVIEW = "review"
LOOK: Keys = (("F5", "look again"),)
HELP: Keys = (
    ("enter", "Take the answers and go on; where one is wrong, to that one."),
    ("esc", "The step before; from the first one out of the set-up."),
    ("tab ↑ ↓", "The next field, or the one before; shift+tab too. In a text: its lines."),
    ("F2", "Take what is suggested for the field."),
    ("F5", "Look again at what this step shows, where it looks at anything."),
    ("c", "In a text that can be pasted: copy it."),
    ("ctrl+s", "Keep the answers and leave; the set-up goes on there the next time."),
    ("ctrl+p", "Everything that can be done now, by name; : too, outside of fields."),
    ("F1", "This."),
    ("ctrl+c", "Leave the console; the answers are kept."),
)
"""Every key of a step, in a sentence."""
OPTIONAL: Span = ("optional", "dim")
LOOKING: Span = ("looking …", "dim")
AWAITED: Span = ("○ The cluster and the network are still looked at: press enter again when it is done.", "accent")


# Where one is


def is_setting(step: str, scene: Scene) -> bool:
    """Whether a step stands alone, with nothing but the review behind it: there is a plan, and it is to be changed."""
    alone = scene.is_alone and scene.setup is not None and scene.setup.before is not None
    return alone or step not in [one.label for one in FIRST_TIME]


def walk(step: str, scene: Scene) -> Sequence[Command]:
    """The steps that one goes through from here."""
    if is_setting(step, scene):
        about = scene.setup.setting if scene.setup and step == REVIEW else None
        return [one for one in STEPS if one.label in (about, step, REVIEW)]
    return FIRST_TIME


def following(step: str, scene: Scene) -> str:
    """Id of the view behind a step."""
    ids = [one.id for one in walk(step, scene)]
    return ids[min(ids.index(f"setup.{step}") + 1, len(ids) - 1)]


def preceding(step: str, scene: Scene) -> str | None:
    """Id of the step before; None: there is none."""
    ids = [one.id for one in walk(step, scene)]
    at = ids.index(f"setup.{step}")
    return ids[at - 1] if at else None


def is_passed(step: str, setup: Setup) -> bool:
    """Whether a step was confirmed already."""
    names = [one.label for one in FIRST_TIME]
    return step not in names or names.index(step) < names.index(setup.draft.step)


def step_for(at: str) -> str:
    """Id of the step in which something is asked."""
    return f"setup.{step_of(at) or FIRST_TIME[0].label}"


def top(step: str, scene: Scene, width: int) -> list[Line]:
    """How far one is, and below it what goes on."""
    setup = scene.setup
    right = setup.busy if setup and setup.busy else f"saved {clock(setup.saved)[:5]}" if setup and setup.saved else ""
    return [progress(step, scene, width), rule(width, clean(right))]


def progress(step: str, scene: Scene, width: int) -> Line:
    """`Set-up   ✓ Cluster  ▸ Nodes    Addresses …`; where the room is short only this step, and how many there are."""
    names = [one.label for one in walk(step, scene)]
    at, setup, setting = names.index(step), scene.setup, is_setting(step, scene)
    title = " Settings  " if setting else " Set-up  "
    done = names.index(setup.draft.step) if setup and setup.draft.step in names else 0
    spans: list[Span] = [(title, "title")]
    for number, name in enumerate(names):
        here, passed = number == at, number < max(done, at) and not setting
        mark: Span = (" ▸ ", "accent") if here else _passed(name, setup) if passed else ("   ", "")
        spans += [mark, (f"{name.capitalize()} ", "strong" if here else "dim")]
    if length(spans) <= width:
        return tuple(spans)
    short = (
        (title, "title"),
        (" ▸ ", "accent"),
        (f"{step.capitalize()}", "strong"),
        (f"  {at + 1}/{len(names)}", "dim"),
    )
    return short if length(short) <= width else ((shortened(f" ▸ {step.capitalize()}", width), "strong"),)


def _passed(step: str, setup: Setup | None) -> Span:
    """A step that was confirmed may be wrong all the same: the plan was changed by hand, or the network did."""
    errors = (step_of(one.at) for one in setup.judged.findings if one.is_error) if setup and setup.looked else ()
    return (f" {ERROR} ", "bad") if step in errors else (f" {DONE} ", "good")


# What is to be said of a field


def value(setup: Setup, path: str) -> str:
    """What was answered, or taken over from what is proposed."""
    return setup.draft.values.get(path, "")


def suggestion(setup: Setup, path: str) -> str | None:
    """What F2 would take: None where it stands there already."""
    proposed = setup.proposals.get(path)
    return proposed if proposed and proposed != value(setup, path) and not setup.holder else None


def is_lacking(setup: Setup, field: Field) -> bool:
    """Whether a field must be filled and nothing stands there."""
    return field.needed and not value(setup, field.path).strip()


def worst(setup: Setup, path: str) -> Finding | None:
    """The first error of a field, else its first warning."""
    own = [one for one in (*setup.judged.findings, *setup.found.findings) if field_of(one.at) == path]
    return min(own, key=lambda one: not one.is_error, default=None)


def brief(finding: Finding, written: str, setup: Setup) -> Span:
    """A finding in the few words that fit beside its field."""
    if finding.what == EMPTY:
        return (f"{ERROR} needed", "bad") if setup.looked else LOOKING
    said, style = hints.brief(finding, written)
    return within(said, setup), style


def within(said: str, setup: Setup) -> str:
    """Addresses of the LAN by their last part, as on the map."""
    lan = setup.judged.sketch.network.lan if setup.judged.sketch else None
    return said.replace(str(lan.network_address).rpartition(".")[0] + ".", ".") if lan and lan.prefixlen == 24 else said  # noqa: PLR2004


def standing(read_only: bool, setup: Setup) -> list[Span]:
    """What holds for every field: that nothing can be changed, and what became of the last wish."""
    found: list[Span] = [(f"{WARNING} {setup.said}", "warn")] if setup.said else []
    if setup.holder:
        found.append(
            (f"{WARNING} {HELD.format(SINCE.sub(lambda found: f'since {clock(found[1])[:5]}', setup.holder))}", "warn")
        )
    elif read_only:
        found.append((f"{WARNING} {NOTHING_CHANGES}", "warn"))
    return found


def hint(field: Field, setup: Setup) -> list[Span]:
    """The finding of a field whole, else its help; then what is suggested."""
    finding = worst(setup, field.path)
    if finding and finding.what == EMPTY:
        found = [(f"Needed: {field.help}", "")]
    else:
        found = [hints.told(finding)] if finding else [(field.help, "")]
    proposed = suggestion(setup, field.path)
    return [*found, *([(f"Suggested: {proposed} (F2 takes it).", "accent")] if proposed else [])]


def keys(enter: str, own: Keys, look: Keys, width: int) -> Line:
    """What can be pressed, the most needed first."""
    leave = ("ctrl+s", "leave")
    wanted = [("enter", enter), ("esc", "back"), *own, leave, *look, ("F1", "help"), ("ctrl+p", "commands")]
    return hints.keys(wanted, width)
