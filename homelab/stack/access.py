"""Who may do what in the store: the policies and tokens of Consul, written once and mended when they are gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homelab.ports import Cluster, Granted, Kind, Raw, Ref, StoreAccess
from homelab.stack.made import Unusable, value_of

SECRET = Kind("v1", "Secret")
NAMESPACE = "homelab"
MANAGEMENT = "management"
LOADER = "loader"
CONSOLE = "console"
TRAEFIK = "traefik"
INITIAL = "Initial Management Token"
"""How Consul describes the management token that its settings name. Source: Consul 1.22."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What Consul takes for a token, but for the management one."""

Rules = Mapping[str, str | Mapping[str, Mapping[str, str]]]
"""Of one policy, in Consul's JSON form."""
_READ, _WRITE, _DENY = {"policy": "read"}, {"policy": "write"}, {"policy": "deny"}
POLICIES: Mapping[str, Rules] = {
    "agent": {"node_prefix": {"": _WRITE}, "service_prefix": {"": _READ}},
    "console": {
        "operator": "read",
        "agent_prefix": {"": _READ},
        "node_prefix": {"": _READ},
        "session_prefix": {"": _READ},
        "key_prefix": {
            "homelab/": _READ,
            "homelab/acme/private/": _DENY,
            "traefik-external/http/": _READ,
            "traefik-external/tls/options/": _READ,
        },
    },
    TRAEFIK: {"key_prefix": {"traefik-external": _READ}},
    "loader": {
        "key_prefix": {
            "traefik-external/http/": _WRITE,
            "traefik-external/tls/options/": _WRITE,
            "homelab/config/": _WRITE,
        },
    },
    "issuer": {
        "key_prefix": {"traefik-external/tls/certificates/": _WRITE, "homelab/acme/": _WRITE},
        "session_prefix": {"": _WRITE},
        "node_prefix": {"": _READ},
    },
}
"""Rules by holder; the token of each is in the Secret `consul-HOLDER`. Source: Consul docs, ACL rules."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One holder's token and what it may do."""

    holder: str
    token: str
    rules: Rules

    @property
    def policy(self) -> str:
        """Its name in Consul, which also describes the token there."""
        return f"homelab-{self.holder}"


async def grants(cluster: Cluster) -> tuple[Grant, ...]:
    """Every grant with the token that was made for it. Raises ClusterError, Unusable among them."""
    return tuple([Grant(holder, await _granted(cluster, holder), rules) for holder, rules in POLICIES.items()])


async def _granted(cluster: Cluster, holder: str) -> str:
    """A token that Consul would take. Raises ClusterError, Unusable among them."""
    if _UUID.fullmatch(found := await token(cluster, holder)):
        return found
    raise Unusable(
        f"Secret {NAMESPACE}/consul-{holder} has no token that Consul takes, which must be a UUID; "
        f"kubectl -n {NAMESPACE} delete secret consul-{holder}, then homelab-tui apply makes another"
    )


async def token(cluster: Cluster, holder: str) -> str:
    """The token of a holder, out of its Secret; empty where there is none. Raises ClusterError, Unusable among them."""
    return token_of(await cluster.get(Ref(SECRET, NAMESPACE, f"consul-{holder}")))


def token_of(secret: Raw | None) -> str:
    """The token in a Secret; empty where there is none. Raises Unusable."""
    return value_of(secret, "token")


async def ensure(access: StoreAccess, wanted: Iterable[Grant]) -> int:
    """Create or mend every policy and token that is not as wanted; how many were written. Raises StoreError."""
    policies, tokens, written = await access.policies(), await access.tokens(), 0
    for grant in wanted:
        if policies.get(grant.policy) != grant.rules:
            await access.write_policy(grant.policy, grant.rules)
            written += 1
        if tokens.get(grant.token) != Granted((grant.policy,), grant.policy):
            await access.write_token(grant.token, grant.policy)
            written += 1
    return written


def outdated(tokens: Mapping[str, Granted], wanted: Iterable[Grant], management: str) -> dict[str, str]:
    """Tokens of ours that no Secret has any more, each with its description: whoever has one could use it for ever."""
    now = {INITIAL: management, **{grant.policy: grant.token for grant in wanted}}
    used = set(now.values())
    return {one: found.description for one, found in tokens.items() if found.description in now and one not in used}
