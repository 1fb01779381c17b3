"""Asking the servers of Consul: each through its own pod, since the Service has nobody while they have no leader."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from homelab.observe.consul import SET, Consul, Said, consul, podless, pods_of, said, silence
from homelab.observe.raw import name, text
from homelab.pauses import pauses
from homelab.ports import (
    Cluster,
    ClusterError,
    Kind,
    OpenStore,
    Raw,
    StoreAway,
    StoreDenied,
    StoreError,
    StoreReading,
    Unreachable,
    Value,
)
from homelab.stack.access import CONSOLE, NAMESPACE, token
from homelab.together import together

CLAIM, EVENT = Kind("v1", "PersistentVolumeClaim"), Kind("v1", "Event")
PREFIXES = ("homelab/", "traefik-external/")
"""What this token may read; account, certificates and keys are not among it, and are left out of the answers."""
NO_TOKEN = f"the Secret {NAMESPACE}/consul-{CONSOLE} has no token; homelab-tui apply makes it"
DENIED = f"homelab-tui apply gives the token of Secret {NAMESPACE}/consul-{CONSOLE} its rights again"
REFUSES = "it refuses the console's token, so no more is known of it"
NO_ANSWER = "it does not answer in time; is its node up?"
TROUBLED_SECONDS = 5.0
"""Between two rounds at most while not everything is well: nobody says when a server can be asked again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a round of asking brought."""

    consul: Consul
    values: Mapping[str, Value] | None
    """None where they cannot be read; the error of `consul` says why."""
    is_away: bool = False
    """Whether nobody could be reached at all, which says nothing of Consul."""


def away(pods: Sequence[Raw], heard: Sequence[Said], why: str) -> Asked:
    """A round in which nobody could be reached."""
    return Asked(replace(consul(pods, heard, None, None), error=why), None, is_away=True)


class Store:
    """Consul, as the console may read it."""

    def __init__(self, cluster: Cluster, open_store: OpenStore) -> None:
        self._cluster, self._open = cluster, open_store
        self._token = ""
        self._ways: dict[str, StoreReading] = {}
        self._teller: StoreReading | None = None
        """The server that gave the keys in the last round; None where none did."""
        self._index = ""
        """Of the newest change of any key that the last round can have met."""
        self._well = False
        self._pauses = pauses(TROUBLED_SECONDS)

    async def ask(self, pods: Sequence[Raw]) -> Asked | None:
        """One round; None where there is no server. Never raises ClusterError or StoreError."""
        self._teller = None
        found = pods_of(pods)
        silent = await self._silent(found)
        refusal = await self._refusal(any(name(pod) not in silent for pod in found))
        heard = await together(partial(self._myself, name(pod), silent.get(name(pod)) or refusal) for pod in found)
        cut = [one.cut for one in heard if one.cut]
        if cut and len(cut) == len(found) - len(silent):
            return away(found, heard, cut[0])
        try:
            gone = podless(await self._cluster.get(SET), found)
        except ClusterError as error:
            if not found or isinstance(error, Unreachable):  # whether there should be more is not known
                return away(found, heard, str(error))
            gone = ()
        return await self._round(found, [*heard, *gone], refusal) if found or gone else None

    async def _round(self, found: Sequence[Raw], heard: Sequence[Said], refusal: str | None) -> Asked:
        """What servers that were heard tell of the whole."""
        peers, values, why = await self._shared([one for one in heard if one.error is None])
        state = consul(found, heard, peers, values, why)
        self._well = state.error is None and state.working == len(state.servers)
        barred = refusal or next((one.denied for one in heard if one.denied), None)
        return Asked(replace(state, error=barred) if barred and values is None else state, values)

    async def change(self, seconds: float) -> None:
        """Wait until another round may bring something new: a key changed, or it is time. Never raises StoreError.

        Time it is after so many seconds, or sooner while not everything is well.
        """
        if self._teller:
            with suppress(StoreError):  # the next round says what is wrong
                longest = seconds if self._well else min(seconds, TROUBLED_SECONDS)
                self._index = await self._teller.change(self._index, longest)
                self._pauses = pauses(TROUBLED_SECONDS)
                return
        await asyncio.sleep(next(self._pauses))

    async def _silent(self, pods: Sequence[Raw]) -> Mapping[str, str]:
        """Why some cannot be asked, by name; the disks are looked at only where one finds no node."""
        found = {name(pod): why for pod in pods if (why := silence(pod, (), ()))}
        if not any(text(pod, "status", "phase") == "Pending" for pod in pods):
            return found
        try:
            claims = await self._cluster.list(CLAIM, namespace=NAMESPACE)
            events = await self._cluster.list(EVENT, namespace=NAMESPACE, fields="involvedObject.kind=" + CLAIM.name)
        except ClusterError:  # the pods' own words have to do
            return found
        return {name(pod): why for pod in pods if (why := silence(pod, claims, events))}

    async def _refusal(self, needed: bool) -> str | None:
        """Why nobody can be asked: there is no token, or it may not be read."""
        if self._token or not needed:
            return None
        try:
            self._token = await token(self._cluster, CONSOLE)
        except ClusterError as error:
            return str(error)
        return None if self._token else NO_TOKEN

    async def _myself(self, pod: str, silent: str | None) -> Said:
        if silent:
            return Said(pod, error=silent)
        try:
            return said(pod, await (await self._way(pod)).myself())
        except StoreAway as error:
            return Said(pod, error=NO_ANSWER, cut=str(error))
        except StoreDenied as error:
            self._forget()
            return Said(pod, error=REFUSES, denied=f"{error}; {DENIED}")
        except StoreError as error:
            return Said(pod, error=str(error))

    async def _way(self, pod: str) -> StoreReading:
        if pod not in self._ways:
            self._ways[pod] = await self._open(pod, self._token)
        return self._ways[pod]

    def _forget(self) -> None:
        """The token may be another one by now."""
        self._token = ""
        self._ways.clear()

    async def _shared(self, heard: Sequence[Said]) -> tuple[Raw | None, Mapping[str, Value] | None, str | None]:
        """What all servers have in common, from the first who can tell: the leader is asked first."""
        why: str | None = None
        for one in sorted(heard, key=lambda one: not one.leads):
            try:
                way = await self._way(one.name)
                self._index = self._index or await way.change("", 0)
                values = [await way.values(prefix) for prefix in PREFIXES]
                peers, self._teller = await way.peers(), way
                return peers, {key: one for found in values for key, one in found.items()}, None
            except StoreDenied as error:
                self._forget()
                return None, None, f"{error}; {DENIED}"
            except StoreError as error:
                why = str(error)
        return None, None, why
