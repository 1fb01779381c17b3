"""A certificate that fails, and an issuer that does: what is wrong and how to mend it, whole on a small terminal."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

from public import STATE, certified, issuer, state
from rooms import SMALL, deployed, household, ingress, thing, watching

from homelab.ports import Kind
from screens.dashboard.certificates import Certificates
from screens.widgets.lines import Lines

CHALLENGE = "203.0.113.1: Fetching http://web.example.test/.well-known/acme-challenge/…: Connection refused"
FAILED = {
    "error_class": "challenge",
    "error": CHALLENGE,
    "failures": 2,
    "next_try": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
}
WORDS = "Consul refuses the token for PUT session/create: ACL not found; `homelab-tui apply` creates missing tokens"


def flat(text: str) -> str:
    """What a screen says, without its lines."""
    return " ".join(text.split())


async def test_a_failed_challenge_and_its_cure_have_room_below_the_host(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        kept = {"Key": STATE, "Value": b64encode(json.dumps(state() | FAILED).encode()).decode()}
        home.answers["consul-0/v1/kv/homelab"] = [kept]
        async with watching(home, SMALL) as person:
            await person.press("4")
            await person.sees("▲ failing", "1 problem")
            told = f"challenge: {CHALLENGE}; port 80 of the router has to lead to the external address, and public"
            await person.until(lambda: told in flat(person.text))


async def test_a_run_that_failed_is_told_above_the_hosts_that_are_well(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        labels = {"app.kubernetes.io/name": "issuer"}
        over = {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}
        said = {"state": {"terminated": {"message": json.dumps({"event": "failed", "error": WORDS})}}}
        ended = {"phase": "Failed", "containerStatuses": [said]}
        home.put(
            issuer(),
            thing(Kind("batch/v1", "Job"), "issuer-1", "homelab", labels=labels, status=over),
            thing(Kind("v1", "Pod"), "issuer-1-x", "homelab", labels=labels | {"job-name": "issuer-1"}, status=ended),
        )
        async with watching(home, SMALL) as person:
            await person.press("4")
            await person.sees("✗ failed", "✓ served by 1 of 1")
            await person.until(lambda: f"the issuer's last run failed: {WORDS}" in flat(person.text))


async def test_a_configuration_that_traefik_refuses_has_a_row_of_its_own_with_the_cure(tmp_path: Path) -> None:
    text = "http/routers/mine/rule = Path(`/`)\nhttp/routers/mine/service = noop@internal\n"
    data = {"data": {"config": text}}
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        home.put(thing(Kind("v1", "ConfigMap"), "traefik-external-config", "homelab") | data)
        async with watching(home) as person:
            await person.sees("Consul ─ leader consul-0 ─ configuration differs", "✗ differs", "▾ more")
            await person.misses("✓ leader")  # on home the servers that are well keep to the title

            await person.press("5")
            await person.sees(
                "▸ configuration", "✗ differs", "✓ leader", "homelab-tui config apply", "Keys", "http/routers/mine"
            )


async def test_on_home_what_is_wrong_comes_first_and_colours_the_title(tmp_path: Path) -> None:
    async with household(tmp_path) as home:
        deployed(home)
        certified(home)
        home.put(ingress("zz", "zz.elsewhere.test", labels={"traffic-type": "external"}))
        async with watching(home) as person:
            await person.sees("1 valid, 1 problem", "▲ passed over")
            certificates = person.text.partition("Certificates ─")[2]
            assert certificates.index("zz.elsewhere.test") < certificates.index("web.example.test")
            title = person.app.screen.query_one(Certificates).query_one(".pane-title", Lines).lines[0]
            assert [style for said, style in title if "1 problem" in said] == ["warn"]

            await person.press("4")  # by name, where all of them are in view
            await person.sees("▸Certificates")
            assert person.text.index("web.example.test") < person.text.index("zz.elsewhere.test")
