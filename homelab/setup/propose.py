"""What was found -> a value for every field that one can be computed for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network

from homelab.observe.nodes import Node
from homelab.plan.model import AddressRange
from homelab.plan.rules_names import form_fault, is_home_only
from homelab.setup.around import own_addresses
from homelab.setup.forms import HOSTS, NODES, parts, tree_of, value_of
from homelab.setup.model import Found

Texts = Mapping[str, str]

POOL_SIZES = (14, 8, 5, 2)
"""The article's, and what a small LAN has room for."""
POOL_AT, DHCP_AT, DHCP_SIZE = 17, 101, 100
"""Where the article has them in its LAN."""
FOURTH, FIFTH = 3, 4
"""The ingresses' places in the pool, as in the article."""
THREE = 3
SMALLEST = 4
"""Addresses of a LAN in which one can be the router's."""
DHCP, GATEWAY, DNS, POOL = "network.dhcp", "network.gateway", "network.dns", "load_balancer.pool"
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


def guesses(found: Found, values: Texts) -> frozenset[str]:
    """Paths whose proposal is taken only when a person says so: nobody but the router knows."""
    lan = _lan(values) or lan_of(found)
    if lan is None or _known_gateway(found, lan):
        return frozenset({DHCP})
    return frozenset({DHCP, GATEWAY} if _known_resolver(found, lan) else {DHCP, GATEWAY, DNS})


def _network(found: Found, values: Texts) -> Iterator[tuple[str, str]]:
    proposed = lan_of(found)
    if proposed:
        yield "network.lan", str(proposed)
    lan = _lan(values) or proposed
    if lan is None:
        return
    gateway = _known_gateway(found, lan) or _usual_gateway(found, lan)
    if gateway:
        yield GATEWAY, str(gateway)
    if dns := _known_resolver(found, lan) or gateway:
        yield DNS, str(dns)


def _known_gateway(found: Found, lan: IPv4Network) -> IPv4Address | None:
    gateway = found.machine.gateway if found.machine else None
    return gateway if gateway and gateway in lan else None


def _known_resolver(found: Found, lan: IPv4Network) -> IPv4Address | None:
    resolvers = (_address(text) for text in (found.machine.resolvers if found.machine else ()))
    return next((one for one in resolvers if one and one in lan), None)


def _usual_gateway(found: Found, lan: IPv4Network) -> IPv4Address | None:
    """The LAN's first address, unless it is somebody else's, or the LAN has hardly any."""
    first = lan[min(1, lan.num_addresses - 1)]
    is_somebody_s = first in own_addresses(found) or first in _node_addresses(found)
    return None if is_somebody_s or lan.num_addresses < SMALLEST else first


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
        if address_of(node)
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
    """Below the home's domain, if nobody else can have that one: what a router says, as `fritz.box`, may be public."""
    search = found.machine.search if found.machine else ()
    kept = (domain for domain in search if is_home_only(domain) and not form_fault(domain))
    home = next((domain for domain in kept if domain.rpartition(".")[2] not in NO_ROUTER_S), "home.arpa")
    yield "ingress.internal.domain", f"internal.{home}"


def _addresses(found: Found, known: Texts, values: Texts) -> Iterator[tuple[str, str]]:
    lan = _lan(known)
    if lan is None:
        return
    held = _held(found, known)
    taken = [*_ranges(known, "network.reserved"), *(AddressRange(one, one) for one in held)]
    typed = _range(values.get(DHCP, ""))
    guess = _run(lan, min(DHCP_SIZE, lan.num_addresses // 2), DHCP_AT, taken)
    pool = _pool(lan, [*taken, *filter(None, [typed or guess])])
    if pool is None and typed is None:
        guess, pool = None, _pool(lan, taken)
    if guess:
        yield DHCP, str(guess)
    if pool:
        yield POOL, str(pool)
    wanted = _range(values.get(POOL, "")) or pool
    if wanted:
        yield from _ingresses(wanted, held, values)


def _pool(lan: IPv4Network, taken: list[AddressRange]) -> AddressRange | None:
    runs = (_run(lan, size, POOL_AT, taken) for size in POOL_SIZES)
    return next(filter(None, runs), None)


def cramped(values: Texts, proposals: Texts) -> IPv4Network | None:
    """The LAN, where it is known and has no room for a pool."""
    return None if POOL in proposals else _lan(values)


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
    return frozenset(named | set(found.taken) | set(found.others) | own_addresses(found) | set(_node_addresses(found)))


def _run(lan: IPv4Network, size: int, at: int, taken: Iterable[AddressRange]) -> AddressRange | None:
    """Neighbouring addresses of the LAN that nobody has, at the wanted place or after it, else from the beginning."""
    apart = tuple(taken)
    begin, end = 1, lan.num_addresses - 1 - size
    places = (*range(at, min(end, at + LONGEST) + 1), *range(begin, min(end, at) + 1))
    runs = (AddressRange(lan[place], lan[place + size - 1]) for place in places if size > 0)
    return next((run for run in runs if not any(run & one for one in apart)), None)


def _node_addresses(found: Found) -> list[IPv4Address]:
    return [address for node in found.nodes if (address := address_of(node))]


def address_of(node: Node) -> IPv4Address | None:
    """What a node has in the LAN; a plan knows IPv4 alone."""
    return _address(node.address or "")


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
    with suppress(ValueError):
        return [one for text in parts(values.get(path, "")) if (one := _range(text))]
    return []


def _named(values: Texts, path: str) -> dict[str, str]:
    """Addresses by name, of those that are written well."""
    with suppress(ValueError):
        named = value_of(tree_of(path, values.get(path, "")))
        return {
            name: str(one.get("address", "") if isinstance(one, Mapping) else one)
            for name, one in (named.items() if isinstance(named, Mapping) else ())
        }
    return {}
