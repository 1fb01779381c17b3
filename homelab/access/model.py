"""What the screens of users and apps are drawn from, and what their services work with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from homelab.finding import Finding


class HashKind(StrEnum):
    """How a password is kept. Source: Traefik docs, basicAuth: MD5, SHA1 and BCrypt."""

    BCRYPT = "bcrypt"
    APR1 = "apr1"
    SHA1 = "sha1"
    UNKNOWN = "unknown"
    """Traefik lets nobody in by it."""


@dataclass(frozen=True, slots=True)
class User:
    """One who may come in; never with the hash."""

    name: str
    kind: HashKind
    note: str | None = None
    """What is to be said of the line: an older hash, a name that stands there twice."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a route can be asked: the URL that a browser would open, and the address that is really dialled."""

    url: str
    address: str
    """IPv4 of the zone's load balancer; of a lab the loopback, and the URL then has the port that stands for it."""
    zone: str


@dataclass(frozen=True, slots=True)
class UserFile:
    """One basic-auth Secret: its users, and what they open."""

    secret: str
    """`namespace/name`."""
    users: tuple[User, ...]
    middlewares: tuple[str, ...]
    """`namespace/name` of those that name the Secret."""
    hosts: tuple[str, ...]
    """That its users open, sorted."""
    doors: tuple[Door, ...] = ()
    version: str | None = None
    """resourceVersion that this was read at; None while there is no such Secret: the first user makes it."""
    refusal: str | None = None
    """Why it cannot be edited, and what to do; None when it can."""
    notes: tuple[str, ...] = ()
    """What is to be said of the file as a whole, such as lines that are no users."""
    content: bytes = field(default=b"", repr=False)
    """The file as it was read, hashes and all: for writing, never for showing."""

    @property
    def mark(self) -> str:
        """Which file at which moment: a change is meant for what a person saw."""
        return f"{self.secret} {self.version}"


class Verb(StrEnum):
    """What can be done to a user."""

    ADD = "add"
    PASSWORD = "password"
    RENAME = "rename"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a file of users."""

    verb: Verb
    user: str
    password: str | None = field(default=None, repr=False)
    """Of ADD and PASSWORD."""
    name: str | None = None
    """The new one, of RENAME."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Somebody else wrote the file since it was read."""

    mine: Edit = field(repr=False)
    """Without its password where a screen is drawn from it."""
    theirs: tuple[str, ...]
    """What they changed, a sentence each."""
    can_merge: bool
    """Whether mine can be done on top of theirs: it concerns none of the users that they changed."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An import that waits for a yes."""

    secret: str
    source: str
    """The file of this machine."""
    number: int
    """Users that are added or get another password."""
    told: tuple[str, ...]
    """Who, a sentence each."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a route answered after a change."""

    door: Door
    without: int | str
    """A status, or why there was no answer."""
    known: int | str | None = None
    """The same with the password; None where it is not known."""
    user: str | None = None

    @property
    def is_fine(self) -> bool:
        """Refused without, and let in with the password where that was tried."""
        let_in = isinstance(self.known, int) and self.known < HTTPStatus.BAD_REQUEST
        return self.without == HTTPStatus.UNAUTHORIZED and (self.known is None or let_in)


@dataclass(frozen=True, slots=True)
class Access:
    """The view of the users."""

    files: tuple[UserFile, ...] | None = None
    """None until they were read."""
    at: str | None = None
    """The Secret in front."""
    trouble: str | None = None
    """Why they cannot be read."""
    heard: tuple[Heard, ...] = ()
    """Answers to the last change or verification."""
    clash: Clash | None = None
    """A choice that waits: merge, overwrite or drop."""
    incoming: Incoming | None = None
    """A question that waits: whether to import."""
    undo: str | None = None
    """What the key for undoing would take back."""

    @property
    def front(self) -> UserFile | None:
        """The file in front; where that is gone, the first."""
        known = self.files or ()
        return next((one for one in known if one.secret == self.at), next(iter(known), None))


ZONES = ("internal", "external")


@dataclass(frozen=True, slots=True)
class App:
    """A Service that is on show, or is to be."""

    namespace: str
    service: str
    port: int | str
    """Number or name."""
    hosts: Mapping[str, str]
    """By zone: the zones that are keys are those it is shown in."""
    path: str = "/"
    auth: str | None = None
    """Middleware that asks for a password, `namespace/name`; None: everybody may look."""
    name: str | None = None
    """Of the Ingresses, without the zone; None: the Service's."""
    version: Mapping[str, str] = field(default_factory=dict)
    """resourceVersion of each Ingress that this was read from, by name; empty for a new one."""
    foreign: str | None = None
    """Who made its Ingress, where that was not this program: it is shown, and neither edited nor withdrawn."""
    refusal: str | None = None
    """Why it cannot be edited, and what to do; None when it can."""

    @property
    def key(self) -> str:
        """`namespace/name`, one for each app."""
        return f"{self.namespace}/{self.name or self.service}"

    @property
    def called(self) -> str:
        """How a list names it, others' in brackets: an Ingress of theirs may have the name of an app of ours."""
        return f"({self.key})" if self.foreign else self.key

    @property
    def zones(self) -> tuple[str, ...]:
        """In their order."""
        return tuple(zone for zone in ZONES if zone in self.hosts)


class StepState(StrEnum):
    """How far one of the things is that have to come true before an app answers."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """It cannot be told from here."""


@dataclass(frozen=True, slots=True)
class Step:
    """One of them, in one zone."""

    zone: str
    id: str
    """`ingress`, `route`, `endpoints`, `name`, `certificate`, `answer`."""
    what: str
    """A few words: `the internal Traefik has the route`."""
    state: StepState
    why: str | None = None
    """What is waited for, or what is wrong and how to mend it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A Service that could be shown."""

    namespace: str
    name: str
    ports: tuple[str, ...]
    """Names or numbers, the likeliest first."""
    ready: int | None
    """Ready endpoints; None when nobody knows."""
    refusal: str | None = None
    """Why it cannot be shown; None when it can."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """An app that is being put on show, changed or watched: first a Service is chosen, then a form filled in."""

    app: App | None = None
    """None while a Service is being chosen."""
    before: App | None = None
    """As it is on the cluster; None for a new one."""
    candidates: tuple[Candidate, ...] = ()
    ports: tuple[str, ...] = ()
    """Of the Service, the likeliest first."""
    auths: tuple[str, ...] = ()
    """Middlewares that ask for a password, `namespace/name`; the plan's own first."""
    proposals: Mapping[str, str] = field(default_factory=dict)
    """What is suggested, by field."""
    findings: tuple[Finding, ...] = ()
    """`at` names the field: service, port, zone, internal, external, path, auth."""
    consent: str | None = None
    """What a person has to agree to by a typed word before it is applied."""
    changes: str | None = None
    """What applying would change, as a diff; None until looked at."""
    hindrance: str | None = None
    """Why what was looked at cannot be applied."""
    is_applied: bool = False
    """Whether it is watched rather than filled in."""
    steps: tuple[Step, ...] = ()
    """Of one that is watched; empty until it was looked at."""
    trouble: str | None = None
    """Why it could not be read or written."""
    busy: str | None = None
    """What goes on right now."""
