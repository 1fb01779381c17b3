"""A file of answers: any part of a plan; and the command that takes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from homes import found
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell, home, shell

from homelab.lab.around import LabNeighbourhood
from homelab.plan.document import PlanError, parse
from homelab.plan.file import initial, read
from homelab.setup.answers import Answers, answers_of, load, onto
from homelab.setup.judge import base_of, judge, written
from homelab.setup.lock import Lock
from homelab.setup.paper import fill
from homelab.setup.place import place
from tui import wiring

__all__ = ["home", "shell"]
NEW = base_of(None, "homelab.yaml")


def answers(text: str) -> Answers:
    """What a file says."""
    return answers_of(parse(text, "answers.yaml")[0])


def test_any_part_of_a_plan_will_do() -> None:
    said = answers(
        "version: 1\nnetwork:\n  dhcp: 192.168.1.101-200\n  hosts: {switch: 192.168.1.3}\n"
        "ingress: {external: {domain: cloud.smith.org}}\nstore: {storage: 5Gi}\ncluster:\n"
    )

    base = onto(NEW, said.others)
    values = fill(base, said.fields, found())[1]
    plan = read(written(base, values)).plan

    assert plan
    assert plan == judge(base, values, found()).plan
    assert (str(plan.network.dhcp), plan.store.storage) == ("192.168.1.101-192.168.1.200", "5Gi")
    assert [(host.name, str(host.address)) for host in plan.network.hosts] == [("switch", "192.168.1.3")]
    assert [node.name for node in plan.nodes] == ["master1", "node1", "node2"]


@pytest.mark.parametrize(
    ("text", "line", "at", "said"),
    [
        ("store:\n  storrage: 5Gi\n", 2, "store.storrage", "write `storage`"),
        ("nodes: {n2: {address: 192.168.1.52, foo: 1}}", 1, "nodes.n2.foo", "there is no key `foo` in `nodes.n2`"),
        ("nodes: {n2: {role: worker}}", 1, "nodes.n2.address", "`nodes.n2.address` is missing"),
        ("nodes: {n2: 192.168.1.52}", 1, "nodes.n2", "is text (`192.168.1.52`) where a section with keys must be"),
        ("store: {servers: [3]}", 1, "store.servers", "is a list where one value must be"),
        ("ingress: {internal: {domain: {a: b}}}", 1, "ingress.internal.domain", "where one value must be"),
        ("network: 5", 1, "network", "`network` is a number (`5`) where a section with keys must be"),
        ("{'': 1}", 1, "answers.yaml", "there is no key ``"),
        ("'a[0]': 1", 1, "a[0]", "there is no key `a[0]` at the top"),
        ("version: 2", 1, "version", "this plan is of version 2"),
        ("- 3", None, "answers.yaml", "the file is a list"),
        ("3", None, "answers.yaml", "name a file of answers with --answers FILE"),
        ("", None, "answers.yaml", "name a file of answers with --answers FILE"),
    ],
)
def test_what_no_plan_could_say_is_told_with_its_line(text: str, line: int | None, at: str, said: str) -> None:
    found_here = answers(text)

    (finding,) = found_here.findings
    assert (finding.line, finding.at) == (line, at)
    assert said in finding.text()
    assert not found_here.fields


def test_a_thousand_unknown_keys_are_refused_at_once() -> None:
    begun = time.monotonic()

    found_here = answers("".join(f"key{at}: 1\n" for at in range(1000)))

    assert len(found_here.findings) == 1000
    assert time.monotonic() - begun < 5  # one after the other set in the plan's text: more than a minute


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 3000, b"a: [", b"a: b: c\n"])
def test_a_file_that_is_no_yaml_is_not_mistaken_for_a_plan(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_bytes(content)

    (finding,) = load(path).findings

    assert finding.is_error
    assert finding.at == str(path)
    assert "plan init" not in finding.text() and "--plan" not in finding.text()


@settings(max_examples=30)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(alphabet="ab.:-1", max_size=8),
        lambda inner: st.dictionaries(st.sampled_from(("network", "nodes", "lan", "hosts", "x")), inner, max_size=3),
        max_leaves=6,
    )
)
def test_no_file_of_answers_ends_in_a_trace(tree: object) -> None:
    said = answers(repr(tree).replace("None", "null"))

    try:
        base = onto(NEW, said.others)
    except PlanError:
        return
    said.placed(judge(base, fill(base, said.fields, found())[1], found()).findings)


# The command


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (),
            "the set-up asks its questions on a terminal, and this is none; give a file of answers with --answers FILE",
        ),
        (("--yes",), "--yes and --dry-run belong to --answers FILE"),
        (("--answers", "nowhere.yaml"), "there is no file nowhere.yaml"),
        (("--answers", "a.yaml", "--read-only"), "--read-only is set: setup writes nothing"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], said: str, shell: Shell) -> None:
    told = shell("setup", *arguments)

    assert told.code == 2
    assert said in told.err


WHOLE = (
    "nodes: {master1: {address: 192.168.1.50, role: control-plane}}\nnetwork: {dhcp: 192.168.1.101-200}\n"
    "ingress: {external: {domain: cloud.smith.org}}\n"
)


class Meanwhile(LabNeighbourhood):
    """The lab's LAN; while it is asked, something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    async def macs(self, addresses: Collection[IPv4Address]) -> Mapping[IPv4Address, str]:
        """Those of the lab."""
        self._happens()
        return await super().macs(addresses)


@pytest.fixture(autouse=True)
def lan(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """No test asks a real LAN; what is put in here happens while the lab's is asked."""
    happens: list[Callable[[], object]] = []
    double = Meanwhile(lambda: [one() for one in happens])
    monkeypatch.setattr(wiring, "neighbourhood", lambda _options: double)
    return happens


def test_a_plan_that_was_edited_meanwhile_is_not_overwritten(
    home: Path, shell: Shell, lan: list[Callable[[], object]]
) -> None:
    plan, file = home / "homelab.yaml", home / "answers.yaml"
    file.write_text(WHOLE)
    edited = initial().replace("storage: 1Gi", "storage: 9Gi")
    lan.append(lambda: plan.write_text(edited))

    told = shell("setup", "--answers", str(file), "--plan", str(plan))

    assert told.code == 1
    assert f"{plan} has been changed by somebody since; it was not overwritten" in told.err
    assert plan.read_text() == edited


def test_what_was_written_leaves_no_draft_behind(home: Path, shell: Shell) -> None:
    plan, file = home / "homelab.yaml", home / "answers.yaml"
    file.write_text(WHOLE)
    place(plan).write_text('{"version": 1, "step": "nodes", "values": {"network.lan": "10.0.0.0/8"}}')

    told = shell("setup", "--answers", str(file), "--plan", str(plan))

    assert (told.code, told.out.splitlines()[0]) == (0, f"{plan} written")
    assert "lan: 192.168.1.0/24" in plan.read_text()
    assert sorted(path.name for path in home.iterdir()) == ["answers.yaml", "homelab.yaml"]


def test_who_answers_on_the_lan_is_asked_for(home: Path, shell: Shell) -> None:
    file = home / "answers.yaml"
    file.write_text(f"{WHOLE}load_balancer:\n  pool: 192.168.1.3-10\n")

    told = shell("setup", "--answers", str(file))

    assert told.code == 1
    assert f"error: {file}:5: load_balancer.pool: 192.168.1.3, 192.168.1.4 already answers on the LAN" in told.err


def test_a_lock_that_somebody_has_is_respected(home: Path, shell: Shell) -> None:
    plan, file = home / "homelab.yaml", home / "answers.yaml"
    file.write_text(WHOLE)
    lock = Lock(plan, {}, "now")

    told = shell("setup", "--answers", str(file), "--plan", str(plan))

    lock.release()
    assert told.code == 2
    assert f"is at the set-up of {plan}; nothing was written" in told.err
    assert not plan.exists()


def test_a_fault_of_form_names_the_file_of_answers(home: Path, shell: Shell) -> None:
    plan, file = home / "homelab.yaml", home / "answers.yaml"
    file.write_text("store:\n  servers: [3]\n")

    told = shell("setup", "--answers", str(file), "--plan", str(plan))

    assert told.code == 1
    assert told.err.startswith(f"error: {file}:2: store.servers:")
    assert told.err.endswith(f"{plan} was not written: answer these in {file}\n")
    assert not plan.exists()
