"""Routes that ask for a password, met from the laptop: each zone's own way in, curl at it once, or clients without end.

Passwords go in by stdin: arguments are for everybody on a machine to see.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from household import Home, eventually
from outside import ROOT_FILE

Known = tuple[str, str]
"""A name and a password."""
HAMMER = Path(__file__).parent / "hammer.py"
CONFIG = """\
silent
max-time = 5
output = "/dev/null"
write-out = "%{{http_code}}\\n"
url = "{gate.url}"
cacert = "{root}"
"""


@dataclass(frozen=True)
class Gate:
    """One host at the ingress of its zone; the laptop dials the address, since its names lead around the router."""

    host: str
    address: str
    port: int

    @property
    def url(self) -> str:
        """As a browser shows it."""
        return f"{'https' if self.port == 443 else 'http'}://{self.host}/"


def gates(home: Home, name: str) -> tuple[Gate, Gate]:
    """A name in both domains, each at its own ingress."""
    inside, outside = home.plan.ingress.internal, home.plan.ingress.external
    return (
        Gate(f"{name}.{inside.domain}", str(inside.address), 80),
        Gate(f"{name}.{outside.domain}", str(outside.address), 443),
    )


def asked(home: Home, at: Sequence[Gate], known: Known | None = None) -> list[str]:
    """The status that curl meets at each gate, the CA's root verified; 000 where nobody answers."""
    return _curl(home, "laptop", [_config(gate, known) + _dialled(gate) for gate in at])


def visited(home: Home, place: str, gate: Gate, known: Known | None = None) -> str:
    """The same at any place, which finds the way by the name alone."""
    return _curl(home, place, [_config(gate, known)])[0]


def seconds_until(home: Home, at: Sequence[Gate], since: float, wanted: Mapping[Known | None, str]) -> float:
    """How long after a moment every gate answers everybody as it should."""
    told = [_config(gate, known) + _dialled(gate) for known in wanted for gate in at]
    statuses = [status for status in wanted.values() for _ in at]
    eventually(f"the gates answer {statuses}", lambda: _curl(home, "laptop", told) == statuses)
    return time.monotonic() - since


def _curl(home: Home, place: str, told: Iterable[str]) -> list[str]:
    """One curl for all of it: starting one takes longer than an answer."""
    return home.at(place, "curl", "--config", "-", stdin="next\n".join(told)).split()


def _config(gate: Gate, known: Known | None) -> str:
    return CONFIG.format(gate=gate, root=ROOT_FILE) + (f'user = "{":".join(known)}"\n' if known else "")


def _dialled(gate: Gate) -> str:
    return f'resolve = "{gate.host}:{gate.port}:{gate.address}"\n'


@dataclass
class Hammered:
    """What clients met that never stopped asking; known when they have ended."""

    met: dict[str, Counter[str]] = field(default_factory=dict)
    """By host and user, `-` for nobody: how often which status, or what went wrong."""

    @property
    def seen(self) -> Counter[str]:
        """All of it."""
        return sum(self.met.values(), Counter())


@contextmanager
def hammered(home: Home, at: Sequence[Gate], *users: Known) -> Iterator[Hammered]:
    """Clients at the laptop ask every gate as every user and as nobody, on kept and on new connections."""
    knocks = [(gate.host, gate.address, gate.port, known) for gate in at for known in (None, *users)]
    command = [home.program, "exec", "laptop", sys.executable, str(HAMMER)]
    found = Hammered()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"root": ROOT_FILE, "knocks": knocks}) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "begun\n"
        yield found
        printed, _ = process.communicate()
    found.met |= {who: Counter(met) for who, met in json.loads(printed).items()}
