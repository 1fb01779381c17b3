"""The command line in an empty home, within the test's process or as one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from homelab.plan.file import initial
from tui.cli import run

ESCAPE = "\x1b[31m\x1b]0;owned\x07"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and folder, with no cluster, and nothing that a proxy or the real home could add."""
    for name in [name for name in os.environ if name.startswith("XDG_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("homelab.adapters.kubeconfig.K3S", tmp_path / "k3s.yaml")
    monkeypatch.chdir(tmp_path)
    with Path(os.devnull).open() as nobody:
        monkeypatch.setattr(sys, "stdin", nobody)
        yield tmp_path


@pytest.fixture
def plan(home: Path) -> Path:
    """A plan without faults of any kind."""
    path = home / "homelab.yaml"
    path.write_text(initial().replace("domain.com", "pi-at-home.net"))
    return path


class Told:
    """How a command ended and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def everything(self) -> str:
        return self.out + self.err


class Shell:
    """Runs commands within the test's process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Told:
        try:
            code = run(arguments)
        except SystemExit as end:
            assert isinstance(end.code, int)
            code = end.code
        return Told(code, *self._capsys.readouterr())


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


PROGRAM = [sys.executable, "-m", "tui"]


def program(*arguments: str, **options: Any) -> Told:
    """Runs the program as a process of its own."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    ended = subprocess.run([*PROGRAM, *arguments], text=True, check=False, **options)
    return Told(ended.returncode, ended.stdout or "", ended.stderr or "")
