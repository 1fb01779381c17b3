"""What the lab's Consul does that no real one can be asked for in a moment, and what it does not do at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from consulserver import MANAGEMENT, Server, lab_consul

from homelab.lab.consul.access import Access
from homelab.lab.consul.cluster import Cluster
from homelab.lab.consul.fault import Fault
from homelab.lab.consul.rules import Rule, level, parsed
from homelab.lab.consul.sessions import Session, duration
from homelab.lab.programs.consul import Clusters, settings
from homelab.lab.programs.program import ProgramError


@pytest.fixture
async def consul() -> AsyncIterator[Server]:
    async with lab_consul() as server:
        yield server


def cluster() -> Cluster:
    """One without servers."""
    return Cluster(Access(MANAGEMENT, enabled=True, default="deny"))


def short(name: str = "s", behaviour: str = "release") -> Session:
    """A session that ends soon without a sign of life, which none that is asked for may do."""
    return Session(name, name, "one", 0.0, behaviour, "20ms", 1)


@pytest.mark.parametrize("path", ["catalog/nodes", "agent/metrics", "snapshot", "health/service/web", "event/list"])
async def test_what_it_does_not_do_it_says(consul: Server, path: str) -> None:
    said = await consul.ask("GET", path)

    assert (said.status, said.text) == (501, f"the lab's Consul does not do /v1/{path}")


async def test_transactions_of_anything_but_keys_are_not_done(consul: Server) -> None:
    said = await consul.ask("PUT", "txn", [{"Node": {"Verb": "get", "Node": {"Node": "one"}}}])

    assert (said.status, said.text) == (501, "the lab's Consul has transactions of KV operations only")


async def test_a_session_without_a_sign_of_life_ends_and_its_locks_go() -> None:
    found = cluster()
    found.sessions["s"] = short()
    assert found.pairs.lock(2, "key", b"", 0, "s")

    found.renew(found.sessions["s"])
    async with asyncio.timeout(20):
        while found.sessions:
            await found.change(1.0)

    assert found.pairs.now["key"].session == ""
    assert found.pairs.now["key"].modified == found.index


async def test_who_waits_for_a_lock_learns_that_its_holder_died() -> None:
    found = cluster()
    found.sessions["s"] = short(behaviour="delete")
    assert found.pairs.lock(2, "key", b"", 0, "s")
    waiting = asyncio.create_task(found.change(20.0))
    await asyncio.sleep(0)

    found.end_session("s")

    await asyncio.wait_for(waiting, 10.0)
    assert not found.pairs.now


def test_data_lives_as_long_as_one_of_its_volumes() -> None:
    every, there = Clusters(), {"a", "b"}

    first = every.of("home/consul", "a", there.__contains__, {})
    assert every.of("home/consul", "b", there.__contains__, {}) is first
    assert every.of("home/other", "a", there.__contains__, {}) is not first
    there.remove("a")
    assert every.of("home/consul", "c", there.__contains__, {}) is first
    there.clear()
    assert every.of("home/consul", "d", there.__contains__, {}) is not first


def test_settings_are_those_of_all_mounted_files() -> None:
    found = settings(
        {
            "/config/a.json": b'{"acl": {"enabled": true, "tokens": {"agent": "1"}}}',
            "/config/b.json": b'{"acl": {"tokens": {"initial_management": "2"}}}',
            "/config/ca.pem": b"no JSON",
        }
    )

    assert found == {"acl": {"enabled": True, "tokens": {"agent": "1", "initial_management": "2"}}}
    with pytest.raises(ProgramError, match=r"^Consul cannot read /config/a\.json: "):
        settings({"/config/a.json": b"{"})


def test_without_access_control_everybody_may_everything() -> None:
    holder = Access("", enabled=False, default="deny").holder("anything")

    assert holder.allows("key", "write", "a")
    assert holder.allows("operator", "read")


def test_rules_are_read_from_both_forms() -> None:
    hcl = 'operator = "read" # a comment\nkey_prefix "a/" { policy = "write" }\nkey "a/b" {\n  policy = "deny"\n}\n'
    json = '{"operator": "read", "key_prefix": {"a/": {"policy": "write"}}, "key": {"a/b": {"policy": "deny"}}}'

    assert parsed(hcl) == parsed(json)
    assert parsed(hcl) == (
        Rule("operator", "", "read", False),
        Rule("key", "a/", "write", True),
        Rule("key", "a/b", "deny", False),
    )
    assert parsed("") == ()


@pytest.mark.parametrize("text", ["zz", 'key "a" { policy = "zz" }', '{"zz": "read"}', 'key "a" {', '{"key": []}', "@"])
def test_rules_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Fault, match=r"^Failed to parse ACL rules: "):
        parsed(text)


def test_of_two_policies_that_speak_of_the_same_the_stricter_counts() -> None:
    both = parsed('key_prefix "a" { policy = "write" }') + parsed('key_prefix "a" { policy = "deny" }')

    assert level(both, "key", "abc") == "deny"
    assert level(both, "key", "b") is None


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10.0), ("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25)])
def test_durations_are_those_of_go(text: str, seconds: float) -> None:
    assert duration(text) == seconds
