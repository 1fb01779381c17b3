"""Transactions: all operations or none."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from homelab.lab.consul.access import Holder
from homelab.lab.consul.asked import decoded
from homelab.lab.consul.cluster import Cluster
from homelab.lab.consul.fault import Fault, bad_request, too_large
from homelab.lab.consul.pairs import Pair, Pairs

MOST = 128
"""Operations in one. Source: Consul 1.22 itself; its API docs still say 64."""
Json = dict[str, Any]


class _Stale(Exception):
    """A condition does not hold; nothing is done."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One step."""

    verb: str
    key: str
    value: bytes
    flags: int
    index: int
    session: str


def operations(body: bytes) -> list[Operation]:
    """What is asked for. Raises Fault."""
    try:
        found = decoded(body)
        if (count := len(found)) > MOST:
            raise too_large(f"Transaction contains too many operations ({count} > {MOST})")
        return [_operation(one.get("kv")) for one in found]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise bad_request(f"Failed to parse body: {error}") from None


def done(cluster: Cluster, holder: Holder, wanted: list[Operation]) -> tuple[list[Json], list[Json]]:
    """Results, or errors: then nothing has been changed."""
    if errors := _errors(wanted, lambda one: _allowed(cluster, holder, one)):
        return [], errors
    pairs, index, results = cluster.pairs.copy(), cluster.index + 1, list[Json]()

    def do(one: Operation) -> None:
        shown = _VERBS[one.verb](pairs, index, one)
        readable = (pair for pair in shown if holder.allows("key", "read", pair.key) or one.verb not in _READS)
        results.extend({"KV": pair.shown(value=one.verb in _READS)} for pair in readable)

    if errors := _errors(wanted, do):
        return [], errors
    if not reads_only(wanted):
        cluster.pairs = pairs
        cluster.next_index()
        cluster.tell()
    return results, []


def reads_only(wanted: list[Operation]) -> bool:
    """Whether nothing is to be written: the answer then tells more."""
    return all(one.verb in _READS or one.verb.startswith("check-") for one in wanted)


def _operation(found: Json | None) -> Operation:
    if not isinstance(found, dict):
        raise Fault(HTTPStatus.NOT_IMPLEMENTED, "the lab's Consul has transactions of KV operations only")
    try:
        value = b64decode(found.get("value") or "", validate=True)
    except binascii.Error as error:
        raise bad_request(f"Failed to parse body: {error}") from None
    numbers = int(found.get("flags") or 0), int(found.get("index") or 0)
    return Operation(str(found["verb"]), str(found["key"]), value, *numbers, str(found.get("session") or ""))


def _errors(wanted: Iterable[Operation], do: Callable[[Operation], None]) -> list[Json]:
    errors = []
    for index, one in enumerate(wanted):
        try:
            do(one)
        except (_Stale, Fault) as error:
            errors.append({"OpIndex": index, "What": str(error)})
    return errors


def _allowed(cluster: Cluster, holder: Holder, one: Operation) -> None:
    """Raises Fault or _Stale."""
    if one.verb not in _VERBS:
        raise _Stale(f"unknown KV operation: {one.verb}")
    if one.verb == "delete-tree":
        holder.demand_tree(one.key)
    elif one.verb.startswith("check-"):
        holder.demand("key", "read", one.key)
    elif one.verb not in _READS:
        holder.demand("key", "write", one.key)
    if one.verb == "lock" and not cluster.lockable(one.key, one.session):
        raise _Stale(f'failed to lock key "{one.key}" due to lock delay')


def _set(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    return [pairs.set(index, one.key, one.value, one.flags)]


def _cas(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if not pairs.fits(one.key, one.index):
        raise _Stale(f'failed to set key "{one.key}", index is stale')
    return _set(pairs, index, one)


def _lock(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if not (pair := pairs.lock(index, one.key, one.value, one.flags, one.session)):
        raise _Stale(f'failed to lock key "{one.key}", lock is already held')
    return [pair]


def _unlock(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if not (pair := pairs.unlock(index, one.key, one.value, one.flags, one.session)):
        raise _Stale(f'failed to unlock key "{one.key}", lock isn\'t held, or is held by another session')
    return [pair]


def _delete(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    pairs.delete(index, one.key)
    return []


def _delete_cas(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if one.key in pairs.now and not pairs.fits(one.key, one.index):
        raise _Stale(f'failed to delete key "{one.key}", index is stale')
    return _delete(pairs, index, one)


def _delete_tree(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    pairs.delete_below(index, one.key)
    return []


def _get(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if one.key not in pairs.now:
        raise _Stale(f'key "{one.key}" doesn\'t exist')
    return [pairs.now[one.key]]


def _get_tree(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    return pairs.below(one.key)


def _check_session(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if not (pair := pairs.now.get(one.key)):
        raise _Stale(f'failed to check session, key "{one.key}" doesn\'t exist')
    if pair.session != one.session:
        told = f'current session "{pair.session}" != "{one.session}"'
        raise _Stale(f'failed session check for key "{one.key}", {told}')
    return [pair]


def _check_index(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if not (pair := pairs.now.get(one.key)):
        raise _Stale(f'failed to check index, key "{one.key}" doesn\'t exist')
    if pair.modified != one.index:
        told = f"current modify index {pair.modified} != {one.index}"
        raise _Stale(f'failed index check for key "{one.key}", {told}')
    return [pair]


def _check_not_exists(pairs: Pairs, index: int, one: Operation) -> list[Pair]:
    if one.key in pairs.now:
        raise _Stale(f'key "{one.key}" exists')
    return []


_READS = frozenset({"get", "get-tree"})
_VERBS: dict[str, Callable[[Pairs, int, Operation], list[Pair]]] = {
    "set": _set,
    "cas": _cas,
    "lock": _lock,
    "unlock": _unlock,
    "delete": _delete,
    "delete-cas": _delete_cas,
    "delete-tree": _delete_tree,
    "get": _get,
    "get-tree": _get_tree,
    "check-session": _check_session,
    "check-index": _check_index,
    "check-not-exists": _check_not_exists,
}
