"""All of a home that cannot be made anew: what the store holds, tokens and keys, certificates, and who may log in."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.observe.consul import LOCK
from homelab.ports import Cluster, NotFound, Raw, Ref, SealError, StoreError, StoreFilling
from homelab.stack.access import MANAGEMENT, NAMESPACE, POLICIES, SECRET, token_of
from homelab.stack.ownership import labels
from homelab.stack.stale import CERTIFICATE
from homelab.stack.steps import ready_server
from homelab.together import together

ROOTS = ("traefik-external/", "homelab/")
"""Of all keys of ours, in the order of reading. The issuer may be at work: what is served must not be newer than the
lineage that it came from, or a restore would serve the older one."""
MIRRORS = "homelab-certificates"
"""Namespace of the Secrets from which the issuer fills an empty store."""
TOKENS = tuple(Ref(SECRET, NAMESPACE, f"consul-{holder}") for holder in (MANAGEMENT, *POLICIES))
OPAQUE = "Opaque"
"""The type of a Secret that names none, as the issuer's."""
PASSWORDS = Ref(SECRET, NAMESPACE, "ingress-auth")

_NAME_ANOTHER = "name the file that `homelab-tui backup` wrote"

Connect = Callable[[str, str], StoreFilling]
"""Speaks to the server of this pod with this token."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was there at one time."""

    taken: str
    """RFC 3339."""
    values: Mapping[str, bytes] = field(repr=False)
    """Of the store, by key; without the issuer's lock, which means nothing later."""
    secrets: tuple[Raw, ...] = field(repr=False)
    """As they can be created."""

    @property
    def token(self) -> str:
        """The one that may do everything in the store. Raises Unusable."""
        return next((token_of(one) for one in self.secrets if Ref.of(one) == TOKENS[0]), "")

    def dump(self) -> bytes:
        """As JSON."""
        values = {key: b64encode(value).decode() for key, value in self.values.items()}
        return json.dumps({"taken": self.taken, "values": values, "secrets": self.secrets}).encode()

    @classmethod
    def parse(cls, text: bytes) -> Backup:
        """Of JSON that `dump` made. Raises SealError for all else: whoever seals a file puts in it what he likes."""
        try:
            found = json.loads(text)
            values = {key: b64decode(value) for key, value in found["values"].items()}
            strange = [f"the key {key!r}" for key in values if key == LOCK or not key.startswith(ROOTS)]
            strange += [str(Ref.of(one)) for one in found["secrets"] if not _is_kept(one)]
            parsed = cls(found["taken"], values, tuple(found["secrets"]))
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            raise SealError(f"holds no backup; {_NAME_ANOTHER}") from None
        if strange:
            raise SealError(f"holds {strange[0]}, which no backup does: nothing was written; {_NAME_ANOTHER}")
        return parsed


async def backup(cluster: Cluster, connect: Connect, now: str) -> Backup:
    """Everything as it is. Raises NotFound where there is no stack, StoreError, ClusterError."""
    tokens = await together(partial(cluster.get, ref) for ref in TOKENS)
    if not (management := token_of(tokens[0])):
        raise NotFound(f"there is no {TOKENS[0]}, so there is no stack to back up; homelab-tui apply brings it")
    values = await _values(cluster, connect, management)
    mirrors = await cluster.list(SECRET, namespace=MIRRORS, labels=CERTIFICATE)
    found = (*tokens, await cluster.get(PASSWORDS), *mirrors)
    return Backup(now, values, tuple(bare(one) for one in found if one))


async def _values(cluster: Cluster, connect: Connect, token: str) -> Mapping[str, bytes]:
    try:
        store = connect(await ready_server(cluster), token)
        found = [await store.values(root) for root in ROOTS]
    except StoreError as error:
        raise StoreError(f"{error}; a backup needs the store: homelab-tui status says what it lacks") from None
    return {key: value.data for part in found for key, value in part.items() if key != LOCK}


def bare(secret: Raw) -> Raw:
    """A Secret without what its server wrote."""
    told = ("name", "namespace", "labels", "annotations")
    metadata = {key: secret["metadata"][key] for key in told if secret["metadata"].get(key)}
    kind = {"type": secret["type"]} if secret.get("type", OPAQUE) != OPAQUE else {}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **kind, "data": secret.get("data") or {}}


def _is_kept(found: Raw) -> bool:
    """Whether it is a Secret of those that a backup keeps, and as it keeps them."""
    ref, values = Ref.of(found), found["data"].values()
    mirror = (ref.kind, ref.namespace) == (SECRET, MIRRORS) and CERTIFICATE in labels(found)
    return (mirror or ref in (*TOKENS, PASSWORDS)) and bare(found) == found and all(isinstance(v, str) for v in values)
