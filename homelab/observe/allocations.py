"""Who holds which address: the LoadBalancer Services, joined with what MetalLB says about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

from homelab.observe.raw import annotation, full_name, items, label, number, text, zone
from homelab.ports import Raw

PREFIXES = ("metallb.io/", "metallb.universe.tf/")
"""The second is deprecated since MetalLB 0.14.9 and still honoured."""
LOOPBACK = "homelab-tui/loopback"
GIVES_NOTHING = frozenset({"AllocationFailed", "LoadBalancerFailed", "ClearAssignment", "announceFailed"})
ANNOUNCING = frozenset({"nodeAssigned", "announceFailed"})
UNHEARD = "no node announces it: no ready pod is behind it, or no speaker runs"
"""Of an address of MetalLB's; nobody knows it where no speaker says anything at all."""
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allocation:
    """The address that the load balancer gave, or owes, to one Service."""

    service: str
    """`namespace/name`."""
    address: str | None
    """The first IPv4 address given, else the first of all; None while nothing was given: `pending` then says why."""
    more: tuple[str, ...]
    """Further addresses of the same Service (dual stack)."""
    wanted: str | None
    """As written. Source: annotation metallb.io/loadBalancerIPs (or its older prefix), else spec.loadBalancerIP."""
    pool: str | None
    """Source: annotation metallb.io/ip-allocated-from-pool."""
    zone: str | None
    """`internal` or `external` for our Traefiks. Source: label homelab-tui/zone."""
    announced_by: str | None
    """Node that answers ARP. Source: ServiceL2Status; of several, the one made last: when a node dies its own stays
    behind, while the speaker that takes over makes a new one."""
    policy: str
    """externalTrafficPolicy: `Local` keeps the client's address, `Cluster` (the default) does not."""
    ports: tuple[str, ...]
    """`80/TCP`, ..."""
    pending: str | None = None
    """Why the Service has no address, not the wanted one, or nobody who announces it. Source: the newest event."""
    loopback: str | None = None
    """Where the lab serves it: `127.0.0.1:8020`. None on a real cluster. Source: annotation homelab-tui/loopback."""


def allocations(services: Iterable[Raw], l2_statuses: Iterable[Raw], events: Iterable[Raw]) -> tuple[Allocation, ...]:
    """Every LoadBalancer Service, sorted by address; those without one last.

    Pure: the same objects give the same answer.
    """
    announcers, told = announcers_of(l2_statuses), events_of(events)
    wanting = (s for s in services if text(s, "spec", "type") == "LoadBalancer")
    found = (allocation(s, announcers, told.get(full_name(s), [])) for s in wanting)
    return tuple(sorted(found, key=by_address))


def allocation(service: Raw, announcers: Mapping[str, str], events: list[Raw]) -> Allocation:
    """One Service, with the nodes that announce Services and the events about it."""
    given, wanted, pool = addresses(service), wish(service), by_metallb(service, "ip-allocated-from-pool")
    announced_by = announcers.get(full_name(service))
    about = [event for event in events if same_life(event, service)]
    unheard = bool(given and pool and announcers and not announced_by)
    return Allocation(
        service=full_name(service),
        address=given[0] if given else None,
        more=given[1:],
        wanted=wanted,
        pool=pool,
        zone=zone(service),
        announced_by=announced_by,
        policy=text(service, "spec", "externalTrafficPolicy") or "Cluster",
        ports=ports(service),
        pending=pending(service, given, wanted, about) or (UNHEARD if unheard else None),
        loopback=annotation(service, LOOPBACK),
    )


def pending(service: Raw, given: tuple[str, ...], wanted: str | None, events: list[Raw]) -> str | None:
    """A sentence while the Service lacks what it asked for; None when all is well."""
    refusal = newest(events, GIVES_NOTHING)
    if not given:
        return message(refusal) or unanswered(service)
    if missing := [one for one in split(wanted) if ip(one) not in map(ip, given)]:
        said = f": {message(refusal)}" if refusal and message(refusal) else ""
        return f"has {', '.join(given)}, wants {', '.join(missing)}{said}"
    last = newest(events, ANNOUNCING)
    return message(last) if last and last.get("reason") == "announceFailed" else None


def unanswered(service: Raw) -> str:
    """Nobody said a word: most often there is no load balancer, or it serves another class."""
    asked = text(service, "spec", "loadBalancerClass")
    return f'no load balancer answered yet for class "{asked}"' if asked else "no load balancer answered yet"


def addresses(service: Raw) -> tuple[str, ...]:
    """Addresses given, IPv4 first, otherwise in the order given; a host name counts where there is no address."""
    ingress = items(service, "status", "loadBalancer", "ingress")
    found = [given for one in ingress if (given := text(one, "ip") or text(one, "hostname"))]
    return tuple(sorted(found, key=lambda given: not isinstance(ip(given), IPv4Address)))


def wish(service: Raw) -> str | None:
    """The address asked for, if any."""
    return by_metallb(service, "loadBalancerIPs") or text(service, "spec", "loadBalancerIP")


def by_metallb(service: Raw, key: str) -> str | None:
    """An annotation in MetalLB's newer or older form."""
    return next((found for prefix in PREFIXES if (found := annotation(service, prefix + key))), None)


def ports(service: Raw) -> tuple[str, ...]:
    """Ports as a person writes them."""
    found = ((number(p, "port"), text(p, "protocol") or "TCP") for p in items(service, "spec", "ports"))
    return tuple(f"{port}/{protocol}" for port, protocol in found if port is not None)


def announcers_of(l2_statuses: Iterable[Raw]) -> Mapping[str, str]:
    """Service -> node. Source: labels and status that MetalLB's speakers keep on ServiceL2Status."""
    made = sorted(l2_statuses, key=lambda status: moment(text(status, "metadata", "creationTimestamp")))
    return {key: node for status in made if (key := announced(status)) and (node := announcer(status))}


def announced(status: Raw) -> str | None:
    """`namespace/name` of the Service that a ServiceL2Status is about."""
    space = label(status, "metallb.io/service-namespace") or text(status, "status", "serviceNamespace")
    service = label(status, "metallb.io/service-name") or text(status, "status", "serviceName")
    return f"{space}/{service}" if space and service else None


def announcer(status: Raw) -> str | None:
    """The node of a ServiceL2Status."""
    return text(status, "status", "node") or label(status, "metallb.io/node")


def events_of(events: Iterable[Raw]) -> Mapping[str, list[Raw]]:
    """Service -> the events about it, in no order."""
    found: dict[str, list[Raw]] = {}
    for event in events:
        about = involved(event)
        if text(about, "kind") in {None, "Service"}:
            found.setdefault(f"{text(about, 'namespace') or 'default'}/{text(about, 'name')}", []).append(event)
    return found


def involved(event: Raw) -> object:
    """What an event is about: `involvedObject` in v1, `regarding` in events.k8s.io/v1."""
    return event.get("involvedObject") or event.get("regarding")


def same_life(event: Raw, service: Raw) -> bool:
    """Whether an event is about this Service and not about a deleted one of the same name."""
    ours, theirs = text(service, "metadata", "uid"), text(involved(event), "uid")
    return not ours or not theirs or ours == theirs


def newest(events: list[Raw], reasons: frozenset[str]) -> Raw | None:
    """The event last seen among those with one of the reasons; within a second MetalLB gives up before it assigns."""
    found = (event for event in events if text(event, "reason") in reasons)
    return max(found, key=lambda event: (seen(event), text(event, "reason") == "nodeAssigned"), default=None)


def message(event: Raw | None) -> str | None:
    """What an event says, else its reason."""
    return text(event, "message") or text(event, "note") or text(event, "reason")


def seen(event: Raw) -> datetime:
    """When an event was last seen; both kinds of events leave some of these fields empty."""
    times = (
        text(event, "series", "lastObservedTime"),
        text(event, "lastTimestamp"),
        text(event, "deprecatedLastTimestamp"),
        text(event, "eventTime"),
        text(event, "metadata", "creationTimestamp"),
    )
    return max(map(moment, times))


def moment(written: str | None) -> datetime:
    """A time of the API; one that cannot be read is older than all others."""
    try:
        found = datetime.fromisoformat(written or "")
    except ValueError:
        return NEVER
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def split(wanted: str | None) -> list[str]:
    """`10.0.0.1, fd00::1` as its parts."""
    return [part.strip() for part in (wanted or "").split(",") if part.strip()]


def ip(written: str) -> IPv4Address | IPv6Address | str:
    """An address that compares by value (fd00::1 and fd00:0::1 are equal); a text that is none stays one."""
    try:
        return ip_address(written)
    except ValueError:
        return written


def by_address(found: Allocation) -> tuple[int, int, str]:
    """IPv4 in order, IPv6 in order, host names, nothing."""
    address = ip(found.address or "")
    if isinstance(address, str):
        return (99 if found.address is None else 98, 0, found.service)
    return (address.version, int(address), found.service)
