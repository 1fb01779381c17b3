"""What `expose` makes of its options, and what it refuses before anything is written."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loopback import forbidden, kubeconfig, resources, serving
from objects import article_plan
from shell import program
from showing import APP, BOTH, around

from homelab.access.model import App
from tui.cli import build, run
from tui.headless.apps import wished
from tui.options import Refused

PLAN = article_plan()
EXPOSE = ["expose", "web", "--namespace", "apps"]


def parsed(*more: str) -> Namespace:
    return build().parse_args([*EXPOSE, *more])


def asked(*more: str, before: App | None = None) -> App:
    return wished(parsed(*more), PLAN, around(), before)


def test_without_options_the_proposal_is_wished() -> None:
    assert asked() == APP


@pytest.mark.parametrize(
    ("options", "wish"),
    [
        (["--zone", "both"], BOTH),
        (["--zone", "both", "--no-auth"], replace(BOTH, auth=None)),
        (["--zone", "internal", "--auth", "apps/own"], replace(APP, auth="apps/own")),
        (
            ["--host", "x.internal.domain.com", "--path", "/x"],
            replace(APP, hosts={"internal": "x.internal.domain.com"}, path="/x"),
        ),
        (["--external-host", "web.cloud.domain.com"], replace(BOTH, hosts={"external": "web.cloud.domain.com"})),
        (["--port", "8080"], replace(APP, port=8080)),
    ],
)
def test_an_option_changes_what_it_names_alone(options: list[str], wish: App) -> None:
    assert asked(*options) == wish


def test_said_again_it_changes_the_app_that_is_there() -> None:
    there = replace(BOTH, name="other", path="/x", version={"other-internal": "1", "other-external": "2"})

    assert asked(before=there) == there
    assert asked("--zone", "internal", before=there) == replace(there, hosts={"internal": there.hosts["internal"]})
    assert asked("--zone", "internal", "--no-auth", before=there).auth is None


@pytest.mark.parametrize("option", ["--auth", "--host", "--external-host", "--path", "--port"])
@pytest.mark.parametrize("nothing", ["", " "])
def test_an_option_whose_variable_was_not_set_is_refused(option: str, nothing: str) -> None:
    with pytest.raises(Refused, match=f"{option} is empty"):
        asked("--zone", "both", option, nothing)


def test_a_host_of_a_zone_that_is_not_wished_is_refused() -> None:
    with pytest.raises(Refused, match="a host is given for zone external"):
        asked("--zone", "internal", "--external-host", "web.cloud.domain.com")


@pytest.mark.parametrize("command", [[*EXPOSE, "--yes"], ["hide", "web", "--namespace", "apps", "--yes"]])
def test_read_only_writes_nothing(command: list[str], capsys: Any) -> None:
    assert run(["--read-only", *command]) == 2
    assert f"--read-only is set: {command[0]} does nothing" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["apps"], ["apps", "--json"], ["hide", "web", "--namespace", "apps", "--yes"]])
async def test_who_may_not_read_ingresses_is_told_so_and_not_that_there_are_none(
    command: list[str], tmp_path: Path
) -> None:
    async with serving() as server:
        server.script("GET /apis/networking.k8s.io/v1", resources("networking.k8s.io/v1", Ingress="ingresses"))
        server.script("GET /apis/networking.k8s.io/v1/ingresses", forbidden("ingresses"))
        told = await asyncio.to_thread(program, "--kubeconfig", str(kubeconfig(tmp_path, server.url)), *command)

    assert (told.code, told.out) == (1, "")
    assert "a right is missing: ingresses is forbidden" in told.err


def test_without_a_terminal_somebody_has_to_say_yes() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "tui", *EXPOSE], check=False, capture_output=True, stdin=subprocess.DEVNULL, text=True
    )

    assert (told.returncode, "say --yes" in told.stderr) == (2, True)
