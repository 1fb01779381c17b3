"""Putting a backup back: what is missing is written, and whatever is there stays as it is.

So a restore destroys nothing, a second one has nothing to do, and a certificate that is newer than the backup is not
lost. The one thing refused is a cluster whose management token or gossip key is another: that is another home's stack,
or one made anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.configuration import FOLDERS, ROOT
from homelab.ports import Cluster, Raw, Ref, StoreDenied, StoreError, StoreFilling, Value
from homelab.stack.backup import MIRRORS, ROOTS, TOKENS, Backup, Connect
from homelab.stack.compare import Live, read
from homelab.stack.journal import Journal
from homelab.stack.order import NAMESPACE
from homelab.stack.ownership import owner
from homelab.stack.render import MANAGED_BY, OURS
from homelab.stack.steps import ready_server
from homelab.together import together

SERVED = f"{ROOT}tls/certificates/"
ISSUER = "homelab-issuer"
"""Field manager of the mirrors. They are written as its own, so that it can drop their old versions later."""
OPERATIONS, BYTES = 60, 300_000
"""Of one transaction; Consul takes 64 and 512 kB, in which values are a third longer. Source: Consul API docs, txn."""

IDENTITY = TOKENS[0]
"""What tells one home's stack from another's: it has the management token and the gossip key, and is made but once."""
ANEW = "homelab-tui delete --include volumes, then restore, then homelab-tui apply"


class OtherHome(Exception):
    """The cluster has another stack than the one of the backup; nothing was written."""


@dataclass(frozen=True, slots=True)
class Restoration:
    """What a restore would write, and what it leaves as it is."""

    namespaces: tuple[str, ...]
    secrets: tuple[Raw, ...] = field(repr=False)
    """To be made."""
    mended: tuple[Raw, ...] = field(repr=False)
    """Live Secrets with tokens, each with the values that it lacks."""
    values: Mapping[str, bytes] | None = field(repr=False)
    """Of the store, by key; None while the store does not answer."""
    stays: tuple[str, ...]

    @property
    def writes(self) -> int:
        """How many objects and values."""
        return len(self.namespaces) + len(self.secrets) + len(self.mended) + len(self.values or ())


def demand_same(backup: Backup, live: Live) -> None:
    """The management token and the gossip key must be the backup's, where they are there. Raises OtherHome."""
    for one, found in _changed(backup, live):
        if Ref.of(one) == IDENTITY and not _only_lacks(found, one):
            raise OtherHome(
                f"{IDENTITY}: not as in the backup, so this is another home's stack, or one made anew; "
                f"nothing was written. To have the one of the backup here: {ANEW}"
            )


def decide(backup: Backup, live: Live, held: Mapping[str, Value] | None) -> Restoration:
    """What is missing of a backup on a cluster of the same home. Pure; `held` is what the store has."""
    changed = _changed(backup, live)
    cut = [(one, found) for one, found in changed if Ref.of(one) in TOKENS and _only_lacks(found, one)]
    other = [Ref.of(one) for one, found in changed if (one, found) not in cut]
    return Restoration(
        tuple(ref.name for ref in spaces(backup) if live[ref] is None),
        tuple(one for one in backup.secrets if live[Ref.of(one)] is None),
        tuple({**found, "data": {**_data(found), **_data(one)}} for one, found in cut),
        None if held is None else lacking(backup.values, held),
        tuple(_left(other, backup.values, held or {})),
    )


def _changed(backup: Backup, live: Live) -> list[tuple[Raw, Raw]]:
    """Secrets that are there with other data, each beside the live one."""
    pairs = ((one, live[Ref.of(one)]) for one in backup.secrets)
    return [(one, found) for one, found in pairs if found and _data(found) != _data(one)]


def _data(secret: Raw) -> dict[str, str]:
    return secret.get("data") or {}


def _only_lacks(live: Raw, kept: Raw) -> bool:
    """Whether ours is there and has nothing else than the backup's under the same keys."""
    return owner(live).ours and all(_data(live).get(key, value) == value for key, value in _data(kept).items())


def _left(other: Iterable[Ref], values: Mapping[str, bytes], held: Mapping[str, Value]) -> Iterator[str]:
    """What is not as in the backup, and stays so."""
    for ref in other:
        if ref in TOKENS:
            yield f"{ref}: another token than in the backup, made since; it stays"
        else:
            yield f"{ref}: other than in the backup; to have that one, delete it first"
    if count := sum(held[key].data != value for key, value in values.items() if key in held):
        yield f"{count} {'value' if count == 1 else 'values'} of the store: other than in the backup"


def spaces(backup: Backup) -> tuple[Ref, ...]:
    """The namespaces that the Secrets of a backup need."""
    return tuple(sorted({Ref(NAMESPACE, None, one["metadata"]["namespace"]) for one in backup.secrets}))


def lacking(values: Mapping[str, bytes], held: Iterable[str]) -> dict[str, bytes]:
    """What the store has nothing of. A certificate goes with its key, the configuration as a whole: all or nothing."""
    there = {part(key) for key in held}
    return {key: value for key, value in sorted(values.items()) if part(key) not in there}


def part(key: str) -> str:
    """What a key cannot be written without, by name; most stand alone.

    The loader replaces its folders as a whole: half of another configuration's keys would be served beside it.
    """
    if key.startswith(FOLDERS):
        return FOLDERS[0]
    return key.rpartition("/")[0] if key.startswith(SERVED) else key


def transactions(values: Mapping[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Values in groups that are written at once; no part is in two of them. Pure."""
    parts: dict[str, dict[str, bytes]] = {}
    for key, value in values.items():
        parts.setdefault(part(key), {})[key] = value
    group: dict[str, bytes] = {}
    for one in parts.values():
        both = {**group, **one}
        if group and (len(both) > OPERATIONS or sum(map(len, both.values())) > BYTES):
            yield group
            both = one
        group = both
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class Restoring:
    """One backup and the cluster that it is put back on; may be repeated."""

    cluster: Cluster
    connect: Connect
    backup: Backup

    async def survey(self) -> Restoration:
        """What a restore would do. Writes nothing. Raises OtherHome, StoreError, ClusterError."""
        live = await read(self.cluster, [*spaces(self.backup), *map(Ref.of, self.backup.secrets)])
        demand_same(self.backup, live)  # first, since another home's store would not take our token
        return decide(self.backup, live, await self._held())

    async def run(self, journal: Journal) -> Restoration:
        """Write what is missing by now; what that was. Raises OtherHome, StoreError, ClusterError."""
        found = await self.survey()
        secrets = [str(Ref.of(one)) for one in (*found.secrets, *found.mended)]
        journal.write("restoring", objects=[*found.namespaces, *secrets])
        await together(partial(self._name, name) for name in found.namespaces)
        await together(partial(self._make, one) for one in found.secrets)
        await together(partial(self.cluster.replace, one) for one in found.mended)
        for group in transactions(found.values or {}):
            journal.write("restoring", keys=list(group))
            await self._fill(group)
        journal.write("restored", written=found.writes)
        return found

    async def _name(self, namespace: str) -> None:
        labels = {MANAGED_BY: OURS}
        await self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
        )

    async def _make(self, secret: Raw) -> None:
        if secret["metadata"]["namespace"] == MIRRORS:
            await self.cluster.apply(secret, manager=ISSUER)
        else:
            await self.cluster.create(secret)

    async def _held(self) -> Mapping[str, Value] | None:
        """What the store has; None while it does not answer."""
        try:
            store = await self._store()
        except StoreError:
            return None
        try:
            found = [await store.values(root) for root in ROOTS]
        except StoreDenied as error:
            raise StoreDenied(
                f"{error}; Consul's volumes are of another stack than the backup. To have that one here: {ANEW}"
            ) from None
        return {key: value for one in found for key, value in one.items()}

    async def _fill(self, values: Mapping[str, bytes]) -> None:
        try:
            await (await self._store()).fill(values)
        except StoreError as error:
            said = " ".join(str(error).split())
            raise StoreError(f"{said}; run the same command again: what is back stays") from None

    async def _store(self) -> StoreFilling:
        return self.connect(await ready_server(self.cluster), self.backup.token)
