"""Whether the LAN finds the ingresses: who answers ARP for their addresses.

A node that announces an address never hears its own answer, and what a node sends to it never leaves the node. So this
is proved from another machine alone, by the MAC address that answers there.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from homelab.doctor.registry import Need, check, error, ok, unknown, warning
from homelab.doctor.result import Result
from homelab.doctor.world import Facts, World
from homelab.observe.allocations import Allocation
from homelab.plan.model import Ingress
from homelab.ports import Interface

SPEAKER_PODS = "kubectl -n metallb-system get pods -o wide"


@check("layer2-internal", "the LAN finds the internal ingress", [Need.NEIGHBOURS])
async def internal_is_found(world: World) -> Result:
    """The internal ingress's address by ARP."""
    return await _found(world, world.plan.ingress.internal)


@check("layer2-external", "the LAN finds the external ingress", [Need.NEIGHBOURS])
async def external_is_found(world: World) -> Result:
    """The external ingress's address by ARP: the router asks for it when it forwards."""
    return await _found(world, world.plan.ingress.external)


@check("speakers", "MetalLB speaks on every node", [Need.CLUSTER])
async def speakers_run(world: World) -> Result:
    """What MetalLB says of who announces stays behind when its speakers die; nobody answers ARP then."""
    facts = world.facts or Facts()
    announcers = sorted({one.announced_by for one in facts.allocations if one.announced_by} - facts.speakers)
    missing = sorted({one.name for one in facts.nodes if one.announces} - facts.speakers)
    fix = f"see why with: {SPEAKER_PODS}"
    if announcers:
        what = f"no speaker is ready on {', '.join(announcers)}, which is said to announce addresses"
        return error(what, "nobody answers ARP for them, so the LAN soon finds none of them", fix)
    if not facts.speakers:
        return error("no speaker of MetalLB's is ready", "no address of the pool is ever announced", fix)
    if missing:
        return warning(f"no speaker is ready on {', '.join(missing)}", "no address can move there", fix)
    return ok(f"a speaker is ready on {', '.join(sorted(facts.speakers))}")


async def _found(world: World, ingress: Ingress) -> Result:
    address, facts = ingress.address, world.facts or Facts()
    held = next((one for one in facts.allocations if str(address) in (one.address, *one.more)), None)
    announcer = held.announced_by if held else None
    place = facts.address_of(announcer)
    if held and held.loopback:
        return unknown(f"the lab has no LAN: it serves {address} at {held.loopback}")
    if way := next((one for one in world.machine.interfaces if one.address.ip == address), None):
        return _own(way)
    if reason := _unfit(world, announcer, place):
        return unknown(
            reason,
            "whether the LAN gets an answer is seen by other machines of it alone",
            "run this line on a laptop or phone of the LAN, or open the address in its browser; any answer will do",
            f"curl -I http://{address}/",
        )
    macs = await world.neighbourhood.macs({address, *_known(world)})
    if address not in macs:
        return _nobody(address, held)
    return _judged(world, address, announcer, place, macs)


def _own(way: Interface) -> Result:
    """MetalLB gives no machine the address: a node answers for it without having it."""
    return error(
        f"this machine has the address {way.address.ip} itself, on {way.name}",
        "it is the ingress's: this machine reaches nobody else there, and the LAN may find this machine instead",
        f"take it off with: ip address del {way.address} dev {way.name}; and out of this machine's network settings, "
        "or choose another address for the ingress in the plan",
    )


def _unfit(world: World, announcer: str | None, place: IPv4Address | None) -> str | None:
    """Why this machine cannot hear the answer; None when it can."""
    if not world.is_on_lan:
        return f"this machine has no address in {world.plan.network.lan}, and ARP goes no further than the LAN"
    if place in world.addresses:
        return f"this machine, {announcer}, announces the address: what it sends there never leaves it"
    if not announcer and world.may_announce:
        return "this machine is a node and may announce the address itself: then it would not hear its own answer"
    return None


def _judged(
    world: World,
    address: IPv4Address,
    announcer: str | None,
    place: IPv4Address | None,
    macs: Mapping[IPv4Address, str],
) -> Result:
    """What follows from who answered."""
    answered = macs[address]
    whose = _whose(world, answered, macs)
    if not world.facts:
        return unknown(f"{whose} answers for {address}; whether it should, the cluster knows: {world.trouble}")
    if not announcer:
        return error(
            f"{whose} answers for {address}, though MetalLB gave it to no Service that is announced",
            "another machine has the address, or MetalLB has just let go of it",
            "find that machine and give it another address, or change the plan",
        )
    if not place or place not in macs:
        return unknown(
            f"{answered} answers for {address}; the MAC address of {announcer} cannot be found out from here"
        )
    if macs[place] == answered:
        return ok(f"{announcer} ({answered}) answers for {address}")
    return error(
        f"{whose} answers for {address}, but {announcer} ({macs[place]}) is to announce it",
        "traffic goes to a machine that does not expect it: two machines have the address, or it has just moved",
        "run this again in a minute; if it stays so, find that machine and give it another address",
    )


def _nobody(address: IPv4Address, held: Allocation | None) -> Result:
    why = "the LAN cannot find the ingress"
    if not held:
        fix = "deploy the stack with `homelab-tui apply`; `homelab-tui status` says what its Service waits for"
        return error(f"nobody answers ARP for {address}, and no Service has it", why, fix)
    known = f"though {held.announced_by} is said to announce it" if held.announced_by else "and no node announces it"
    return error(
        f"nobody answers ARP for {address}, {known}",
        f"{why}: MetalLB's speaker does not run there, or the network drops what it says, as some Wi-Fi does",
        f"see whether it runs with: {SPEAKER_PODS}; and whether the node is on a cable",
    )


def _known(world: World) -> dict[IPv4Address, str]:
    """Every machine that has a name, by its address."""
    plan, seen = world.plan, world.facts.machines if world.facts else ()
    found = {plan.network.gateway: "the gateway"}
    found |= {one.address: one.name for one in plan.network.hosts}
    found |= {one.address: one.name for one in plan.nodes}
    return found | {address: name for name, address in seen}


def _whose(world: World, mac: str, macs: Mapping[IPv4Address, str]) -> str:
    """A MAC address with the name of its machine, where that is known."""
    own = {way.address.ip: way.mac for way in world.machine.interfaces}
    names = [name for address, name in _known(world).items() if (macs.get(address) or own.get(address)) == mac]
    return f"{names[0]} ({mac})" if names else f"a machine with the MAC address {mac}"
