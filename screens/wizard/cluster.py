"""Which cluster it is, what we may do there, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.widget import Widget

from homelab.setup.fields import KUBECONFIG
from homelab.setup.model import Found, Setup
from screens.messages import Opening
from screens.widgets.definitions import definitions
from screens.widgets.lines import Span
from screens.widgets.reading import Reading
from screens.wizard import words
from screens.wizard.findings import finding_lines, of_cluster, pasted
from screens.wizard.frame import Frame

UNKNOWN = "-"


class Cluster(Frame):
    """The first step."""

    STEP: ClassVar[str] = "cluster"
    LOOK: ClassVar[str | None] = "look"

    def compose_parts(self) -> Iterable[Widget]:
        """What the cluster says."""
        self._told = Reading(classes="told")
        self._awaited = False
        """Whether to go on as soon as the cluster answers."""
        yield self._told

    def show_parts(self, setup: Setup) -> None:
        """Draw it."""
        width, findings = self.size.width, of_cluster(setup.found.findings)
        facts_lines = definitions(facts(setup.found), width - 1)
        self._told.show_text([*facts_lines, (), *finding_lines(findings, width)], pasted(findings))
        if self._awaited and answers(setup):
            self._go_on()

    def remark(self, path: str, setup: Setup) -> Span:
        """Whether that file leads to a cluster."""
        if answers(setup):
            return "✓ the cluster answers", "good"
        if words.value(setup, KUBECONFIG) not in ("", setup.found.kubeconfig):
            return "○ enter looks there", "dim"
        return ("✗ leads to no cluster", "bad") if setup.found.trouble else ("", "")

    def _go_on(self) -> None:
        """Once the cluster of the file that was typed answers: nothing can be proposed before."""
        scene = self._scene()
        if scene.setup is None or self._is_locked(scene) or answers(scene.setup):
            self._awaited = False
            super()._go_on()
        else:
            is_wrong = self._go_to_wrong(scene.setup)
            self._awaited = not is_wrong or words.value(scene.setup, KUBECONFIG) == scene.setup.found.kubeconfig
            if not is_wrong:
                self.post_message(Opening("setup", "confirm", self.STEP))

    def on_screen_resume(self) -> None:
        """Opened anew."""
        self._awaited = False
        super().on_screen_resume()

    def help(self, setup: Setup) -> Sequence[Span]:
        """What to do about it."""
        if of_cluster(setup.found.findings):
            return [("What is in the way here stops the deploy, not your answers: go on, and mend it meanwhile.", "")]
        return [("Nothing is written to the cluster before the end: the deploy shows what it would do, and asks.", "")]


def answers(setup: Setup) -> bool:
    """Whether the cluster was asked by the file that stands in the field, and answered."""
    return setup.found.version is not None and words.value(setup, KUBECONFIG) in ("", setup.found.kubeconfig)


def facts(found: Found) -> Iterable[tuple[str, str]]:
    """Names and values."""
    yield "Server", found.server or UNKNOWN
    yield "Kubernetes", found.version or UNKNOWN
    if found.nodes:
        ready = sum(node.ready is True for node in found.nodes)
        yield "Nodes", f"{len(found.nodes)}, {'all' if ready == len(found.nodes) else ready} ready"
    yield "Rights", rights(found) or UNKNOWN
    if found.trouble:
        yield "Trouble", found.trouble


def rights(found: Found) -> str:
    """All that are needed, or those that are lacking."""
    lacking = [right.what for right in found.rights if not right.have]
    if lacking:
        return f"✗ these are lacking: {', '.join(lacking)}"
    return "✓ all that a deploy needs" if found.rights else ""
