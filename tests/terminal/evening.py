"""The first evening: somebody logs in and presses keys until the stack runs, and is cut off now and then."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from sshd import Server

from benchmarks.terminal import Terminal
from homelab.setup.fields import FIELDS
from homelab.setup.model import STEPS

ENTER, TAB, RIGHT, CLEAR = "\r", "\t", "\x1b[C", "\x15"
ANSWER = 21
"""The column where answers begin."""
STEP = re.compile(r"▸ (\w+)")
CURSOR = re.compile("[▸◂]")
ENDED = re.compile("✓ (Deployed in|The cluster is as the plan wishes)")
AT_WORK = re.compile(r" (looking at|asking) .* ─ $", re.MULTILINE)

Answers = Mapping[str, Mapping[str, str]]
"""What is typed, by step and by the plan's path."""


@dataclass
class Person:
    """At the keyboard of a terminal over SSH. A context manager: logs in, and is gone in the end."""

    server: Server
    command: str
    presses: int = 0
    """Keys besides typed text."""
    seen: dict[str, str] = field(default_factory=dict)
    """Screens by name, as they were when the next key was pressed."""
    terminal: Terminal = field(init=False)
    _received: int = 0

    def __enter__(self) -> Self:
        self.terminal = self.server.login(self.command)
        return self

    def __exit__(self, *_: object) -> None:
        self.terminal.__exit__()

    @property
    def received(self) -> int:
        """Bytes that came over the line, in all sessions."""
        return self._received + self.terminal.count

    def press(self, key: str, times: int = 1) -> None:
        """Press a key."""
        self.presses += times
        self.terminal.send(key * times)

    def cut_off(self, *, at_server: bool = False) -> None:
        """Lose the connection, and log in again as at first."""
        self.server.drop(self.terminal, at_server=at_server)
        self._received += self.terminal.count
        self.terminal.__exit__()
        self.terminal = self.server.login(self.command)

    def keep(self, name: str) -> None:
        """Remember the screen, once it has come to rest."""
        self.terminal.settled()
        self.seen[name] = "\n".join(line.rstrip() for line in self.terminal.display)

    # The set-up

    def is_at(self, step: str) -> None:
        """Wait until a step is in front, and all that it looks at has been looked at."""
        self.terminal.until(lambda: self.step == step)
        if step == STEPS[0]:
            self.terminal.shows("the cluster answers")
        self.terminal.until(lambda: not AT_WORK.search(self.terminal.text))
        self.terminal.settled()

    @property
    def step(self) -> str | None:
        """The one in front."""
        found = STEP.search(self.terminal.display[0])
        return found[1].lower() if found else None

    @property
    def form(self) -> tuple[str, ...]:
        """Labels, answers and what is said of them, without where the cursor is."""
        return tuple(" ".join(CURSOR.sub("", line).split()) for line in self.terminal.display[2:20])

    def fill(self, step: str, answers: Mapping[str, str]) -> None:
        """Type what is not as it was proposed, each into its field."""
        labels = {one.path: one.label for one in FIELDS[step]}
        for path, text in answers.items():
            while not (row := self._row(labels[path])):
                self.press(TAB)
                self.terminal.settled()
            if row[ANSWER] != " ":
                self.press(CLEAR)
                self.terminal.settled()
            self.terminal.send(text)
            self.terminal.settled()

    def _row(self, label: str) -> str | None:
        """The line of a field, if it has the cursor."""
        return next((line for line in self.terminal.display[1:] if line.startswith(f" ▸ {label} ")), None)

    def sets_up(self, answers: Answers, before_enter: Callable[[str], None] = lambda step: None) -> None:
        """Go through all steps, up to the deploy."""
        for step in STEPS:
            self.is_at(step)
            self.fill(step, answers.get(step, {}))
            self.keep(step)
            before_enter(step)
            self.press(ENTER)

    # The deploy

    def is_asked(self) -> None:
        """Have the question whether to deploy, once it is known what that would do, and choose yes."""
        self.terminal.shows("● compared")
        self.keep("deploy")
        self.press("a")
        self.terminal.shows("Bring the plan onto the cluster?")
        self.press(RIGHT)
        self.keep("question")

    def begins(self) -> None:
        """Let the deploy begin."""
        self.is_asked()
        self.says_yes()

    def says_yes(self) -> None:
        """Take the choice."""
        self.press(ENTER)
        self.terminal.shows("● under way")

    def is_back(self) -> None:
        """See the deploy again, after a new login."""
        self.terminal.shows("1 home")
        self.press("6")

    def sees_the_end(self, seconds: float) -> None:
        """Wait until the stack runs."""
        self.terminal.until(lambda: ENDED.search(self.terminal.text), seconds)
        self.terminal.shows("consul ●", "traefik ●●●●")
        self.keep("done")
