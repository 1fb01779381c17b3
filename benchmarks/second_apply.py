"""Applying a stack that is already there, against kubectl with the same objects.

Needs KUBECONFIG and a plan (HOMELAB_PLAN, else ./homelab.yaml); it deploys the stack first. Upstream files come from
HOMELAB_MIRROR if it is set. kubectl is $KUBECTL, else the first in PATH that is within one minor of the server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.table import Row, typical_of
from benchmarks.timing import RUNS, TUI, output, typical

OBJECTS = "second apply, nothing to change: first request to last answer"
WHOLE = "... the whole process, its start included"
KUBECTL = "kubectl apply --server-side of the same objects, the whole process"
RATIO = "kubectl / ours, first request to last answer"
WHOLE_RATIO = "kubectl / ours, whole processes"


def rows() -> Iterator[Row]:
    """The figures, or why there are none. Raises Failed."""
    plan = Path(os.environ.get("HOMELAB_PLAN", "homelab.yaml"))
    if not os.environ.get("KUBECONFIG") or not plan.exists():
        yield Row(OBJECTS, f"skipped: KUBECONFIG is not set, or there is no plan at {plan}", "1 s")
        return
    apply = [*TUI, "apply", "--yes", *_common(plan)]
    output(apply)
    runs = [_told(output(apply)) for _ in range(RUNS)]
    told = median(runs)
    yield typical_of(OBJECTS, runs, 1, "s")
    ours = typical(apply)
    yield Row(WHOLE, f"{ours:.2f} s")
    kubectl = _kubectl()
    if kubectl is None:
        yield Row(KUBECTL, "skipped: no kubectl within one minor of the server; name one with KUBECTL=FILE")
        return
    objects = output([*TUI, "render", *_common(plan)])
    command = [kubectl, "apply", "--server-side", "--field-manager=homelab-tui", "-f", "-"]
    theirs = typical(command, objects, runs=3)
    yield Row(KUBECTL, f"{theirs:.2f} s")
    yield Row(RATIO, f"{theirs / told:.1f}", "at least 5", theirs / told >= 5)
    yield Row(WHOLE_RATIO, f"{theirs / ours:.1f}")


def _common(plan: Path) -> list[str]:
    mirror = os.environ.get("HOMELAB_MIRROR")
    return ["--plan", str(plan), *(["--mirror", mirror] if mirror else [])]


def _told(printed: str) -> float:
    """The seconds that `apply` itself tells."""
    found = re.search(r"^done: nothing to change, .* ([\d.]+) s$", printed, re.MULTILINE)
    if not found:
        raise AssertionError(f"the second apply changed something:\n{printed}")
    return float(found[1])


def _kubectl() -> str | None:
    named = os.environ.get("KUBECTL")
    folders = os.environ.get("PATH", "").split(os.pathsep)
    found = [named] if named else [path for folder in folders if (path := shutil.which("kubectl", path=folder))]
    return next((path for path in found if named or _fits(path)), None)


def _fits(path: str) -> bool:
    """Whether it is within one minor of the server, as Kubernetes supports. Source: Kubernetes version skew policy."""
    said = json.loads(output([path, "version", "-o", "json"]))
    client, server = (int(re.sub(r"\D", "", said[side]["minor"])) for side in ("clientVersion", "serverVersion"))
    return abs(client - server) <= 1
