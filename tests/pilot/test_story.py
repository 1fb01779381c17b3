"""What a person sees, from the first face to the last: the faces of the panes and what happens in the cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from public import certified
from rooms import (
    LARGE,
    SMALL,
    announced,
    app,
    deployed,
    household,
    node,
    refused,
    router,
    service,
    traefik,
    watching,
)

SMALL_HOME = """\
 homelab  k8s v1.37.2+lab  3/3 nodes ●  read-write  api ●  consul ○  traefik ●●
 Addresses ─ 192.168.1.0/24 ─ 2/14 used ─────────────────────────────── ● live ─
   .0  ·GrHHrrrrrrrrrrr·░░░■■░░░░░░░░░···················N····NN·······
  .64  ·····································ddddddddddddddddddddddddddd
 .128  dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
 .192  ddddddddd·······················································
       G gateway  H host  N node  r reserved  ░ pool  ■ used  d DHCP
▸Allocations ─ 2 given ─ layer 2 ────────────────────────────────────── ● live ─
  ADDRESS       SERVICE                   ZONE      NODE   POLICY  STATE
▸ 192.168.1.20  homelab/traefik-internal  internal  node1  Local   ✓ given
  192.168.1.21  homelab/traefik-external  external  node2  Local   ✓ given
 Routes ─ 1 served ──────────────────────────────────────────────────── ● live ─
  HOST           ZONE  AUTH  TLS  SERVICE      ENDPOINTS  STATE
  web.home.test  int   -     -    apps/web:80  1          ✓ served by 2 of 2
 Certificates ──────────────────────────────────────────────── ○ not there yet ─
  There is no issuer of certificates yet: press 6 to deploy
 Consul ────────────────────────────────────────────────────── ○ not there yet ─
  There is no Consul yet: press 6 to deploy





▸1 home  2 allocations  3 routes  4 certificates  5 6 7 8 s y l e / : ? q"""

BEHIND = "\n" * 16
LARGE_HOME = f"""\
 homelab  master1  k8s v1.37.2+lab  3/3 nodes ●  read-only                                  api ●  consul ○  traefik ●●
 Addresses ─ 192.168.1.0/24 ─ 2/14 used ─ ● live ─ ▸Allocations ─ 2 given ─ layer 2 ─────────────────────────── ● live ─
       0 1 2 3 4 5 6 7 8 9 a b c d e f               ADDRESS       SERVICE                   ZONE      NODE   STATE
   .0  · G r H H r r r r r r r r r r r             ▸ 192.168.1.20  homelab/traefik-internal  internal  node1  ✓ given
  .16  · ░ ░ ░ ■ ■ ░ ░ ░ ░ ░ ░ ░ ░ ░ ·               192.168.1.21  homelab/traefik-external  external  node2  ✓ given
  .32  · · · · · · · · · · · · · · · ·
  .48  · · N · · · · N N · · · · · · ·
  .64  · · · · · · · · · · · · · · · ·  +1 alike
  .96  · · · · · d d d d d d d d d d d
 .112  d d d d d d d d d d d d d d d d  +4 alike
 .192  d d d d d d d d d · · · · · · ·
 .208  · · · · · · · · · · · · · · · ·  +2 alike
       G gateway  H host  N node  r reserved
       ░ pool  ■ used  d DHCP

 Routes ─ 1 served ──────────────────────────────────────────────────────────────────────────────────────────── ● live ─
  HOST           PATH  ZONE  AUTH  TLS  SERVICE      ENDPOINTS  STATE
  web.home.test  /     int   -     -    apps/web:80  1          ✓ served by 2 of 2
 Certificates ──────────────────────────────────────────────────────────────────────────────────────── ○ not there yet ─
  There is no issuer of certificates yet: press 6 to deploy
 Consul ────────────────────────────────────────────────────────────────────────────────────────────── ○ not there yet ─
  There is no Consul yet: press 6 to deploy
{BEHIND}
▸1 home  2 allocations  3 routes  4 certificates  5 consul  6 deploy  7 users  8 apps  s set-up  y yaml  l e / : ? q"""


async def test_the_home_screen_of_a_small_terminal(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, SMALL) as person:
            await person.sees_exactly(SMALL_HOME)


async def test_the_home_screen_of_a_large_terminal(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home, LARGE, read_only=True) as person:
            await person.sees_exactly(LARGE_HOME)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_bare_cluster_is_told_what_to_do(tmp_path: Path, size: tuple[int, int]) -> None:
    async with household(tmp_path) as home, watching(home, size) as person:
        await person.sees("No Service wants an address yet: press 6 to deploy")
        await person.sees("No Ingress names a host yet: press 6", "○ not there yet", "3/3 nodes ●", "0/14 used")


async def test_before_the_first_answer_every_pane_says_that_it_is_asking(tmp_path: Path) -> None:
    async with household(tmp_path) as home, watching(home) as person:
        assert person.text.count("Asking the cluster …") == 4
        assert person.text.count("○ loading") == 5
        assert "Reading the plan …" in person.text
        assert "no plan" not in person.text


async def test_a_new_service_appears_is_refused_in_metallbs_words_and_then_served(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("2 given ─ layer 2")

            home.put(service("game", wanted="192.168.1.99"))
            await person.sees("homelab/game", "▲ pending", "no load balancer answered yet", "2 given, 1 pending")

            home.put(refused("game", '["192.168.1.99"] is not allowed in config'))
            await person.sees('["192.168.1.99"] is not allowed in config')

            home.put(service("game", "192.168.1.22", wanted="192.168.1.22"), announced("game", "node2"))
            await person.sees("192.168.1.22  homelab/game", "3 given ─", "3/14 used", "░■■■░")
            await person.misses("pending", "not allowed")


async def test_a_lost_node_is_named_and_the_address_moves(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("internal  node1")

            home.put(node("node1", "192.168.1.55", ready="Unknown"), announced("traefik-internal", "node2"))

            await person.sees("internal  node2", "2/3 ✗ node1")


async def test_a_route_without_a_ready_pod_says_so(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("1 served")

            home.put(app(ready=False)[1])

            await person.sees("✗ no endpoint", "0 served, 1 problem", "Ingress apps/web:")


async def test_a_kind_that_may_not_be_read_is_named_and_read_when_it_may_be(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.forbidden.add("services")
        async with watching(home, LARGE) as person:
            await person.sees('cannot list resource "services"', "✗ failed", "since ", "next try in ", "api ✗")
            assert "web.home.test" in person.text
            assert "used" not in person.line("Addresses")

            home.forbidden.clear()
            await person.sees("2 given", "2/14 used", "api ●")


async def test_an_api_that_goes_is_stale_and_comes_back_by_itself(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("served by 2 of 2", "2/14 used", "api ●")

            await home.stop()
            await person.sees("▲ stale", "api ▲", "since ", "192.168.1.20")
            panes = ("Addresses ─", "Allocations ─", "Routes ─")
            await person.until(lambda: all("▲ stale" in person.line(pane) for pane in panes), panes)
            assert "web.home.test" in person.text

            home.put(service("game", "192.168.1.22"))
            await home.start()
            await person.sees("homelab/game", "api ●", "traefik ●●")
            await person.misses("stale", "since")


async def test_while_the_api_is_away_certificates_stay_and_the_map_is_as_old_as_the_allocations(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        home.forbidden.add("events")
        async with watching(home, LARGE) as person:
            await person.sees("1 valid ─", "✓ served by 1 of 1")
            assert person.line("Addresses").count("✗ failed") == 2  # Allocations stands beside it

            await home.stop()
            await person.sees("consul ▲", "traefik ▲▲▲")
            await person.press("4")
            await person.sees("1 valid ─", "✓ served by 1 of 1", "traefik-external-1 ✓ abababababababab…", "▲ stale")


async def test_the_api_is_not_there_at_first(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        await home.stop()
        async with watching(home) as person:
            await person.sees("✗ failed", "127.0.0.1", "api ✗", "192.168.1.0/24")
            assert "used ─" not in person.line("Addresses")

            await home.start()
            await person.sees("served by 2 of 2", "2/14 used")


async def test_without_a_kubeconfig_it_is_named_and_looked_for_again(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        written = home.kubeconfig.read_text()
        home.kubeconfig.unlink()
        async with watching(home, LARGE) as person:
            await person.sees(str(home.kubeconfig), "✗ failed")

            home.kubeconfig.write_text(written)
            await person.sees("served by 2 of 2")
            await person.misses("failed")


async def test_consul_and_certificates_are_told_from_their_servers_and_replicas(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        async with watching(home) as person:
            await person.sees("Certificates ─ 1 valid ─ next renewal in", "custom", "▰▰▰▰▰▰▱▱ 5", "✓ served by 1 of 1")
            await person.sees("Consul ─ leader consul-0 ─ 1/1 servers ─ none may fail", "consul ●")
            await person.misses("✓ leader")  # the title says it; a server in trouble would have its row

            await person.press("4")
            await person.sees(
                "▸4 certificates",
                "Key",
                "matches, as the issuer saw at",
                "Fingerprint",
                "traefik-external-1 ✓ abababababababab…",
            )
            await person.press("5")
            await person.sees("▸5 consul", "✓ leader", "Issuer's lock", "free", "1 vote; none may fail")

            home.answers.clear()
            await person.sees("✗ failed", "▲ stale", "consul ▲")


async def test_without_a_plan_it_says_how_to_write_one(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        home.plan.unlink()
        async with watching(home, LARGE) as person:
            await person.sees("Addresses ─ no plan", "homelab-tui plan", "served by 2 of 2")


async def test_a_plan_that_is_written_or_changed_meanwhile_is_taken_in(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        plan = home.plan.read_text()
        home.plan.unlink()
        async with watching(home, LARGE) as person:
            await person.sees("Addresses ─ no plan")

            home.plan.write_text(plan)
            await person.sees("Addresses ─ 192.168.1.0/24")

            home.plan.write_text(plan.replace("192.168.1.", "192.168.7."))
            await person.sees("Addresses ─ 192.168.7.0/24")


async def test_a_broken_plan_says_where(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        home.plan.write_text("version: 1\nnetwork: {lan: 10.0.0.0/24, gatway: 10.0.0.1}\n")
        async with watching(home, LARGE) as person:
            await person.sees("Addresses ─ no plan", "homelab.yaml", "gatway")


async def test_a_traefik_more_has_a_sign_of_its_own(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        async with watching(home) as person:
            await person.sees("traefik ●●")

            home.put(traefik("traefik-external-1", "external"))
            home.routers["traefik-external-1"] = [router("web", "web.home.test")]

            await person.sees("traefik ●●●", "✗ exposed", "public: homelab/traefik-external-1 serves it too")
