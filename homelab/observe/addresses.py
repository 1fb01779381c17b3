"""The LAN as a map: one sign an address, from the plan and from what the load balancer has given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from itertools import groupby

from homelab.observe.allocations import Allocation
from homelab.plan.model import AddressRange, Plan


class Use(StrEnum):
    """What an address is for; the value is its sign."""

    FREE = "·"
    DHCP = "d"
    RESERVED = "r"
    POOL = "░"
    HOST = "H"
    NODE = "N"
    GATEWAY = "G"
    USED = "■"
    ANSWERS = "✗"


LEGEND = (
    (Use.GATEWAY, "gateway"),
    (Use.HOST, "host"),
    (Use.NODE, "node"),
    (Use.RESERVED, "reserved"),
    (Use.POOL, "pool"),
    (Use.USED, "used"),
    (Use.DHCP, "DHCP"),
)
"""The signs in the order of a person's questions."""

Claim = tuple[int, int, Use]
"""First address, last address, and what for."""


@dataclass(frozen=True, slots=True)
class MapLine:
    """Neighbouring addresses."""

    label: str
    """The first one's last part, `.64`; two parts, `3.64`, where the LAN is larger than 256 addresses."""
    uses: tuple[Use, ...]
    like: int = 0
    """Further lines that look the same and were left out."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How full the pool is."""

    used: int
    size: int


def pool_use(plan: Plan, held: Iterable[Allocation]) -> PoolUse:
    """Addresses given out of the pool; a shared one counts once."""
    pool = plan.load_balancer.pool
    return PoolUse(sum(address in pool for address in given(held)), len(pool))


def address_map(
    plan: Plan, held: Iterable[Allocation], per_line: int, over: Iterable[Claim] = ()
) -> tuple[MapLine, ...]:
    """The whole LAN, `per_line` addresses a line; a run of lines that show one use alone is told once.

    `over`: claims that lie over those of plan and allocations. Pure: the same plan and allocations give the same map.
    Its cost is that of what is used, not that of the LAN.
    """
    lan = plan.network.lan
    claims = [*claimed(plan, held), *over]
    edges = {int(lan[0]), *(edge for first, last, _ in claims for edge in (first, last + 1))}
    steps = line_starts(lan, edges, per_line)
    lines = [(start, uses_from(start, min(per_line, lan.num_addresses), claims)) for start in steps]
    return tuple(merged(lan, lines, per_line))


def line_starts(lan: IPv4Network, edges: Iterable[int], per_line: int) -> list[int]:
    """First addresses of the lines where something begins or ends, and of the lines just after them."""
    base = int(lan[0])
    starts = {base + (edge - base) // per_line * per_line for edge in edges}
    near = starts | {start + per_line for start in starts}
    return sorted(start for start in near if base <= start <= int(lan[-1]))


def uses_from(start: int, count: int, claims: Sequence[Claim]) -> tuple[Use, ...]:
    """The uses of one line; of several claims on an address the last one counts."""
    found = [Use.FREE] * count
    for first, last, use in claims:
        low, high = max(first, start), min(last, start + count - 1)
        if low <= high:
            found[low - start : high - start + 1] = [use] * (high - low + 1)
    return tuple(found)


def merged(lan: IPv4Network, lines: Sequence[tuple[int, tuple[Use, ...]]], per_line: int) -> Iterator[MapLine]:
    """Lines by their label; where the next one differs in place only, it is counted instead of shown."""
    end = int(lan[-1]) + 1
    following = [start for start, _ in lines[1:]] + [end]
    spans = [(start, after, uses) for (start, uses), after in zip(lines, following, strict=True)]
    for uses, group in groupby(spans, key=lambda span: span[2]):
        run = list(group)
        if len(set(uses)) > 1:
            yield from (MapLine(label(lan, start), uses) for start, _, _ in run)
            continue
        yield MapLine(label(lan, run[0][0]), uses, like=(run[-1][1] - run[0][0] - 1) // per_line)


def label(lan: IPv4Network, address: int) -> str:
    """The part of an address that tells the lines apart."""
    parts = str(IPv4Address(address)).split(".")
    return f".{parts[3]}" if lan.prefixlen >= 24 else f"{parts[2]}.{parts[3]}"  # noqa: PLR2004 - bits of three parts


def claimed(plan: Plan, held: Iterable[Allocation]) -> Iterator[Claim]:
    """First, last, and what for; later claims lie over earlier ones."""
    network = plan.network
    if network.dhcp:
        yield span(network.dhcp, Use.DHCP)
    yield from (span(each, Use.RESERVED) for each in network.reserved)
    yield span(plan.load_balancer.pool, Use.POOL)
    yield from (one(host.address, Use.HOST) for host in network.hosts)
    yield from (one(node.address, Use.NODE) for node in plan.nodes)
    yield one(network.gateway, Use.GATEWAY)
    yield from (one(address, Use.USED) for address in sorted(given(held)))


def span(addresses: AddressRange, use: Use) -> Claim:
    """A claim on a range."""
    return int(addresses.first), int(addresses.last), use


def one(address: IPv4Address, use: Use) -> Claim:
    """A claim on one address."""
    return int(address), int(address), use


def given(held: Iterable[Allocation]) -> set[IPv4Address]:
    """Every IPv4 address that a Service has."""
    return {found for each in held for text in (each.address, *each.more) if (found := ipv4(text))}


def ipv4(text: str | None) -> IPv4Address | None:
    """An IPv4 address, or None for anything else: host names and IPv6 have no place on the map."""
    try:
        return IPv4Address(text) if text else None
    except AddressValueError:
        return None
