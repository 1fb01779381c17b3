"""Changing one value of a plan, and writing it back whole or not at all."""

from __future__ import annotations

import os
import stat
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import SMALLEST, changed

from homelab.plan.file import PlanError, Reading, initial, read, save


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
