"""What the core needs from outside. `adapters` keep these promises; the core never imports a client library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import Any, Literal, Protocol

Raw = dict[str, Any]
"""A Kubernetes object as plain JSON."""


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of object at one version of its API group."""

    api_version: str
    """`v1`, `apps/v1`, `metallb.io/v1beta1`, ..."""
    name: str
    """`Service`, `Deployment`, ..."""

    @property
    def group(self) -> str:
        """API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """The name of one object: enough to read or delete it."""

    kind: Kind
    namespace: str | None
    """None for objects of the whole cluster."""
    name: str

    @classmethod
    def of(cls, obj: Mapping[str, Any]) -> Ref:
        """The name of a raw object."""
        meta = obj["metadata"]
        return cls(Kind(obj["apiVersion"], obj["kind"]), meta.get("namespace"), meta["name"])

    def __str__(self) -> str:
        return f"{self.kind.name} {self.namespace}/{self.name}" if self.namespace else f"{self.kind.name} {self.name}"


class ClusterError(Exception):
    """Something that the Kubernetes API answered or failed to answer; its text names what, where and the fix."""


class Unreachable(ClusterError):
    """No answer: no network, no server, a wrong certificate, a time-out."""


class Unauthorized(ClusterError):
    """401: the credentials are not (or no longer) accepted."""


class Forbidden(ClusterError):
    """403: the user lacks a right; the text names verb, kind and namespace."""


class NotServed(ClusterError):
    """The API has no such kind: its CustomResourceDefinition is not there (yet)."""


class Rejected(ClusterError):
    """The API understood and refused: an invalid object, a missing namespace, a webhook's no."""


class Exists(Rejected):
    """409: an object of that name is there already."""


class Outdated(Rejected):
    """409: the object has changed since it was read."""


class NotFound(Rejected):
    """404 where an object was needed, such as the namespace of a new one."""


class Unavailable(ClusterError):
    """The API cannot answer now (429, 5xx, a webhook that does not answer yet); the same request may pass later."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One field that another manager holds and that we would change."""

    manager: str
    field: str


class Conflict(ClusterError):
    """409 of a server-side apply: other managers hold fields that we would change."""

    def __init__(self, message: str, contests: tuple[Contest, ...]) -> None:
        super().__init__(message)
        self.contests = contests


@dataclass(frozen=True, slots=True)
class Listed:
    """Every object that there is now; whatever was known before is void."""

    objects: tuple[Raw, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One object is new or different."""

    object: Raw


@dataclass(frozen=True, slots=True)
class Gone:
    """One object was deleted."""

    object: Raw


@dataclass(frozen=True, slots=True)
class Alive:
    """The stream was heard of and nothing changed (a bookmark, or a connection made anew)."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream broke and is being made anew; what was known may be stale from now on."""

    error: ClusterError
    retry_in: float = 0.0
    """Seconds until the next try."""


Change = Listed | Changed | Gone | Alive | Lost


@dataclass(frozen=True, slots=True)
class Answer:
    """What a pod answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Cluster(Protocol):
    """What the core needs from Kubernetes; objects are plain JSON."""

    async def version(self) -> str:
        """The server's version, such as `v1.37.2`."""

    async def kinds(self) -> frozenset[Kind]:
        """Every kind whose objects live in namespaces and can be listed and deleted, at every version served."""

    async def get(self, ref: Ref) -> Raw | None:
        """One object, or None. A kind that is not served has no objects: None too."""

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> tuple[Raw, ...]:
        """Every object of a kind, with `apiVersion` and `kind` set. Raises NotServed."""

    def watch(
        self, kind: Kind, *, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> AsyncIterator[Change]:
        """Every object now, then every change, for ever. Never raises ClusterError: what went wrong arrives as Lost."""

    async def apply(self, obj: Raw, *, dry_run: bool = False, force: bool = False, manager: str = "homelab-tui") -> Raw:
        """Server-side apply. Raises Conflict naming the other managers and their fields."""

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Delete an object after its dependents, only while it is the one with this uid; nothing when it is gone."""

    async def create(self, obj: Raw) -> Raw:
        """Make a new object. Raises Exists."""

    async def replace(self, obj: Raw) -> Raw:
        """Write an object back that was read before. Raises Outdated where it has changed since, NotFound."""

    async def ask_pod(
        self,
        namespace: str,
        pod: str,
        port: int,
        path: str,
        *,
        method: Literal["GET", "PUT", "POST", "DELETE"] = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        patience: float = 0.0,
        connection: int = 0,
    ) -> Answer:
        """Whatever a pod answers, through the API server's proxy. Raises ClusterError where no pod was reached.

        `patience`: seconds that the pod may take beyond the usual, since it was asked to wait for something.
        `connection`: another number is another connection to the pod; the API server keeps each open for a while.
        """

    async def pod_json(self, namespace: str, pod: str, port: int, path: str) -> Any:
        """JSON that a pod serves, read through the API server's proxy. Raises Unavailable for a 5xx of the pod.

        Not to be changed: it is the very same object for as long as the pod says the same.
        """

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        tail: int | None = None,
        since: int | None = None,
        previous: bool = False,
    ) -> AsyncIterator[bytes]:
        """What a container says, as it comes: pieces of any size, to its end. Raises ClusterError.

        `tail`: no more than so many lines of what it has said; `since`: what it said in so many seconds. `previous`:
        of the container before, which ended.
        """

    async def close(self) -> None:
        """Let go of all connections."""


class Downloads(Protocol):
    """Where pinned upstream files come from."""

    def fetch(self, url: str) -> bytes:
        """The file's bytes. Raises DownloadError with what, where and the fix."""


class DownloadError(Exception):
    """A file could not be had; the text says which, from where, why and what to do."""


class StoreError(Exception):
    """Something that Consul answered or failed to answer; the text names the server and why."""


class StoreDenied(StoreError):
    """Consul does not accept the token, or the token may not do this."""


class StoreAway(StoreError):
    """The way to Consul is cut, such as by a lost network: nothing is said of the server itself."""


@dataclass(frozen=True, slots=True)
class Value:
    """What the store has under one key."""

    data: bytes
    session: str | None
    """The session that holds the key as a lock."""


class StoreReading(Protocol):
    """What one server of the store says. Every method raises StoreError."""

    async def myself(self) -> Raw:
        """What the server knows by itself, also without a leader."""

    async def peers(self) -> Raw:
        """How all servers fare, as their leader sees them."""

    async def values(self, prefix: str) -> Mapping[str, Value]:
        """Everything below a prefix that the token may read."""

    async def names(self, prefix: str) -> tuple[str, ...]:
        """Of every key below a prefix that the token may read; no value is asked for."""

    async def change(self, index: str, seconds: float) -> str:
        """Wait until any key has changed since an index, at most so long; the index now. Without one: at once."""


OpenStore = Callable[[str, str], Awaitable[StoreReading]]
"""Opens the way to one server, by its pod's name and with a token."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What the store knows of one token."""

    policies: tuple[str, ...]
    """Their names."""
    description: str
    """What whoever made it said of it."""


class StoreAccess(Protocol):
    """Who may do what in the store. Every method raises StoreError."""

    async def policies(self) -> Mapping[str, Any]:
        """Rules of every policy of ours by name."""

    async def write_policy(self, name: str, rules: Mapping[str, Any]) -> None:
        """Create a policy, or give it other rules."""

    async def tokens(self) -> Mapping[str, Granted]:
        """Every token, by itself."""

    async def write_token(self, token: str, policy: str) -> None:
        """Create a token that has this policy alone and is described by its name, or make it so."""

    async def remove_token(self, token: str) -> None:
        """Whoever has it is nobody from then on; nothing when it is gone."""


class StoreClearing(Protocol):
    """What takes keys out of the store."""

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete them, as they are when this begins. Raises StoreError, also where one has changed or gone since."""


class StoreFilling(Protocol):
    """What a backup reads and a restore puts back. Every method raises StoreError."""

    async def values(self, prefix: str) -> Mapping[str, Value]:
        """Everything below a prefix that the token may read."""

    async def fill(self, values: Mapping[str, bytes]) -> None:
        """Write under keys that are not there, all or none. Raises StoreError where one of them is."""


class SealError(Exception):
    """A sealed file that does not open; the text goes on after the file's name and says why and what to do."""


class Sealing(Protocol):
    """Keeps secret what lies in a file."""

    def seal(self, content: bytes, passphrase: bytes) -> bytes:
        """The content as it may lie about anywhere."""

    def open(self, sealed: bytes, passphrase: bytes) -> bytes:
        """The content again. Raises SealError."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One way of this machine into a network."""

    name: str
    address: IPv4Interface
    """Its own address, with the length of the network's prefix."""
    mac: str | None
    """Six lower-case pairs with colons between."""
    is_wireless: bool


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer that the console runs on."""

    name: str
    interfaces: tuple[Interface, ...]
    """The one that leads to the gateway first; loopback, bridges of pods and tunnels are left out."""
    gateway: IPv4Address | None
    resolvers: tuple[str, ...]
    """Addresses that names are asked of. Source: resolv.conf, nameserver."""
    search: tuple[str, ...] = ()
    """Domains that bare names are completed with: the router's own, mostly. Source: resolv.conf, search and domain."""


class Neighbourhood(Protocol):
    """This machine, and who answers on its networks."""

    def machine(self) -> Machine:
        """What the kernel knows of this machine now; costs no packet."""

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        """MAC addresses of those that answer ARP, after a datagram to a port that nobody serves; needs no root.

        An address of this machine itself, or of another network, never answers so.
        """


class NamesError(Exception):
    """A resolver did not answer, or refused; the text says which, and why."""


class Names(Protocol):
    """What names lead to."""

    async def addresses(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> tuple[str, ...]:
        """Addresses of a name, asked of one server or of this machine's resolver; none where it has none.

        Raises NamesError.
        """

    async def denied(self, name: str, family: Literal["A", "AAAA"], server: str | None = None) -> bool:
        """Whether the answer is that there is no such name at all (NXDOMAIN), rather than none of this family.

        Some clients then ask for no other family, and the name is lost to them. Raises NamesError.
        """


class WebError(Exception):
    """Nobody answered; the text says where, and why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a web server answered."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    start: bytes = b""
    """The first bytes of its body, by which servers can be told apart."""


class Web(Protocol):
    """Asking web servers, each by the address that is to be tried."""

    async def get(self, url: str, address: IPv4Address, credentials: tuple[str, str] | None = None) -> Reply:
        """Ask this address for the URL's host, whatever names say; certificates are not verified. Raises WebError.

        `credentials`, a name and a password, travel in a header.
        """


class Passwords(Protocol):
    """How passwords are kept, so that files of users can be written and tried without knowing them."""

    async def hash(self, password: str, cost: int) -> str:
        """As bcrypt keeps it: one more of `cost` makes every request through the ingress take twice as long."""

    async def verify(self, password: str, hashed: str) -> bool:
        """Whether a hash of any kind that Traefik takes is of this password."""


class NoNetwork(NamesError, WebError):
    """There is no network to ask, such as in the lab: nothing is said of anybody."""
