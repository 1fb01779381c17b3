"""The issuer's way to the Kubernetes API."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from loopback import certificate, serving, tls
from programs import dynamic, kube


async def test_an_api_that_another_ca_vouches_for_is_not_told_the_token(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "another")
    certificate(tmp_path, "ca")
    (tmp_path / "token").write_text("token")
    async with serving(tls(cert, key)) as server:
        cluster = kube.Kubernetes(server.url, "homelab", "homelab", tmp_path)

        with pytest.raises(dynamic.Trouble, match="certificate verify failed"):
            await asyncio.to_thread(cluster.ingresses)

        assert server.asked == []
