"""Consul in the lab: each pod of its StatefulSet is a server, and all of them share what is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from homelab.lab.consul.access import Access
from homelab.lab.consul.cluster import Cluster, Member
from homelab.lab.consul.serving import serving
from homelab.lab.programs.program import Address, Ended, ProgramError, is_free, taken
from homelab.observe.raw import dig, text

HTTP_PORT = 8500


@dataclass(slots=True)
class _Stored:
    cluster: Cluster
    volumes: set[str] = field(default_factory=set)
    """Uids of the claims on which it is, or of pods without one."""


class Clusters:
    """Every Consul of the lab. What one stores is there as long as a volume on which it is."""

    def __init__(self) -> None:
        self._stored: dict[str, _Stored] = {}

    def of(self, workload: str, volume: str, there: Callable[[str], object], settings: Mapping[str, Any]) -> Cluster:
        """The one that a server of a workload with that volume starts in; `there` tells which volumes still are."""
        found = self._stored.get(workload)
        if found is None or not any(map(there, found.volumes)):
            found = self._stored[workload] = _Stored(Cluster(_access(settings)))
        found.cluster.access.begin(_management(settings), found.cluster.index)
        found.volumes.add(volume)
        return found.cluster


class Consul:
    """One start of a server. Keeps `program.Program`."""

    def __init__(self, cluster: Cluster, member: Member) -> None:
        self._cluster, self._member = cluster, member
        self._serving = AsyncExitStack()

    @property
    def addresses(self) -> Mapping[int, Address]:
        """The pod's own."""
        return {HTTP_PORT: (self._member.address, HTTP_PORT)}

    @property
    def words(self) -> None:
        """Nothing is kept."""

    async def start(self) -> None:
        """Listen, and be one of the servers. Raises ProgramError."""
        if not is_free(self.addresses[HTTP_PORT]):
            raise taken(self.addresses[HTTP_PORT])
        try:
            await self._serving.enter_async_context(serving(self._cluster, self._member, HTTP_PORT))
        except OSError as error:
            raise ProgramError(f"Consul cannot listen: {error.strerror}") from None

    async def ended(self) -> Ended:
        """It never ends by itself."""
        never: asyncio.Future[Ended] = asyncio.get_running_loop().create_future()
        return await never

    async def stop(self) -> None:
        """Leave the others."""
        await self._serving.aclose()


def settings(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    """What the mounted JSON files say together. Raises ProgramError."""
    found: dict[str, Any] = {}
    for path in sorted(files):
        if path.endswith(".json"):
            try:
                _merge(found, json.loads(files[path]))
            except (ValueError, AttributeError) as error:
                raise ProgramError(f"Consul cannot read {path}: {error}") from None
    return found


def volume(pod: Mapping[str, Any], claims: Iterable[str]) -> str:
    """What a server's data is on: its claim, else the pod itself."""
    return next(iter(claims), str(pod["metadata"]["uid"]))


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def _management(found: Mapping[str, Any]) -> str:
    return text(found, "acl", "tokens", "initial_management") or ""


def _access(found: Mapping[str, Any]) -> Access:
    default = text(found, "acl", "default_policy") or "allow"
    return Access(_management(found), enabled=bool(dig(found, "acl", "enabled")), default=default)
