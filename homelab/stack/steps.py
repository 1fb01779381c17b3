"""What ends a stage when its objects are ready: what no object of Kubernetes can wish for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Protocol

from homelab.configuration import ROOT
from homelab.finding import Finding, Severity
from homelab.observe.consul import SELECTOR
from homelab.observe.raw import name
from homelab.observe.traefik import is_ready
from homelab.ports import Cluster, Kind, Raw, Ref, StoreAccess, StoreClearing, StoreError, StoreReading
from homelab.stack.access import LOADER, MANAGEMENT, NAMESPACE, TRAEFIK, Grant, ensure, grants, outdated, token
from homelab.stack.apply import Step
from homelab.stack.configuration import (
    CONFIG,
    POD,
    asked,
    by_hand,
    differing,
    held,
    late,
    load_again,
    management,
    text_of,
)
from homelab.stack.network import Tell, sighted

EXTERNAL = Ref(Kind("apps/v1", "StatefulSet"), NAMESPACE, "traefik-external")
TOKEN = "homelab-tui/token"
"""Annotation of the replicas: digest of the token for which they were started anew."""


class Store(StoreAccess, StoreClearing, StoreReading, Protocol):
    """What the steps need of a server of Consul."""


Connect = Callable[[str, str], Store]
"""Speaks to the server of this pod with this token."""


def steps(cluster: Cluster, connect: Connect, tell: Tell) -> Mapping[str, Step]:
    """The last step of each stage that has one."""

    async def admit() -> int:
        """Old tokens go last: whoever still uses one has the new one by then, or is about to."""
        server, mine = await ready_server(cluster), await token(cluster, MANAGEMENT)
        store, wanted = connect(server, mine), await grants(cluster)
        written = await ensure(store, wanted)
        old = outdated(await store.tokens(), wanted, mine)
        await _restart(cluster, [grant for grant in wanted if grant.policy in old.values()])
        for one in old:
            await store.remove_token(one)
        return written + len(old)

    async def load() -> int:
        """What somebody wrote or deleted by hand is taken back: the loader has run, but perhaps long ago."""
        server = await ready_server(cluster)
        store = connect(server, await management(cluster))
        if strange := await by_hand(store):
            await store.remove(strange)
            tell(_removed(strange))
        return len(strange) + await _loaded(cluster, connect(server, await token(cluster, LOADER)))

    async def take() -> int:
        """One unknown key makes a replica refuse all of the configuration, and only its log says so."""
        config = await cluster.get(CONFIG)
        if config and (why := late(await asked(cluster, text_of(config)))):
            raise StoreError(why)
        return 0

    return sighted(cluster, {"store": admit, "config": load, "external": take}, tell)


async def _restart(cluster: Cluster, anew: Sequence[Grant]) -> None:
    """Traefik alone reads its token only at its start and cannot do without; an agent waits for its next one."""
    for grant in anew:
        if grant.holder == TRAEFIK and await cluster.get(EXTERNAL):
            notes = {TOKEN: sha256(grant.token.encode()).hexdigest()[:16]}
            wish: Raw = {"apiVersion": EXTERNAL.kind.api_version, "kind": EXTERNAL.kind.name}
            wish |= {"metadata": {"name": EXTERNAL.name, "namespace": EXTERNAL.namespace}}
            wish |= {"spec": {"template": {"metadata": {"annotations": notes}}}}
            await cluster.apply(wish, manager="homelab-tui-token")


async def _loaded(cluster: Cluster, store: StoreReading) -> int:
    """The loader runs again if Consul has not what it has to have; how much was written."""
    text = text_of(await cluster.get(CONFIG) or {})
    if not differing(await held(store), text):
        return 0
    await load_again(cluster)
    if left := differing(await held(store), text):
        raise StoreError(f"the loader has run, and still Consul differs: {left[0].text}")
    return 1


def _removed(keys: Sequence[str]) -> Finding:
    was = "was written by hand and is deleted" if len(keys) == 1 else "were written by hand and are deleted"
    return Finding(
        Severity.WARNING,
        "Consul",
        f"{', '.join(keys)} {was}",
        f"nothing but the configuration and certificates belongs below {ROOT}: Traefik may refuse all that is new",
        "none is needed; lines of your own go into the file that ingress.external.config names",
    )


async def ready_server(cluster: Cluster) -> str:
    """The pod of a server of Consul that is ready. Raises StoreError."""
    pods = await cluster.list(POD, namespace=NAMESPACE, labels=SELECTOR)
    ready = sorted(name(pod) for pod in pods if is_ready(pod))
    if not ready:
        raise StoreError("no server of Consul is ready; homelab-tui status says why, homelab-tui apply brings them")
    return ready[0]
