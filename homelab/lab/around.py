"""What is around the lab: a LAN that answers, on paper, and no router that could be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from ipaddress import IPv4Address, IPv4Interface
from typing import Literal, NoReturn

from homelab.plan.file import initial, read
from homelab.plan.model import Plan
from homelab.ports import Interface, Machine, NoNetwork, Reply, Web


class LabNeighbourhood:
    """Keeps `ports.Neighbourhood`: the master of the article's home, its gateway, hosts and nodes."""

    def machine(self) -> Machine:
        """The control plane's node."""
        plan = _home()
        master = next(node for node in plan.nodes if node.role == "control-plane")
        address = IPv4Interface(f"{master.address}/{plan.network.lan.prefixlen}")
        eth0 = Interface("eth0", address, _mac(master.address), is_wireless=False)
        return Machine(master.name, (eth0,), plan.network.gateway, (str(plan.network.dns),))

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        """Those of the home's machines; nobody else answers."""
        plan = _home()
        machines = (*(host.address for host in plan.network.hosts), *(node.address for node in plan.nodes))
        there = {plan.network.gateway, *machines}
        own = {way.address.ip for way in self.machine().interfaces}
        return {one: _mac(one) for one in sorted(there & set(addresses) - own)}


class LabNames:
    """Keeps `ports.Names`: nobody can be asked."""

    async def addresses(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> tuple[str, ...]:
        """Raises NoNetwork."""
        _refuse(f"the lab has no router that could be asked for {name}")

    async def denied(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> bool:
        """Raises NoNetwork."""
        _refuse(f"the lab has no router that could be asked for {name}")


class LabWeb:
    """Keeps `ports.Web`: the lab serves its addresses on ports of the loopback, and nobody else can be asked."""

    def __init__(self, loopback: Web) -> None:
        """`loopback` asks those ports."""
        self._loopback = loopback

    async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
        """Raises NoNetwork for every address but the loopback's, WebError."""
        if address.is_loopback:
            return await self._loopback.get(url, address, credentials)
        _refuse(f"the lab has no LAN on which {address} could answer")


def _home() -> Plan:
    plan = read(initial()).plan
    assert plan
    return plan


def _mac(address: IPv4Address) -> str:
    """One of the range that nobody makes devices with."""
    return (b"\x02\x1a" + address.packed).hex(":")


def _refuse(text: str) -> NoReturn:
    raise NoNetwork(text)
