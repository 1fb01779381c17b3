"""Address pools as MetalLB reads them. Source: MetalLB, IPAddressPool, internal/config/config.go (v0.16.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from homelab.observe.raw import dig, strings
from homelab.plan.model import AddressRange
from homelab.ports import Raw

BUGGY = frozenset({0, 255})
"""Last octets that some firmware takes for a broadcast; `avoidBuggyIPs` leaves them out."""


class InvalidPool(Exception):
    """A pool that MetalLB refuses, or one that the lab cannot do; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Addresses that may be given away."""

    name: str
    ranges: tuple[AddressRange, ...]
    auto_assign: bool = True
    """Whether Services that name no pool and no address may have one of it."""
    avoid_buggy: bool = False

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and any(address in one for one in self.ranges) and self._usable(address)

    def addresses(self) -> Iterator[IPv4Address]:
        """Every address, in the order of giving."""
        every = (IPv4Address(n) for one in self.ranges for n in range(int(one.first), int(one.last) + 1))
        return filter(self._usable, every) if self.avoid_buggy else every

    def __len__(self) -> int:
        whole = sum(map(len, self.ranges))
        return whole - sum(map(_buggy_in, self.ranges)) if self.avoid_buggy else whole

    def _usable(self, address: IPv4Address) -> bool:
        return not (self.avoid_buggy and int(address) % 256 in BUGGY)


def _buggy_in(one: AddressRange) -> int:
    """How many addresses of a range end in .0 or .255, counted without walking it."""
    below = sum((int(one.first) - 1 - last) // 256 + 1 for last in BUGGY)
    return sum((int(one.last) - last) // 256 + 1 for last in BUGGY) - below


def pools(objects: Iterable[Raw]) -> tuple[Pool, ...]:
    """Every pool, by name. Raises InvalidPool: MetalLB takes all pools or none."""
    found = tuple(_pool(obj) for obj in sorted(objects, key=lambda obj: str(obj["metadata"]["name"])))
    held: list[tuple[Pool, AddressRange]] = []
    for pool in found:
        for one in pool.ranges:
            for other, taken in held:
                if one & taken:
                    raise InvalidPool(f'"{one}" in pool "{pool.name}" overlaps with "{taken}" of pool "{other.name}"')
            held.append((pool, one))
    return found


def _pool(obj: Raw) -> Pool:
    name, spec = obj["metadata"]["name"], obj.get("spec") or {}
    written = strings(spec, "addresses")
    if not written:
        raise InvalidPool(f"parsing address pool {name}: pool has no prefixes defined")
    if spec.get("serviceAllocation"):
        raise InvalidPool(f"pool {name} has a serviceAllocation, which the lab does not do; all pools stay as before")
    return Pool(
        name,
        tuple(_range(text, name) for text in written),
        auto_assign=dig(spec, "autoAssign") is not False,
        avoid_buggy=dig(spec, "avoidBuggyIPs") is True,
    )


def _range(text: str, pool: str) -> AddressRange:
    """`a-b` or `a/n`, whose host bits do not matter."""
    try:
        if "-" in text:
            return AddressRange.parse(text)
        if "/" in text:
            return AddressRange.of(IPv4Network(text, strict=False))
    except ValueError as error:
        if _is_ipv6(text):
            raise InvalidPool(f"pool {pool} has {text}: the lab knows IPv4 only; all pools stay as they were") from None
        raise InvalidPool(f'parsing address pool {pool}: invalid CIDR "{text}" in pool "{pool}": {error}') from None
    raise InvalidPool(f'parsing address pool {pool}: invalid CIDR "{text}" in pool "{pool}"')


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text.partition("-")[0].partition("/")[0].strip()), IPv6Address)
    except ValueError:
        return False
