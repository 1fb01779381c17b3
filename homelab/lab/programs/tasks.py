"""The programs of ours that end: initContainers and Jobs with the image of certbot, run as processes of this machine.

Only the product's own text is run, whatever a ConfigMap says: the lab gives nobody a way to run programs here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import homelab
import manifests
from homelab.lab.controllers.kinds import POD
from homelab.lab.controllers.owned import is_dying
from homelab.lab.controllers.pods import set_ended, set_initialized, set_ready
from homelab.lab.controllers.podstatus import repository
from homelab.lab.process import private
from homelab.lab.programs import given
from homelab.lab.programs.account import Account
from homelab.lab.programs.containers import environment
from homelab.lab.programs.launch import KILLED, ended, launched
from homelab.lab.programs.mounts import SERVICE_NAME, address, mounted
from homelab.lab.programs.program import START_FAILED, ProgramError
from homelab.lab.programs.running import PROGRAMS
from homelab.lab.programs.traefik import last_words
from homelab.lab.programs.words import Lives
from homelab.lab.store import Event, Store
from homelab.observe.raw import items, strings, text
from homelab.pauses import pauses
from homelab.ports import Kind, Raw, Ref

LOG = logging.getLogger(__name__)
IMAGE = "certbot/certbot"
MOUNTS = "mounts"
"""Folder of the files that programs find in their mounts."""
LONGEST_PAUSE = 10.0
"""Seconds between two tries; a kubelet goes up to five minutes."""
AGAIN_SECONDS = 0.05
"""Between two looks for a Service that has no ready pod yet."""
OURS = {"loader.py": "config", "dynamic.py": "config"}
"""Component of a program's file; of all others it is `certificates`."""

VARIABLES = re.compile(r"(ACME|CONSUL|EXTERNAL|HOMELAB|LOADER|TRAEFIK)_\w+|KEEP_DAYS|RENEW")
"""Those that our programs read. Others could make Python, or the loader of programs, run something else."""
_FOLDERS = [Path(manifests.__path__[0]) / name for name in ("config", "certificates")]
MODULES = os.pathsep.join(map(str, (*_FOLDERS, Path(homelab.__path__[0]).parent)))
"""Where the programs find each other, and the lab's part of the issuer."""


@dataclass(slots=True)
class Tasks:
    """Keeps `controllers.runner.Controller`. `end` stops everything."""

    folder: Path
    account: Account
    kinds: frozenset[Kind] = frozenset({POD})
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """By the uid of the pod."""
    _known: dict[Ref, str] = field(default_factory=dict)

    lives: Lives = field(default_factory=Lives)
    """What the programs say is noted here."""

    def reconcile(self, store: Store, event: Event) -> None:
        """Begin what a new pod has to do; end what a pod did that is going."""
        ref = Ref.of(event.object)
        pod = store.get(ref)
        uid = pod["metadata"]["uid"] if pod and not is_dying(pod) else ""
        if (before := self._known.get(ref)) and before != uid:
            del self._known[ref]
            self.lives.forget(before)
            if task := self._running.pop(before, None):
                task.cancel()
        if pod and uid and ref not in self._known and text(pod, "status", "podIP") and _concerns(pod):
            self._known[ref] = uid
            self._running[uid] = asyncio.create_task(self._whole(store, ref, pod))

    async def end(self) -> None:
        """Stop every program, and wait until they are gone."""
        every = list(self._running.values())
        for task in every:
            task.cancel()
        await asyncio.gather(*every, return_exceptions=True)

    async def _whole(self, store: Store, ref: Ref, pod: Raw) -> None:
        """All that a pod has to do, in order."""
        try:
            if any(map(_is_ours, items(pod, "spec", "initContainers"))):
                if not await self._prepared(store, ref, pod):
                    return
                real = {repository(one["image"]) for one in items(pod, "spec", "containers")} & (PROGRAMS | {IMAGE})
                set_initialized(store, ref, ready=not real)
            if main := next(filter(_is_ours, items(pod, "spec", "containers")), None):
                await self._main(store, ref, pod, main)
        except Exception:
            LOG.exception("%s is no longer looked after", ref)
        finally:
            self._running.pop(pod["metadata"]["uid"], None)

    async def _prepared(self, store: Store, ref: Ref, pod: Raw) -> bool:
        """Run the initContainers, each until it has ended well; whether they all have."""
        for one in filter(_is_ours, items(pod, "spec", "initContainers")):
            waits = pauses(LONGEST_PAUSE)
            while (done := await self._run(store, pod, one))[0]:
                if text(pod, "spec", "restartPolicy") == "Never":
                    set_ended(store, ref, *done)
                    return False
                await asyncio.sleep(next(waits))
        return True

    async def _main(self, store: Store, ref: Ref, pod: Raw, main: Raw) -> None:
        """A Job's program gives its pod its end; a container that is to run for ever runs in name only."""
        policy = text(pod, "spec", "restartPolicy") or "Always"
        if policy == "Always":
            set_ready(store, ref, True, "")
            return
        waits = pauses(LONGEST_PAUSE)
        while (done := await self._run(store, pod, main))[0] and policy == "OnFailure":
            await asyncio.sleep(next(waits))
        set_ended(store, ref, *done)

    async def _run(self, store: Store, pod: Raw, container: Raw) -> tuple[int, str]:
        """Exit code and last words of one start."""
        path = _program(container)
        if not path:
            return 0, ""
        root = self.folder / MOUNTS / pod["metadata"]["uid"]
        try:
            files = mounted(store, pod, container["name"])
            _demand_own(path, files)
            written = _written(root, files)
            wanted = [(name, value) for name, value in environment(container) if VARIABLES.fullmatch(name)]
            named = {name: await _translated(store, value, written) for name, value in wanted}
            return await self._process(
                (pod["metadata"]["uid"], container["name"]),
                Path(path).name,
                root,
                named | {"HOSTNAME": pod["metadata"]["name"]},
            )
        except (ProgramError, OSError) as error:
            return START_FAILED, str(error)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    async def _process(
        self, whose: tuple[str, str], name: str, root: Path, variables: Mapping[str, str]
    ) -> tuple[int, str]:
        program = (str(_own(name)),) if name in OURS else ("-m", "homelab.lab.programs.issuing")
        log = self.folder / f"{Path(name).stem}.log"
        around = {
            "PATH": os.defpath,
            "HOME": str(root),
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": MODULES,
            **self._account(root),
        }
        process, size = await launched(Path(sys.executable), ("-s", "-B", *program), log, {**variables, **around})
        self.lives.begin(whose, log, size)
        try:
            code = await process.wait()
        finally:
            await ended(process)
            self.lives.end(whose)
        return (KILLED - code if code < 0 else code), last_words(log, size)

    def _account(self, root: Path) -> Mapping[str, str]:
        return {
            "KUBERNETES_SERVICE_HOST": self.account.host,
            "KUBERNETES_SERVICE_PORT": str(self.account.port),
            given.ACCOUNT: str(self.account.folder),
            given.AUTHORITY: str(self.account.authority),
            given.STATE: str(root / "state"),
        }


def _concerns(pod: Raw) -> bool:
    phase = text(pod, "status", "phase")
    begins = phase == "Pending" and any(map(_is_ours, items(pod, "spec", "initContainers")))
    return begins or (phase == "Running" and any(map(_is_ours, items(pod, "spec", "containers"))))


def _is_ours(container: Raw) -> bool:
    return repository(text(container, "image") or "") == IMAGE


def _program(container: Raw) -> str | None:
    """The file that is to be run; None where it is no Python program: then the container runs in name only."""
    found = strings(container, "command")
    return found[1] if found[:1] == ("python3",) and len(found) == 2 else None  # noqa: PLR2004 - itself and a file


def _own(name: str) -> Path:
    return Path(manifests.__path__[0]) / OURS.get(name, "certificates") / name


def _demand_own(path: str, files: Mapping[str, bytes]) -> None:
    """Raises ProgramError for any program but ours."""
    beside = {name: text for name, text in files.items() if name.endswith(".py")}
    for name, content in {path: b"", **beside}.items():
        own = _own(Path(name).name)
        if not own.is_file() or content.strip() != own.read_bytes().strip():
            raise ProgramError(f"{name} is not run: the lab runs the programs of homelab-tui only, and as they are")


def _written(root: Path, files: Mapping[str, bytes]) -> dict[str, Path]:
    """Copies for this user's eyes, by the path that the manifest gives them; of programs none are needed."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    places = {name: root / str(number) for number, name in enumerate(files) if not name.endswith(".py")}
    for name, place in places.items():
        with open(place, "wb", opener=private) as file:
            file.write(files[name])
    return places


async def _translated(store: Store, value: str, written: Mapping[str, Path]) -> str:
    """A variable's value with the addresses and files of this machine; waits for a Service that has no pod yet."""
    if value in written:
        return str(written[value])
    while found := SERVICE_NAME.search(value):
        if where := address(store, found[0]):
            return value[: found.start()] + where + value[found.end() :]
        await asyncio.sleep(AGAIN_SECONDS)
    return value
