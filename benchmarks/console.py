"""What the console costs: to start, at rest, for one change; on a lab of our own and on the cluster of KUBECONFIG.

It is watched from outside, in a terminal of its own: times are those at which bytes arrive there.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster import Api, Home, given, lab
from benchmarks.service import NAME, Service, service
from benchmarks.table import Row, most, share, typical_of, written
from benchmarks.terminal import Terminal, resident
from benchmarks.timing import TUI, Failed

STARTS, CHANGES = 7, 60
REST_SECONDS = 30.0
CALM = 2.5
"""Seconds without a byte: the Traefiks are asked every two."""
SIZES = ((80, 24), (120, 40))
TITLE, STEP = "Allocations", "Kubeconfig"
CTRL_C = "\x03"


def rows() -> Iterator[Row]:
    """The figures on both, or why there are none. Raises Failed."""
    with lab() as home:
        yield from on(home)
        assert home.lab
        yield Row("lab: memory of the lab itself, its Traefik apart", f"{resident(home.lab):.0f} MB")
    yield from alone()
    yield from setting_up()
    with given() as cluster:
        if cluster is None:
            yield Row("cluster: the console", "skipped: KUBECONFIG is not set, or there is no plan")
        else:
            yield from on(cluster)


def on(home: Home) -> Iterator[Row]:
    """Every figure on one of them."""
    starts = [start(home.console, home.environment, first_row(home)) for _ in range(STARTS)]
    yield typical_of(f"{home.name}: start to first paint", [paint for paint, _ in starts], 600, "ms")
    yield typical_of(f"{home.name}: start to first real row", [row for _, row in starts], 1000, "ms")
    yield from at_rest(home)
    with service(Api(home.kubeconfig)) as changing:
        for columns, lines in SIZES:
            yield changed_row(home, changing, columns, lines)
        yield from changes(home, changing)


def first_row(home: Home) -> str:
    """What is written in the first row of the first table. Raises Failed."""
    addresses = [one["address"] for one in home.status()["allocations"] if one["address"]]
    if not addresses:
        raise Failed(f"nothing has an address on the {home.name}: deploy the stack first, with homelab-tui apply")
    return str(addresses[0])


def start(command: list[str], environment: dict[str, str], text: str, title: str = TITLE) -> tuple[float, float]:
    """Milliseconds until the frame is painted, and until the text of a row is."""
    with Terminal(command, environment) as terminal:
        painted = terminal.arrival(title)
        row = terminal.arrival(text)
        terminal.send(CTRL_C)
        terminal.ended()
    return (painted - terminal.began) * 1000, (row - terminal.began) * 1000


def at_rest(home: Home) -> Iterator[Row]:
    """What a healthy cluster costs while nothing happens."""
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        terminal.shows(first_row(home))
        before, used, end = terminal.settled(CALM), terminal.cpu, time.monotonic() + REST_SECONDS
        while (left := end - time.monotonic()) > 0:
            terminal.listen(left)
        sent, used = terminal.count - before, terminal.cpu - used
        yield most(f"{home.name}: at rest, to the terminal", sent / REST_SECONDS, 20, "B/s")
        yield most(f"{home.name}: at rest, of one core", 100 * used / REST_SECONDS, 0.5, "%")
        yield most(f"{home.name}: memory of the console", terminal.memory, 90, "MB")


def changed_row(home: Home, changing: Service, columns: int, lines: int) -> Row:
    """Bytes for a new address."""
    with Terminal(home.console, home.environment, columns=columns, lines=lines) as terminal:
        terminal.shows(NAME)
        before, address = terminal.settled(CALM), changing.address()
        changing.move(address)
        terminal.arrival(address, before)
        sent = terminal.settled() - before
    return most(f"{home.name}: one changed row at {columns}x{lines}", sent, 500, "B")


def changes(home: Home, changing: Service) -> Iterator[Row]:
    """From the API's answer to a change, when it is in the cluster, until its bytes are at the terminal."""
    seen, in_all = [], []
    with Terminal(home.console, home.environment, columns=120, lines=40) as terminal:
        terminal.shows(NAME)
        terminal.settled(CALM)
        for _ in range(CHANGES):
            before, address = terminal.settled(), changing.address()
            sent = time.monotonic()
            changing.move(address)
            answered = time.monotonic()
            arrived = terminal.arrival(address, before)
            seen.append((arrived - answered) * 1000)
            in_all.append((arrived - sent) * 1000)
    what = f"{home.name}: change in the cluster -> on the screen"
    yield most(f"{what}, median of {CHANGES}", share(seen, 0.5), 40, "ms")
    yield most("... 95 of 100 within", share(seen, 0.95), 100, "ms")
    answer = f"{written(share(in_all, 0.5), 'ms')}, 95 of 100 within {written(share(in_all, 0.95), 'ms')}"
    yield Row("... and with the time that the API takes to accept it, median", answer)


def setting_up() -> Iterator[Row]:
    """The console where there is no plan yet."""
    with lab(bare=True) as home:
        bare = [*TUI, "--lab=bare"]
        starts = [start(bare, home.environment, "the cluster answers", STEP) for _ in range(STARTS)]
    yield typical_of("set-up: start to first paint", [paint for paint, _ in starts], 600, "ms")
    yield typical_of("set-up: start to the cluster's answer", [row for _, row in starts], None, "ms")


def alone() -> Iterator[Row]:
    """The first start of the lab, from nothing to its deployed stack on the screen."""
    found = []
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="homelab-") as path:
            own = {"XDG_RUNTIME_DIR": path, "XDG_STATE_HOME": str(Path(path) / "state")}
            found.append(start([*TUI, "--lab"], own, "✓ given"))
    yield typical_of("--lab where none runs: start to first paint", [paint for paint, _ in found], 600, "ms")
    yield typical_of("--lab where none runs: start to first deployed row", [row for _, row in found], None, "ms")
