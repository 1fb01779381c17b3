"""What names lead to: of the internal domain by the router, of the external one by the world's name servers."""

from __future__ import annotations

from ipaddress import IPv4Address

from homelab.doctor.registry import Need, check, error, ok, unknown, warning
from homelab.doctor.result import Result
from homelab.doctor.world import World
from homelab.plan.rules_addresses import INSIDE
from homelab.ports import NamesError, NoNetwork

HERE = "this machine's resolver"
ROUTER_TEXT = "paste what `homelab-tui router` prints into the router"
REBINDING = (
    "protection against DNS rebinding drops private addresses on their way: in {where} allow the domain {domain} "
    "(dnsmasq: rebind-domain-ok=/{domain}/, Unbound: private-domain), or let it answer the wildcard itself"
)
CGNAT = next(network for network in INSIDE if str(network) == "100.64.0.0/10")


@check("dns-internal", "internal names, asked of the router", [Need.NAMES])
async def internal_names_at_the_router(world: World) -> Result:
    """The wildcard is what makes every new app reachable at home without another word to the router."""
    network = world.plan.network
    server = str(network.dns)
    found = await _internal(world, server)
    if isinstance(found, Result) or found:
        return found if isinstance(found, Result) else await _apex(world, server)
    above = str(network.gateway)
    if above != server and await _gives(world, above):
        return _dropped(world, f"the gateway {above} answers {world.internal_name}, but {server} does not", server)
    return _nothing(world, server, f"set the wildcard: {ROUTER_TEXT}")


@check("dns-system", "internal names, asked as this machine asks", [Need.NAMES])
async def internal_names_at_this_machine(world: World) -> Result:
    """The router may be right while this machine asks somebody else, or somebody on the way drops the answer."""
    found = await _internal(world, None)
    if isinstance(found, Result):
        return found
    if found:
        return ok(f"{_wildcard(world)} leads to {world.plan.ingress.internal.address}")
    server, asked = str(world.plan.network.dns), ", ".join(world.machine.resolvers) or "nobody"
    if await _gives(world, server):
        said = f"{server} answers {world.internal_name}, but {HERE} does not; it asks {asked}"
        return _dropped(world, said, asked) if server not in world.machine.resolvers else _unsteady(said)
    return _nothing(world, HERE, f"mend dns-internal first: {ROUTER_TEXT}; this machine asks {asked}")


@check("dns-aaaa", "internal names, asked for IPv6", [Need.NAMES])
async def internal_names_over_ipv6(world: World) -> Result:
    """Clients ask for both families at once, and "no such name" for one ends the search in some. Source: musl libc."""
    server, name, domain = str(world.plan.network.dns), world.internal_name, world.plan.ingress.internal.domain
    if not await world.names.addresses(name, "A", server):
        return unknown(f"{server} has no address for {name} yet", fix="mend dns-internal first")
    if await world.names.denied(name, "AAAA", server):
        return warning(
            f"{server} says of {name} that there is no such name when it is asked for an IPv6 address",
            "it passes that question on to the internet; Alpine's containers and some devices then find nothing at all",
            f"let the router answer for the whole domain (dnsmasq: local=/{domain}/)",
        )
    found = await world.names.addresses(name, "AAAA", server)
    if found:
        return warning(
            f"{name} has the IPv6 address {found[0]}",
            "devices prefer IPv6, and the internal ingress has none",
            f"delete the AAAA record of *.{domain}",
        )
    return ok("no IPv6 address, and no other answer that would mislead")


@check("dns-external", "external names", [Need.NAMES])
async def external_names(world: World) -> Result:
    """The certificate authority and every visitor come by these names."""
    ingress = world.plan.ingress.external
    found = await world.names.addresses(world.external_name, "A")
    if not found:
        return await _no_wildcard(world)
    inside = [one for one in found if any(IPv4Address(one) in network for network in INSIDE)]
    if str(ingress.address) in found:
        return unknown(
            f"*.{ingress.domain} leads to {ingress.address} when it is asked from here: your own resolver answers it",
            "that spares the way over the router; what the rest of the world is told cannot be seen from here",
            paste=f"nslookup {world.external_name} 1.1.1.1",
        )
    if inside:
        return _not_public(world, inside[0])
    return ok(f"*.{ingress.domain} leads to {', '.join(found)}")


@check("dns-external-v6", "external names over IPv6", [Need.NAMES])
async def external_names_over_ipv6(world: World) -> Result:
    """Let's Encrypt and visitors prefer IPv6 where there is an address. Source: letsencrypt.org/docs/ipv6-support."""
    domain = world.plan.ingress.external.domain
    for name, shown in ((world.external_name, f"*.{domain}"), (domain, domain)):
        if found := await world.names.addresses(name, "AAAA"):
            return warning(
                f"{shown} has the IPv6 address {found[0]}",
                "Let's Encrypt and visitors try it first, and the external ingress answers by IPv4 alone",
                "delete the AAAA record, also where the updater of the dynamic DNS makes it",
            )
    return ok("no IPv6 address: everybody comes by IPv4")


async def _internal(world: World, server: str | None) -> Result | bool:
    """Whether the wildcard leads to the internal ingress; a Result where it leads elsewhere or nobody answers."""
    whom, wanted = server or HERE, str(world.plan.ingress.internal.address)
    try:
        found = await world.names.addresses(world.internal_name, "A", server)
    except NoNetwork:
        raise
    except NamesError as failure:
        why = "while names are not answered, nothing is found by its name"
        return error(str(failure), why, "check that it runs, and network.dns in the plan")
    if not found or found == (wanted,):
        return bool(found)
    return error(
        f"{whom} leads {_wildcard(world)} to {', '.join(found)}, not to {wanted}",
        "internal apps are looked for at another machine",
        f"correct it: {ROUTER_TEXT}; or correct ingress.internal.address in the plan",
    )


async def _apex(world: World, server: str) -> Result:
    """The wildcard is well; some routers leave the domain itself out."""
    ingress = world.plan.ingress.internal
    if await world.names.addresses(ingress.domain, "A", server) == (str(ingress.address),):
        return ok(f"{_wildcard(world)} and the domain itself lead to {ingress.address}")
    return warning(
        f"{server} leads {_wildcard(world)} to {ingress.address}, but not {ingress.domain} itself",
        "an app at the domain itself is not found",
        f"add a second entry for {ingress.domain}, if you want one there",
    )


async def _gives(world: World, server: str) -> bool:
    try:
        found = await world.names.addresses(world.internal_name, "A", server)
    except NamesError:
        return False
    return str(world.plan.ingress.internal.address) in found


def _dropped(world: World, said: str, where: str) -> Result:
    fix = REBINDING.format(where=where, domain=world.plan.ingress.internal.domain)
    return error(said, "internal apps are not found by their names", f"ask the one that answers; or {fix}")


def _unsteady(said: str) -> Result:
    return error(said, "it may still remember that there was no such name", "try again in a few minutes")


def _nothing(world: World, whom: str, fix: str) -> Result:
    return error(f"{whom} has no address for {world.internal_name}", "internal apps are not found by their names", fix)


async def _no_wildcard(world: World) -> Result:
    domain = world.plan.ingress.external.domain
    base = await world.names.addresses(domain, "A")
    if base:
        return warning(
            f"{domain} leads to {', '.join(base)}, but no name below it leads anywhere",
            "only hosts with a record of their own are found; a new app is not",
            f"add a CNAME record *.{domain} that leads to {domain}",
        )
    return error(
        f"neither {domain} nor names below it have an address",
        "nobody outside finds this home, and no certificate can be had",
        f"let your dynamic DNS keep an A record of {domain}, and add a CNAME record *.{domain} that leads to it",
    )


def _not_public(world: World, address: str) -> Result:
    shared = IPv4Address(address) in CGNAT
    reason = "an address that your provider shares among many homes (CGNAT)" if shared else "a private address"
    fix = (
        "ask the provider for a public IPv4 address, or use a tunnel or a machine outside that has one"
        if shared
        else "let the dynamic DNS report the router's public address, not one of the LAN"
    )
    why = "nobody outside reaches it, the certificate authority neither"
    return error(f"*.{world.plan.ingress.external.domain} leads to {address}, {reason}", why, fix)


def _wildcard(world: World) -> str:
    return f"*.{world.plan.ingress.internal.domain}"
