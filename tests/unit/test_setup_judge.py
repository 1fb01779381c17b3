"""Whatever is typed into a field is judged beside it, at once, and never upsets the set-up."""

from __future__ import annotations

import time
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from homes import NODES, found, machine
from hypothesis import given, settings
from hypothesis import strategies as st

from homelab.finding import Finding, Severity
from homelab.plan.document import PlanError
from homelab.plan.file import initial, read
from homelab.setup.around import wireless
from homelab.setup.fields import COMPUTED, FIELDS, OF_PLAN, field_of, step_of
from homelab.setup.judge import Base, base_of, judge, provisional, written
from homelab.setup.model import Found, Judged
from homelab.setup.paper import Paper, fill
from homelab.setup.standins import STANDINS

NEW = base_of(None, "homelab.yaml")
FINE = {"network.dhcp": "192.168.1.101-200", "ingress.external.domain": "cloud.smith.org"}
TYPED = st.text(max_size=40) | st.text(alphabet="0123456789./-,: =ab", max_size=40)


def judged(base: Base = NEW, seen: Found | None = None, /, **answers: str) -> Judged:
    """What the article's home amounts to with these answers; `__` stands for a dot."""
    seen = seen or found()
    typed = {path.replace("__", "."): text for path, text in answers.items()}
    return judge(base, fill(base, {**FINE, **typed}, seen)[1], seen)


def only(at: str, found: Judged) -> Finding:
    (finding,) = (one for one in found.findings if field_of(one.at) == at)
    return finding


@pytest.mark.parametrize(
    ("path", "text", "what"),
    [
        ("network.gateway", "", "nothing is written here"),
        ("network.gateway", "   ", "nothing is written here"),
        ("network.gateway", "fe80::1", "`fe80::1` is IPv6"),
        ("network.lan", "192.168.1.7/24", "`192.168.1.7/24` is not the first address of its network"),
        ("load_balancer.pool", "192.168.1.30-192.168.1.17", "`192.168.1.30-192.168.1.17` ends before it begins"),
        ("load_balancer.pool", "192.168.1.90-120", "192.168.1.101-192.168.1.120"),
        ("ingress.internal.address", "192.168.1.40", "192.168.1.40 is not in the pool"),
        ("network.hosts", "192.168.1.3", "`192.168.1.3` is not a name with an address"),
        ("network.hosts", "tv 192.168.1.3, tv 192.168.1.4", "`tv` stands here twice"),
        ("ingress.external.domain", "*.smith.org", "`*.smith.org` begins with a wildcard"),
        ("router.kind", "netgear", "`netgear` is none of the words"),
        ("certificates.email", "anna", "anna"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(path: str, text: str, what: str) -> None:
    found = judged(**{path.replace(".", "__"): text})

    finding = only(path, found)

    assert what in finding.what
    assert finding.is_error


def test_a_wrong_field_does_not_hide_what_is_wrong_elsewhere() -> None:
    answers = {"ingress__external__domain": "", "network__gateway": "x", "ingress__internal__address": "192.168.1.40"}

    found = judged(**answers)

    assert found.plan is None
    errors = {one.at for one in found.findings if one.is_error}
    assert errors == {"ingress.external.domain", "network.gateway", "ingress.internal.address"}


@pytest.mark.parametrize("path", sorted(set(OF_PLAN) - set(COMPUTED)))
def test_one_wrong_field_makes_no_other_wrong(path: str) -> None:
    """Whatever takes its place while the others are looked at must not be seen."""
    values = fill(NEW, FINE, found())[1]

    found_here = judge(NEW, {**values, path: "a b: c"}, found())

    assert {field_of(one.at) for one in found_here.findings} <= {path}


@pytest.mark.parametrize(
    "text", [", ".join(f"192.168.1.{at % 250}" for at in range(3000)), "," * 100_000, "a 192.168.1.3, " * 300]
)
@pytest.mark.parametrize("path", ["network.reserved", "network.hosts", "nodes", "network.trusted"])
def test_far_too_much_is_refused_plainly_and_at_once(path: str, text: str) -> None:
    begun = time.monotonic()

    finding = only(path, judged(**{path.replace(".", "__"): text}))

    assert "stand here" in finding.what and "by hand" in finding.fix
    assert time.monotonic() - begun < 1  # 3,000 ranges that are looked at: 12 seconds


def test_without_nodes_nobody_is_told_to_write_what_has_no_field() -> None:
    found_here = judged(NEW, Found(machine=machine()))

    assert {one.at for one in found_here.findings if one.is_error} == {"nodes"}


def test_a_pool_that_is_too_large_to_ask_for_is_told() -> None:
    wide = {"network__lan": "192.168.0.0/16", "network__dhcp": "", "load_balancer__pool": "192.168.8.0-192.168.9.255"}
    addresses = {"ingress__internal__address": "192.168.8.3", "ingress__external__address": "192.168.8.4"}

    finding = only("load_balancer.pool", judged(NEW, found(where=machine("192.168.1.50/16")), **wide, **addresses))

    assert (finding.what, finding.is_error) == ("nobody is asked whether its 512 addresses are free", False)


def test_the_short_form_of_a_range_is_written_out() -> None:
    found = judged(network__dhcp="192.168.1.101-150", network__reserved="192.168.1.2-9, 192.168.1.12")

    assert found.plan
    assert str(found.plan.network.dhcp) == "192.168.1.101-192.168.1.150"
    assert [str(one) for one in found.plan.network.reserved] == ["192.168.1.2-192.168.1.9", "192.168.1.12-192.168.1.12"]


def test_this_machine_s_own_address_is_not_for_the_cluster() -> None:
    seen = found(where=machine("192.168.1.20/24"), nodes=NODES[1:])

    found_here = judged(NEW, seen, load_balancer__pool="192.168.1.17-30", ingress__internal__address="192.168.1.20")

    assert only("ingress.internal.address", found_here).what == "192.168.1.20 is this very machine's own address"
    assert only("load_balancer.pool", found_here).what == "192.168.1.20 is this very machine's own address"


def test_who_answers_on_the_lan_is_named_by_its_mac() -> None:
    seen = found("192.168.1.20")

    found_here = judged(NEW, seen, load_balancer__pool="192.168.1.17-30", ingress__internal__address="192.168.1.20")

    finding = only("ingress.internal.address", found_here)
    assert finding.what == "192.168.1.20 already answers on the LAN"
    assert "02:00:00:00:00:99" in finding.why
    assert only("load_balancer.pool", found_here).is_error


@settings(max_examples=50)
@given(st.sampled_from(OF_PLAN), TYPED)
def test_any_text_in_any_field_is_judged(path: str, text: str) -> None:
    values = fill(NEW, {**FINE, path: text}, found())[1]

    found_here = judge(NEW, values, found())

    provisional(NEW, values)
    assert found_here.plan or any(one.is_error for one in found_here.findings)


@settings(max_examples=50)
@given(st.sampled_from([path for path in OF_PLAN if path != "ingress.external.config"]), TYPED)
def test_the_file_says_what_was_judged(path: str, text: str) -> None:
    values = fill(NEW, {**FINE, path: text}, found())[1]

    if (plan := judge(NEW, values, found()).plan) and text.isprintable():
        assert read(written(NEW, values)).plan == plan


def test_there_are_standins_for_every_field_and_a_step() -> None:
    assert set(STANDINS) == set(OF_PLAN)
    assert step_of("nodes.master1.address") == "nodes"
    assert all(len(field.label) <= 17 for fields in FIELDS.values() for field in fields)


# The file


def test_a_plan_that_is_there_keeps_its_comments_and_what_is_not_asked() -> None:
    text = initial().replace("domain.com", "smith.org").replace("storage: 1Gi ", "storage: 5Gi ")
    base = base_of(read(text), "homelab.yaml")

    values = fill(base, {"ingress.internal.address": "192.168.1.22"}, found())[1]

    assert written(base, values) == text.replace("address: 192.168.1.20 ", "address: 192.168.1.22 ")


def test_a_key_that_has_its_default_anyway_is_not_added() -> None:
    text = (
        "version: 1\nnetwork: {lan: 192.168.1.0/24, gateway: 192.168.1.1}\n"
        "nodes: {master1: {address: 192.168.1.50, role: control-plane}}\n"
        "load_balancer: {pool: 192.168.1.17-192.168.1.30}\n"
        "ingress:\n  internal: {address: 192.168.1.20, domain: internal.smith.org}\n"
        "  external: {address: 192.168.1.21, domain: cloud.smith.org}\n"
    )
    base = base_of(read(text), "homelab.yaml")

    values = fill(base, {"network.dhcp": "192.168.1.100-199"}, found())[1]

    short = "gateway: 192.168.1.1}"
    assert written(base, values) == text.replace(short, f"{short[:-1]}, dhcp: 192.168.1.100-192.168.1.199}}")


def test_a_new_plan_has_the_article_s_comments_in_their_column() -> None:
    values = fill(NEW, FINE, found())[1]

    lines = written(NEW, values).splitlines()

    assert "  hosts: {}                               # such machines, each with its address" in lines
    assert "    domain: cloud.smith.org               # public DNS leads all names below it to your home" in lines


def test_a_file_that_is_no_yaml_is_left_alone() -> None:
    base = base_of(read("network: [\n", "homelab.yaml"), "homelab.yaml")
    values = fill(base, FINE, found())[1]

    finding = judge(base, values, found()).findings[-1]

    assert "mend it by hand" in finding.fix
    with pytest.raises(PlanError):
        written(base, values)


# The machine


def test_wi_fi_on_a_node_is_told() -> None:
    (finding,) = wireless(machine(wireless=True), NODES)

    assert (finding.at, finding.is_error) == ("Node master1", False)
    assert list(wireless(machine(), NODES)) == []
    both = machine("10.0.0.5/24").interfaces + machine(wireless=True).interfaces
    assert [one.at for one in wireless(replace(machine(), interfaces=both), NODES)] == ["Node master1"]
    assert list(wireless(machine("192.168.1.99/24", wireless=True), NODES)) == []


def test_an_address_that_the_cluster_gave_itself_is_not_taken() -> None:
    seen = replace(found(), given=frozenset({IPv4Address("192.168.1.20")}))

    assert judged(NEW, seen, ingress__internal__address="192.168.1.20").plan


@pytest.mark.parametrize("path", ["ingress.external.config", "certificates.ca"])
def test_a_file_is_judged_and_written_by_its_whole_path(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plan lies elsewhere, and later commands run elsewhere."""
    monkeypatch.chdir(tmp_path)
    answers = {"certificates.server": "https://ca.smith.org/acme/directory", path: " lines.txt "}
    values = fill(NEW, {**FINE, **answers}, found())[1]

    (finding,) = (one for one in judge(NEW, values, found()).findings if one.at == path and one.is_error)

    assert finding.what.startswith(f"{tmp_path}/lines.txt cannot be read")
    assert f"{tmp_path}/lines.txt" in written(NEW, values)


def test_a_file_s_path_that_the_plan_says_already_stays_as_it_is() -> None:
    text = initial().replace("domain.com", "smith.org").replace("config: null ", "config: mine.conf ")
    base = base_of(read(text), "homelab.yaml")

    assert written(base, fill(base, {}, found())[1]) == text


def test_nodes_that_may_not_be_listed_are_told_as_that(tmp_path: Path) -> None:
    unseen = Finding(Severity.WARNING, "cluster Nodes", "nodes is forbidden", "", "")
    paper = Paper(tmp_path / "homelab.yaml", "cluster")

    paper.show(found=replace(found(nodes=()), findings=(unseen,)))

    assert only("nodes", paper.setup.judged).what == "this kubeconfig may not list the nodes"
    paper.answer("nodes", "master1 192.168.1.50")
    assert "may not list" not in only("nodes", paper.setup.judged).what
