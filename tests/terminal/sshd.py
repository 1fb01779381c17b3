"""A real SSH server of our own, and the terminal of somebody who logs in to it."""

from __future__ import annotations

import os
import pwd
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.terminal import Terminal

SSHD = shutil.which("sshd", path="/usr/sbin")
needs_sshd = pytest.mark.skipif(not SSHD, reason="needs an SSH server: apt install openssh-server")
LOOPBACK = "127.0.0.1"
ENDS_SECONDS = 15.0
"""After which a console that lost its terminal is an orphan."""
SETTINGS = """\
ListenAddress {address}:{port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/person.pub
AuthenticationMethods publickey
PermitRootLogin prohibit-password
PidFile none
StrictModes no
UsePAM no
SetEnv {environment}
"""


@dataclass(frozen=True)
class Server:
    """Lets one person in, by key, to an environment of its own."""

    folder: Path
    address: str
    port: int
    pid: int
    client: Sequence[str]
    """What leads to where the person sits; nothing for this machine."""

    def login(self, command: str, *, columns: int = 80, lines: int = 24) -> Terminal:
        """The terminal of the person who logs in and runs the command, from the home folder."""
        options = {
            "IdentityFile": self.folder / "person",
            "IdentityAgent": "none",
            "UserKnownHostsFile": self.folder / "known",
            "BatchMode": "yes",
            "LogLevel": "ERROR",
        }
        said = [f"-o{name}={value}" for name, value in options.items()]
        where = f"ssh://{pwd.getpwuid(os.geteuid()).pw_name}@{self.address}:{self.port}"
        ssh = [*self.client, "ssh", "-tt", "-F", "none", *said, where, f"cd && exec {command}"]
        return Terminal(ssh, columns=columns, lines=lines)

    def drop(self, terminal: Terminal, *, at_server: bool = False) -> None:
        """The connection is lost: its client is killed, or its end at the server is. Fails where a console lives on."""
        with ExitStack() as watched:
            consoles = [os.pidfd_open(pid) for pid in self.consoles()]
            for console in consoles:
                watched.callback(os.close, console)
            assert consoles, "nobody is logged in"
            if at_server:
                for pid in _children(self.pid):
                    os.kill(pid, signal.SIGKILL)
            else:
                terminal.signal(signal.SIGKILL)
            terminal.ended()
            for console in consoles:
                assert select.select([console], [], [], ENDS_SECONDS)[0], "a console outlives its terminal"

    def consoles(self) -> list[int]:
        """What the commands of those who are logged in have become."""
        found, seen = [], _children(self.pid)
        while seen:
            pid = seen.pop()
            if _name(pid) == "sshd":  # one for the connection, and another one where that is not root's
                seen += _children(pid)
            else:
                found.append(pid)
        return found


@contextmanager
def serving(
    folder: Path,
    environment: Mapping[str, str],
    *,
    address: str = LOOPBACK,
    place: Sequence[str] = (),
    client: Sequence[str] = (),
) -> Iterator[Server]:
    """A server that listens; sessions have this environment and our program on their path.

    `place` leads to where the server runs, if that is not this machine.
    """
    assert SSHD
    port = _free_port()
    told = {"HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{os.defpath}", **environment}
    settings = folder / "sshd_config"
    pairs = " ".join(f'{name}="{value}"' for name, value in told.items())
    settings.write_text(SETTINGS.format(address=address, port=port, folder=folder, environment=pairs))
    for key in ("host", "person"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    (folder / "known").write_text(f"[{address}]:{port} {(folder / 'host.pub').read_text()}")
    if os.geteuid() == 0:  # a package's start script makes it, which does not run here
        subprocess.run([*place, "mkdir", "-p", "/run/sshd"], check=True)
    command = [*place, SSHD, "-D", "-e", "-f", str(settings)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            said: list[str] = []
            while "Server listening" not in "".join(said):
                said.append(process.stderr.readline())
                assert said[-1], f"sshd does not start: {''.join(said)}"
            yield Server(folder, address, port, process.pid, client)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port: int = found.getsockname()[1]
        return port


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):  # it has just ended
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _name(pid: int) -> str:
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""
