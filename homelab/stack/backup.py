"""All of a home that cannot be made anew: what the store holds, tokens and keys, certificates, and who may log in."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from homelab.observe.consul import LOCK
from homelab.ports import Cluster, NotFound, Raw, Ref, StoreError, StoreFilling
from homelab.stack.access import MANAGEMENT, NAMESPACE, POLICIES, SECRET, token_of
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
        """Of JSON that `dump` made."""
        found = json.loads(text)
        values = {key: b64decode(value) for key, value in found["values"].items()}
        return cls(found["taken"], values, tuple(found["secrets"]))


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
