"""The command line, as a person or a script uses it: exit codes, streams, and what is said of wrong input."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from shell import Shell, home, plan, shell

from homelab.plan.file import initial
from homelab.stack.components import INCLUDE, STAGES
from tui.cli import build
from tui.options import Options

__all__ = ["home", "plan", "shell"]

SHARED = [
    ("--plan", "my plan.yaml"),
    ("--kubeconfig", "pi.yaml"),
    ("--context", "home"),
    ("--mirror", "/mnt/usb"),
    ("--read-only",),
    ("--lab",),
]
COMMANDS = [["plan", "init"], ["plan", "check"], ["render"], ["diff"], ["apply"], ["delete"], ["status"]]
COMMANDS += [["config", "diff"], ["config", "apply"]]


# The parser


def test_the_version_is_the_distribution_s(shell: Shell) -> None:
    told = shell("--version")

    assert (told.code, told.out) == (0, "homelab-tui 0.1.0\n")


@pytest.mark.parametrize("command", [*COMMANDS, ["plan"]], ids=" ".join)
def test_the_version_may_be_asked_for_after_a_command_too(command: list[str], shell: Shell) -> None:
    told = shell(*command, "--version")

    assert (told.code, told.out, told.err) == (0, "homelab-tui 0.1.0\n", "")


def test_help_names_every_command(shell: Shell) -> None:
    told = shell("--help")

    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("usage: homelab-tui ")
    for command in COMMANDS:
        assert f"    {command[0]} " in told.out


def test_without_a_command_and_without_a_terminal_it_says_what_to_run_instead(shell: Shell) -> None:
    told = shell()

    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "homelab-tui: the console needs a terminal, and this is none; `homelab-tui status` prints the same as text\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["plan"],
        ["status", "--frobnicate"],
        ["status", "--js"],
        ["render", "--stage", "garage"],
        ["apply", "--stage", "internal,apps"],
        ["delete", "--include", "crds,everything"],
        ["status", "--plan"],
        ["plan", "check", "a.yaml", "b.yaml"],
    ],
)
def test_what_the_parser_does_not_know_is_wrong_use(arguments: list[str], shell: Shell) -> None:
    told = shell(*arguments)

    assert (told.code, told.out) == (2, "")
    assert ": error: " in told.err


def test_an_unknown_stage_or_kind_is_answered_with_the_known_ones(shell: Shell) -> None:
    stage, include = shell("render", "--stage", "garage"), shell("delete", "--include", "everything")

    assert all(known in stage.err for known in STAGES)
    assert f"everything: it takes {', '.join(INCLUDE)}" in include.err


def test_kinds_to_include_are_separated_by_commas_and_may_be_none() -> None:
    assert build().parse_args(["delete", "--include", "crds, volumes,"]).include == {"crds", "volumes"}
    assert build().parse_args(["delete"]).include == frozenset()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("option", SHARED, ids=lambda option: str(option[0]))
def test_every_shared_option_may_stand_before_the_command_and_after_it(
    command: list[str], option: Sequence[str]
) -> None:
    without, before, after = (
        Options.of(build().parse_args(arguments)) for arguments in (command, [*option, *command], [*command, *option])
    )

    assert before == after != without


def test_of_the_same_option_before_and_after_the_last_counts() -> None:
    parsed = build().parse_args(["--context", "home", "status", "--context", "cellar"])

    assert Options.of(parsed).context == "cellar"


# plan init


def test_a_first_plan_is_written_and_its_next_step_named(home: Path, shell: Shell) -> None:
    told = shell("plan", "init")

    assert told.code == 0
    assert told.out == (
        "homelab.yaml written: set your addresses and the two domains in it, then: homelab-tui plan check\n"
    )
    assert (home / "homelab.yaml").read_text() == initial()


def test_a_plan_that_is_there_is_overwritten_only_by_force(plan: Path, shell: Shell) -> None:
    before = plan.read_text()

    told = shell("plan", "init")
    assert told.code == 2
    assert told.err == "homelab-tui: homelab.yaml exists; edit it, or overwrite it with --force\n"
    assert plan.read_text() == before

    assert shell("plan", "init", "--force").code == 0
    assert plan.read_text() == initial()


def test_read_only_writes_no_plan(home: Path, shell: Shell) -> None:
    told = shell("plan", "init", "--read-only")

    assert (told.code, told.err) == (2, "homelab-tui: --read-only is set: no plan is written\n")
    assert list(home.iterdir()) == []


def test_a_plan_may_be_written_elsewhere(home: Path, shell: Shell) -> None:
    (home / "plans").mkdir()

    assert shell("--plan", "~/plans/mine.yaml", "plan", "init").code == 0
    assert [path.name for path in (home / "plans").iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize("place", ["not/there/homelab.yaml", "~nobody-of-that-name/homelab.yaml"])
def test_a_folder_that_is_missing_is_not_made(place: str, home: Path, shell: Shell) -> None:
    told = shell("plan", "init", "--plan", place)

    assert told.code == 2
    assert told.err == f"homelab-tui: there is no folder {place.removesuffix('/homelab.yaml')}; make it first\n"
    assert list(home.iterdir()) == []


def test_a_disk_that_takes_nothing_is_told_and_nothing_half_written_stays(home: Path, shell: Shell) -> None:
    (home / "homelab.yaml").mkdir()

    told = shell("plan", "init", "--force")

    assert told.code == 1
    assert told.err == "homelab-tui: homelab.yaml was not written: Is a directory; the old file, if any, is untouched\n"
    assert [path.name for path in home.iterdir()] == ["homelab.yaml"]


# plan check


def test_a_plan_without_faults_is_fine(plan: Path, shell: Shell) -> None:
    told = shell("plan", "check")

    assert (told.code, told.out, told.err) == (0, "homelab.yaml: no errors, no warnings\n", "")


def test_warnings_alone_are_fine(home: Path, shell: Shell) -> None:
    shell("plan", "init")

    told = shell("plan", "check")

    assert (told.code, told.out) == (0, "homelab.yaml: no errors, 2 warnings\n")
    assert told.err.startswith("warning: homelab.yaml:")


def test_an_error_is_told_with_its_line_and_ends_with_1(plan: Path, shell: Shell) -> None:
    plan.write_text(plan.read_text().replace("address: 192.168.1.20", "address: 192.168.1.99"))
    line = 1 + plan.read_text()[: plan.read_text().index("192.168.1.99")].count("\n")

    told = shell("plan", "check")

    assert (told.code, told.out) == (1, "homelab.yaml: 1 error, no warnings\n")
    assert told.err.startswith(f"error: homelab.yaml:{line}: ingress.internal.address: ")
    assert [text.strip().partition(":")[0] for text in told.err.splitlines()] == ["error", "why", "fix"]


def test_findings_as_json_are_one_object(plan: Path, shell: Shell) -> None:
    fine = json.loads(shell("plan", "check", "--json").out)
    plan.write_text("version: 1\nnetwork: {lan: 10.0.0.0/24, lan: 10.0.1.0/24}\n")
    told = shell("plan", "check", "--json")
    faulty = json.loads(told.out)

    assert fine == {"version": 1, "file": "homelab.yaml", "findings": []}
    assert (told.code, told.err) == (1, "")
    assert faulty["findings"][0] | {"why": "", "fix": ""} == {
        "severity": "error",
        "at": "lan",
        "what": "`lan` is written twice, first in line 2",
        "why": "",
        "fix": "",
        "line": 2,
    }


def test_the_plan_of_the_configuration_folder_is_the_second_choice(plan: Path, home: Path, shell: Shell) -> None:
    kept = home / ".config" / "homelab-tui" / "homelab.yaml"
    kept.parent.mkdir(parents=True)

    assert shell("plan", "check").out.startswith("homelab.yaml: ")
    plan.rename(kept)
    assert shell("plan", "check").out.startswith(f"{kept}: ")


def test_a_named_plan_is_never_replaced_by_another(plan: Path, shell: Shell) -> None:
    for arguments in (["plan", "check", "other.yaml"], ["--plan", "other.yaml", "plan", "check"]):
        told = shell(*arguments)

        assert told.code == 1
        assert told.err == "homelab-tui: no plan at other.yaml; write a first one with `homelab-tui plan init`\n"


# render


def test_stages_without_upstream_files_need_neither_cluster_nor_network(home: Path, shell: Shell) -> None:
    shell("plan", "init")

    told = shell("render", "--stage", "internal", "--stage", "apps")

    assert told.code == 0
    objects = list(yaml.safe_load_all(told.out))
    assert {(obj["kind"], obj["metadata"]["name"]) for obj in objects} >= {
        ("Deployment", "traefik-internal"),
        ("Service", "traefik-internal"),
        ("Ingress", "whoami"),
    }
    assert "the pods' network is not known, so pods may not use the internal ingress: no kubeconfig" in told.err
    assert list(home.iterdir()) == [home / "homelab.yaml"]


def test_a_plan_that_names_the_pods_network_lacks_the_nodes_alone(plan: Path, shell: Shell) -> None:
    plan.write_text(plan.read_text().replace("pods: null", "pods: 10.99.0.0/16"))

    told = shell("render", "--stage", "internal")

    assert told.code == 0
    assert told.err.startswith("the nodes are not known, so the network policies admit those of the plan alone: no ")
    assert told.err.count("\n") == 1
    assert "10.99.0.0/16" in told.out


def test_a_mirror_without_the_files_is_told_and_nothing_is_printed(plan: Path, shell: Shell) -> None:
    told = shell("render", "--mirror", "usb")

    assert (told.code, told.out) == (1, "")
    assert "homelab-tui: usb/metallb-native.yaml cannot be read" in told.err


# Failures, each with one line


@pytest.mark.parametrize(
    ("command", "code"),
    [
        *(("render", 1), ("diff", 2), ("apply --yes", 1), ("apply --dry-run", 1), ("plan check", 1)),
        *(("config diff", 2), ("config apply --yes", 1)),
    ],
)
@pytest.mark.parametrize("text", [None, "", "version: [\n", "network:\n\tlan: 1\n", "version: 9\nfrobnicate: 1\n"])
def test_a_plan_that_is_missing_or_wrong_stops_every_command(
    text: str | None, command: str, code: int, home: Path, shell: Shell
) -> None:
    if text is not None:
        (home / "homelab.yaml").write_text(text)

    told = shell(*command.split())

    assert told.code == code
    assert told.err.startswith(("homelab-tui: no plan at ", "error: homelab.yaml"))
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("diff", 2),
        ("apply --yes", 1),
        ("delete --yes", 1),
        ("status", 1),
        ("config diff", 2),
        ("config apply --yes", 1),
    ],
)
def test_without_a_kubeconfig_one_line_says_where_it_would_be(
    command: str, code: int, plan: Path, home: Path, shell: Shell
) -> None:
    told = shell(*command.split())

    assert (told.code, told.out) == (code, "")
    assert told.err.startswith(f"homelab-tui: no kubeconfig: KUBECONFIG is not set and neither {home}/.kube/config ")
    assert told.err.count("\n") == 1


@pytest.mark.parametrize("command", ["apply", "delete", "config apply"])
def test_what_writes_asks_first_and_without_a_terminal_it_cannot(command: str, plan: Path, shell: Shell) -> None:
    told = shell(*command.split())

    assert told.code == 2
    assert told.err == (
        f"homelab-tui: {command} asks before it changes anything, and here is no terminal to ask on; say --yes\n"
    )


@pytest.mark.parametrize("command", ["apply", "delete", "config apply"])
def test_read_only_refuses_what_writes_even_with_yes(command: str, plan: Path, shell: Shell) -> None:
    told = shell("--read-only", *command.split(), "--yes")

    assert (told.code, told.err) == (2, f"homelab-tui: --read-only is set: {command} does nothing\n")
