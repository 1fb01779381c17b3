"""A real cluster and the home around it, as the tests drive them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from homelab.plan.file import load
from homelab.plan.model import Plan

T = TypeVar("T")
EVERYWHERE = (
    "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,ingressclasses,"
    "validatingwebhookconfigurations,mutatingwebhookconfigurations,persistentvolumes"
)
WITHIN = "deployments,daemonsets,statefulsets,services,ingresses,configmaps,secrets,serviceaccounts,roles,rolebindings"


@dataclass(frozen=True)
class Home:
    """What a person at this home can do: run our program, run kubectl, and sit down at the laptop or beyond the WAN."""

    program: str
    """HOMELAB_CLUSTER."""
    folder: Path
    """Where `homelab.yaml` is."""
    mirror: Path
    environment: dict[str, str]

    @property
    def plan(self) -> Plan:
        """The plan under test."""
        found = load(self.folder / "homelab.yaml").plan
        assert found
        return found

    @property
    def sample(self) -> str:
        """The sample app's name in the internal domain."""
        return f"whoami.{self.plan.ingress.internal.domain}"

    def tui(self, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `homelab-tui`; `check` is the exit code that it must have."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert check is None or done.returncode == check, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """The command line of our program."""
        return [sys.executable, "-m", "tui", *arguments]

    @contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Our program while it runs; killed in the end if it still does."""
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def size(self) -> int:
        """How many objects the stack has."""
        return self.tui("render", "--mirror", str(self.mirror)).stdout.count("\nkind: ")

    def apply(self, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`homelab-tui apply --yes` with the mirror."""
        return self.tui("apply", "--yes", "--mirror", str(self.mirror), *arguments, check=check)

    def status(self, *arguments: str) -> dict[str, Any]:
        """What `homelab-tui status --json` says."""
        found: dict[str, Any] = json.loads(self.tui("status", "--json", *arguments).stdout)
        return found

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """What kubectl prints."""
        return self._run("kubectl", *arguments, stdin=stdin, check=check)

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """What `kubectl get ... -o json` lists."""
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", *arguments, "-o", "json"))["items"]
        return found

    def names(self) -> set[str]:
        """Every object that somebody could leave behind."""
        found = set(self.kubectl("get", EVERYWHERE, "-o", "name").split())
        inside = self.kubectl("get", WITHIN, "-A", "-o", "custom-columns=:kind,:metadata.namespace,:metadata.name")
        return found | {" ".join(line.split()) for line in inside.splitlines()}

    def at(self, place: str, *command: str, stdin: str | None = None) -> str:
        """What a command prints at the laptop, the router or beyond the WAN."""
        return self._run("exec", place, *command, stdin=stdin, check=False)

    def address(self, place: str, device: str) -> str:
        """The IPv4 address of a device at a place."""
        found = json.loads(self.at(place, "ip", "-json", "-4", "address", "show", device))
        address: str = found[0]["addr_info"][0]["local"]
        return address

    def code(self, place: str, url: str, *options: str) -> str:
        """The HTTP status that curl meets at a place; 000 when nobody answers."""
        return self.at(place, "curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", *options, url)

    def cluster(self, *arguments: str) -> str:
        """What the cluster's own program prints."""
        return self._run(*arguments)

    @contextmanager
    def unplugged(self, node: str) -> Iterator[None]:
        """A node without power; the plug is put back, and the node Ready, in the end."""
        # It walks through what is ending just now, and may stumble over it.
        eventually(f"{node} is off", lambda: f"{node} is off" in self._run("node", node, "off", check=False))
        try:
            yield
        finally:
            # A process that was just killed counts as running for a moment, and a running node is not started.
            eventually(f"{node} is on", lambda: f"{node} is on" in self._run("node", node, "on", check=False), 120)

    def _run(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        done = subprocess.run([self.program, *arguments], input=stdin, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout


def eventually(what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
    """The first true answer of a probe; fails when there is none in time."""
    end = time.monotonic() + seconds
    while True:
        if found := probe():
            return found
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.2)


def hang_up(process: subprocess.Popen[str], line: Callable[[str], bool]) -> int:
    """Hang up (SIGHUP) as soon as the process prints such a line; its exit code."""
    assert process.stdout
    for printed in process.stdout:
        if line(printed):
            process.send_signal(signal.SIGHUP)
            break
    else:
        raise AssertionError("the process ended without printing that line")
    process.stdout.read()
    return process.wait(30)


def environment(folder: Path) -> dict[str, str]:
    """Ours, with state and cache of the tests' own."""
    own = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("STATE", "CACHE", "CONFIG")}
    return {**os.environ, **own}
