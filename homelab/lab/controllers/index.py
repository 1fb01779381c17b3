"""Finding objects by something else than their name, at the cost of those found.

Events come after the writes that made them, so an index remembers names only and asks the store for what they stand
for: what it gives is never older than the store.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from homelab.lab.store import Store
from homelab.ports import Raw, Ref

Keys = Callable[[Raw], Iterable[Hashable]]


class Index:
    """Objects by any number of keys each."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._refs: dict[Hashable, dict[Ref, None]] = {}
        self._known: dict[Ref, tuple[Hashable, ...]] = {}

    def note(self, ref: Ref, obj: Raw | None) -> tuple[Hashable, ...]:
        """Take note of an object as it is now; None: it is gone. Gives the keys that it had before."""
        keys = tuple(self._keys(obj)) if obj else ()
        before = self._known.pop(ref, ())
        for key in before:
            self._refs[key].pop(ref, None)
            if not self._refs[key]:
                del self._refs[key]
        if keys:
            self._known[ref] = keys
        for key in keys:
            self._refs.setdefault(key, {})[ref] = None
        return before

    def of(self, store: Store, key: Hashable) -> list[Raw]:
        """The objects that have this key now."""
        found = (store.get(ref) for ref in self.refs(key))
        return [obj for obj in found if obj and key in self._keys(obj)]

    def refs(self, key: Hashable) -> tuple[Ref, ...]:
        """Their names, as last noted; asks the store nothing."""
        return tuple(self._refs.get(key, ()))

    def size(self, key: Hashable) -> int:
        """How many there were when last noted; asks the store nothing."""
        return len(self._refs.get(key, ()))
