"""What the kernel says of this machine and its neighbours, read from its own words."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv4Interface
from typing import NamedTuple

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.adapters import neighbourtable
from homelab.adapters.neighbours import KernelNeighbourhood, gateway, interfaces, neighbours, resolvers
from homelab.ports import Interface

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
little_endian = pytest.mark.skipif(sys.byteorder == "big", reason="the kernel writes addresses as this machine does")


class Said(NamedTuple):
    """An address as psutil tells it."""

    family: int
    address: str
    netmask: str | None = None


def way(name: str, address: str) -> Interface:
    """An interface with an address."""
    return Interface(name, IPv4Interface(address), "02:00:00:00:00:01", is_wireless=False)


def default(device: str, router: str, metric: int, flags: str = "0003") -> str:
    """A line for a default route."""
    return f"{device}\t00000000\t{router}\t{flags}\t0\t0\t{metric}\t00000000\t0\t0\t0\n"


@little_endian
def test_the_gateway_is_the_one_of_the_cheapest_default_route() -> None:
    routes = HEAD + LAN + default("wlan0", "FE01A8C0", 600) + default("eth0", "0101A8C0", 100)

    assert gateway(routes) == (IPv4Address("192.168.1.1"), "eth0")


@pytest.mark.parametrize("routes", ["", HEAD, HEAD + LAN, HEAD + default("tun0", "00000000", 0, flags="0001")])
def test_without_a_router_there_is_no_gateway(routes: str) -> None:
    assert gateway(routes) is None


@given(st.text(alphabet="01AFeth \t\n", max_size=200))
def test_a_table_of_routes_that_is_none_has_no_gateway(text: str) -> None:
    assert gateway(text) is None


def test_resolvers_are_those_that_are_asked() -> None:
    conf = "# made by hand\nsearch home\nnameserver 192.168.1.1\nnameserver  fe80::1%eth0 # also\n;nameserver 9.9.9.9\n"

    assert resolvers(conf) == ("192.168.1.1", "fe80::1%eth0")


def test_interfaces_are_ways_into_a_lan_the_gateways_first() -> None:
    mac, none = Said(psutil.AF_LINK, "02:00:00:00:00:0A"), Said(psutil.AF_LINK, "00:00:00:00:00:00")
    inet = socket.AF_INET
    found = {
        "lo": [Said(inet, "127.0.0.1", "255.0.0.0"), none],
        "wlan0": [Said(inet, "192.168.2.5", "255.255.255.0"), mac],
        "eth0": [Said(inet, "192.168.1.50", "255.255.255.0"), Said(inet, "10.1.0.1", "255.255.0.0"), mac],
        "cni0": [Said(inet, "10.42.0.1", "255.255.255.0"), mac],
        "wg0": [Said(inet, "10.8.0.1", "255.255.255.0")],
        "home0": [Said(inet, "10.8.1.1", "255.255.255.0")],
        "eth1": [Said(socket.AF_INET6, "fe80::1", None), mac],
    }

    made = interfaces(found, "eth0", lambda name: name == "wlan0")

    assert [(one.name, str(one.address), one.is_wireless) for one in made] == [
        ("eth0", "192.168.1.50/24", False),
        ("eth0", "10.1.0.1/16", False),
        ("wlan0", "192.168.2.5/24", True),
    ]
    assert {one.mac for one in made} == {"02:00:00:00:00:0a"}


def test_asked_are_others_of_our_networks_alone() -> None:
    addresses = map(IPv4Address, ("192.168.1.0", "192.168.1.1", "192.168.1.50", "192.168.1.255", "192.168.2.7"))

    assert neighbours(list(addresses), [way("eth0", "192.168.1.50/24")]) == [IPv4Address("192.168.1.1")]


async def test_our_own_addresses_and_other_networks_are_never_asked() -> None:
    around = KernelNeighbourhood()
    own = [each.address.ip for each in around.machine().interfaces]

    assert await around.macs([*own, IPv4Address("127.0.0.1")]) == {}
    assert around.machine().name == socket.gethostname()


def test_the_kernels_table_can_be_read_by_anybody() -> None:
    assert all(str(address) == str(entry.address) for address, entry in neighbourtable.read().items())


PROGRAM = """
import subprocess
from ipaddress import IPv4Address
from homelab.adapters import neighbourtable
def ip(*words): subprocess.run(["ip", *words], check=True)
ip("link", "add", "lan0", "type", "veth", "peer", "name", "far0")
ip("link", "set", "lan0", "up")
for last, state in ((2, "permanent"), (3, "stale"), (4, "reachable"), (5, "stale")):
    ip("neigh", "add", f"10.9.8.{last}", "lladdr", f"02:00:00:00:00:0{last}", "nud", state, "dev", "lan0")
neighbourtable.forget([IPv4Address(f"10.9.8.{last}") for last in (2, 5)])
for one in sorted(neighbourtable.read().values(), key=str):
    if one.mac: print(one.address, one.mac, one.is_confirmed, one.is_doubtful)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes networks")
def test_the_table_tells_who_is_sure_to_be_there_and_forgets_but_what_was_written_by_hand() -> None:
    """In a network of its own, to which no packet is sent."""
    command = ["unshare", "--net", sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("this root may not make networks")

    assert done.stdout.splitlines() == [
        "10.9.8.2 02:00:00:00:00:02 True False",
        "10.9.8.3 02:00:00:00:00:03 False True",
        "10.9.8.4 02:00:00:00:00:04 True False",
    ], done.stderr
