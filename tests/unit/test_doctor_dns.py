"""What the doctor says of names, by who answers them with what."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from surroundings import LABEL, PLAN, ROUTER, Addresses, Around, Told, said

from homelab.doctor.result import State

INTERNAL, EXTERNAL = "internal.domain.com", "cloud.domain.com"
NAME, PUBLIC = f"{LABEL}.{INTERNAL}", f"{LABEL}.{EXTERNAL}"
INGRESS = ("192.168.1.20",)
WILDCARD: Addresses = {(NAME, "A", ROUTER): INGRESS, (INTERNAL, "A", ROUTER): INGRESS}


async def test_the_wildcard_and_the_domain_itself_are_asked_of_the_router() -> None:
    found = await said("dns-internal", names=Told(WILDCARD))

    assert (found.state, found.what) == (
        State.OK,
        "*.internal.domain.com and the domain itself lead to 192.168.1.20",
    )


async def test_a_wildcard_without_the_domain_itself_is_a_warning() -> None:
    found = await said("dns-internal", names=Told({(NAME, "A", ROUTER): INGRESS}))

    assert found.state is State.WARNING
    assert "but not internal.domain.com itself" in found.what


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (Told(), f"192.168.1.1 has no address for {NAME}"),
        (Told({(NAME, "A", ROUTER): ("192.168.1.99",)}), "leads *.internal.domain.com to 192.168.1.99, not to"),
        (Told({(NAME, "A", ROUTER): ("192.168.1.20", "192.168.1.99")}), "to 192.168.1.20, 192.168.1.99, not to"),
        (Told(silent=[ROUTER]), "192.168.1.1 did not answer"),
    ],
)
async def test_what_the_router_does_not_answer_well_is_an_error_with_a_fix(names: Told, what: str) -> None:
    found = await said("dns-internal", names=names)

    assert found.state is State.ERROR
    assert what in found.what
    assert found.why
    assert found.fix


async def test_a_name_server_that_drops_what_the_gateway_gives_is_told_of_rebinding() -> None:
    network = replace(PLAN.network, dns=IPv4Address("192.168.1.2"))

    found = await said("dns-internal", names=Told(WILDCARD), plan=replace(PLAN, network=network))

    assert found.state is State.ERROR
    assert found.what == f"the gateway 192.168.1.1 answers {NAME}, but 192.168.1.2 does not"
    assert "rebind-domain-ok" in found.fix


async def test_this_machine_is_well_when_its_resolver_gives_the_ingress() -> None:
    assert (await said("dns-system", names=Told({(NAME, "A", None): INGRESS}))).state is State.OK


async def test_a_resolver_that_drops_what_the_router_gives_is_told_of_rebinding() -> None:
    found = await said("dns-system", names=Told(WILDCARD), around=Around({}, resolvers=("127.0.0.53",)))

    assert found.state is State.ERROR
    assert f"192.168.1.1 answers {NAME}, but this machine's resolver does not; it asks 127.0.0.53" == found.what
    assert "rebind-domain-ok=/internal.domain.com/" in found.fix


async def test_a_resolver_that_is_the_router_only_remembers() -> None:
    found = await said("dns-system", names=Told(WILDCARD))

    assert found.state is State.ERROR
    assert "try again" in found.fix


async def test_ipv6_without_an_answer_is_well() -> None:
    assert (await said("dns-aaaa", names=Told(WILDCARD))).state is State.OK


async def test_no_such_name_for_ipv6_is_a_warning_that_names_the_line_to_add() -> None:
    found = await said("dns-aaaa", names=Told(WILDCARD, denies=True))

    assert found.state is State.WARNING
    assert "local=/internal.domain.com/" in found.fix


async def test_ipv6_cannot_be_told_before_there_is_a_wildcard() -> None:
    assert (await said("dns-aaaa", names=Told(denies=True))).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("addresses", "state", "what"),
    [
        (("203.0.113.10",), State.OK, "leads to 203.0.113.10"),
        (("192.168.1.21",), State.UNKNOWN, "your own resolver answers it"),
        (("100.64.0.9",), State.ERROR, "CGNAT"),
        (("10.0.0.9",), State.ERROR, "a private address"),
    ],
)
async def test_external_names_lead_to_a_public_address_or_it_is_said_why_not(
    addresses: tuple[str, ...], state: State, what: str
) -> None:
    found = await said("dns-external", names=Told({(PUBLIC, "A", None): addresses}))

    assert found.state is state
    assert what in found.what


async def test_without_the_wildcard_only_hosts_with_a_record_are_found() -> None:
    found = await said("dns-external", names=Told({(EXTERNAL, "A", None): ("203.0.113.10",)}))

    assert found.state is State.WARNING
    assert "CNAME record *.cloud.domain.com" in found.fix
    assert (await said("dns-external")).state is State.ERROR


@pytest.mark.parametrize("name", [PUBLIC, EXTERNAL])
async def test_an_ipv6_address_in_public_dns_is_a_warning(name: str) -> None:
    found = await said("dns-external-v6", names=Told({(name, "AAAA", None): ("2001:db8::1",)}))

    assert found.state is State.WARNING
    assert "Let's Encrypt" in found.why


ANSWERS = st.dictionaries(
    st.tuples(st.sampled_from([NAME, PUBLIC, INTERNAL, EXTERNAL]), st.just("A"), st.sampled_from([ROUTER, None])),
    st.lists(st.ip_addresses(v=4).map(str), max_size=3).map(tuple),
)


@given(ANSWERS, st.sets(st.sampled_from([ROUTER, None])), st.booleans())
async def test_whatever_is_answered_only_the_ingress_is_ok(
    known: Addresses, silent: set[str | None], denies: bool
) -> None:
    names = Told(known, silent, denies)

    for id, server in (("dns-internal", ROUTER), ("dns-system", None)):
        found = await said(id, names=names)
        well = server not in silent and known.get((NAME, "A", server)) == INGRESS
        assert (found.state is not State.ERROR) == well
    assert (await said("dns-external", names=names)).what
