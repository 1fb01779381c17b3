"""The keys of a cluster's Consul, read and written as its manager, and what the external replicas serve of them."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from typing import Any

from benchmarks.cluster import Api

SPACE = "/api/v1/namespaces/homelab"
LOCK = "homelab/acme/lock"


@dataclass(frozen=True)
class Keys:
    """Asked through the first server's pod; the token goes in a header."""

    api: Api
    token: str

    @classmethod
    def of(cls, api: Api) -> Keys:
        """With the token that `apply` uses. Raises Failed."""
        return cls(api, b64decode(api.send("GET", f"{SPACE}/secrets/consul-management")["data"]["token"]).decode())

    def ask(self, verb: str, path: str, body: Any = None) -> Any:
        """One request to Consul's API. Raises Failed."""
        where = f"{SPACE}/pods/http:consul-0:8500/proxy/v1/{path}"
        return self.api.send(verb, where, body, headers={"X-Consul-Token": self.token})

    def states(self) -> dict[str, dict[str, Any]]:
        """The issuer's state of every host, by key."""
        ends = (one for one in self._ours() if one["Key"].endswith("/state"))
        return {one["Key"]: json.loads(b64decode(one["Value"])) for one in ends}

    def state(self, host: str) -> tuple[str, dict[str, Any]] | None:
        """Key and state of one host."""
        return next(((key, one) for key, one in self.states().items() if one["host"] == host), None)

    def write(self, key: str, value: Any) -> None:
        """Give a key another value, as JSON."""
        self.ask("PUT", f"kv/{key}", value)

    def locked(self) -> bool:
        """Whether an issuer is at work."""
        return any(one.get("Session") for one in self._ours() if one["Key"] == LOCK)

    def _ours(self) -> list[dict[str, Any]]:
        """Never empty, which Consul calls not found: the hash of the configuration is among them."""
        found: list[dict[str, Any]] = self.ask("GET", "kv/homelab/?recurse=1")
        return found


def serving(api: Api, fingerprint: str) -> bool:
    """Whether every replica of the external Traefik lists a certificate."""
    pods = api.send("GET", f"{SPACE}/pods?labelSelector=homelab-tui/zone=external")["items"]
    paths = (f"{SPACE}/pods/http:{pod['metadata']['name']}:8080/proxy/api/certificates" for pod in pods)
    return all(any(one.get("certFingerprint") == fingerprint for one in api.send("GET", path)) for path in paths)
