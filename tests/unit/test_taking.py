"""Asking replicas which configuration they have taken, again and again, and no more often than that says something."""

from __future__ import annotations

from pathlib import Path

from adapting import connected
from loopback import found, raw, refusal

from homelab.observe.taking import NOT_READY, Taking, Took
from homelab.observe.traefik import Replica

POD = "homelab/traefik-external-0"
READY, STARTING = Replica(POD, "external", True), Replica(POD, "external", False)
ASKED = "GET /api/v1/namespaces/homelab/pods/http:traefik-external-0:8080/proxy/api/http/middlewares/"


async def test_one_that_has_it_is_asked_no_more_until_it_starts_anew(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(ASKED + "a@consul", found({"status": "enabled"}))
        taking = Taking(cluster)

        for _ in range(3):
            assert await taking.ask([READY], "a@consul") == (Took(POD, "a@consul", None),)
        assert len(server.of(ASKED + "a@consul")) == 1
        assert await taking.ask([STARTING], "a@consul") == (Took(POD, "a@consul", NOT_READY),)
        assert await taking.ask([READY], "a@consul") == (Took(POD, "a@consul", None),)

        assert len(server.of(ASKED + "a@consul")) == 2


async def test_one_that_has_an_older_one_is_asked_again(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(ASKED + "b@consul", raw('{"message": "middleware not found"}', 404), found({}))
        taking = Taking(cluster)

        (late,) = await taking.ask([READY], "b@consul")
        (then,) = await taking.ask([READY], "b@consul")

        assert "it serves an older configuration" in (late.error or "")
        assert "kubectl -n homelab logs traefik-external-0" in (late.error or "")
        assert then.error is None


async def test_why_one_could_not_be_asked_is_told(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script(ASKED + "a@consul", refusal(503, "ServiceUnavailable", "no endpoints"))
        taking = Taking(cluster)

        (refused,) = await taking.ask([READY], "a@consul")
        await server.stop()
        (cut,) = await taking.ask([READY], "a@consul")

        assert "no endpoints" in (refused.error or "")
        assert cut == refused, "a lost network says nothing of the replica"


async def test_without_a_configuration_nobody_is_asked(tmp_path: Path) -> None:
    async with connected(tmp_path) as (_, cluster):
        assert await Taking(cluster).ask([READY], None) == ()
