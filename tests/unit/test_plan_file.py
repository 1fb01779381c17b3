"""Reading a plan somebody wrote by hand, changing one value, writing it back whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homelab.finding import Finding
from homelab.plan.checks import findings_of
from homelab.plan.file import PlanError, Reading, initial, load, read, save
from homelab.plan.model import Plan, keys

SMALLEST = """\
version: 1
network: {lan: 10.0.0.0/24, gateway: 10.0.0.1}
nodes:
  pi: {address: 10.0.0.5}
load_balancer: {pool: 10.0.0.16/28}
ingress:
  internal: {address: 10.0.0.20, domain: in.home.test}
  external: {address: 10.0.0.21, domain: out.home.test}
"""


def understood(text: str) -> Plan:
    reading = read(text)
    assert reading.plan, reading.findings
    return reading.plan


def only_finding(text: str) -> Finding:
    reading = read(text)
    assert reading.plan is None
    (finding,) = reading.findings
    return finding


def changed(old: str, new: str, text: str | None = None) -> str:
    """The article's plan with one piece of text replaced."""
    text = text or initial()
    assert text.count(old) == 1, old
    return text.replace(old, new)


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


def reading_of(text: str) -> Reading:
    reading = read(text)
    assert reading.plan
    return reading


def test_changing_one_value_leaves_its_comment_and_every_other_line_alone() -> None:
    text = reading_of(initial()).with_value("ingress.internal.domain", "internal.home.test")

    assert text == initial().replace("domain: internal.domain.com ", "domain: internal.home.test ")


plain_values = st.one_of(st.none(), st.booleans(), st.integers(0, 10**6), st.text(max_size=30), st.ip_addresses(v=4))
leaves = st.sampled_from(
    (
        *("version", "network.lan", "network.reserved", "network.hosts.switch", "network.trusted", "cluster.pods"),
        *("nodes.node1.address", "ingress.external.domain", "store.storage", "certificates.email", "router.kind"),
    )
)


@given(leaves, plain_values)
def test_any_value_is_read_back_as_it_was_written_and_every_other_line_is_the_same(path: str, value: object) -> None:
    before = read(initial())

    text = before.with_value(path, value)  # type: ignore[arg-type]

    lines = zip(initial().split("\n"), text.split("\n"), strict=True)
    assert {number for number, (old, new) in enumerate(lines, 1) if old != new} <= {before.line(path)}
    entry = read(text).document.entry(path)
    assert entry and getattr(entry.value, "text", None) == written(value)


def written(value: object) -> str:
    """How a value reads in YAML."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_quotes_stay_as_they_were(quote: str) -> None:
    text = changed("domain: in.home.test", f"domain: {quote}in.home.test{quote}", SMALLEST)

    assert f"domain: {quote}x.test{quote}}}" in reading_of(text).with_value("ingress.internal.domain", "x.test")


@pytest.mark.parametrize("value", ["null", "true", "12", "a: b", "# no", "", " ", "*", 'é\n\t"\\', "2026-01-01"])
def test_text_that_yaml_would_take_for_something_else_gets_quotes(value: str) -> None:
    text = reading_of(SMALLEST).with_value("certificates.profile", value)

    entry = read(text).document.entry("certificates.profile")
    assert entry and (getattr(entry.value, "kind", ""), getattr(entry.value, "text", "")) == ("text", value)


def test_a_missing_key_is_added_at_the_end_of_its_section() -> None:
    text = reading_of(SMALLEST).with_value("nodes.pi2.address", IPv4Address("10.0.0.6"))

    pi = "  pi: {address: 10.0.0.5}\n"
    assert text == changed(pi, f"{pi}  pi2:\n    address: 10.0.0.6\n", SMALLEST)


def test_a_missing_key_is_added_within_braces() -> None:
    text = reading_of(SMALLEST).with_value("network.trusted", [IPv4Network("10.8.0.0/24")])

    assert text == changed("gateway: 10.0.0.1}", "gateway: 10.0.0.1, trusted: [10.8.0.0/24]}", SMALLEST)


def test_a_missing_section_is_added_at_the_end_of_the_file_even_without_a_last_newline() -> None:
    text = reading_of(SMALLEST.rstrip()).with_value("certificates.email", "anna@home.test")

    assert text == SMALLEST.rstrip() + "\ncertificates:\n  email: anna@home.test"


def test_an_empty_section_is_filled_where_it_stands() -> None:
    text = reading_of(SMALLEST + "store:  # later\n").with_value("store.servers", 1)

    assert text == SMALLEST + "store: {servers: 1}  # later\n"


def test_a_list_of_lines_stays_one() -> None:
    section = "network:\n  lan: 10.0.0.0/24\n  gateway: 10.0.0.1\n  reserved:\n  - 10.0.0.2  # mine\n# end"
    reading = reading_of(changed("network: {lan: 10.0.0.0/24, gateway: 10.0.0.1}", section, SMALLEST))

    two, none = (reading.with_value("network.reserved", value) for value in (["10.0.0.8", "10.0.0.9"], []))

    assert "  reserved:\n  - 10.0.0.8\n  - 10.0.0.9  # mine\n# end\n" in two
    assert "  reserved: []  # mine\n# end\n" in none


def test_setting_a_section_keeps_the_comments_of_what_stays() -> None:
    nodes = {
        "master1": {"address": "192.168.1.50", "role": "control-plane"},
        "node2": {"address": "192.168.1.99"},
        "pi.home": {"address": "192.168.1.57"},
    }

    text = reading_of(initial()).with_value("nodes", nodes)

    kept = initial().splitlines(True)
    kept = [line.replace(".56}", ".99}") for line in kept if "node1:" not in line]
    after = next(i for i, line in enumerate(kept) if "node2:" in line) + 1
    assert text.splitlines(True) == [*kept[:after], "  pi.home:\n", "    address: 192.168.1.57\n", *kept[after:]]


def test_windows_line_ends_stay() -> None:
    text = reading_of(SMALLEST.replace("\n", "\r\n")).with_value("store", {"servers": 1})

    assert text == (SMALLEST + "store:\n  servers: 1").replace("\n", "\r\n") + "\r\n"


def test_a_key_is_taken_out_with_its_lines() -> None:
    text = reading_of(initial()).without("nodes.master1")

    gone = ("master1:", "address: 192.168.1.50", "role:")
    assert text.splitlines() == [line for line in initial().splitlines() if not line.strip().startswith(gone)]


@pytest.mark.parametrize(
    ("path", "left"), [("network.lan", "{gateway: 10.0.0.1}"), ("network.gateway", "{lan: 10.0.0.0/24}")]
)
def test_a_key_is_taken_out_of_braces(path: str, left: str) -> None:
    assert read(SMALLEST).without(path) == changed("{lan: 10.0.0.0/24, gateway: 10.0.0.1}", left, SMALLEST)


def test_the_last_key_of_a_section_leaves_an_empty_one() -> None:
    assert read(SMALLEST).without("nodes.pi") == changed("nodes:\n  pi: {address: 10.0.0.5}", "nodes: {}", SMALLEST)


def test_taking_out_what_is_not_there_changes_nothing() -> None:
    assert read(SMALLEST).without("nodes.ghost") == SMALLEST


def test_nothing_can_be_set_below_a_plain_value() -> None:
    with pytest.raises(PlanError, match=r"network\.lan\.x cannot be set, since network\.lan is no section"):
        read(SMALLEST).with_value("network.lan.x", 1)


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "? a\n: 1\n", "b: &x 1\na: *x\n", "- a\n", ""])
def test_what_cannot_be_changed_safely_is_left_to_the_person(text: str) -> None:
    with pytest.raises(PlanError, match=r"^homelab\.yaml.*(edit this line by hand|is no section with keys)$"):
        read(text).with_value("a" if "? a" not in text else "new", 3)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_plan_is_its_owner_s_alone(tmp_path: Path) -> None:
    save(tmp_path / "homelab.yaml", "é\r\n")

    assert (tmp_path / "homelab.yaml").read_bytes() == "é\r\n".encode()
    assert mode(tmp_path / "homelab.yaml") == 0o600


def test_a_plan_keeps_its_mode_and_leaves_no_other_file(tmp_path: Path) -> None:
    file = tmp_path / "homelab.yaml"
    file.write_text("old")
    file.chmod(0o640)

    save(file, "new")

    assert (file.read_text(), mode(file)) == ("new", 0o640)
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    file, link = tmp_path / "real" / "homelab.yaml", tmp_path / "link.yaml"
    file.write_text("old")
    link.symlink_to(file)

    save(link, "new")

    assert link.is_symlink()
    assert file.read_text() == "new"


@pytest.mark.parametrize("step", ["fsync", "replace", "fchmod"])
def test_whatever_fails_the_old_file_is_whole_and_nothing_is_left_over(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "homelab.yaml"
    file.write_text("old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(PlanError, match=r"was not written: No space left on device"):
        save(file, "new")

    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_ctrl_c_while_writing_leaves_nothing_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "homelab.yaml", "new")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_and_a_link_to_itself_are_one_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)

    for path in (tmp_path / "no" / "homelab.yaml", loop):
        with pytest.raises(PlanError, match=r"was not written") as caught:
            save(path, "new")
        assert len(str(caught.value).splitlines()) == 1
