"""The composition root: the only place that picks adapters. What is heavy is imported when it is asked for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from homelab.observe.snapshot import TRAEFIK_NAMESPACE
from homelab.ports import (
    Cluster,
    Kind,
    Names,
    Neighbourhood,
    OpenStore,
    Passwords,
    Ref,
    Rejected,
    Sealing,
    StoreReading,
    Web,
)
from tui.options import Options, Refused

if TYPE_CHECKING:
    from homelab.plan.file import Reading
    from homelab.stack.apply import Step
    from homelab.stack.backup import Connect
    from homelab.stack.journal import Journal
    from homelab.stack.network import Tell
    from homelab.stack.upstream import Source

NAME = "homelab-tui"
KUBE_SYSTEM = Ref(Kind("v1", "Namespace"), None, "kube-system")


def reading(options: Options) -> Reading:
    """The plan file. Raises PlanError."""
    from homelab.plan.file import load  # noqa: PLC0415 - what reads YAML is slow to load

    return load(*options.plan_files())


@asynccontextmanager
async def cluster(options: Options) -> AsyncIterator[Cluster]:
    """The cluster of the kubeconfig, let go of in the end. Raises KubeconfigError."""
    from homelab.adapters.kubeconfig import find  # noqa: PLC0415 - costs a quarter of a second
    from homelab.adapters.kubernetes import KubernetesCluster  # noqa: PLC0415

    path = find(options.kubeconfig, os.environ, Path.home())
    connected = await KubernetesCluster.connect(path, options.context)
    try:
        yield connected
    finally:
        await connected.close()


def kubeconfig(options: Options) -> tuple[Path, str | None]:
    """The kubeconfig that is used, and the server that it leads to. Raises KubeconfigError."""
    from homelab.adapters.kubeconfig import find, link, server  # noqa: PLC0415 - costs a quarter of a second

    path = find(options.kubeconfig, os.environ, Path.home())
    is_link = path == link(os.environ, Path.home())
    return path.resolve() if is_link else path, server(path, options.context)


def contexts(options: Options) -> tuple[tuple[str, ...], str | None]:
    """Names of the kubeconfig's contexts, and the one that is used where none is named. Raises KubeconfigError."""
    from homelab.adapters.kubeconfig import contexts as named  # noqa: PLC0415 - costs a quarter of a second
    from homelab.adapters.kubeconfig import current, find  # noqa: PLC0415

    path = find(options.kubeconfig, os.environ, Path.home())
    return tuple(named(path)), current(path)


def remember_kubeconfig(options: Options, wanted: str) -> None:
    """Use another kubeconfig from now on. Raises KubeconfigError, Refused where this session was told which to use."""
    from homelab.adapters.kubeconfig import remember  # noqa: PLC0415

    named = "--lab" if options.lab else "--kubeconfig" if options.kubeconfig else "KUBECONFIG"
    if options.kubeconfig or os.environ.get("KUBECONFIG"):
        raise Refused(f"{named} says which cluster this session uses; start homelab-tui without it to use another")
    remember(wanted, os.environ, Path.home())


def store(connected: Cluster) -> OpenStore:
    """How to read Consul over that connection; what that takes is loaded in a thread when it is first done."""

    async def opened(pod: str, token: str) -> StoreReading:
        module = await asyncio.to_thread(import_module, "homelab.adapters.consul")
        found: StoreReading = module.ProxiedConsul(connected, TRAEFIK_NAMESPACE, pod, token)
        return found

    return opened


def upstream(options: Options) -> Source:
    """Where pinned files come from."""
    if options.lab:
        from homelab.lab.upstream import StandIns  # noqa: PLC0415 - only the lab has them

        return StandIns()
    import platformdirs  # noqa: PLC0415

    from homelab.stack.upstream import Upstream  # noqa: PLC0415

    return Upstream(_Lazy(), platformdirs.user_cache_path(NAME) / "upstream", options.mirror)


class _Lazy:
    """Downloads that load their client when something has to be downloaded."""

    def fetch(self, url: str) -> bytes:
        """The file's bytes. Raises DownloadError."""
        from homelab.adapters.downloads import HttpDownloads  # noqa: PLC0415

        return HttpDownloads().fetch(url)


async def journal(connected: Cluster, options: Options) -> Journal:
    """The journal of this cluster; the uid of kube-system names it. Raises ClusterError."""
    import platformdirs  # noqa: PLC0415

    from homelab.stack.journal import Journal  # noqa: PLC0415

    if options.journal:
        return Journal(options.journal)
    namespace = await connected.get(KUBE_SYSTEM)
    if namespace is None:
        raise Rejected("the cluster has no namespace kube-system; is this Kubernetes?")
    return Journal(platformdirs.user_state_path(NAME) / namespace["metadata"]["uid"])


def steps(connected: Cluster, tell: Tell) -> Mapping[str, Step]:
    """What ends the stages of an apply; `tell` is given what they find."""
    from homelab.adapters.consul import ProxiedConsul  # noqa: PLC0415 - only `apply` speaks to it
    from homelab.stack.access import NAMESPACE  # noqa: PLC0415
    from homelab.stack.steps import steps as of_stages  # noqa: PLC0415

    return of_stages(connected, partial(ProxiedConsul, connected, NAMESPACE), tell)


def filling(connected: Cluster) -> Connect:
    """How a backup reads the store, and a restore fills it."""
    from homelab.adapters.consul import ProxiedConsul  # noqa: PLC0415
    from homelab.stack.access import NAMESPACE  # noqa: PLC0415

    return partial(ProxiedConsul, connected, NAMESPACE)


def sealing() -> Sealing:
    """What keeps a backup secret."""
    from homelab.adapters.sealing import PassphraseSealing  # noqa: PLC0415 - only backup and restore need it

    return PassphraseSealing()


def neighbourhood(options: Options) -> Neighbourhood:
    """This machine, and who answers on its networks."""
    if options.lab:
        from homelab.lab.around import LabNeighbourhood  # noqa: PLC0415 - only the lab has it

        return LabNeighbourhood()
    from homelab.adapters.neighbours import KernelNeighbourhood  # noqa: PLC0415

    return KernelNeighbourhood()


def names(options: Options) -> Names:
    """What names lead to."""
    if options.lab:
        from homelab.lab.around import LabNames  # noqa: PLC0415

        return LabNames()
    from homelab.adapters.names import DnsNames  # noqa: PLC0415 - a tenth of a second

    return DnsNames()


def web(options: Options) -> Web:
    """What answers at an address."""
    from homelab.adapters.web import HttpWeb  # noqa: PLC0415 - a tenth of a second

    if options.lab:
        from homelab.lab.around import LabWeb  # noqa: PLC0415

        return LabWeb(HttpWeb())
    return HttpWeb()


def passwords() -> Passwords:
    """How passwords are kept; what hashes them is loaded in a thread when it is first used."""
    from homelab.adapters.passwords import LibpassPasswords  # noqa: PLC0415

    return LibpassPasswords()
