"""The adapter for Kubernetes, connected to a loopback server that knows the core kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loopback import (
    Loopback,
    kubeconfig,
    resources,
    serving,
)
from objects import service

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.ports import (
    Kind,
)

SERVICE = Kind("v1", "Service")
MIDDLEWARE = Kind("traefik.io/v1alpha1", "Middleware")
WEB = service("web")
AT_WEB = "/api/v1/namespaces/apps/services/web"
CORE = resources("v1", Service="services", Node="nodes!", Pod="pods")


@asynccontextmanager
async def connected(folder: Path, **options: Any) -> AsyncIterator[tuple[Loopback, KubernetesCluster]]:
    """A server that knows the core kinds, and the adapter pointed at it by a kubeconfig."""
    async with serving() as server:
        server.script("GET /api/v1", CORE)
        cluster = await KubernetesCluster.connect(kubeconfig(folder, server.url, **options))
        try:
            yield server, cluster
        finally:
            await cluster.close()
