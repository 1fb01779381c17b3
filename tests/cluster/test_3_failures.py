"""A stage that does not become ready says what is missing and what the cluster says of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from household import Home, eventually

from homelab.adapters.downloads import HttpDownloads
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.stack.apply import Applying, StageFailed
from homelab.stack.facts import facts
from homelab.stack.journal import Journal
from homelab.stack.render import render
from homelab.stack.upstream import Upstream
from homelab.stack.versions import Versions, versions

PATIENCE = 12.0
"""Seconds: enough for an event, far too few for what never comes."""


def failing(home: Home, folder: Path, stage: str, pins: Versions) -> StageFailed:
    """Apply one stage with these pins and little patience; it must fail."""

    async def work() -> None:
        cluster = await KubernetesCluster.connect(Path(os.environ["KUBECONFIG"]))
        try:
            upstream = Upstream(HttpDownloads(), folder / "cache", home.mirror)
            rendered = render(home.plan, await facts(cluster, home.plan), upstream, (stage,), pins)
            with Journal(folder / "state") as journal:
                await Applying(cluster, journal, lambda event: None, patience=PATIENCE).run(rendered)
        finally:
            await cluster.close()

    with pytest.raises(StageFailed) as failed:
        asyncio.run(work())
    return failed.value


@contextmanager
def mended(home: Home) -> Iterator[None]:
    """Afterwards the stack is as the plan wants it."""
    try:
        yield
    finally:
        home.apply()


def test_an_image_that_cannot_be_pulled_is_named(deployed: Home, tmp_path: Path) -> None:
    pins = versions()
    other = replace(pins, images={**pins.images, "whoami": "traefik/whoami:v0.0.0-none"})

    with mended(deployed):
        failed = failing(deployed, tmp_path, "apps", other)

    (missing,) = failed.missing
    assert str(missing.ref) == "Deployment whoami/whoami"
    assert any("traefik/whoami:v0.0.0-none" in reason for reason in missing.reasons), missing.reasons
    assert f"not ready after {PATIENCE:.0f} s" in str(failed)


def test_an_address_that_somebody_else_holds_is_told_in_metallbs_words(deployed: Home, tmp_path: Path) -> None:
    deployed.kubectl("-n", "homelab", "delete", "service", "traefik-internal")
    wanted = str(deployed.plan.ingress.internal.address)
    deployed.kubectl("-n", "default", "create", "service", "loadbalancer", "squatter", "--tcp=80")
    note = f"metallb.io/loadBalancerIPs={wanted}"
    deployed.kubectl("-n", "default", "annotate", "service", "squatter", note)
    eventually("the squatter has it", lambda: wanted in deployed.kubectl("-n", "default", "get", "service", "squatter"))
    try:
        failed = failing(deployed, tmp_path, "internal", versions())
    finally:
        deployed.kubectl("-n", "default", "delete", "service", "squatter")
        deployed.apply()

    (missing,) = failed.missing
    assert str(missing.ref) == "Service homelab/traefik-internal"
    assert f"wanted {wanted}" in missing.status.why
    assert any("AllocationFailed" in reason for reason in missing.reasons), missing.reasons
