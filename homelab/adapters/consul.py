"""Consul, through the proxy of the Kubernetes API: no route to its pods is needed, and the user's own rights apply."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import quote, urlencode

from homelab.adapters.hollow import hollow
from homelab.ports import Cluster, ClusterError, Granted, Raw, StoreAway, StoreDenied, StoreError, Unreachable, Value

hollow("consul")

import consul  # noqa: E402
from consul.check import Check  # noqa: E402

consul.Check = Check  # its parts ask the package for it

from consul import base  # noqa: E402
from consul.exceptions import ACLDisabled, ACLPermissionDenied, ClientError, ConsulException  # noqa: E402

T = TypeVar("T")
PORT = 8500
OPERATIONS = 60
"""Of one transaction; Consul takes 64. Source: Consul API docs, txn."""
_TOKEN = "X-Consul-Token"
_JITTER = 17 / 16
"""A query may wait for so much longer than asked. Source: Consul API docs, blocking queries."""
_Verb = Literal["GET", "PUT", "POST", "DELETE"]


class _Transport(base.HTTPClient):  # type: ignore[misc]  # py-consul has no types
    """Py-consul's way to the network: every request goes to one pod, with the token also where py-consul forgets it."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, token: str) -> None:
        super().__init__()
        self._cluster, self._namespace, self._pod, self._token = cluster, namespace, pod, token

    async def _ask(
        self,
        callback: Callable[[Any], T],
        method: _Verb,
        path: str,
        params: Any,
        data: str | bytes,
        *,
        patience: float = 0.0,
    ) -> T:
        where = quote(path, safe="/:") + (f"?{urlencode(params)}" if params else "")
        body = data.encode() if isinstance(data, str) else data
        answer = await self._cluster.ask_pod(
            self._namespace,
            self._pod,
            PORT,
            where,
            method=method,
            headers={_TOKEN: self._token},
            body=body,
            patience=patience,
        )
        return callback(base.Response(answer.status, answer.headers, answer.body.decode(errors="replace")))

    def get(self, callback: Any, path: str, params: Any = None, connections_timeout: float = 0.0, **rest: Any) -> Any:
        """Read."""
        return self._ask(callback, "GET", path, params, b"", patience=connections_timeout)

    def put(self, callback: Any, path: str, params: Any = None, data: Any = b"", **rest: Any) -> Any:
        """Write."""
        return self._ask(callback, "PUT", path, params, data)

    def delete(self, callback: Any, path: str, params: Any = None, data: Any = b"", **rest: Any) -> Any:
        """Remove."""
        return self._ask(callback, "DELETE", path, params, data)

    def post(self, callback: Any, path: str, params: Any = None, data: Any = b"", **rest: Any) -> Any:
        """Send."""
        return self._ask(callback, "POST", path, params, data)

    def close(self) -> None:
        """Nothing: the connections are the cluster's."""


class _Client(base.Consul):  # type: ignore[misc]
    def __init__(self, transport: _Transport) -> None:
        self._transport = transport
        super().__init__(host="pod", port=PORT)

    def http_connect(self, *where: Any, **how: Any) -> _Transport:
        return self._transport


class ProxiedConsul:
    """One server of Consul. Keeps `homelab.ports.StoreAccess`, `StoreReading`, `StoreClearing` and `StoreFilling`."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str, token: str) -> None:
        self._client = _Client(_Transport(cluster, namespace, pod, token))
        self._pod = pod

    async def policies(self) -> Mapping[str, Any]:
        """Rules of every policy of ours by name."""
        found = await self._done(self._client.acl.policy.list())
        ours = [one for one in found if one["Name"].startswith("homelab-")]
        read = [await self._done(self._client.acl.policy.read(one["ID"])) for one in ours]
        return {one["Name"]: _rules(one["Rules"]) for one in read}

    async def write_policy(self, name: str, rules: Mapping[str, Any]) -> None:
        """Create a policy, or give it other rules."""
        for one in await self._done(self._client.acl.policy.list()):
            if one["Name"] == name:
                await self._done(self._client.acl.policy.update(one["ID"], name, rules=rules))
                return
        await self._done(self._client.acl.policy.create(name, rules=rules))

    async def tokens(self) -> Mapping[str, Granted]:
        """Every token, by itself."""
        return {one["SecretID"]: _granted(one) for one in await self._done(self._client.acl.token.list())}

    async def write_token(self, token: str, policy: str) -> None:
        """Create a token that has this policy alone and is described by its name, or make it so."""
        wished: Mapping[str, Any] = {"policies_name": [policy], "description": policy}
        if known := await self._accessor(token):
            await self._done(self._client.acl.token.update(known, **wished))
        else:
            await self._done(self._client.acl.token.create(secret_id=token, **wished))

    async def remove_token(self, token: str) -> None:
        """Whoever has it is nobody from then on; nothing when it is gone."""
        if known := await self._accessor(token):
            await self._done(self._client.acl.token.delete(known))

    async def _accessor(self, token: str) -> str:
        """The name of a token that may be told; empty where there is no such token."""
        found = await self._done(self._client.acl.token.list())
        return next((one["AccessorID"] for one in found if one["SecretID"] == token), "")

    async def myself(self) -> Raw:
        """What the server knows by itself."""
        return _object(await self._done(self._client.agent.self()), self._pod)

    async def peers(self) -> Raw:
        """How all servers fare."""
        return _object(await self._done(self._client.operator.autopilot_health()), self._pod)

    async def values(self, prefix: str) -> Mapping[str, Value]:
        """Everything below a prefix that the token may read."""
        _, found = await self._done(self._client.kv.get(prefix, recurse=True))
        return {one["Key"]: Value(one["Value"] or b"", one.get("Session")) for one in found or ()}

    async def names(self, prefix: str) -> tuple[str, ...]:
        """Of every key below a prefix that the token may read; no value is asked for."""
        _, found = await self._done(self._client.kv.get(prefix, keys=True))
        return tuple(found or ())

    async def change(self, index: str, seconds: float) -> str:
        """Wait for a change by a blocking query that is answered with no more than the names of folders."""
        limits = {"index": index, "wait": f"{seconds:.0f}s", "connections_timeout": seconds * _JITTER}
        now, _ = await self._done(self._client.kv.get("", keys=True, separator="/", **limits))
        return str(now)

    async def fill(self, values: Mapping[str, bytes]) -> None:
        """Write under keys that are not there, all or none; index 0 means that. Source: Consul API docs, txn, cas."""
        new = {"Verb": "cas", "Index": 0}
        pairs = ({**new, "Key": key, "Value": b64encode(value).decode()} for key, value in values.items())
        await self._transact([*pairs])

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete keys as they are now: whoever changes one of them meanwhile is not overruled."""
        for first in range(0, len(keys), OPERATIONS):
            read = [{"Verb": "get", "Key": key} for key in keys[first : first + OPERATIONS]]
            found = (await self._transact(read))["Results"]
            pairs = [(one["KV"]["Key"], one["KV"]["ModifyIndex"]) for one in found]
            await self._transact([{"Verb": "delete-cas", "Key": key, "Index": index} for key, index in pairs])

    async def _transact(self, operations: Sequence[Mapping[str, Any]]) -> Raw:
        """All of it or nothing; in the body, a key may have any name."""
        return _object(await self._done(self._client.txn.put([{"KV": one} for one in operations])), self._pod)

    async def _done(self, asked: Any) -> Any:
        """The answer. Raises StoreError naming the server."""
        try:
            return await asked
        except Unreachable as error:
            raise StoreAway(f"{self._pod}: {error}") from None
        except ClusterError as error:
            raise StoreError(f"{self._pod}: {error}") from None
        except (ACLPermissionDenied, ACLDisabled) as error:
            raise StoreDenied(f"{self._pod} does not accept the token: {error}") from None
        except (ConsulException, ClientError, json.JSONDecodeError) as error:
            raise StoreError(f"{self._pod} answered: {error}") from None


def _granted(token: Raw) -> Granted:
    return Granted(tuple(one["Name"] for one in token.get("Policies") or ()), token.get("Description") or "")


def _object(answer: Any, pod: str) -> Raw:
    """An answer that has to be an object."""
    if isinstance(answer, dict):
        return answer
    raise StoreError(f"{pod} did not answer with an object")


def _rules(text: str) -> Any:
    """The rules in a policy; the text itself where somebody wrote it in another form than ours."""
    try:
        return json.loads(text)
    except ValueError:
        return text
