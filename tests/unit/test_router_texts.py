"""What to set in the router: the same text every time, right for any plan, and for every kind a module of its own."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import Shell, home, plan, shell

from homelab.plan.file import initial, read
from homelab.plan.model import AddressRange, Node, Plan, RouterKind
from homelab.plan.router import Part, Topic, texts, title

__all__ = ["home", "plan", "shell"]

KINDS: tuple[RouterKind, ...] = get_args(RouterKind)
GOLDEN = Path(__file__).parent / "router"
DOCS = Path(__file__).parents[2] / "docs" / "router.md"


def article() -> Plan:
    """The article's home."""
    found = read(initial()).plan
    assert found
    return found


def of(parts: tuple[Part, ...], topic: Topic) -> str:
    """What is to be pasted, or filled in, for one topic."""
    return "\n".join(part.text for part in parts if part.topic == topic)


def with_dns(dns: str) -> Plan:
    """The article's home, where the LAN's machines ask another name server."""
    return replace(article(), network=replace(article().network, dns=IPv4Address(dns)))


# Every kind


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_module_and_says_something_of_every_topic(kind: RouterKind) -> None:
    parts = texts(replace(article(), router=replace(article().router, kind=kind)))

    assert {part.topic for part in parts} == set(get_args(Topic))
    assert all(part.where and part.text and part.notes for part in parts)
    assert title(kind)
    assert f"\n| `{kind}` " in DOCS.read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_the_article_s_text_is_as_it_was_read_and_approved(
    kind: RouterKind, home: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    (home / "homelab.yaml").write_text(initial())

    told = shell("router", kind)

    assert told.code == 0
    assert told.out == (GOLDEN / f"{kind}.txt").read_text()


addresses = st.integers(0x0A000000, 0x0AFFFFFF).map(IPv4Address)
names = st.one_of(st.text(max_size=70), st.from_regex(r"[a-z0-9][a-z0-9.-]{0,12}", fullmatch=True))
macs = st.from_regex(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", fullmatch=True)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any home, faulty ones too: nodes of any name, DHCP anywhere, a name server of its own."""
    found = article()
    first, last = sorted((draw(addresses), draw(addresses)))
    network = replace(
        found.network,
        lan=IPv4Network((draw(addresses), draw(st.integers(0, 32))), strict=False),
        dns=draw(st.sampled_from([found.network.gateway, first])),
        dhcp=draw(st.none() | st.just(AddressRange(first, last))),
    )
    nodes = tuple(Node(name, draw(addresses)) for name in draw(st.lists(names, unique=True, max_size=4)))
    return replace(found, network=network, nodes=nodes)


@given(plans(), st.dictionaries(names, macs, max_size=3), st.sampled_from(KINDS))
def test_any_plan_has_text_and_only_the_external_address_is_ever_forwarded(
    plan: Plan, known: dict[str, str], kind: RouterKind
) -> None:
    parts = texts(plan, {**known, **{node.name: "02:00:00:00:00:01" for node in plan.nodes[:1]}}, kind)

    forwarded = of(parts, "port forward")
    assert str(plan.ingress.external.address) in forwarded
    assert all(port in forwarded for port in ("80", "443"))
    assert str(plan.ingress.internal.address) not in re.findall(r"[\d.]+", forwarded)
    assert str(plan.ingress.internal.address) in of(parts, "wildcard DNS") or kind == "unifi"
    assert all(part.text.isprintable() or part.text.replace("\n", "").isprintable() for part in parts)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_dhcp_range_in_the_plan_there_is_nothing_to_set(kind: RouterKind) -> None:
    plan = replace(article(), network=replace(article().network, dhcp=None))

    (part,) = (part for part in texts(plan, kind=kind) if part.topic == "DHCP range and reservations")

    assert part.text == ""
    assert "not in the plan (network.dhcp)" in part.notes[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dhcp", ["192.168.1.200-192.168.2.20", "192.168.0.250-192.168.1.9", "10.0.0.5-10.0.0.9"])
def test_a_dhcp_range_that_leaves_the_lan_is_not_to_be_set(kind: RouterKind, dhcp: str) -> None:
    plan = replace(article(), network=replace(article().network, dhcp=AddressRange.parse(dhcp)))

    (part,) = (part for part in texts(plan, kind=kind) if part.topic == "DHCP range and reservations")

    assert (part.text, part.where) == ("", "nowhere")
    assert "lies outside the LAN (network.dhcp)" in part.notes[0]


# What would become part of a command

QUOTED = {"openwrt": r"'[^'\n]*'", "pi-hole": r"'[^'\n]*'", "mikrotik": r'"[^"$\[\]\\\n]*"'}
"""What the shells of these kinds take as it is."""
BARE = r"[\w@.=/,!:\[\] -]*"
"""What means nothing in them outside of that, but the names of options."""
odd = st.one_of(
    st.text(max_size=40), st.sampled_from(["a'; reboot;'", "$(reboot)", "`id`", 'a" b', "a\nb", "-x", "pi é"])
)


def with_names(name: str, internal: str, external: str) -> Plan:
    """The article's home, with a node and domains of these names."""
    found, ingress = article(), article().ingress
    named = replace(
        ingress,
        internal=replace(ingress.internal, domain=internal),
        external=replace(ingress.external, domain=external),
    )
    return replace(found, nodes=(Node(name, IPv4Address("192.168.1.60")),), ingress=named)


@given(odd, odd, odd, st.sampled_from(sorted(QUOTED)))
def test_no_name_becomes_part_of_a_command(name: str, internal: str, external: str, kind: RouterKind) -> None:
    parts = texts(with_names(name, internal, external), kind=kind)

    commands = [part.text for part in parts if not (part.form or part.text.startswith("FTLCONF_"))]
    pasted = [line for text in commands for line in text.split("\n")]
    outside = [re.sub(QUOTED[kind], "", line) for line in pasted]
    assert all(re.fullmatch(BARE, line, re.ASCII) for line in outside), outside
    if kind != "mikrotik":
        assert {shlex.split(line)[0] for line in pasted if line} <= {"uci", "service", "pihole-FTL"}
    assert all(text.isprintable() for part in parts for text in (part.where, *part.notes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_domain_that_is_none_leaves_its_part_without_text_and_says_why(kind: RouterKind) -> None:
    hostile = "home';reboot;'.test"

    parts = texts(with_names("pi", hostile, "out.home.test"), kind=kind)

    assert "reboot" not in str(parts)
    assert "INTERNAL-DOMAIN" not in "".join(part.text for part in parts)
    assert any("ingress.internal.domain is no DNS name" in note for part in parts for note in part.notes)
    assert "192.168.1.21" in of(parts, "port forward")
    assert of(parts, "port forward")


# What a router would take silently for something else


@pytest.mark.parametrize("kind", KINDS)
def test_a_mac_address_that_is_known_is_in_the_reservation_and_no_words_stand_for_it(kind: RouterKind) -> None:
    known = {node.name: f"02:00:00:00:00:0{number}" for number, node in enumerate(article().nodes)}

    text = of(texts(article(), known, kind), "DHCP range and reservations")

    assert all(mac in text for mac in known.values())
    assert "MAC-OF" not in text


@pytest.mark.parametrize("kind", ["dnsmasq", "dd-wrt", "pi-hole", "openwrt"])
@pytest.mark.parametrize("name", ["12h", "infinite", "ignore", "42", "pi.lan", "10.0.0.5", "Pi", "pi_1", "x" * 64])
def test_a_node_that_dnsmasq_cannot_tell_by_name_is_left_out_and_named(kind: RouterKind, name: str) -> None:
    plan = replace(article(), nodes=(Node(name, IPv4Address("192.168.1.60")),))

    parts = texts(plan, kind=kind)

    assert "192.168.1.60" not in of(parts, "DHCP range and reservations")
    notes = "\n".join(note for part in parts for note in part.notes)
    assert f"Left out, to be added as `MAC-OF-{name},192.168.1.60`" in notes
    assert "ip neigh show 192.168.1.60" in notes


def test_openwrt_counts_from_the_network_s_address_and_wants_a_number() -> None:
    network = replace(
        article().network,
        lan=IPv4Network("192.168.0.0/23"),
        dhcp=AddressRange(IPv4Address("192.168.1.4"), IPv4Address("192.168.1.9")),
    )

    text = of(texts(replace(article(), network=network), kind="openwrt"), "DHCP range and reservations")

    assert "uci set dhcp.lan.start='260'\nuci set dhcp.lan.limit='6'\n" in text


def test_unifi_hands_on_to_the_plan_s_own_name_server_and_else_names_each_host() -> None:
    handed_on = of(texts(with_dns("192.168.1.53"), kind="unifi"), "wildcard DNS")
    by_host = of(texts(article(), kind="unifi"), "wildcard DNS")
    public = of(texts(with_dns("1.1.1.1"), kind="unifi"), "wildcard DNS")

    assert handed_on == "Type: Forward Domain\nDomain Name: internal.domain.com\nDNS Server: 192.168.1.53"
    assert "Domain Name: whoami.internal.domain.com\nIP Address: 192.168.1.20" in by_host
    assert public == by_host
    assert "*" not in by_host


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_server_beside_the_router_is_named(kind: RouterKind) -> None:
    parts = texts(with_dns("192.168.1.53"), kind=kind)

    assert any("192.168.1.53" in note for part in parts if part.topic == "wildcard DNS" for note in part.notes)
    handed_out = [part for part in parts if part.topic == "DHCP range and reservations"]
    assert kind == "pi-hole" or any("192.168.1.53" in f"{part.text}{part.notes}" for part in handed_out)


# The command


def test_the_command_takes_the_plan_s_kind(plan: Path, shell: Shell) -> None:
    plan.write_text(plan.read_text().replace("kind: dnsmasq", "kind: mikrotik"))

    told = shell("router")

    assert (told.code, told.err) == (0, "")
    assert "\n/ip dns static add name=internal.pi-at-home.net " in told.out


def test_the_command_s_json_has_the_text_as_it_is(plan: Path, shell: Shell) -> None:
    told = json.loads(shell("router", "pi-hole", "--json").out)

    assert (told["kind"], told["title"]) == ("pi-hole", "Pi-hole v6")
    assert told["parts"][0]["text"].startswith("pihole-FTL --config misc.dnsmasq_lines '[\"address=/internal.pi-")
    assert set(told["parts"][0]) == {"topic", "where", "text", "notes", "form"}


def test_a_long_line_is_neither_wrapped_nor_indented(plan: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.headless.router.width", lambda: 40)

    lines = shell("router", "mikrotik").out.splitlines()

    assert any(line.startswith("/ip firewall nat") and len(line) > 100 for line in lines)
    assert all(len(line) <= 40 for line in lines if line.startswith(("- ", "  ", "==")))


def test_a_plan_with_errors_has_no_text_but_its_errors(plan: Path, shell: Shell) -> None:
    plan.write_text(plan.read_text().replace("domain: internal", "domain: Internal"))

    told = shell("router")

    assert (told.code, told.out) == (1, "")
    assert "ingress.internal.domain" in told.err


def test_a_kind_that_nobody_knows_is_wrong_use(plan: Path, shell: Shell) -> None:
    told = shell("router", "fritzbox")

    assert told.code == 2
    assert "adguard-home" in told.err
