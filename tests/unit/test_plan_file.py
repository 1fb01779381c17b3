"""Reading a plan somebody wrote by hand, or something that is none."""

from __future__ import annotations

import json
import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import SMALLEST, changed

from homelab.finding import Finding
from homelab.plan.checks import findings_of
from homelab.plan.file import PlanError, initial, load, read
from homelab.plan.model import Plan, keys


def understood(text: str) -> Plan:
    reading = read(text)
    assert reading.plan, reading.findings
    return reading.plan


def only_finding(text: str) -> Finding:
    reading = read(text)
    assert reading.plan is None
    (finding,) = reading.findings
    return finding


def said(finding: Finding) -> str:
    return f"{finding.what} {finding.why} {finding.fix}"


def test_the_plan_that_init_writes_is_the_article_s() -> None:
    plan = understood(initial())

    assert plan.network.lan == IPv4Network("192.168.1.0/24")
    assert str(plan.load_balancer.pool) == "192.168.1.17-192.168.1.30"
    assert [node.name for node in plan.nodes] == ["master1", "node1", "node2"]
    assert plan.ingress.external.domain == "cloud.domain.com"
    assert (plan.store.servers, plan.certificates.environment, plan.router.kind) == (3, "staging", "dnsmasq")


def test_the_plan_that_init_writes_explains_every_key_in_lines_that_fit_a_terminal() -> None:
    lines = initial().splitlines()
    reading = read(initial())

    assert max(map(len, lines)) <= 100
    for key in keys():
        line = reading.line(key.replace("hosts.NAME", "hosts.switch").replace("NAME", "master1"))
        assert line and "  # " in lines[line - 1], key


def test_what_is_the_same_in_every_home_may_be_left_out() -> None:
    plan = understood(SMALLEST)

    assert plan.network.dns == IPv4Address("10.0.0.1")
    assert (plan.network.dhcp, plan.network.reserved, plan.network.hosts) == (None, (), ())
    assert plan.nodes[0].role == "worker"
    assert (plan.ingress.internal.replicas, plan.store, plan.router.kind) == (2, understood(initial()).store, "dnsmasq")


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("version: 1\n", "version"),
        ("nodes:\n  pi: {address: 10.0.0.5}\n", "nodes"),
        ("load_balancer: {pool: 10.0.0.16/28}\n", "load_balancer"),
        ("  external: {address: 10.0.0.21, domain: out.home.test}\n", "ingress.external"),
        (", gateway: 10.0.0.1", "network.gateway"),
        ("lan: 10.0.0.0/24, ", "network.lan"),
        (", domain: in.home.test", "ingress.internal.domain"),
    ],
)
def test_what_differs_from_home_to_home_must_be_said(line: str, path: str) -> None:
    finding = only_finding(changed(line, "", SMALLEST))

    assert finding.at == path
    assert "is missing" in finding.what
    assert path.rpartition(".")[2] in finding.fix


def test_a_missing_key_points_at_the_section_that_lacks_it() -> None:
    assert only_finding(changed(", domain: in.home.test", "", SMALLEST)).line == 7


def test_an_empty_section_is_as_good_as_none() -> None:
    assert understood(SMALLEST + "store:\ncertificates: null\n") == understood(SMALLEST)


def test_a_misspelt_key_is_answered_with_the_one_that_was_meant_and_not_called_missing_as_well() -> None:
    finding = only_finding(changed("gateway: 10.0.0.1", "gatway: 10.0.0.1", SMALLEST))

    assert (finding.at, finding.line) == ("network.gatway", 2)
    assert finding.fix == "write `gateway`"


def test_a_key_in_the_wrong_section_is_sent_to_the_right_one() -> None:
    assert only_finding(SMALLEST + "pool: 10.0.0.16/28\n").fix == "move it under `load_balancer`"


def test_a_key_that_resembles_nothing_is_to_be_deleted() -> None:
    finding = only_finding(SMALLEST + "zzz: 1\n")

    assert (finding.at, finding.line) == ("zzz", 9)
    assert "delete the line" in finding.fix


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("lan: 10.0.0.0/24", "lan: 10.0.0.5/24", "network.lan", "write 10.0.0.0/24"),
        ("lan: 10.0.0.0/24", "lan: 10.0.0.0", "network.lan", "lacks the length"),
        ("lan: 10.0.0.0/24", "lan: 'fd00::/64'", "network.lan", "is IPv6"),
        ("gateway: 10.0.0.1", "gateway: 10.0.0.01", "network.gateway", "write 10.0.0.1"),
        ("gateway: 10.0.0.1", "gateway: 10.0.0.256", "network.gateway", "from 0 to 255"),
        ("gateway: 10.0.0.1", "gateway: 10.0", "network.gateway", "four numbers"),
        ("gateway: 10.0.0.1", "gateway: true", "network.gateway", "cannot be read"),
        ("gateway: 10.0.0.1", "gateway: null", "network.gateway", "nothing is written"),
        ("gateway: 10.0.0.1", "gateway: [10.0.0.1]", "network.gateway", "a list"),
        ("gateway: 10.0.0.1", "gateway: {a: 1}", "network.gateway", "a section"),
        ("pool: 10.0.0.16/28", "pool: 10.0.0.16-31", "load_balancer.pool", "write 10.0.0.16-10.0.0.31"),
        ("pool: 10.0.0.16/28", "pool: 10.0.0.31-10.0.0.16", "load_balancer.pool", "write 10.0.0.16-10.0.0.31"),
        ("pool: 10.0.0.16/28", "pool: 10.0.0.17/28", "load_balancer.pool", "write 10.0.0.16/28"),
        ("domain: in.home.test", "domain: true", "ingress.internal.domain", 'write it in quotes: "true"'),
        ("domain: in.home.test", "domain: 12", "ingress.internal.domain", "a number, not text"),
        ("domain: in.home.test", "domain: 2026-01-01", "ingress.internal.domain", "a date, not text"),
        ("domain: in.home.test", "domain: ~", "ingress.internal.domain", "nothing is written"),
        ("domain: in.home.test", "domain: ''", "ingress.internal.domain", "nothing is written"),
        ("domain: in.home.test", "domain: [a]", "ingress.internal.domain", "a list"),
        ("domain: in.home.test", "domain: a, replicas: 02", "ingress.internal.replicas", "leading zero"),
        ("domain: in.home.test", "domain: a, replicas: 0x2", "ingress.internal.replicas", "whole number"),
        ("domain: in.home.test", "domain: a, replicas: 1.5", "ingress.internal.replicas", "whole number"),
        ("domain: in.home.test", "domain: a, replicas: '2'", "ingress.internal.replicas", "without quotes"),
        ("domain: in.home.test", "domain: a, replicas: two", "ingress.internal.replicas", "whole number"),
        ("{address: 10.0.0.5}", "{address: 10.0.0.5, role: boss}", "nodes.pi.role", "control-plane or worker"),
        ("{address: 10.0.0.5}", "10.0.0.5", "nodes.pi", "a section with keys"),
        ("{address: 10.0.0.5}", "{adress: 10.0.0.5}", "nodes.pi.adress", "write `address`"),
        ("nodes:\n  pi: {address: 10.0.0.5}", "nodes: [10.0.0.5]", "nodes", "names with addresses"),
        ("gateway: 10.0.0.1", "gateway: 10.0.0.1, trusted: 10.8.0.0/24", "network.trusted", "a list"),
        ("gateway: 10.0.0.1", "gateway: 10.0.0.1, trusted: [10.8.0.0/24, x]", "network.trusted[1]", "first address"),
        ("gateway: 10.0.0.1", "gateway: 10.0.0.1, hosts: {tv: maybe}", "network.hosts.tv", "four numbers"),
        ("version: 1", "version: 2", "version", "reads version 1"),
        ("version: 1", "version: [1]", "version", "version a list"),
    ],
)
def test_a_value_of_the_wrong_form_is_named_with_the_fix(old: str, new: str, at: str, words: str) -> None:
    finding = only_finding(changed(old, new, SMALLEST))

    assert finding.at == at
    assert words in said(finding)
    assert finding.line == SMALLEST[: SMALLEST.index(old.rpartition("\n")[2])].count("\n") + (0 if at == "nodes" else 1)


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    text = changed("gateway: 10.0.0.1", "gateway: x", SMALLEST)
    reading = read(changed("in.home.test", "true", changed("{address: 10.0.0.5}", "{address: y}", text)))

    assert [finding.line for finding in reading.findings] == [2, 4, 7]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("version: 1\nnetwork:\n\tlan: 10.0.0.0/24\n", 3, "replace the tab with spaces"),
        ("version: 1\nversion: 1\n", 2, "written twice, first in line 1"),
        ("a: [1, 2\nb: 3\n", 2, "brackets are not closed"),
        ("a: 'b\nc: d\n", 1, "never closed"),
        ("a: b: c\n", 1, "a `:` stands where"),
        ("a:\n  b: 1\n c: 2\n", 3, "line up"),
        ("a: @b\n", 1, "in quotes"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: &x 1\nb: *x\n", 2, "alias"),
        ("a: *x\n", 1, "put text that begins with `*` in quotes"),
        ("&a [*a]\n", 1, "alias"),
        ("a: !!python/object:os.system x\n", 1, "has a tag"),
        ("a: \x00\n", 1, "invisible character"),
        ("%YAML 9.9\n---\na: 1\n", 1, "delete the line"),
        ("? [a]\n: b\n", 1, "one word"),
        ("[" * 800, None, "nested too deep"),
        ("- a\n- b\n", None, "the file is a list"),
        ("only text\n", None, "the file is text"),
        ("", None, "the file is empty"),
        ("# only a comment\n", None, "the file is empty"),
        ("~\n", None, "the file is nothing"),
    ],
)
def test_what_is_no_plan_at_all_is_said_in_plain_words(text: str, line: int | None, words: str) -> None:
    finding = only_finding(text)

    assert finding.line == line
    assert words in said(finding)
    assert "ruamel" not in said(finding) and "unicode string" not in said(finding)


@given(st.text())
def test_no_text_makes_reading_raise(text: str) -> None:
    reading = read(text)

    assert reading.plan is None
    assert reading.findings and all(finding.is_error and finding.fix for finding in reading.findings)


@given(st.data())
def test_no_slip_of_the_hand_makes_reading_raise(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SMALLEST)))
    end = data.draw(st.integers(start, min(start + 20, len(SMALLEST))))
    reading = read(SMALLEST[:start] + data.draw(st.text("\t\n :{}[],-#&*!|>'\"%@a1.", max_size=5)) + SMALLEST[end:])

    assert (reading.plan is None) == bool(reading.findings)


def test_lines_are_those_an_editor_shows() -> None:
    reading = read("\ufeff" + SMALLEST.replace("\n", "\r\n"))

    assert reading.plan == understood(SMALLEST)
    assert reading.line("ingress.internal.address") == 7
    assert reading.line("nodes.pi") == 4
    assert reading.line("ingress.internal.replicas") == 7
    assert reading.line("store.servers") is None


def test_an_entry_of_a_list_has_its_own_line() -> None:
    reading = read("network:\n  reserved:\n    - 10.0.0.2\n    - 10.0.0.3-10.0.0.4\n")

    assert reading.line("network.reserved[1]") == 4
    assert reading.line("network.reserved[7]") == 2


def test_the_first_file_that_is_there_is_read(tmp_path: Path) -> None:
    (tmp_path / "second.yaml").write_text(SMALLEST)

    reading = load(tmp_path / "first.yaml", tmp_path / "second.yaml")

    assert reading.plan == understood(SMALLEST)
    assert reading.name == str(tmp_path / "second.yaml")


def test_without_a_file_one_line_says_where_it_was_sought_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load(tmp_path / "a.yaml", tmp_path / "b.yaml")

    (line,) = str(caught.value).splitlines()
    assert str(tmp_path / "a.yaml") in line and str(tmp_path / "b.yaml") in line
    assert "homelab-tui plan init" in line


def no_plan(path: Path) -> str:
    """The one line that is said of a file that is not even read."""
    with pytest.raises(PlanError) as caught:
        load(path)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{path} ")
    return line


def test_what_is_no_regular_file_is_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    for path in (tmp_path, tmp_path / "fifo", Path("/dev/zero")):
        assert "is no regular file" in no_plan(path)


def test_a_file_that_is_too_large_to_be_a_plan_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "homelab.yaml"
    file.write_text(SMALLEST.ljust(2**20))
    assert load(file).plan

    file.write_text(SMALLEST.ljust(2**20 + 1))
    assert "is larger than 1 MiB" in no_plan(file)


def test_a_link_that_leads_to_itself_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "homelab.yaml").symlink_to("homelab.yaml")

    assert "is a link that leads to itself" in no_plan(tmp_path / "homelab.yaml")


LONG = 'ab `c" ' * 1000
HOSTILE = [LONG, "x" * 9000, "a\nb\rc\u2028d", "0" * 5000, "00.0.0." + "7" * 5000, "!" + "t" * 500]


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: value[:6].encode().hex())
@pytest.mark.parametrize("place", ["text", "number", "address", "network", "range", "choice", "key", "node", "version"])
def test_no_finding_repeats_a_long_value_or_breaks_its_line(value: str, place: str) -> None:
    written = json.dumps(value)
    text = {
        "text": changed("domain: cloud.domain.com", f"domain: {written}"),
        "number": SMALLEST.replace("internal: {", f"internal: {{replicas: {written}, "),
        "address": SMALLEST.replace("gateway: 10.0.0.1", f"gateway: {written}"),
        "network": SMALLEST.replace("lan: 10.0.0.0/24", f"lan: {written}"),
        "range": SMALLEST.replace("pool: 10.0.0.16/28", f"pool: {written}"),
        "choice": SMALLEST.replace("pi: {", f"pi: {{role: {written}, "),
        "key": f"{SMALLEST}? {written}\n: 1\n? {written}\n: 2\n",
        "node": SMALLEST.replace("pi: {address: 10.0.0.5}", f"? {written}\n  : {{adress: 10.0.0.5}}"),
        "version": SMALLEST.replace("version: 1", f"version: {written}"),
    }[place]

    findings = findings_of(read(text))

    assert findings
    for finding in findings:
        assert len(finding.text("homelab.yaml").splitlines()) == 3
        assert all(len(part) <= 400 for part in (finding.what, finding.why, finding.fix)), finding


def test_a_file_in_another_encoding_is_a_finding_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "homelab.yaml"
    file.write_bytes(b"version: 1\n# caf\xe9\n")

    (finding,) = load(file).findings

    assert (finding.line, finding.is_error) == (2, True)
    assert "UTF-8" in finding.fix
