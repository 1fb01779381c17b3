"""`homelab-tui doctor` as it is typed; the network around is on paper, and no cluster answers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from surroundings import LABEL, ROUTER, Answering, Around, Told

from homelab.doctor.registry import CHECKS
from homelab.plan.file import initial
from tui import cli, wiring


def given(part: object, _: object) -> object:
    """A part of the home, whatever the options are."""
    return part


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The article's plan, at a home where only the internal wildcard is well."""
    wildcard = (f"{LABEL}.internal.domain.com", "A", ROUTER)
    around, names = Around({}), Told({wildcard: ("192.168.1.20",)}, label=LABEL)
    for name, part in (("neighbourhood", around), ("names", names), ("web", Answering())):
        monkeypatch.setattr(wiring, name, partial(given, part))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    file = tmp_path / "homelab.yaml"
    file.write_text(initial())
    return str(file)


def test_json_has_every_check_in_its_order_and_an_error_is_exit_1(
    plan: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["doctor", "--plan", plan, "--json"]) == 1

    said = json.loads(capsys.readouterr().out)
    assert said["version"] == 1
    assert [result["id"] for result in said["results"]] == list(CHECKS)
    by_id = {result["id"]: result for result in said["results"]}
    assert by_id["http-internal"]["state"] == "error"
    assert by_id["outside"]["state"] == "cannot tell from here"
    assert "kubeconfig" in by_id["speakers"]["what"]


def test_some_checks_alone_and_nothing_wrong_is_exit_0(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--plan", plan, "--only", "outside", "dns-aaaa"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✓ dns-aaaa: ")
    assert lines[1].startswith("○ outside: ")
    assert lines[-1].startswith("    http://doctor-")


def test_a_check_that_is_none_is_refused_with_those_there_are(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["doctor", "--plan", plan, "--only", "dns"]) == 2

    assert "there is no check dns; there are dns-internal, " in capsys.readouterr().err


def test_a_plan_with_faults_is_told_and_nothing_is_looked_at(plan: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(plan).write_text("version: 1\n")

    assert cli.run(["doctor", "--plan", plan]) == 1

    told = capsys.readouterr()
    assert told.out == ""
    assert "network" in told.err
