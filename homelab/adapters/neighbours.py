"""This machine and who answers on its networks: interfaces by psutil, the rest from the kernel's own tables."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Protocol

import psutil

from homelab.adapters import neighbourtable
from homelab.ports import Interface, Machine

UNSERVED = 33434
"""The port at which traceroute begins, since nobody serves it: a datagram to it does nothing but ask for the MAC."""
BATCH = 256
"""Addresses asked at a time. The kernel keeps 512 entries without a murmur, those of the last batch among them.
Source: ip-sysctl, neigh/default/gc_thresh2."""
SETTLE_SECONDS = 1.5
"""Time to answer: the kernel asks at once and again after a second."""
CONFIRM_SECONDS = 9.5
"""The same for an address that answered before: the kernel uses what it knows for five seconds, then asks there three
times, and then everybody. Source: ip-sysctl, neigh/default/delay_first_probe_time and ucast_solicit."""
LOOK_SECONDS = 0.05
"""Between two looks at the kernel's table."""
FOREIGN = ("cni", "veth", "flannel", "docker", "br-", "virbr", "cali", "cilium", "lxc", "kube-", "nodelocaldns",
           "tun", "tap", "wg", "tailscale", "zt", "vxlan", "gre", "ipip", "sit", "ppp")  # fmt: skip
"""How networks of pods, containers and tunnels are called: none of them is a LAN."""
GATEWAY_FLAG = 0x2
"""Of a route: it leads through another machine. Source: linux/route.h, RTF_GATEWAY."""
NO_MAC = "00:00:00:00:00:00"


class _Address(Protocol):
    """What psutil says of one address of an interface."""

    @property
    def family(self) -> int: ...
    @property
    def address(self) -> str: ...
    @property
    def netmask(self) -> str | None: ...


class KernelNeighbourhood:
    """Keeps `ports.Neighbourhood`."""

    def machine(self) -> Machine:
        """What the kernel knows of this machine now."""
        way = gateway(Path("/proc/net/route").read_text())
        conf = _text(Path("/etc/resolv.conf"))
        return Machine(
            name=socket.gethostname(),
            interfaces=interfaces(psutil.net_if_addrs(), way[1] if way else None, is_wireless),
            gateway=way[0] if way else None,
            resolvers=resolvers(conf),
            search=search(conf),
        )

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        """MAC addresses of those that answer ARP; those of other networks and of this machine are not asked."""
        near = neighbours(addresses, self.machine().interfaces)
        found: dict[IPv4Address, str] = {}
        for start in range(0, len(near), BATCH):
            found |= await _asked(near[start : start + BATCH])
        return found


def gateway(routes: str) -> tuple[IPv4Address, str] | None:
    """The router and the interface that leads to it, of the default routes the one that costs least.

    Source: /proc/net/route: numbers are hexadecimal and in the machine's own byte order.
    """
    head, *lines = routes.splitlines() or [""]
    rows = [dict(zip(head.split(), line.split(), strict=False)) for line in lines]
    ways = [row for row in rows if _is_default(row)]
    best = min(ways, key=lambda row: int(row["Metric"]), default=None)
    return (IPv4Address(struct.pack("=I", int(best["Gateway"], 16))), best["Iface"]) if best else None


def resolvers(conf: str) -> tuple[str, ...]:
    """Name servers of a resolv.conf, in the order in which they are asked."""
    rows = (line.split() for line in conf.splitlines())
    return tuple(row[1] for row in rows if len(row) > 1 and row[0] == "nameserver")


def search(conf: str) -> tuple[str, ...]:
    """Domains of a resolv.conf that bare names are completed with; the last line that gives any counts.

    Source: resolv.conf(5).
    """
    rows = [row[1:] for line in conf.splitlines() if (row := line.split())[:1] in (["search"], ["domain"])]
    return tuple(rows[-1]) if rows else ()


def interfaces(
    found: Mapping[str, Sequence[_Address]], first: str | None, wireless: Callable[[str], bool]
) -> tuple[Interface, ...]:
    """Ways into a LAN, the one called `first` before the others; a network without MAC addresses is a tunnel."""
    made = [
        Interface(name, IPv4Interface(f"{one.address}/{one.netmask}"), mac, wireless(name))
        for name, addresses in found.items()
        if not name.startswith(FOREIGN) and (mac := _mac(addresses))
        for one in addresses
        if one.family == socket.AF_INET and one.netmask
    ]
    return tuple(sorted(made, key=lambda interface: interface.name != first))


def is_wireless(name: str) -> bool:
    """Whether an interface is a radio; drivers say so in one of two ways, the older kernels' and the newer's."""
    return any(Path("/sys/class/net", name, sign).exists() for sign in ("wireless", "phy80211"))


def neighbours(addresses: Collection[IPv4Address], ways: Collection[Interface]) -> list[IPv4Address]:
    """Those that can answer ARP: on a network of ours, neither our own nor the network's first or last address."""
    own = {way.address.ip for way in ways}
    networks = {way.address.network for way in ways}
    ends = {end for net in networks if net.num_addresses > 2 for end in (net[0], net[-1])}  # noqa: PLR2004 - RFC 3021
    return sorted({one for one in addresses if any(one in net for net in networks)} - own - ends)


async def _asked(addresses: Sequence[IPv4Address]) -> dict[IPv4Address, str]:
    """Ask, then look until all have answered or their time is over."""
    with suppress(OSError):  # only root may; for others an answer of the last seconds counts as one of now
        neighbourtable.forget(addresses)
    _send(addresses)
    loop = asyncio.get_running_loop()
    begun, doubted = loop.time(), set[IPv4Address]()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        known = neighbourtable.read()
        there = {one: known[one].mac for one in addresses if one in known and known[one].is_confirmed}
        doubted |= {one for one in addresses if one in known and known[one].is_doubtful}
        _send([one for one in addresses if one in known and known[one].has_failed])
        passed = loop.time() - begun
        if all(one in there or passed > (CONFIRM_SECONDS if one in doubted else SETTLE_SECONDS) for one in addresses):
            return there


def _send(addresses: Sequence[IPv4Address]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for one in addresses:
            with suppress(OSError):  # no route, or the table is full: then it has not answered
                sender.sendto(b"", (str(one), UNSERVED))


def _is_default(route: Mapping[str, str]) -> bool:
    anywhere = route.get("Destination") == route.get("Mask") == "00000000"
    return anywhere and bool(int(route["Flags"], 16) & GATEWAY_FLAG)


def _mac(addresses: Sequence[_Address]) -> str | None:
    found = (one.address.lower() for one in addresses if one.family == psutil.AF_LINK)
    return next((mac for mac in found if mac != NO_MAC), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
