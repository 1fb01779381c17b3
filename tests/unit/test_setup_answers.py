"""A file of answers: any part of a plan; and the command that takes it."""

from __future__ import annotations

import pytest
from homes import found
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import Shell, home, shell

from homelab.plan.document import PlanError, parse
from homelab.plan.file import read
from homelab.setup.answers import Answers, answers_of, onto
from homelab.setup.judge import base_of, judge, written
from homelab.setup.paper import fill

__all__ = ["home", "shell"]
NEW = base_of(None, "homelab.yaml")


def answers(text: str) -> Answers:
    """What a file says."""
    return answers_of(parse(text, "answers.yaml")[0])


def test_any_part_of_a_plan_will_do() -> None:
    said = answers(
        "version: 1\nnetwork:\n  dhcp: 192.168.1.101-200\n  hosts: {switch: 192.168.1.3}\n"
        "ingress: {external: {domain: cloud.smith.org}}\nstore: {storage: 5Gi}\n"
    )

    base = onto(NEW, said)
    values = fill(base, said.fields, found())[1]
    plan = read(written(base, values)).plan

    assert plan
    assert plan == judge(base, values, found()).plan
    assert (str(plan.network.dhcp), plan.store.storage) == ("192.168.1.101-192.168.1.200", "5Gi")
    assert [(host.name, str(host.address)) for host in plan.network.hosts] == [("switch", "192.168.1.3")]
    assert [node.name for node in plan.nodes] == ["master1", "node1", "node2"]


def test_an_unknown_answer_is_told_with_the_key_that_was_meant() -> None:
    said = answers("store: {storrage: 5Gi}\n")
    base = onto(NEW, said)

    fixes = [one.fix for one in judge(base, fill(base, said.fields, found())[1], found()).findings]

    assert "write `storage`" in fixes


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
        base = onto(NEW, said)
    except PlanError:
        return
    judge(base, fill(base, said.fields, found())[1], found())


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
