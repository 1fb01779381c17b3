"""The lab, put together: API, controllers, real programs, users; and its own deploy when it is not bare."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import secrets
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from ipaddress import IPv4Network
from pathlib import Path

import aiohttp
import yaml

from homelab.lab.api import serving
from homelab.lab.api.proxy import over_http
from homelab.lab.certificate import identity
from homelab.lab.controllers import control
from homelab.lab.controllers.kinds import SERVICE
from homelab.lab.process import Folder, LabError, Say, Seat, need_extra, private
from homelab.lab.programs.account import account
from homelab.lab.programs.running import ANNOTATION, PROGRAMS, Programs
from homelab.lab.programs.tasks import IMAGE, MOUNTS, Tasks
from homelab.lab.programs.traefik import LOOPBACK, Place, Ports
from homelab.lab.programs.words import Lives, Words
from homelab.lab.seed import seed
from homelab.lab.store import Store
from homelab.lab.users import Users
from homelab.observe.raw import annotation, zone
from homelab.plan.file import initial, read
from homelab.plan.model import Plan
from homelab.ports import Raw

LOG = logging.getLogger("homelab.lab")
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FORMAT = "%(asctime)s %(message)s"
LOGS = ("traefik-*.log", "traefik-*.token", "loader.log", "issuer.log")
"""Patterns of what programs leave behind."""
PARTS = range(1, 255)
"""Of 127.0.0.0/8, one for the pods of each lab of this machine."""


class _OneLine(logging.Formatter):
    """For a terminal: what went wrong, and where the rest is written."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self._log = log

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage().partition("\n")[0]
        error = record.exc_info[1] if record.exc_info else None
        return f"{said}: {type(error).__name__}; see {self._log}" if error else said


def run_here(seat: Seat, bare: bool, say: Say) -> int:
    """Be the lab, on this terminal, until a signal comes; the exit code. Stack traces go to its log alone."""
    terminal = logging.StreamHandler()
    terminal.setFormatter(_OneLine(seat.folder.log))
    with open(seat.folder.log, "w", opener=private) as log:
        whole = logging.StreamHandler(log)
        whole.setFormatter(logging.Formatter(FORMAT))
        logging.basicConfig(level=logging.WARNING, handlers=[terminal, whole])
        return asyncio.run(_run(seat, bare, say, alone=True))


def run_detached(seat: Seat, bare: bool) -> int:
    """Be the lab until its last user has left; standard output and error are its log."""
    logging.basicConfig(level=logging.INFO, format=FORMAT)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # every look at a list is nothing to keep
    return asyncio.run(_run(seat, bare, LOG.info, alone=False))


async def _run(seat: Seat, bare: bool, say: Say, *, alone: bool) -> int:
    ending = asyncio.Event()
    for number in ENDINGS:
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    users = Users(seat, None if alone else ending.set)
    try:
        plan = _plan(seat.folder)
        async with _cluster(seat.folder, plan) as store:
            say(f"kubeconfig {seat.folder.kubeconfig}")
            users.tell(bare=bare)
            async with asyncio.TaskGroup() as work:
                deploying = work.create_task(_deploy(seat.folder, None if bare else plan, store, users, say))
                await ending.wait()
                users.close()
                deploying.cancel()
    except (LabError, OSError) as error:
        users.tell(error=f"the lab could not start: {error}")
        say(f"the lab could not start: {error}")
        return 1
    finally:
        users.close()
        shutil.rmtree(seat.folder.journal, ignore_errors=True)  # the next lab is bare again
        seat.folder.users.unlink(missing_ok=True)
    return 0


def _plan(folder: Folder) -> Plan:
    """The article's plan, written where users find it; what an earlier lab left goes."""
    logs = (found for name in LOGS for found in folder.path.glob(name))
    for old in logs:
        old.unlink(missing_ok=True)
    for left in (folder.journal, folder.path / MOUNTS):
        shutil.rmtree(left, ignore_errors=True)
    _write(folder.plan, initial())
    plan = read(initial()).plan
    assert plan
    return plan


@asynccontextmanager
async def _cluster(folder: Folder, plan: Plan) -> AsyncIterator[Store]:
    """Everything that makes it a cluster, and its kubeconfig while it answers. Raises LabError, OSError."""
    store, who, token = Store(), identity(LOOPBACK), secrets.token_urlsafe(32)
    own = folder.path / "traefik.kubeconfig"
    part, claimed = _part()
    with claimed:
        place = Place(need_extra(), own, folder.path, Ports(), IPv4Network(f"127.{part}.0.0/16"))
        seed(store, plan, part)
        async with aiohttp.ClientSession() as session:
            programs = Programs(place, session)
            lives = Lives()

            def words(pod: Raw, container: str, previous: bool) -> Words | None:
                ended = lives.of(pod["metadata"]["uid"], container, previous)
                return ended or programs.words(pod, container, previous)

            async with (
                over_http(programs.address) as proxy,
                serving(store, token, proxy=proxy, said=words, tls=who.context) as url,
            ):
                for path in (own, folder.kubeconfig):
                    _write(path, _kubeconfig(url, token, who.certificate))
                try:
                    with account(folder.path, url, token, who.certificate) as given:
                        async with _controlled(store, programs, Tasks(folder.path, given, lives=lives)):
                            yield store
                finally:
                    for path in (own, folder.kubeconfig):
                        path.unlink(missing_ok=True)


@asynccontextmanager
async def _controlled(store: Store, programs: Programs, tasks: Tasks) -> AsyncIterator[None]:
    """Controllers at work; a lab whose controllers have failed ends rather than lie."""
    async with asyncio.TaskGroup() as group:
        controlling = group.create_task(control(store, PROGRAMS | {IMAGE}, (programs, tasks)))
        try:
            yield
        finally:
            controlling.cancel()
            await asyncio.gather(programs.end(), tasks.end())


def _part() -> tuple[int, socket.socket]:
    """A part of the loopback network that no other lab of this machine has, as long as the socket is open.

    A name of an abstract socket is known in the same network namespace as the addresses, and goes with its process.
    """
    for part in PARTS:
        claimed = socket.socket(socket.AF_UNIX)
        try:
            claimed.bind(f"\0homelab-tui/127.{part}")
        except OSError:
            claimed.close()
        else:
            return part, claimed
    raise LabError(f"{len(PARTS)} labs run on this machine already")


def _kubeconfig(url: str, token: str, certificate: bytes) -> str:
    """As Kubernetes' installers write it."""
    cluster = {
        "server": url,
        "certificate-authority-data": base64.b64encode(certificate).decode(),
    }
    context = {"cluster": "lab", "user": "lab"}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": context}],
            "current-context": "lab",
        },
        sort_keys=False,
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and for nobody else's eyes."""
    new = path.with_name(f".{path.name}.new")
    with open(new, "w", opener=private) as file:
        file.write(text)
    os.replace(new, path)


async def _deploy(folder: Folder, plan: Plan | None, store: Store, users: Users, say: Say) -> None:
    """What the lab does by itself once it stands: nothing without a plan."""
    done = False
    try:
        if plan:
            deploy = (await asyncio.to_thread(import_module, "homelab.lab.deploy")).deploy
            done = await deploy(folder, plan, say)
    except Exception:
        LOG.exception("the lab's deploy ended by a fault of the program")
    finally:
        users.tell(deployed=done)
    if plan and done:
        say(f"deployed: {_reached(plan, store)}")


def _reached(plan: Plan, store: Store) -> str:
    """How this machine reaches what was deployed."""
    told = {zone(one): found for one in store.all(SERVICE) if (found := annotation(one, ANNOTATION))}
    ways = []
    if inside := told.get("internal"):
        ways.append(f"curl -H 'Host: whoami.{plan.ingress.internal.domain}' http://{inside}/")
    if outside := told.get("external"):
        host, port = f"HOST.{plan.ingress.external.domain}", outside.rpartition(":")[2]
        ways.append(f"curl -k --resolve {host}:{port}:127.0.0.1 https://{host}:{port}/")
    return "\n".join(ways) or "nothing of it is reached from here"
