"""`/v1/kv` and `/v1/txn`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from homelab.lab.consul import txn
from homelab.lab.consul.asked import Asked, Reply
from homelab.lab.consul.fault import bad_request, failed, too_large
from homelab.lab.consul.pairs import Pair

LARGEST = 512 * 1024
"""Bytes of a value, and of a transaction. Source: Consul docs, `limits.kv_max_value_size`, `limits.txn_max_req_len`."""
_DOCS = "https://developer.hashicorp.com/docs/agent/config/config-files"


async def kv(asked: Asked) -> Reply:
    """One key, or all that begin so. Raises Fault."""
    if asked.method == "GET":
        return await asked.blocking(lambda: _read(asked))
    if not asked.rest and "recurse" not in asked.query:
        raise bad_request("Missing key name")
    return _put(asked) if asked.method == "PUT" else _delete(asked)


async def transaction(asked: Asked) -> Reply:
    """All or nothing. Raises Fault."""
    _fits(asked, "txn_max_req_len")
    wanted = txn.operations(asked.body)
    results, errors = txn.done(asked.cluster, asked.holder, wanted)
    said: dict[str, Any] = {"Results": None if errors else results, "Errors": errors or None}
    if txn.reads_only(wanted):
        said |= {"Index": 1, "LastContact": 0, "KnownLeader": True}
    return Reply(said, status=HTTPStatus.CONFLICT if errors else HTTPStatus.OK)


def _read(asked: Asked) -> Reply:
    pairs, key, query = asked.cluster.pairs, asked.rest, asked.query
    if "recurse" in query or "keys" in query:
        index = pairs.index_below(key)
        found = [pair for pair in pairs.below(key) if asked.holder.allows("key", "read", pair.key)]
        said = _folders(found, key, query.get("separator", "")) if "keys" in query else [one.shown() for one in found]
        return Reply(said, index) if found else _nothing(index)
    if not key:
        raise bad_request("Missing key name")
    asked.holder.demand("key", "read", key)
    if not (pair := pairs.now.get(key)):
        return _nothing(pairs.index(key))
    return _raw(pair) if "raw" in query else Reply([pair.shown()], pair.modified)


def _nothing(index: int) -> Reply:
    return Reply(b"", index, HTTPStatus.NOT_FOUND)


def _raw(pair: Pair) -> Reply:
    safe = {"Content-Security-Policy": "sandbox", "X-Content-Type-Options": "nosniff", "Content-Type": "text/plain"}
    return Reply(pair.value, pair.modified, headers=safe)


def _folders(found: list[Pair], prefix: str, separator: str) -> list[str]:
    """The keys, or what they share up to the separator."""

    def shown(key: str) -> str:
        end = key.find(separator, len(prefix)) if separator else -1
        return key if end < 0 else key[: end + len(separator)]

    return list(dict.fromkeys(shown(pair.key) for pair in found))


def _put(asked: Asked) -> Reply:
    _one_of(asked, "cas", "acquire", "release")
    _fits(asked, "kv_max_value_size")
    flags, cas = _number(asked, "flags"), _number(asked, "cas")
    asked.holder.demand("key", "write", asked.rest)
    pairs, index, key, body = asked.cluster.pairs, asked.cluster.next_index(), asked.rest, asked.body
    if session := asked.query.get("acquire"):
        done = _lockable(asked, key, session) and pairs.lock(index, key, body, flags, session) is not None
    elif session := asked.query.get("release"):
        done = pairs.unlock(index, key, body, flags, session) is not None
    elif done := "cas" not in asked.query or pairs.fits(key, cas):
        pairs.set(index, key, body, flags)
    return _told(asked, done)


def _lockable(asked: Asked, key: str, session: str) -> bool:
    if session not in asked.cluster.sessions:
        raise failed(f'raft apply failed: invalid session "{session}"')
    return asked.cluster.lockable(key, session)


def _delete(asked: Asked) -> Reply:
    _one_of(asked, "cas", "recurse")
    pairs, index, cas = asked.cluster.pairs, asked.cluster.next_index(), _number(asked, "cas")
    if "recurse" in asked.query:
        asked.holder.demand_tree(asked.rest)
        pairs.delete_below(index, asked.rest)
        return _told(asked, True)
    asked.holder.demand("key", "write", asked.rest)
    done = "cas" not in asked.query or asked.rest not in pairs.now or pairs.fits(asked.rest, cas)
    if done:
        pairs.delete(index, asked.rest)
    return _told(asked, done)


def _told(asked: Asked, done: bool) -> Reply:
    if done:
        asked.cluster.tell()
    return Reply(done)


def _fits(asked: Asked, option: str) -> None:
    if (size := len(asked.body)) > LARGEST:
        raise too_large(f"Request body({size} bytes) too large, max size: {LARGEST} bytes. See {_DOCS}#{option}.")


def _one_of(asked: Asked, *names: str) -> None:
    if len(given := [name for name in sorted(names) if name in asked.query]) > 1:
        raise bad_request("Conflicting flags: " + "&".join(f"{name}={asked.query[name]}" for name in given))


def _number(asked: Asked, name: str) -> int:
    given = asked.query.get(name, "0")
    if not given.isdecimal():
        raise failed(f'strconv.ParseUint: parsing "{given}": invalid syntax')
    return int(given)
