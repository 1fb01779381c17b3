"""The files of users on the cluster: finding them, writing them without losing anybody's change, taking a change back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field

from homelab.access.model import Clash, Edit, UserFile
from homelab.observe.allocations import Allocation
from homelab.ports import Cluster, Passwords, Raw

COST = 10
"""Of bcrypt, where nobody says another."""


class NotSaved(Exception):
    """Nothing was written; the text says why and what to do."""


class Clashed(Exception):
    """Nothing was written, since somebody else changed the file: a person has to choose."""

    def __init__(self, clash: Clash, now: UserFile) -> None:
        """`now` is the file as they left it: saving the same edit on it merges, on `overwriting(...)` overwrites."""
        super().__init__("; ".join(clash.theirs))
        self.clash, self.now = clash, now


@dataclass(frozen=True, slots=True)
class Saved:
    """A change that is on the cluster."""

    before: UserFile
    now: UserFile
    what: str = field(default="")
    """`anna was added`: for telling, and for the journal."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The files at one moment, or why they cannot be read."""

    files: tuple[UserFile, ...] | None
    """As last known; None while they never were."""
    trouble: str | None = None
    """None while it is live."""


def files(
    middlewares: Iterable[Raw], ingresses: Iterable[Raw], secrets: Mapping[str, Raw], held: Iterable[Allocation] = ()
) -> tuple[UserFile, ...]:
    """Every file that a basic-auth Middleware names; the home's own first, also while it is missing.

    `secrets` by `namespace/name`, `held` for the doors. Pure: the same objects give the same answer.
    """
    raise NotImplementedError


async def read(cluster: Cluster, held: Iterable[Allocation] = ()) -> tuple[UserFile, ...]:
    """The files as they are now. Raises ClusterError."""
    raise NotImplementedError


def live(cluster: Cluster, held: Callable[[], Iterable[Allocation]]) -> AsyncIterator[Reading]:
    """The files now, and again whenever one changes, for ever. Never raises ClusterError: it arrives as trouble."""
    raise NotImplementedError


async def save(cluster: Cluster, passwords: Passwords, file: UserFile, edit: Edit, *, cost: int = COST) -> Saved:
    """Write an edit of a file that was read; makes the Secret where there is none.

    Raises Unfit (htpasswd), Clashed, NotSaved, ClusterError.
    """
    raise NotImplementedError


async def put(cluster: Cluster, file: UserFile, content: bytes, what: str) -> Saved:
    """Write another content of a file that was read, such as an import's. Raises NotSaved, ClusterError."""
    raise NotImplementedError


def overwriting(file: UserFile, now: UserFile) -> UserFile:
    """What to save an edit on when theirs is to be overwritten: the file as it was read, at the version of theirs."""
    raise NotImplementedError


async def undo(cluster: Cluster, saved: Saved) -> Saved:
    """Write back what was there before a change. Raises NotSaved where somebody changed the file since, ClusterError."""
    raise NotImplementedError
