"""What `pipx install homelab-tui` gives: the wheel, in a venv of its own, run from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]


@dataclass(frozen=True)
class Installed:
    """A venv that has the wheel, and a folder that has nothing."""

    venv: Path
    folder: Path

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of the venv in the empty folder; nothing of this repository is in its way."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"}
        return subprocess.run(
            [self.venv / "bin" / command, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def packages(self) -> Path:
        (found,) = self.venv.glob("lib/python*/site-packages")
        return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Builds the wheel and installs it. What it depends on is lent by this environment, the project itself is not."""
    built, folder = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("elsewhere")
    made = Installed(tmp_path_factory.mktemp("venv"), folder)
    wheel = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(built), str(ROOT)]
    subprocess.run([*PIP, *wheel], check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    (found,) = built.iterdir()
    venv.create(made.venv, with_pip=False, symlinks=True)
    target = [*PIP, "--python", str(made.venv / "bin" / "python")]
    subprocess.run([*target, "install", "--no-deps", "--no-index", str(found)], check=True)
    (made.packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return made


def test_everything_is_imported_from_the_wheel(installed: Installed) -> None:
    code = "import tui, screens, homelab, manifests\nfor m in (tui, screens, homelab, manifests): print(m.__file__)"

    told = installed.run("python", "-c", code)

    expected = [str(installed.packages / name / "__init__.py") for name in ("tui", "screens", "homelab", "manifests")]
    assert told.stdout.split() == expected, told.stderr


def test_the_wheel_holds_every_manifest_and_no_test(installed: Installed) -> None:
    for package in ("manifests", "homelab"):
        kept = {
            path.relative_to(ROOT) for path in (ROOT / package).rglob("*") if path.suffix in {".yaml", ".toml", ".py"}
        }
        assert kept == {
            path.relative_to(installed.packages)
            for path in (installed.packages / package).rglob("*")
            if path.suffix in {".yaml", ".toml", ".py"}
        }
    assert not (installed.packages / "tests").exists()


def test_it_says_its_version(installed: Installed) -> None:
    told = installed.run("homelab-tui", "--version")

    assert (told.returncode, told.stdout) == (0, f"homelab-tui {version('homelab-tui')}\n"), told.stderr


def test_it_writes_a_plan_and_renders_it(installed: Installed) -> None:
    written = installed.run("homelab-tui", "plan", "init")
    rendered = installed.run("homelab-tui", "render", "--stage", "internal", "--stage", "apps")

    assert (written.returncode, rendered.returncode) == (0, 0), written.stderr + rendered.stderr
    plan = (installed.folder / "homelab.yaml").read_text()
    assert yaml.safe_load(plan)["ingress"]["internal"]["address"] == "192.168.1.20"
    kinds = [obj["kind"] for obj in yaml.safe_load_all(rendered.stdout)]
    assert {"Deployment", "Service", "Middleware", "Ingress"} <= set(kinds)
