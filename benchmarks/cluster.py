"""The clusters to measure on: a lab of our own, and the one of KUBECONFIG; and writing to their API."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import config

from benchmarks.timing import TUI, Failed, output

MERGE = "application/merge-patch+json"
DEPLOYED = "deployed: "


@dataclass(frozen=True)
class Home:
    """A cluster with its plan, and the environment in which our program meets them."""

    name: str
    kubeconfig: Path
    plan: Path
    folder: Path
    """For state and configuration of the program, apart from the user's."""
    lab: int | None = None
    """The process that is the cluster, where it is a lab."""

    @property
    def environment(self) -> dict[str, str]:
        """What the program is started with."""
        own = {f"XDG_{name}_HOME": str(self.folder / name.lower()) for name in ("STATE", "CACHE", "CONFIG")}
        return {"KUBECONFIG": str(self.kubeconfig), "XDG_RUNTIME_DIR": str(self.folder), **own}

    @property
    def console(self) -> list[str]:
        """The command that opens the console."""
        return [*TUI, "--lab"] if self.lab else [*TUI, "--plan", str(self.plan)]

    def status(self) -> dict[str, Any]:
        """What `homelab-tui status --json` says. Raises Failed."""
        found: dict[str, Any] = json.loads(output([*TUI, "status", "--json", "--kubeconfig", str(self.kubeconfig)]))
        return found


class Api:
    """Raw requests to a cluster's API, as kubectl would send them."""

    def __init__(self, kubeconfig: Path) -> None:
        self._client: Any = config.new_client_from_config(config_file=str(kubeconfig))

    def send(
        self,
        verb: str,
        path: str,
        body: Any = None,
        content: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One request and its answer. Raises Failed."""
        sent = {"Content-Type": content, **(headers or {})}
        asked = self._client.param_serialize(verb, path, body=body, header_params=sent, auth_settings=["BearerToken"])
        answer = self._client.call_api(*asked)
        data = answer.read()
        if answer.status >= 400:
            raise Failed(f"{verb} {path}: {answer.status} {data.decode(errors='replace')[:300]}")
        return json.loads(data)

    def create(self, path: str, obj: Mapping[str, Any]) -> Any:
        """Make an object in the collection at a path. Raises Failed."""
        return self.send("POST", path, obj)

    def merge(self, path: str, change: Mapping[str, Any]) -> Any:
        """Change some fields of the object at a path. Raises Failed."""
        return self.send("PATCH", path, change, MERGE)

    def delete(self, path: str) -> None:
        """Delete the object, or all objects, at a path. Raises Failed."""
        self.send("DELETE", path)


@contextmanager
def lab(*, bare: bool = False) -> Iterator[Home]:
    """A lab of our own, deployed unless bare, apart from one that the user may have. Raises Failed."""
    with tempfile.TemporaryDirectory(prefix="homelab-") as path:
        folder = Path(path)
        command = [*TUI, "lab", *(["--bare"] if bare else [])]
        environment = {**os.environ, "XDG_RUNTIME_DIR": path, "XDG_STATE_HOME": str(folder / "state")}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                first = "kubeconfig " if bare else DEPLOYED
                if not any(line.startswith(first) for line in process.stdout):
                    raise Failed(f"{' '.join(command)} ended before it was ready")
                home = folder / "homelab-tui" / "lab"
                yield Home("lab", home / "kubeconfig", home / "homelab.yaml", folder, process.pid)
            finally:
                process.terminate()
                process.wait()


@contextmanager
def given() -> Iterator[Home | None]:
    """The cluster of KUBECONFIG with the plan of HOMELAB_PLAN, else ./homelab.yaml; None where either is missing."""
    kubeconfig, plan = os.environ.get("KUBECONFIG"), Path(os.environ.get("HOMELAB_PLAN", "homelab.yaml"))
    if not kubeconfig or not plan.exists():
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="homelab-") as path:
        yield Home("cluster", Path(kubeconfig), plan.resolve(), Path(path))
