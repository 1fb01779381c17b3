"""What a set-up may find in somebody's home."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface

from homelab.observe.nodes import Node
from homelab.ports import Interface, Machine
from homelab.setup.model import Found


def machine(
    address: str = "192.168.1.50/24", gateway: str = "192.168.1.1", *search: str, wireless: bool = False
) -> Machine:
    """A computer with one way into one network; the router answers names."""
    way = Interface("wlan0" if wireless else "eth0", IPv4Interface(address), "02:00:00:00:00:01", wireless)
    return Machine("master1", (way,), IPv4Address(gateway), (gateway,), search)


def node(name: str, address: str, role: str = "worker", version: str = "v1.37.2") -> Node:
    """A healthy one."""
    return Node(name, (role,), address, "arm64", True, (), version, True)


NODES = (
    node("master1", "192.168.1.50", "control-plane"),
    node("node1", "192.168.1.55"),
    node("node2", "192.168.1.56"),
)


def found(*taken: str, where: Machine | None = None, nodes: tuple[Node, ...] = NODES) -> Found:
    """Three nodes, seen from the master; who else answers on the LAN is given."""
    macs = {IPv4Address(one): "02:00:00:00:00:99" for one in taken}
    return Found(machine=where or machine(), nodes=nodes, taken=macs)
