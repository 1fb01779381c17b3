"""A snapshot as plain text: what `homelab-tui status` prints, on a terminal or into a pipe."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate, takewhile
from math import ceil
from unicodedata import category, east_asian_width

from homelab.observe.addresses import LEGEND, address_map, pool_use
from homelab.observe.allocations import Allocation
from homelab.observe.certificates import Certificate
from homelab.observe.configuration import Configuration, ConfigurationState
from homelab.observe.consul import Consul, Server
from homelab.observe.fate import CertificateState, Origin, left
from homelab.observe.nodes import Node
from homelab.observe.raw import moment
from homelab.observe.routes import Route
from homelab.observe.snapshot import CONSUL, ISSUER, Snapshot, SourceState
from homelab.observe.verdict import RouteState
from homelab.plan.model import Plan

WIDTH = 110
"""Columns; longer names are shortened, longer sentences wrapped."""
GAP = "  "
INDENT = "    "
MOST_PIECES = 4
"""Lines that one word may take."""
NARROWEST = 8
"""A column is not shortened below this."""
ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
GLYPHS = {RouteState.SERVED: "✓", RouteState.PARTLY: "▲", RouteState.UNKNOWN: "?", RouteState.AWAITED: "○"}
PROBLEM, NOTHING = "✗", "-"


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one line, and the sentences below it."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()
    key: str = ""
    """Which of the facts it shows, where that matters."""


@dataclass(frozen=True, slots=True)
class Head:
    """Names of a table's columns; the last one, the state, is never shortened."""

    names: tuple[str, ...]
    drops: tuple[str, ...]
    """Columns that go as a whole where the room is short, the first one first."""


def lines(snapshot: Snapshot, width: int = WIDTH, plan: Plan | None = None, *, followed: bool = True) -> list[str]:
    """The address map where there is a plan, the tables, then the sources that are not live.

    `followed`: whether it is one of many snapshots; only then it is known since when a source is not live.
    No line is wider than `width`, none has control characters.
    """
    parts = [
        address_lines(plan, snapshot.allocations, width) if plan else [],
        table("Nodes", NODE_HEAD, map(node_row, snapshot.nodes), none(snapshot, "nodes"), width),
        table("Allocations", ALLOCATION_HEAD, map(allocation_row, snapshot.allocations), no_address(snapshot), width),
        table(
            "Routes", route_head(snapshot.routes), map(route_row, snapshot.routes), none(snapshot, "ingresses"), width
        ),
        table("Certificates", CERTIFICATE_HEAD, certificate_rows(snapshot), no_certificate(snapshot), width),
        table(consul_title(snapshot), CONSUL_HEAD, consul_rows(snapshot), none(snapshot, CONSUL), width),
        configuration_lines(snapshot.configuration, width) if snapshot.configuration else [],
        list(source_lines(snapshot, width, followed)),
    ]
    return [line.rstrip() for part in parts if part for line in (*part, "")][:-1]


def none(snapshot: Snapshot, source: str) -> str:
    """What an empty table means: nothing there, or nothing known."""
    found = snapshot.sources.get(source)
    if found and found.state == SourceState.ABSENT and found.error:
        return found.error
    return "none" if found is None or found.state == SourceState.LIVE else f"not known: {source} {found.state}"


def no_address(snapshot: Snapshot) -> str:
    """An empty table of allocations says what to do."""
    said = none(snapshot, "services")
    return "no Service asks for an address yet; deploy with `homelab-tui apply`" if said == "none" else said


PER_LINE = (64, 16)
"""Addresses a line of the map; the second one where the first is too wide."""


def address_lines(plan: Plan, held: Iterable[Allocation], width: int) -> list[str]:
    """The LAN, one sign an address."""
    taken = tuple(held)
    use, label = pool_use(plan, taken), 8
    per_line = next((count for count in PER_LINE if count + label + len(" +99 alike") <= width), PER_LINE[-1])
    shown = (
        f"{line.label:>{label - 2}}  {''.join(line.uses)}{f' +{line.like} alike' if line.like else ''}"
        for line in address_map(plan, taken, per_line)
    )
    signs = INDENT + GAP.join(f"{use.value} {name}" for use, name in LEGEND)
    return [f"Addresses: {plan.network.lan}, {use.used} of {use.size} of the pool used", *shown, *wrapped(signs, width)]


NODE_HEAD = Head(("NAME", "ROLES", "ADDRESS", "ARCH", "VERSION", "PODS", "STATE"), drops=("PODS", "ARCH"))


def node_row(node: Node) -> Row:
    """One machine."""
    state = {True: "✓ ready", False: "✗ not ready", None: "? unknown"}[node.ready]
    about = () if node.announces else ("labelled as excluded from load balancers: announces no address",)
    facts = (node.address, node.arch, node.version, ", ".join(node.pods))
    return Row((node.name, ",".join(node.roles), *(fact or NOTHING for fact in facts), state), about)


ALLOCATION_HEAD = Head(("ADDRESS", "SERVICE", "ZONE", "NODE", "POLICY", "POOL", "STATE"), drops=("POOL", "POLICY"))


def allocation_row(one: Allocation) -> Row:
    """One Service."""
    address = " ".join(filter(None, (one.address, *one.more))) or NOTHING
    facts = (one.zone, one.announced_by, one.policy, one.pool)
    state = "▲ pending" if one.pending else "✓ given"
    below = (one.pending,) if one.pending else ()
    return Row((address, one.service, *(fact or NOTHING for fact in facts), state), below, one.service)


ROUTE_COLUMNS = ("HOST", "PATH", "ZONE", "AUTH", "TLS", "SERVICE", "ENDPOINTS", "STATE")


def route_head(found: Iterable[Route]) -> Head:
    """The path can only be spared where it tells no routes apart."""
    spare = ("PATH",) if all(one.path == "/" for one in found) else ()
    return Head(ROUTE_COLUMNS, drops=(*spare, "ENDPOINTS", "SERVICE"))


def route_row(one: Route) -> Row:
    """One host and path."""
    endpoints = "?" if one.endpoints is None else str(one.endpoints)
    facts = (one.zone, one.auth or NOTHING, "✓" if one.tls else NOTHING, one.service or NOTHING, endpoints)
    below = tuple(filter(None, (f"{one.source}: {one.error}" if one.error else None, one.note)))
    return Row((one.host, one.path, *facts, state_word(one)), below, route_key(one))


def route_key(one: Route) -> str:
    """Which route a row shows."""
    return f"{one.source} {one.host}{one.path}"


def state_word(one: Route) -> str:
    """Glyph and word, so that nothing hangs on colour."""
    counted = one.state in {RouteState.SERVED, RouteState.PARTLY}
    word = f"served by {one.served_by} of {one.asked}" if counted else one.state.value.replace("-", " ")
    return f"{GLYPHS.get(one.state, PROBLEM)} {word}"


CERTIFICATE_HEAD = Head(
    ("HOST", "ISSUER", "LIFETIME", "NOT AFTER", "RENEWAL", "STATE"), drops=("NOT AFTER", "RENEWAL", "ISSUER")
)
BAR = 8
CERTIFICATE_SIGNS = {
    CertificateState.VALID: "✓",
    CertificateState.AWAITED: "○",
    CertificateState.FAILING: "▲",
    CertificateState.PARTLY: "▲",
    CertificateState.PASSED: "▲",
    CertificateState.UNKNOWN: "?",
}


def certificate_rows(snapshot: Snapshot) -> Iterator[Row]:
    """One host a row, as of the snapshot's moment."""
    now = datetime.fromisoformat(snapshot.taken)
    return (certificate_row(one, now) for one in snapshot.certificates)


def no_certificate(snapshot: Snapshot) -> str:
    """An empty table says which of what it takes is missing."""
    told = next((said for name in (ISSUER, CONSUL) if (said := none(snapshot, name)) != "none"), "none")
    return "no Ingress with the label traffic-type=external names a host" if told == "none" else told


def certificate_row(one: Certificate, now: datetime) -> Row:
    """One host."""
    renewal = f"in {until(one.next_renewal, now)}" if one.next_renewal else NOTHING
    end = moment(one.not_after)
    cells = (one.host, one.origin.value, lifetime(one, now), f"{end:%Y-%m-%d}" if end else NOTHING, renewal)
    return Row((*cells, certificate_word(one)), (one.error,) if one.error else (), one.host)


def certificate_word(one: Certificate) -> str:
    """Glyph and word; of a certificate for trials also that, since browsers refuse it."""
    counted = one.state in {CertificateState.VALID, CertificateState.PARTLY}
    trial = ", staging" if one.origin is Origin.STAGING else ""
    word = f"served by {one.served_by} of {len(one.served)}{trial}" if counted else one.state.value
    return f"{CERTIFICATE_SIGNS.get(one.state, PROBLEM)} {word}"


def lifetime(one: Certificate, now: datetime) -> str:
    """How much of its life is left, as a bar and in days."""
    part = left(one.not_before, one.not_after, now)
    if part is None:
        return NOTHING
    full = ceil(part * BAR)
    return f"{'▰' * full}{'▱' * (BAR - full)} {until(one.not_after, now)}"


UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def until(written: str | None, now: datetime) -> str:
    """How long it is until a moment, in one unit."""
    end = moment(written)
    passed = (end - now).total_seconds() if end else 0
    return next((f"{passed // size:.0f} {unit}" for size, unit in UNITS if passed >= size), "0 min")


CONSUL_HEAD = Head(("SERVER", "NODE", "VERSION", "LAST CONTACT", "BEHIND", "STATE"), drops=("VERSION", "BEHIND"))


def consul_title(snapshot: Snapshot) -> str:
    """With what is true of all servers together."""
    found = snapshot.consul
    return f"Consul: {', '.join(consul_words(found))}" if found else "Consul"


def consul_words(found: Consul) -> tuple[str, ...]:
    """Who leads, how many work, how many more may fail, and whether the issuer holds its lock."""
    voters = f"{found.working}/{len(found.servers)} servers"
    lock = (f"lock held by {found.holder or found.session}",) if found.session else ()
    silent = all(one.version is None for one in found.servers)
    nobody = "leader not known" if silent else "no leader"
    return (f"leader {found.leader}" if found.leader else nobody, voters, *may_fail(found), *lock)


def may_fail(found: Consul) -> tuple[str, ...]:
    """How many servers more, and whether one node has more than that."""
    if found.tolerance is None:
        return ()
    if not found.tolerance:
        return ("none may fail",)
    (node, held), *_ = Counter(one.node for one in found.servers if one.node).most_common(1) or [("", 0)]
    crowded = f", but {held} are on {node}" if held > found.tolerance else ""
    return (f"{found.tolerance} may fail{crowded}",)


def consul_rows(snapshot: Snapshot) -> Iterator[Row]:
    """One server a row."""
    return (server_row(one) for one in snapshot.consul.servers) if snapshot.consul else iter(())


def server_row(one: Server) -> Row:
    """One server."""
    contact = NOTHING if one.contact is None or one.role == "leader" else f"within {one.contact / 1000:g} s"
    behind = "?" if one.behind is None else str(one.behind)
    cells = (one.name, one.node or NOTHING, one.version or NOTHING, contact, behind, server_word(one))
    return Row(cells, (one.error,) if one.error else (), one.name)


def server_word(one: Server) -> str:
    """Glyph and word."""
    if one.error:
        return f"{PROBLEM} no leader" if one.version and one.role is None else f"{PROBLEM} failed"
    return f"▲ {one.role}, no vote yet" if one.voter is False else f"✓ {one.role}"


CONFIGURATION_SIGNS = {
    ConfigurationState.LOADED: "✓",
    ConfigurationState.PARTLY: "▲",
    ConfigurationState.UNKNOWN: "?",
}


def configuration_lines(found: Configuration, width: int) -> list[str]:
    """Of the external Traefiks: one line, and below it what is wrong."""
    below = wrapped(INDENT + found.error, width) if found.error else []
    return [*wrapped(f"Configuration: {configuration_word(found)}", width), *below]


def configuration_word(found: Configuration) -> str:
    """Glyph and word."""
    counted = found.state in {ConfigurationState.LOADED, ConfigurationState.PARTLY}
    word = f"loaded, taken by {found.taken_by} of {len(found.replicas)}" if counted else found.state.value
    return f"{CONFIGURATION_SIGNS.get(found.state, PROBLEM)} {word}"


def configuration_words(found: Configuration | None) -> tuple[str, ...]:
    """Something only where something is wrong."""
    if found is None or found.state in {ConfigurationState.LOADED, ConfigurationState.UNKNOWN}:
        return ()
    return (f"configuration {found.state.value}",)


def source_lines(snapshot: Snapshot, width: int, followed: bool) -> Iterator[str]:
    """Why some of the above may be old or missing."""
    for name, source in sorted(snapshot.sources.items()):
        if source.state != SourceState.LIVE:
            since = f" since {source.since}" if source.since and followed else ""
            error = f": {source.error}" if source.error else ""
            yield from wrapped(f"▲ {name} {source.state}{since}{error}", width)


def table(title: str, head: Head, rows: Iterable[Row], empty: str, width: int) -> list[str]:
    """A title, and columns as wide as their widest cell as far as the width allows."""
    cleaned = [Row(tuple(map(clean, row.cells)), row.below) for row in rows]
    if not cleaned:
        return [title, *wrapped(INDENT + empty, width)]
    widths = fitted(head, [row.cells for row in cleaned], width)
    found = [title, GAP + line(head.names, widths)]
    for row in cleaned:
        found.append(GAP + line(row.cells, widths))
        found.extend(part for said in row.below for part in wrapped(INDENT + said, width))
    return found


def fitted(head: Head, rows: Iterable[Sequence[str]], width: int) -> dict[int, int]:
    """Widths of the columns that stay, by place: some go as a whole, then the widest give way until all are narrow."""
    fit = {at: max(map(cells, column)) for at, column in enumerate(zip(head.names, *rows, strict=True))}
    state = len(head.names) - 1

    def too_wide() -> bool:
        return sum(fit.values()) + len(GAP) * len(fit) > width

    for name in head.drops:
        if too_wide():
            del fit[head.names.index(name)]
    while too_wide():
        widest = max((at for at in fit if at != state), key=lambda at: fit[at])
        if fit[widest] <= NARROWEST:
            break
        fit[widest] -= 1
    return fit


def line(row: Sequence[str], widths: Mapping[int, int]) -> str:
    """Cells side by side."""
    return GAP.join(padded(row[at], width) for at, width in widths.items())


def padded(cell: str, width: int) -> str:
    """A cell filled up or shortened to its width."""
    cut = shortened(cell, width)
    return cut + " " * (width - cells(cut))


def shortened(cell: str, width: int) -> str:
    """A text that fits, with an ellipsis where something is missing."""
    if cells(cell) <= width:
        return cell
    return begin(cell, width - 1) + "…" if width > 0 else ""


def begin(written: str, width: int) -> str:
    """As much of a text as fits."""
    ends = accumulate(map(cell_width, written))
    return written[: sum(1 for _ in takewhile(lambda end: end <= width, ends))]


def wrapped(sentence: str, width: int) -> list[str]:
    """A sentence over several lines, each indented like the first; a word wider than a line is broken."""
    body = clean(sentence)
    indent = " " * min(len(body) - len(body.lstrip()), width // 4)  # somebody else's sentence may begin with any number
    found, room = [indent], width - len(indent)
    for word in body.split():
        whole = cells(word) <= room
        for at, fits in enumerate([word] if whole else pieces(word, room - len(GAP))):
            longer = fits if not found[-1].strip() else f" {fits}"
            if at or cells(found[-1]) + cells(longer) > width:
                found.append(indent + (GAP if cells(fits) <= room - len(GAP) else "") + fits)
            else:
                found[-1] += longer
    return found


def pieces(word: str, width: int) -> Iterator[str]:
    """A word in parts that fit a line, such as a long path; one that would fill the screen is shortened."""
    rest = shortened(word, width * MOST_PIECES)
    while cells(rest) > width > 1:
        piece = begin(rest, width)
        yield piece
        rest = rest[len(piece) :]
    yield shortened(rest, width)


def clean(written: str) -> str:
    """A text that cannot move the cursor, colour or reorder: no escape sequence, no control, no format mark."""
    if written.isascii() and written.isprintable():
        return written
    shown = re.sub(r"[\t\r\n\u2028\u2029]+", " ", ESCAPE.sub("", written))
    return "".join(char for char in shown if category(char)[0] != "C")


def cells(written: str) -> int:
    """Columns that a terminal needs: wide characters take two, combining marks none."""
    return len(written) if written.isascii() else sum(map(cell_width, written))


def cell_width(char: str) -> int:
    """Columns of one character."""
    if category(char) in {"Mn", "Me"}:
        return 0
    return 2 if east_asian_width(char) in {"W", "F"} else 1
