"""Keys and values with the indexes of their changes. Everything happens at an index that the caller gives."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value."""

    key: str
    value: bytes
    flags: int = 0
    session: str = ""
    """Which holds it as a lock."""
    locks: int = 0
    """How often it was taken as a lock."""
    created: int = 0
    modified: int = 0

    def shown(self, *, value: bool = True) -> dict[str, Any]:
        """As the API tells it."""
        said: dict[str, Any] = {"LockIndex": self.locks, "Key": self.key, "Flags": self.flags}
        said["Value"] = b64encode(self.value).decode() if value and self.value else None
        held = {"Session": self.session} if self.session else {}
        return said | held | {"CreateIndex": self.created, "ModifyIndex": self.modified}


@dataclass(slots=True)
class Pairs:
    """All of them; and of those that were deleted when that was, so that who waits for a folder learns of it."""

    now: dict[str, Pair] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)
    last: int = 1
    """Index of the last change of any."""

    def copy(self) -> Pairs:
        """For trying what may have to be undone."""
        return Pairs(dict(self.now), dict(self.gone), self.last)

    def below(self, prefix: str) -> list[Pair]:
        """All whose key begins so, by key."""
        return [self.now[key] for key in sorted(self.now) if key.startswith(prefix)]

    def index(self, key: str) -> int:
        """Of the last change of one key; of any, when it is not there."""
        return self.now[key].modified if key in self.now else self.last

    def index_below(self, prefix: str) -> int:
        """Of the last change of a folder."""
        changes = [pair.modified for key, pair in self.now.items() if key.startswith(prefix)]
        return max([*changes, *(at for key, at in self.gone.items() if key.startswith(prefix))], default=self.last)

    def set(self, index: int, key: str, value: bytes, flags: int = 0, session: str | None = None) -> Pair:
        """Write; the same again is no change. A session that is not given stays."""
        old = self.now.get(key)
        holder = (old.session if old else "") if session is None else session
        locks, made = (old.locks, old.created) if old else (0, index)
        new = Pair(key, value, flags, holder, locks, made, old.modified if old else index)
        if new != old:
            self._put(replace(new, modified=index))
        return self.now[key]

    def lock(self, index: int, key: str, value: bytes, flags: int, session: str) -> Pair | None:
        """Write and take as a lock; None when another session has it."""
        old = self.now.get(key)
        if old and old.session not in ("", session):
            return None
        count = (old.locks if old else 0) + (not old or not old.session)
        made = old.created if old else index
        return self._put(Pair(key, value, flags, session, count, made, index))

    def unlock(self, index: int, key: str, value: bytes, flags: int, session: str) -> Pair | None:
        """Write and give back; None when this session does not have it. Its count begins anew, as the real one's."""
        old = self.now.get(key)
        if not old or not session or old.session != session:
            return None
        return self._put(replace(old, value=value, flags=flags, session="", locks=0, modified=index))

    def release(self, index: int, key: str) -> None:
        """Take a lock away from a session that has ended."""
        self._put(replace(self.now[key], session="", modified=index))

    def fits(self, key: str, wanted: int) -> bool:
        """Whether a key was last changed then; 0: whether it is not there."""
        return (self.now[key].modified if key in self.now else 0) == wanted

    def delete(self, index: int, key: str) -> None:
        """Remove it, if it is there."""
        if self.now.pop(key, None):
            self.gone[key] = self.last = index

    def delete_below(self, index: int, prefix: str) -> None:
        """Remove a folder."""
        for pair in self.below(prefix):
            self.delete(index, pair.key)

    def _put(self, pair: Pair) -> Pair:
        self.now[pair.key] = pair
        self.gone.pop(pair.key, None)
        self.last = pair.modified
        return pair
