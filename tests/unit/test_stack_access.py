"""The rules of the store's tokens, as the lab's Consul reads them: what each holder may do, and nothing beyond."""

from __future__ import annotations

import json

import pytest

from homelab.lab.consul.access import Holder
from homelab.lab.consul.rules import parsed
from homelab.ports import Granted
from homelab.stack.access import INITIAL, POLICIES, Grant, outdated

CERTIFICATE = "traefik-external/tls/certificates/a.example.test/keyFile"
ROUTE = "traefik-external/http/routers/acme-challenge/rule"
OPTION = "traefik-external/tls/options/own/minVersion"
STRAY = "traefik-external/tcp/routers/own/rule"
HASH = "homelab/config/hash"
LOCK = "homelab/acme/lock"
STATE = "homelab/acme/0123456789ab/a.example.test/state"
KEYS = "homelab/acme/private/0123456789ab/a.example.test/lineage"
EVERY = {CERTIFICATE, ROUTE, OPTION, STRAY, HASH, LOCK, STATE, KEYS, "vault/of/somebody"}
NONE: set[str] = set()

READS = {
    "agent": NONE,
    "console": {ROUTE, OPTION, HASH, LOCK, STATE},
    "traefik": {CERTIFICATE, ROUTE, OPTION, STRAY},
    "loader": {ROUTE, OPTION, HASH},
    "issuer": {CERTIFICATE, LOCK, STATE, KEYS},
}
WRITES = {**dict.fromkeys(("agent", "console", "traefik"), NONE), "loader": READS["loader"], "issuer": READS["issuer"]}


@pytest.mark.parametrize("name", POLICIES)
def test_a_token_opens_what_its_holder_needs_and_nothing_else(name: str) -> None:
    holder = Holder(None, parsed(json.dumps(POLICIES[name])), "deny")

    assert {key for key in EVERY if holder.allows("key", "read", key)} == READS[name]
    assert {key for key in EVERY if holder.allows("key", "write", key)} == WRITES[name]
    assert not [one for one in ("acl", "keyring", "operator") if holder.allows(one, "write")]
    assert not holder.allows("acl", "read")


def test_tokens_of_ours_that_no_secret_has_are_outdated_and_nobody_else_s() -> None:
    wanted = [Grant(holder, f"{holder}-now", rules) for holder, rules in POLICIES.items()]
    now = {grant.token: Granted((grant.policy,), grant.policy) for grant in wanted}
    now["management-now"] = Granted(("global-management",), INITIAL)
    others = {
        "anonymous": Granted((), "Anonymous Token"),
        "root": Granted(("global-management",), "Bootstrap Token (Global Management)"),
        "guest": Granted(("homelab-console",), ""),
    }
    old = {"management-then": Granted(("global-management",), INITIAL), "a": Granted((), "homelab-traefik")}

    assert outdated({**now, **others, **old}, wanted, "management-now") == {
        "management-then": INITIAL,
        "a": "homelab-traefik",
    }


def test_the_token_in_use_stays_whatever_is_said_of_it() -> None:
    said = {"management-now": Granted((), "homelab-console")}

    assert outdated(said, [Grant("console", "console-now", {})], "management-now") == {}
