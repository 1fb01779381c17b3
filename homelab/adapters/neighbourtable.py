"""The kernel's neighbour table over netlink: who has which MAC address, and whether that was confirmed lately.

/proc/net/arp does not say the latter, and an entry stays for hours after its machine has gone. The library for netlink
(pyroute2) takes 15 MB and a sixth of a second to load, for two kinds of message.
Source: rtnetlink(7), linux/neighbour.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

NEW, DELETE, GET = 28, 29, 30
"""RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH."""
REQUEST, ACKNOWLEDGE, ALL = 0x1, 0x4, 0x300
"""NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP."""
ERROR, DONE = 2, 3
"""NLMSG_ERROR, NLMSG_DONE."""
DESTINATION, MAC = 1, 2
"""NDA_DST, NDA_LLADDR."""
REACHABLE, STALE, DELAY, PROBE, FAILED, NO_ARP, PERMANENT = 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80
"""NUD_*: how sure the kernel is."""
CONFIRMED, DOUBTFUL = REACHABLE | NO_ARP | PERMANENT, STALE | DELAY | PROBE
HEADER, ABOUT, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=B3xiHBB"), struct.Struct("=HH")
"""nlmsghdr, ndmsg, rtattr."""
MOST = 2**16
"""Bytes of one answer; the kernel's are smaller."""
MAC_BYTES = 6


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One entry."""

    address: IPv4Address
    mac: str
    """Empty while nobody answered."""
    interface: int
    state: int
    """NUD_*."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it answered within the last seconds (30 by default), or was written down by hand."""
        return bool(self.mac and self.state & CONFIRMED)

    @property
    def is_doubtful(self) -> bool:
        """Whether it answered once, and will be asked again."""
        return bool(self.state & DOUBTFUL)

    @property
    def has_failed(self) -> bool:
        """Whether it did not answer, and is asked no more until something is sent to it again."""
        return bool(self.state & FAILED)


def read() -> dict[IPv4Address, Neighbour]:
    """Every IPv4 neighbour that there is an entry of."""
    return {one.address: one for one in _entries()}


def forget(addresses: Collection[IPv4Address]) -> None:
    """Drop what was learnt of these, so that they are asked anew. Raises PermissionError for all but root."""
    for one in _entries():
        if one.address in addresses and one.state & (REACHABLE | DOUBTFUL):
            body = ABOUT.pack(socket.AF_INET, one.interface, 0, 0, 0) + _attribute(DESTINATION, one.address.packed)
            for _ in _answers(DELETE, ACKNOWLEDGE, body):
                pass


def _entries() -> Iterator[Neighbour]:
    for kind, body in _answers(GET, ALL, ABOUT.pack(socket.AF_INET, 0, 0, 0, 0)):
        if kind == NEW:
            _, interface, state, _, _ = ABOUT.unpack_from(body)
            said = dict(_attributes(body[ABOUT.size :]))
            mac = said.get(MAC, b"")
            text = mac.hex(":") if len(mac) == MAC_BYTES and any(mac) else ""
            if len(said.get(DESTINATION, b"")) == 4:  # noqa: PLR2004 - bytes of IPv4
                yield Neighbour(IPv4Address(said[DESTINATION]), text, interface, state)


def _answers(kind: int, flags: int, body: bytes) -> Iterator[tuple[int, bytes]]:
    """What the kernel answers to one message, until it says that this was all. Raises OSError where it refuses."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.send(HEADER.pack(HEADER.size + len(body), kind, REQUEST | flags, 1, 0) + body)
        while True:
            for said, content in _messages(kernel.recv(MOST)):
                if said == ERROR and (code := struct.unpack_from("=i", content)[0]):
                    raise OSError(-code, "the kernel's neighbour table")
                if said in (ERROR, DONE):
                    return
                yield said, content


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : length]
        data = data[_aligned(max(length, HEADER.size)) :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        yield kind, data[ATTRIBUTE.size : length]
        data = data[_aligned(max(length, ATTRIBUTE.size)) :]


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value


def _aligned(length: int) -> int:
    return (length + 3) & ~3
