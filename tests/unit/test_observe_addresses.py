"""The map of the LAN covers it exactly, at a cost that does not grow with it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from objects import article_plan, load_balancer, plan_of
from plans import SMALLEST

from homelab.observe.addresses import Use, address_map, claimed, pool_use
from homelab.observe.allocations import Allocation, allocations
from homelab.plan.model import Plan

MOST_LINES = 60
"""However large the LAN is: each claim touches two lines at most, and one line tells of all between."""


def held(*addresses: str) -> tuple[Allocation, ...]:
    """Services that have these addresses."""
    return allocations([load_balancer(f"s{at}", one) for at, one in enumerate(addresses)], [], [])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """A home whose LAN is of any size, with a pool anywhere in it."""
    bits = draw(st.integers(8, 30))
    lan = IPv4Network((draw(st.integers(0, 2**32 - 1)) >> (32 - bits) << (32 - bits), bits))
    first = draw(st.integers(0, lan.num_addresses - 1))
    last = draw(st.integers(first, min(first + 5000, lan.num_addresses - 1)))
    places = (f"{lan[first]}-{lan[last]}", lan[1], lan[draw(st.integers(0, lan.num_addresses - 1))])
    text = SMALLEST.replace("10.0.0.0/24", str(lan)).replace("10.0.0.16/28", places[0])
    return plan_of(text.replace("10.0.0.1}", f"{places[1]}}}").replace("10.0.0.5", str(places[2])))


@given(plans(), st.sampled_from((16, 64)), st.data())
def test_every_address_is_on_the_map_once(plan: Plan, per_line: int, data: st.DataObject) -> None:
    lan = plan.network.lan
    taken = [str(lan[at]) for at in data.draw(st.lists(st.integers(0, lan.num_addresses - 1), max_size=5))]

    lines = address_map(plan, held(*taken), per_line)

    assert sum((1 + line.like) * len(line.uses) for line in lines) == lan.num_addresses
    assert len(lines) <= MOST_LINES
    at = int(lan[0])
    for line in lines:
        for place in {0, len(line.uses) - 1}:
            assert line.uses[place] == use_of(plan, held(*taken), at + place)
        assert len(set(line.uses)) == 1 or not line.like
        at += (1 + line.like) * len(line.uses)


def use_of(plan: Plan, given: tuple[Allocation, ...], address: int) -> Use:
    """What one address is for, looked up the slow way."""
    found = [use for first, last, use in claimed(plan, given) if first <= address <= last]
    return found[-1] if found else Use.FREE


def test_the_articles_lan() -> None:
    lines = address_map(article_plan(), held("192.168.1.20", "192.168.1.21"), 64)

    assert [line.label for line in lines] == [".0", ".64", ".128", ".192"]
    assert "".join(lines[0].uses).startswith("·GrHHrrrrrrrrrrr·░░░■■░░░")


def test_lines_that_look_the_same_are_counted() -> None:
    lines = address_map(article_plan(), (), 16)

    assert [(line.label, line.like) for line in lines if line.like] == [(".64", 1), (".112", 4), (".208", 2)]


@pytest.mark.parametrize("odd", ["fd00::1", "host.example", "10.9.9.9"])
def test_what_is_not_on_the_lan_is_not_on_the_map(odd: str) -> None:
    plan = article_plan()

    assert address_map(plan, held(odd), 64) == address_map(plan, (), 64)
    assert pool_use(plan, held(odd)).used == 0


def test_a_shared_address_counts_once() -> None:
    use = pool_use(article_plan(), held("192.168.1.20", "192.168.1.20", "192.168.1.30", "192.168.1.31"))

    assert (use.used, use.size) == (2, 14)
    assert IPv4Address("192.168.1.30") in article_plan().load_balancer.pool
