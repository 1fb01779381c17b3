"""Logs through the adapter: pieces as they come, and what goes wrong in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from adapting import connected
from loopback import raw

from homelab.ports import NotFound, Rejected

LOG = "GET /api/v1/namespaces/apps/pods/web/log"
ABSENT = '{"kind": "Status", "message": "pods \\"web\\" not found", "reason": "NotFound", "code": 404}'
WAITS = '{"kind": "Status", "message": "container \\"web\\" is waiting to start", "code": 400}'


async def test_they_are_followed_from_the_wanted_line_on(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(LOG, raw(b"one\ntwo\n", 200, **{"Content-Type": "text/plain"}))

        said = [piece async for piece in cluster.logs("apps", "web", "web", tail=2)]
        before = [piece async for piece in cluster.logs("apps", "web", "web", previous=True)]

        assert b"".join(said) == b"".join(before) == b"one\ntwo\n"
        first, second = server.of(LOG)
        assert first.query == {"container": "web", "tailLines": "2", "follow": "true"}
        assert second.query == {"container": "web", "previous": "true"}


async def test_a_pod_that_is_gone_and_one_that_has_not_begun(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(LOG, raw(ABSENT, 404), raw(WAITS, 400))

        with pytest.raises(NotFound, match="not found"):
            await anext(aiter(cluster.logs("apps", "web", "web")))
        with pytest.raises(Rejected, match="waiting to start"):
            await anext(aiter(cluster.logs("apps", "web", "web")))
