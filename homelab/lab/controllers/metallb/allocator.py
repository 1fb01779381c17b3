"""Which address a Service gets, and MetalLB's words when it gets none.

Pure: the same Service, pools and holders give the same answer.
Source: MetalLB v0.16.1, controller/service.go and internal/allocator/allocator.go; wording as the real one's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from homelab.lab.controllers.metallb.pools import Pool
from homelab.observe.raw import annotation, items, number, text
from homelab.ports import Raw

PREFIX, OLD_PREFIX = "metallb.io/", "metallb.universe.tf/"
"""The second is deprecated since MetalLB 0.14.9 and still honoured."""
WANTED, POOL, SHARING = "loadBalancerIPs", "address-pool", "allow-shared-ip"
FROM_POOL = PREFIX + "ip-allocated-from-pool"
"""Annotation that MetalLB writes."""
FAMILIES = (IPv4Address, IPv6Address)
Address = IPv4Address | IPv6Address


class Refused(Exception):
    """No address; the text is what MetalLB says of it."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a Service brings along when it asks: who may be on the same address with it follows from this."""

    service: str
    """`namespace/name`."""
    ports: frozenset[tuple[str, int]]
    sharing: str
    """Source: annotation metallb.io/allow-shared-ip; empty: shares with nobody."""
    backend: str
    """With policy Local only Services of the same pods may share."""


@dataclass(frozen=True, slots=True)
class Given:
    """An address and the pool that it is of."""

    address: IPv4Address
    pool: str


Holders = Mapping[IPv4Address, Sequence[Claim]]
"""Who is on each address that is given away."""


def claim(service: Raw) -> Claim:
    """The claim of a Service."""
    spec = service["spec"]
    selector = spec.get("selector") or {}
    local = spec.get("externalTrafficPolicy") == "Local"
    return Claim(
        service=f"{service['metadata']['namespace']}/{service['metadata']['name']}",
        ports=frozenset((text(p, "protocol") or "TCP", number(p, "port") or 0) for p in items(spec, "ports")),
        sharing=noted(service, SHARING) or "",
        backend=",".join(f"{key}={selector[key]}" for key in sorted(selector)) if local else "",
    )


def allocate(service: Raw, pools: Sequence[Pool], holders: Holders) -> Given:
    """The address for a Service that has none. Raises Refused."""
    asking, wanted, named = claim(service), wish(service), noted(service, POOL)
    if wanted:
        if isinstance(wanted[0], IPv6Address):
            raise Refused(f"requested loadBalancer IP(s) {quoted(wanted)} does not match the ipFamily of the service")
        given = assign(asking, wanted[0], pools, holders)
        if named and given.pool != named:
            raise Refused(
                f"requested loadBalancer IP(s) {quoted(wanted)} is not compatible with requested address pool {named}"
            )
        return given
    if named:
        pool = next((pool for pool in pools if pool.name == named), None)
        if pool is None:
            raise Refused(f'unknown pool "{named}"')
        if found := _free(asking, (pool,), holders):
            return found
        raise Refused(f"no available IPs in pool {named}")
    if found := _free(asking, (pool for pool in pools if pool.auto_assign), holders):
        return found
    raise Refused("no available IPs")


def assign(asking: Claim, address: IPv4Address, pools: Iterable[Pool], holders: Holders) -> Given:
    """That very address. Raises Refused."""
    pool = next((pool for pool in pools if address in pool), None)
    if pool is None:
        raise Refused(f"{quoted([address])} is not allowed in config")
    if problem := _clash(asking, address, holders):
        raise Refused(problem)
    return Given(address, pool.name)


def wish(service: Raw) -> tuple[Address, ...]:
    """The address asked for: none, or one. Raises Refused for what cannot be an answer."""
    noted_wish, in_spec = noted(service, WANTED), text(service, "spec", "loadBalancerIP")
    if noted_wish and in_spec:
        raise Refused(f"service can not have both {PREFIX}{WANTED} and svc.Spec.LoadBalancerIP")
    if in_spec:
        return (_parsed(in_spec, f'invalid spec.loadBalancerIP "{in_spec}"'),)
    found = [
        _parsed(part, f'invalid {PREFIX}{WANTED}: "{noted_wish}"') for part in (noted_wish or "").split(",") if part
    ]
    if len(found) > len(FAMILIES):
        raise Refused(f"IPFamilyForAddresses: invalid ips length {len(found)} {quoted(found)}")
    if len({type(one) for one in found}) < len(found):
        raise Refused(f"IPFamilyForAddresses: same address family {quoted(found)}")
    if len(found) == len(FAMILIES):
        raise Refused(f"requested loadBalancer IP(s) {quoted(found)} does not match the ipFamily of the service")
    return tuple(found)


def noted(service: Raw, key: str) -> str | None:
    """An annotation in MetalLB's newer form, else in the older one."""
    return annotation(service, PREFIX + key) or annotation(service, OLD_PREFIX + key)


def quoted(addresses: Iterable[Address]) -> str:
    """Addresses as Go prints a list of them."""
    return "[" + " ".join(f'"{address}"' for address in addresses) + "]"


def _free(asking: Claim, pools: Iterable[Pool], holders: Holders) -> Given | None:
    """The first address that nobody has, or that may be shared."""
    for pool in pools:
        for address in pool.addresses():
            if address not in holders or (asking.sharing and not _clash(asking, address, holders)):
                return Given(address, pool.name)
    return None


def _clash(asking: Claim, address: IPv4Address, holders: Holders) -> str | None:
    """Why an address cannot be had beside those who are on it."""
    others = [one for one in holders.get(address, ()) if one.service != asking.service]
    if others and not (asking.sharing and all(_together(asking, one) for one in others)):
        names = ",".join(sorted(one.service for one in others))
        return f'can\'t change sharing key for "{asking.service}", address also in use by {names}'
    taken = {port for one in others for port in one.ports} & asking.ports
    for protocol, port in sorted(taken):
        return f'port {protocol}/{port} is already in use on "{address}"'
    return None


def _together(one: Claim, other: Claim) -> bool:
    return (one.sharing, one.backend) == (other.sharing, other.backend)


def _parsed(written: str, problem: str) -> Address:
    try:
        return ip_address(written.strip())
    except ValueError:
        raise Refused(problem) from None
