"""The dynamic configuration of the external Traefik, changed by its procedure and by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from household import Home, eventually
from outside import SPACE, consul, issue, needs_authority, public

from homelab.plan.file import read

pytestmark = needs_authority

LINES = """\
# Nothing is behind it, so that the middleware alone answers.
http/routers/mine/rule = Host(`{host}`)
http/routers/mine/service = noop@internal
http/routers/mine/middlewares = elsewhere
http/routers/mine/tls = true
http/middlewares/elsewhere/redirectRegex/regex = .*
http/middlewares/elsewhere/redirectRegex/replacement = {target}
"""
FIRST, SECOND = "https://first.example.test/", "https://second.example.test/"
ROOT = "traefik-external/http/routers/mine"
UIDS = "jsonpath={.items[*].metadata.uid}"


def write(home: Home, target: str) -> None:
    """The user's own lines."""
    (home.folder / "mine.conf").write_text(LINES.format(host=public(home, "mine"), target=target))


def leads_to(home: Home) -> str:
    """Where somebody beyond the WAN is sent."""
    url = f"https://{public(home, 'mine')}/"
    return home.at("wan", "curl", "-sk", "-m", "5", "-o", "/dev/null", "-w", "%{redirect_url}", url)


def configure(home: Home) -> str:
    """What `config apply` prints."""
    return home.tui("config", "apply", "--yes", "--mirror", str(home.mirror)).stdout


@pytest.fixture(scope="module")
def own_lines(bare: Home) -> Iterator[Home]:
    """The whole stack, and a plan with lines of one's own that were not applied yet."""
    bare.apply()
    path = bare.folder / "homelab.yaml"
    before = path.read_text()
    write(bare, FIRST)
    path.write_text(read(before).with_value("ingress.external.config", "mine.conf"))
    yield bare
    path.write_text(before)
    bare.apply()


def test_one_step_compares_applies_and_asks_every_replica(own_lines: Home) -> None:
    assert (
        f"+ http/routers/mine/rule = Host(`{public(own_lines, 'mine')}`)"
        in own_lines.tui("config", "diff", check=1).stdout
    )

    said = configure(own_lines)

    assert said.count("serves it") == own_lines.plan.ingress.external.replicas
    eventually("the world is led on", lambda: leads_to(own_lines) == FIRST)
    own_lines.tui("config", "diff")
    assert own_lines.status()["configuration"]["state"] == "loaded"


def test_another_value_is_served_without_a_restart_and_nothing_is_written_twice(own_lines: Home) -> None:
    restarts = own_lines.kubectl(*SPACE, "get", "pods", "-l", "homelab-tui/zone=external", "-o", UIDS)
    write(own_lines, SECOND)

    assert "done:" in configure(own_lines)

    eventually("the world is led elsewhere", lambda: leads_to(own_lines) == SECOND)
    assert "done:" not in configure(own_lines)
    assert own_lines.kubectl(*SPACE, "get", "pods", "-l", "homelab-tui/zone=external", "-o", UIDS) == restarts


def test_a_key_that_traefik_does_not_know_is_named_and_taken_back(own_lines: Home) -> None:
    consul(own_lines, f"consul kv put {ROOT}/bogus 1")

    found = own_lines.status()["configuration"]
    assert found["state"] == "refused"
    assert "http/routers/mine/bogus was written by hand" in found["error"]
    said = own_lines.tui("config", "diff", check=1).stdout
    assert said == "- http/routers/mine/bogus = 1   (by hand; Traefik knows no 'bogus' here)\n"

    configure(own_lines)

    own_lines.tui("config", "diff")
    write(own_lines, FIRST)
    configure(own_lines)
    eventually("what is new is served again", lambda: leads_to(own_lines) == FIRST, 120)


def test_a_key_that_was_deleted_comes_back_with_an_apply(own_lines: Home) -> None:
    consul(own_lines, f"consul kv delete {ROOT}/rule")
    assert own_lines.status()["configuration"]["keys"] == ["http/routers/mine/rule"]

    own_lines.apply()

    own_lines.tui("config", "diff")
    eventually("the world is led on", lambda: leads_to(own_lines) == FIRST)


def test_a_run_of_the_issuer_takes_back_what_was_done_by_hand(own_lines: Home) -> None:
    consul(own_lines, f"consul kv put {ROOT}/rule 'Host(`other.example.test`)'")
    own_lines.tui("config", "diff", check=1)

    issue(own_lines, "takes-back")

    own_lines.tui("config", "diff")
    eventually("the world is led on", lambda: leads_to(own_lines) == FIRST)
