"""The plan as typed facts. The fields are the keys of `homelab.yaml`; docs/plan.md describes each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv4Network
from types import UnionType
from typing import Any, Literal, get_args, get_type_hints

VERSION = 1
"""The only version of the plan's form that this program reads and writes."""

Role = Literal["control-plane", "worker"]
Mode = Literal["layer2"]
StoreKind = Literal["consul"]
Environment = Literal["staging", "production"]
RouterKind = Literal[
    "dnsmasq", "dd-wrt", "openwrt", "pi-hole", "adguard-home", "mikrotik", "opnsense", "pfsense", "unifi", "other"
]

Sample = Literal["whoami", "headlamp"]


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Neighbouring IPv4 addresses, both ends included. Never empty."""

    first: IPv4Address
    last: IPv4Address
    cidr: IPv4Network | None = field(default=None, compare=False)
    """Set when it was written as `a/n`: such a range has edges that a person seldom means."""

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"{self.first}-{self.last} ends before it begins")

    @classmethod
    def parse(cls, text: str) -> AddressRange:
        """Reads `a-b` with two full addresses, `a/n`, or one address. Raises ValueError, for host bits too."""
        if "/" in text:
            return cls.of(IPv4Network(text.strip()))
        first, _, last = text.partition("-")
        return cls(IPv4Address(first.strip()), IPv4Address((last if _ else first).strip()))

    @classmethod
    def of(cls, network: IPv4Network) -> AddressRange:
        """Every address of a network, its first and last too."""
        return cls(network[0], network[-1], network)

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return int(self.last) - int(self.first) + 1

    def __contains__(self, address: object) -> bool:
        return isinstance(address, IPv4Address) and self.first <= address <= self.last

    def __and__(self, other: AddressRange) -> AddressRange | None:
        first, last = max(self.first, other.first), min(self.last, other.last)
        return AddressRange(first, last) if first <= last else None


class Section:
    """A part of the plan that is a mapping in the file; its fields are the keys."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Host(Section):
    """A machine of the LAN that is no cluster node: the switch, a media server. Its address is nobody else's."""

    name: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class Node(Section):
    """A machine of the cluster, under the name that `kubectl get nodes` shows."""

    name: str
    address: IPv4Address
    role: Role = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Section):
    """Who holds which address of the LAN before the cluster takes any."""

    lan: IPv4Network
    gateway: IPv4Address
    dns: IPv4Address = field(metadata={"default": "gateway"})
    """The resolver that the LAN's machines ask; it gets the wildcard. The gateway where the file does not say."""
    dhcp: AddressRange | None = None
    """What the router hands out; None: unknown, or no DHCP server runs here."""
    reserved: tuple[AddressRange, ...] = ()
    """Kept for machines with fixed addresses: neither the pool nor DHCP may reach in."""
    hosts: tuple[Host, ...] = ()
    trusted: tuple[IPv4Network, ...] = ()
    """Further networks that may use the internal ingress: a VPN, other VLANs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Section):
    """Networks inside the cluster; None: asked from the cluster."""

    pods: IPv4Network | None = None
    services: IPv4Network | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancer(Section):
    """How Services get addresses of the LAN. Source: MetalLB docs, layer 2 mode."""

    mode: Mode = "layer2"
    pool: AddressRange
    """What MetalLB may hand out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress(Section):
    """One Traefik: the address it asks for and the domain whose wildcard points there."""

    address: IPv4Address
    domain: str
    replicas: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIngress(Ingress):
    """The Traefik that the world reaches, which takes dynamic configuration from Consul."""

    config: str | None = None
    """File with lines of the user's own, beside ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingresses(Section):
    """The two zones, apart so that nothing internal is public by mistake."""

    internal: Ingress
    """Plain HTTP for the LAN."""
    external: ExternalIngress
    """HTTPS for the internet; only Ingresses labelled `traffic-type=external`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(Section):
    """The key-value store through which the external replicas share configuration and certificates."""

    kind: StoreKind = "consul"
    servers: int = 3
    """An odd number: a majority must be alive."""
    storage: str = "1Gi"
    """Disk of each server, a Kubernetes quantity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates(Section):
    """Who signs the external certificates."""

    environment: Environment = "staging"
    """Which Let's Encrypt answers; without meaning where `server` is set."""
    profile: str = "classic"
    """Kind of certificate that the CA is asked for. Source: Let's Encrypt docs, profiles."""
    email: str | None = None
    server: str | None = None
    """ACME directory of another CA, an https URL."""
    ca: str | None = None
    """File with the root certificate of `server`, when no public root signs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Router(Section):
    """Which router it is, so that the text to paste fits."""

    kind: RouterKind = "dnsmasq"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Section):
    """The wished state of one home."""

    version: int
    network: Network
    nodes: tuple[Node, ...]
    cluster: Cluster = Cluster()
    load_balancer: LoadBalancer
    ingress: Ingresses
    store: Store = Store()
    certificates: Certificates = Certificates()
    router: Router = Router()
    apps: tuple[Sample, ...] = ("whoami",)
    """Sample apps that come with the stack."""


def value_at(plan: Plan, path: str) -> object:
    """The value of a key such as `ingress.internal.address` or `nodes.master1.role`, typed as in the model.

    Raises KeyError for a path that names no key, or a section instead of a value.
    """
    value = _below(plan, path)
    if isinstance(value, Section):
        raise KeyError(path)
    return value


def keys() -> tuple[str, ...]:
    """Path of every key that a plan may have, in the file's order; NAME stands for a node's or host's name."""
    return tuple(_keys(Plan))


def section_of(wanted: object) -> type[Section] | None:
    """The section class that a field's type stands for, if it does; `tuple[Node, ...]` gives Node."""
    candidates = (wanted, *get_args(wanted))
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, Section)), None)


def may_be_null(wanted: object) -> bool:
    """Whether a field's type allows `null`."""
    return isinstance(wanted, UnionType) and type(None) in get_args(wanted)


def _below(value: object, path: str) -> object:
    """Node names may hold dots, so names are matched whole rather than split."""
    for name, child in _children(value):
        if path == name:
            return child
        if path.startswith(f"{name}."):
            with suppress(KeyError):
                return _below(child, path.removeprefix(f"{name}."))
    raise KeyError(path)


def _children(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, tuple):
        yield from ((item.name, item.address if isinstance(item, Host) else item) for item in value if _named(item))
    elif isinstance(value, Section):
        hidden = {"name"} if _named(value) else set()
        yield from ((f.name, getattr(value, f.name)) for f in _fields(type(value)) if f.name not in hidden)


def _named(value: object) -> bool:
    return isinstance(value, Node | Host)


def _fields(section: type[Section]) -> tuple[Any, ...]:
    return fields(section)  # type: ignore[arg-type]  # every Section is a dataclass


def _keys(section: type[Section]) -> Iterator[str]:
    for name, wanted in get_type_hints(section).items():
        inner = section_of(wanted)
        yield name
        if inner is Host:
            yield f"{name}.NAME"
        elif inner is Node:
            yield f"{name}.NAME"
            yield from (f"{name}.NAME.{key}" for key in _keys(Node) if key != "name")
        elif inner:
            yield from (f"{name}.{key}" for key in _keys(inner))
