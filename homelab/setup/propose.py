"""What was found -> a value for every field that one can be computed for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from homelab.plan.model import AddressRange
from homelab.plan.rules_names import form_fault, is_home_only, is_registrable
from homelab.setup.around import own_addresses
from homelab.setup.forms import HOSTS, NODES, tree_of, value_of
from homelab.setup.model import Found

Texts = Mapping[str, str]

POOL_SIZES = (14, 8, 5, 2)
"""The article's, and what a small LAN has room for."""
POOL_AT, DHCP_AT, DHCP_SIZE = 17, 101, 100
"""Where the article has them in its LAN."""
FOURTH, FIFTH = 3, 4
"""The ingresses' places in the pool, as in the article."""
THREE = 3
SEEN_ONLY = frozenset({"network.dhcp"})
"""Proposed, but taken only when a person says so: nobody but the router knows."""
LONGEST = 1024
"""Places that are tried in a LAN."""
WIDEST = 16
"""Prefix of a home's LAN at most."""
NO_ROUTER_S = frozenset({"local", "localdomain"})
"""The first is asked for by multicast; the second is what a machine says that was told none."""
_FIXED = {"certificates.environment": "staging", "certificates.profile": "classic", "router.kind": "dnsmasq"}


def propose(found: Found, values: Texts) -> Texts:
    """Proposals that fit one another and the values that are set already, by the plan's path."""
    made = {**_FIXED, **dict(_network(found, values)), **dict(_cluster(found, values)), **dict(_domains(found))}
    known = {**made, **{path: text for path, text in values.items() if text.strip()}}
    return {**made, **dict(_addresses(found, known, values))}


def _network(found: Found, values: Texts) -> Iterator[tuple[str, str]]:
    proposed = lan_of(found)
    if proposed:
        yield "network.lan", str(proposed)
    lan = _lan(values) or proposed
    if lan is None:
        return
    machine = found.machine
    gateway = (
        machine.gateway
        if machine and machine.gateway and machine.gateway in lan
        else lan[min(1, lan.num_addresses - 1)]
    )
    yield "network.gateway", str(gateway)
    resolvers = (_address(text) for text in (machine.resolvers if machine else ()))
    yield "network.dns", str(next((one for one in resolvers if one and one in lan), gateway))


def lan_of(found: Found) -> IPv4Network | None:
    """The machine's network that leads to the gateway, unless it is a laptop elsewhere: then the nodes' network."""
    nodes = _node_addresses(found)
    own = [way.address.network for way in found.machine.interfaces] if found.machine else []
    near = [network for network in own if any(node in network for node in nodes)]
    if near or (own and not nodes):
        return (near or own)[0]
    return _around(nodes)


def _around(addresses: Iterable[IPv4Address]) -> IPv4Network | None:
    """The smallest usual network that holds them all."""
    listed = sorted(addresses)
    for prefix in range(24, WIDEST - 1, -1):
        network = IPv4Network((listed[0], prefix), strict=False) if listed else None
        if network and listed[-1] in network:
            return network
    return None


def _cluster(found: Found, values: Texts) -> Iterator[tuple[str, str]]:
    listed = [
        f"{node.name} {node.address}{' control-plane' if node.is_control_plane else ''}"
        for node in found.nodes
        if node.address
    ]
    if listed:
        yield NODES, ", ".join(listed)
    number = len(_named(values, NODES)) or len(listed)
    if number:
        replicas = "2" if number > 1 else "1"
        yield "ingress.internal.replicas", replicas
        yield "ingress.external.replicas", replicas
        yield "store.servers", "3" if number >= THREE else "1"


def _domains(found: Found) -> Iterator[tuple[str, str]]:
    """A part of the home's own domain where it has one; a public one cannot be invented."""
    search = found.machine.search if found.machine else ()
    own = next((domain for domain in search if is_registrable(domain) and not form_fault(domain)), None)
    kept = (domain for domain in search if is_home_only(domain) and not form_fault(domain))
    home = next((domain for domain in kept if domain.rpartition(".")[2] not in NO_ROUTER_S), "home.arpa")
    if own:
        yield "ingress.external.domain", f"cloud.{own}"
    yield "ingress.internal.domain", f"internal.{own or home}"


def _addresses(found: Found, known: Texts, values: Texts) -> Iterator[tuple[str, str]]:
    lan = _lan(known)
    if lan is None:
        return
    held = _held(found, known)
    taken = [*_ranges(known, "network.reserved"), *(AddressRange(one, one) for one in held)]
    guess = _run(lan, min(DHCP_SIZE, lan.num_addresses // 2), DHCP_AT, taken)
    if guess:
        yield "network.dhcp", str(guess)
    dhcp = _range(values.get("network.dhcp", "")) or guess
    pools = (_run(lan, size, POOL_AT, [*taken, *filter(None, [dhcp])]) for size in POOL_SIZES)
    if pool := next(filter(None, pools), None):
        yield "load_balancer.pool", str(pool)
    wanted = _range(values.get("load_balancer.pool", "")) or pool
    if wanted:
        yield from _ingresses(wanted, held, values)


def _ingresses(pool: AddressRange, held: frozenset[IPv4Address], values: Texts) -> Iterator[tuple[str, str]]:
    """Two addresses of the pool that nobody holds; what one field says already is not proposed for the other."""
    internal, external = "ingress.internal.address", "ingress.external.address"
    first = _free(pool, FOURTH, held | _given(values, external))
    yield internal, str(first or "")
    yield external, str(_free(pool, FIFTH, held | (_given(values, internal) or {first})) or "")


def _given(values: Texts, path: str) -> frozenset[IPv4Address | None]:
    return frozenset(filter(None, [_address(values.get(path, ""))]))


def _free(pool: AddressRange, place: int, held: Collection[IPv4Address | None]) -> IPv4Address | None:
    """The pool's address at a place, else the next one that nobody holds, from the beginning again after the end."""
    size = min(len(pool), LONGEST)
    return next((one for at in range(size) if (one := pool.first + (place + at) % size) not in held), None)


def _held(found: Found, known: Texts) -> frozenset[IPv4Address]:
    """Every single address that somebody has."""
    written = [known.get("network.gateway", ""), known.get("network.dns", "")]
    written += [*_named(known, HOSTS).values(), *_named(known, NODES).values()]
    named = {address for text in written if (address := _address(text))}
    return frozenset(named | set(found.taken) | own_addresses(found) | set(_node_addresses(found)))


def _run(lan: IPv4Network, size: int, at: int, taken: Iterable[AddressRange]) -> AddressRange | None:
    """Neighbouring addresses of the LAN that nobody has, at the wanted place or after it, else from the beginning."""
    apart = tuple(taken)
    begin, end = 1, lan.num_addresses - 1 - size
    places = (*range(at, min(end, at + LONGEST) + 1), *range(begin, min(end, at) + 1))
    runs = (AddressRange(lan[place], lan[place + size - 1]) for place in places if size > 0)
    return next((run for run in runs if not any(run & one for one in apart)), None)


def _node_addresses(found: Found) -> list[IPv4Address]:
    return [address for node in found.nodes if (address := _address(node.address or ""))]


def _lan(values: Texts) -> IPv4Network | None:
    with suppress(ValueError):
        return IPv4Network(values.get("network.lan", "").strip())
    return None


def _address(text: str) -> IPv4Address | None:
    with suppress(ValueError):
        return IPv4Address(text.strip())
    return None


def _range(text: str) -> AddressRange | None:
    with suppress(ValueError):
        return AddressRange.parse(str(value_of(tree_of("load_balancer.pool", text))))
    return None


def _ranges(values: Texts, path: str) -> list[AddressRange]:
    return [one for text in values.get(path, "").split(",") if (one := _range(text))]


def _named(values: Texts, path: str) -> dict[str, str]:
    """Addresses by name, of those that are written well."""
    with suppress(ValueError):
        named = value_of(tree_of(path, values.get(path, "")))
        return {
            name: str(one.get("address", "") if isinstance(one, Mapping) else one)
            for name, one in (named.items() if isinstance(named, Mapping) else ())
        }
    return {}
