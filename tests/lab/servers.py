"""Fixtures: servers to ask, the lab's own API and for the conformance suite the real one too."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from apiserver import NEEDED, Server, asking, bare_store, lab, own_namespace

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.store import Store


@pytest.fixture
def store() -> Store:
    """Objects of a lab without controllers."""
    return bare_store()


@pytest.fixture
async def server(store: Store, tmp_path: Path) -> AsyncIterator[Server]:
    """The lab's API in front of the store."""
    async with lab(store, tmp_path) as path, asking(path) as found:
        found.namespace = "default"
        yield found


@pytest.fixture
async def cluster(store: Store, tmp_path: Path) -> AsyncIterator[KubernetesCluster]:
    """The lab as the product meets it."""
    async with lab(store, tmp_path) as path:
        found = await KubernetesCluster.connect(path)
        try:
            yield found
        finally:
            await found.close()


@pytest.fixture(params=["lab", pytest.param("cluster", marks=pytest.mark.cluster)])
async def either(request: pytest.FixtureRequest, store: Store, tmp_path: Path) -> AsyncIterator[Server]:
    """The lab or a real cluster, with a namespace for the test alone."""
    if request.param == "lab":
        async with lab(store, tmp_path) as path, asking(path) as found, own_namespace(found):
            yield found
        return
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        pytest.skip(f"needs a cluster: {' and '.join(missing)} not set")
    async with asking(Path(os.environ["KUBECONFIG"])) as found, own_namespace(found):
        yield found
