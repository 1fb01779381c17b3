"""The same questions to the lab's Consul and to a real one, and the same answers."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from consulserver import MANAGEMENT, PROGRAM, Server, access, asking, lab_consul, real_consul

from homelab.lab.programs.consul import Clusters

REAL = pytest.param("real", marks=pytest.mark.skipif(not PROGRAM, reason="HOMELAB_CONSUL names no consul program"))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the real one listens."""
    with real_consul(tmp_path_factory.mktemp("consul")) as address:
        yield address


@pytest.fixture(params=["lab", REAL])
async def consul(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    """Either of them."""
    asked = lab_consul() if request.param == "lab" else asking(request.getfixturevalue("real"))
    async with asked as server:
        yield server


def text(value: str) -> str:
    """As values are written in JSON."""
    return base64.b64encode(value.encode()).decode()


def results(said: Any) -> list[Any]:
    """Of a transaction: key and value of each."""
    return [(one["KV"]["Key"], one["KV"]["Value"]) for one in said.json["Results"]]


def errors(said: Any) -> list[Any]:
    """Of a transaction that was refused."""
    assert (said.status, said.json["Results"]) == (409, None)
    return [(one["OpIndex"], one["What"]) for one in said.json["Errors"]]


# Keys


async def test_what_was_written_is_read(consul: Server) -> None:
    assert (await consul.ask("PUT", "kv/~a?flags=7", "hello")).text == "true"

    (found,) = (said := await consul.ask("GET", "kv/~a")).json

    index = found["ModifyIndex"]
    wanted = {"Key": f"{consul.prefix}a", "Value": text("hello"), "Flags": 7, "LockIndex": 0}
    assert found == wanted | {"CreateIndex": index, "ModifyIndex": index}
    assert said.index == index
    assert (await consul.ask("GET", "kv/~a?raw")).text == "hello"


async def test_the_same_again_is_no_change(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a", "x")
    first = (await consul.ask("GET", "kv/~a")).index
    await consul.ask("PUT", "kv/~a", "x")

    assert (await consul.ask("GET", "kv/~a")).index == first
    await consul.ask("PUT", "kv/~a", "y")
    assert (await consul.ask("GET", "kv/~a")).index > first


async def test_an_empty_value_is_null(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a")

    assert (await consul.ask("GET", "kv/~a")).json[0]["Value"] is None


async def test_folders_are_listed_and_deleted(consul: Server) -> None:
    for key in ("b/c", "a", "b/d/e", "b"):
        await consul.ask("PUT", f"kv/~{key}", "x")
    whole = len(consul.prefix)

    async def listed(query: str) -> list[str]:
        return [key[whole:] for key in (await consul.ask("GET", f"kv/{query}")).json]

    assert [one["Key"][whole:] for one in (await consul.ask("GET", "kv/~b?recurse")).json] == ["b", "b/c", "b/d/e"]
    assert await listed("~?keys") == ["a", "b", "b/c", "b/d/e"]
    assert await listed("~?keys&separator=/") == ["a", "b", "b/"]
    assert (await consul.ask("DELETE", "kv/~b/?recurse")).text == "true"
    assert await listed("~?keys") == ["a", "b"]


async def test_what_is_not_there_is_404_and_can_be_deleted(consul: Server) -> None:
    for query in ("", "?recurse", "?keys", "?raw"):
        said = await consul.ask("GET", f"kv/~none{query}")
        assert (said.status, said.text, said.index > 0) == (404, "", True)
    assert (await consul.ask("DELETE", "kv/~none")).text == "true"


async def test_cas_writes_only_what_has_not_changed(consul: Server) -> None:
    assert (await consul.ask("PUT", "kv/~a?cas=5", "x")).text == "false"
    assert (await consul.ask("PUT", "kv/~a?cas=0", "x")).text == "true"
    assert (await consul.ask("PUT", "kv/~a?cas=0", "y")).text == "false"
    index = (await consul.ask("GET", "kv/~a")).index
    assert (await consul.ask("DELETE", f"kv/~a?cas={index + 1}")).text == "false"
    assert (await consul.ask("PUT", f"kv/~a?cas={index}", "y")).text == "true"
    index = (await consul.ask("GET", "kv/~a")).index
    assert (await consul.ask("DELETE", f"kv/~a?cas={index}")).text == "true"
    assert (await consul.ask("GET", "kv/~a")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "kv/", 400, "Missing key name"),
        ("PUT", "kv/", 400, "Missing key name"),
        ("POST", "kv/a", 405, "method POST not allowed"),
        ("PUT", "kv/a?cas=1&acquire=zz", 400, "Conflicting flags: acquire=zz&cas=1"),
        ("DELETE", "kv/a?recurse&cas=1", 400, "Conflicting flags: cas=1&recurse="),
        ("PUT", "kv/a?cas=zz", 500, 'strconv.ParseUint: parsing "zz": invalid syntax'),
        ("PUT", "kv/a?acquire=zz", 500, 'raft apply failed: invalid session "zz"'),
        ("GET", "kv/a?index=zz", 400, "Invalid index"),
        ("GET", "kv/a?index=1&wait=zz", 400, "Invalid wait time"),
        ("GET", "session/info/", 400, "Missing session"),
        ("PUT", "session/renew/zz", 404, "Session id 'zz' not found"),
        ("GET", "acl/policy/name/zz", 404, "Requested policy does not exist: ACL not found"),
    ],
)
async def test_what_makes_no_sense_is_refused(consul: Server, method: str, path: str, status: int, said: str) -> None:
    answer = await consul.ask(method, path)

    assert (answer.status, answer.text.strip()) == (status, said)


async def test_a_value_that_is_too_large_is_refused(consul: Server) -> None:
    assert (await consul.ask("PUT", "kv/~a", b"x" * 512 * 1024)).text == "true"

    said = await consul.ask("PUT", "kv/~a", b"x" * (512 * 1024 + 1))

    assert said.status == 413
    assert said.text.startswith("Request body(524289 bytes) too large, max size: 524288 bytes. See https://")


# Blocking queries


async def test_who_waits_learns_of_a_change(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a", "x")
    index = (await consul.ask("GET", "kv/~?recurse")).index
    waiting = asyncio.create_task(consul.ask("GET", f"kv/~?recurse&index={index}&wait=15s"))
    await consul.ask("PUT", "kv/~b", "y")

    said = await waiting
    assert len(said.json) == 2
    assert said.index > index

    waiting = asyncio.create_task(consul.ask("GET", f"kv/~?recurse&index={said.index}&wait=15s"))
    await consul.ask("DELETE", "kv/~b")
    assert len((await waiting).json) == 1


async def test_who_may_read_little_learns_of_every_change(consul: Server) -> None:
    """By a question for no more than the names of folders."""
    await consul.ask("PUT", "kv/~a", "x")
    token = await consul.allow(key_prefix={consul.prefix: {"policy": "read"}})
    folders = await consul.ask("GET", "kv/?keys&separator=/", token=token)
    waiting = asyncio.create_task(
        consul.ask("GET", f"kv/?keys&separator=/&index={folders.index}&wait=15s", token=token)
    )
    await consul.ask("PUT", f"kv/{uuid.uuid4()}/a", "y")

    said = await waiting
    assert said.json == folders.json == [consul.prefix]
    assert said.index > folders.index


async def test_who_waits_in_vain_is_told_the_same(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a", "x")
    first = await consul.ask("GET", "kv/~a")

    assert await consul.ask("GET", f"kv/~a?index={first.index}&wait=10ms") == first


# Sessions and locks


async def test_a_lock_has_one_holder(consul: Server) -> None:
    one, other = await consul.open(TTL="10s"), await consul.open()

    assert (await consul.ask("PUT", f"kv/~l?acquire={one}", "mine")).text == "true"
    assert (await consul.ask("PUT", f"kv/~l?acquire={other}", "mine")).text == "false"
    (held,) = (await consul.ask("GET", "kv/~l")).json
    assert (held["Session"], held["LockIndex"], held["Value"]) == (one, 1, text("mine"))
    assert (await consul.ask("PUT", f"kv/~l?release={other}")).text == "false"
    assert (await consul.ask("PUT", f"kv/~l?release={one}")).text == "true"
    assert "Session" not in (await consul.ask("GET", "kv/~l")).json[0]
    assert (await consul.ask("PUT", f"kv/~l?acquire={other}", "mine")).text == "true"


async def test_a_lock_stays_closed_for_a_while_after_its_holder_died(consul: Server) -> None:
    one, other = await consul.open(LockDelay="10s"), await consul.open()
    await consul.ask("PUT", f"kv/~l?acquire={one}", "mine")

    assert (await consul.ask("PUT", f"session/destroy/{one}")).text == "true"

    assert "Session" not in (await consul.ask("GET", "kv/~l")).json[0]
    assert (await consul.ask("PUT", f"kv/~l?acquire={other}", "mine")).text == "false"
    key = f"{consul.prefix}l"
    assert errors(await consul.txn({"Verb": "lock", "Key": key, "Session": other})) == [
        (0, f'failed to lock key "{key}" due to lock delay')
    ]


async def test_with_behaviour_delete_the_key_goes_with_its_holder(consul: Server) -> None:
    session = await consul.open(Behavior="delete", LockDelay=0)
    await consul.ask("PUT", f"kv/~l?acquire={session}", "mine")

    await consul.ask("PUT", f"session/destroy/{session}")

    assert (await consul.ask("GET", "kv/~l")).status == 404


async def test_a_session_is_told_and_renewed_until_it_ends(consul: Server) -> None:
    session = await consul.open(Name="n", TTL="10s", LockDelay="1s")

    (found,) = (await consul.ask("GET", f"session/info/{session}")).json

    known = {"ID": session, "Name": "n", "LockDelay": 1_000_000_000, "Behavior": "release", "TTL": "10s"}
    assert found.items() >= known.items()
    assert (await consul.ask("PUT", f"session/renew/{session}")).json == [found]
    assert found in (await consul.ask("GET", "session/list")).json
    await consul.ask("PUT", f"session/destroy/{session}")
    assert (await consul.ask("GET", f"session/info/{session}")).json == []
    assert (await consul.ask("PUT", f"session/renew/{session}")).status == 404


@pytest.mark.parametrize(
    ("wished", "said"),
    [
        ({"TTL": "1s"}, "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]"),
        ({"TTL": "zz"}, "Session TTL 'zz' invalid: time: invalid duration \"zz\""),
        ({"Behavior": "zz"}, "Invalid Behavior setting 'zz'"),
        ({"Node": "other"}, "apply failed: Missing node registration"),
    ],
)
async def test_a_session_that_cannot_be_is_refused(consul: Server, wished: dict[str, str], said: str) -> None:
    answer = await consul.ask("PUT", "session/create", wished)

    assert (answer.status, answer.text.strip()) == (500, said)


# Transactions


async def test_a_transaction_does_all_in_order(consul: Server) -> None:
    a, b = f"{consul.prefix}a", f"{consul.prefix}b/c"
    said = await consul.txn(
        {"Verb": "check-not-exists", "Key": a},
        {"Verb": "set", "Key": a, "Value": text("x")},
        {"Verb": "get", "Key": a},
        {"Verb": "set", "Key": b, "Value": text("y")},
        {"Verb": "get-tree", "Key": f"{consul.prefix}b/"},
        {"Verb": "delete-tree", "Key": f"{consul.prefix}b/"},
        {"Verb": "delete", "Key": a},
    )

    assert said.status == 200
    assert results(said) == [(a, None), (a, text("x")), (b, None), (b, text("y"))]
    assert (await consul.ask("GET", "kv/~?recurse")).status == 404


async def test_one_condition_that_fails_undoes_all(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a", "x")
    key, none = f"{consul.prefix}a", f"{consul.prefix}none"
    index = (await consul.ask("GET", "kv/~a")).index

    said = await consul.txn(
        {"Verb": "set", "Key": f"{consul.prefix}b", "Value": text("y")},
        {"Verb": "check-session", "Key": key, "Session": "zz"},
        {"Verb": "check-index", "Key": key, "Index": 1},
        {"Verb": "check-not-exists", "Key": key},
        {"Verb": "get", "Key": none},
        {"Verb": "cas", "Key": key, "Index": 1, "Value": text("z")},
        {"Verb": "delete-cas", "Key": key, "Index": 1},
        {"Verb": "unlock", "Key": key, "Session": "zz"},
        {"Verb": "check-session", "Key": none, "Session": "zz"},
        {"Verb": "check-index", "Key": none, "Index": 1},
        {"Verb": "delete-cas", "Key": none, "Index": 1},
    )

    assert errors(said) == [
        (1, f'failed session check for key "{key}", current session "" != "zz"'),
        (2, f'failed index check for key "{key}", current modify index {index} != 1'),
        (3, f'key "{key}" exists'),
        (4, f'key "{none}" doesn\'t exist'),
        (5, f'failed to set key "{key}", index is stale'),
        (6, f'failed to delete key "{key}", index is stale'),
        (7, f'failed to unlock key "{key}", lock isn\'t held, or is held by another session'),
        (8, f'failed to check session, key "{none}" doesn\'t exist'),
        (9, f'failed to check index, key "{none}" doesn\'t exist'),
    ]
    assert (await consul.ask("GET", "kv/~b")).status == 404


async def test_what_was_read_is_deleted_if_it_is_still_the_same(consul: Server) -> None:
    await consul.ask("PUT", "kv/~a", "x")
    key = f"{consul.prefix}a"
    (read,) = (await consul.txn({"Verb": "get", "Key": key})).json["Results"]
    delete = {"Verb": "delete-cas", "Key": key, "Index": read["KV"]["ModifyIndex"]}
    await consul.ask("PUT", "kv/~a", "y")
    assert errors(await consul.txn(delete)) == [(0, f'failed to delete key "{key}", index is stale')]

    (read,) = (await consul.txn({"Verb": "get", "Key": key})).json["Results"]

    assert (await consul.txn({**delete, "Index": read["KV"]["ModifyIndex"]})).status == 200
    assert (await consul.ask("GET", "kv/~a")).status == 404


async def test_who_holds_the_lock_may_write_and_nobody_else(consul: Server) -> None:
    one, other, lock = await consul.open(), await consul.open(), f"{consul.prefix}lock"
    await consul.ask("PUT", f"kv/~lock?acquire={one}", "me")
    write = {"Verb": "set", "Key": f"{consul.prefix}a", "Value": text("x")}

    assert (await consul.txn({"Verb": "check-session", "Key": lock, "Session": one}, write)).status == 200
    assert errors(await consul.txn({"Verb": "check-session", "Key": lock, "Session": other}, write)) == [
        (0, f'failed session check for key "{lock}", current session "{one}" != "{other}"')
    ]


async def test_a_transaction_has_limits(consul: Server) -> None:
    read = {"Verb": "get-tree", "Key": f"{consul.prefix}a"}
    assert (await consul.txn(*[read] * 128)).status == 200

    many = await consul.txn(*[read] * 129)
    large = await consul.txn({"Verb": "set", "Key": f"{consul.prefix}a", "Value": "eHh4" * 131072})

    assert (many.status, many.text.strip()) == (413, "Transaction contains too many operations (129 > 128)")
    assert large.status == 413
    assert "max size: 524288 bytes" in large.text


async def test_a_transaction_that_is_none_is_refused(consul: Server) -> None:
    assert errors(await consul.txn({"Verb": "zz", "Key": "a"})) == [(0, "unknown KV operation: zz")]
    assert (await consul.ask("PUT", "txn", "zz")).text.startswith("Failed to parse body: ")


# Rights


async def test_a_token_may_what_its_rules_say(consul: Server) -> None:
    here = consul.prefix
    token = await consul.allow(
        key_prefix={
            here: {"policy": "read"},
            f"{here}mine/": {"policy": "write"},
            f"{here}secret/": {"policy": "deny"},
        },
        key={f"{here}mine/not": {"policy": "read"}},
    )
    for key in ("a", "mine/a", "secret/a"):
        await consul.ask("PUT", f"kv/~{key}", "x")

    async def may(method: str, path: str) -> bool:
        return (await consul.ask(method, f"kv/~{path}", token=token)).status != 403

    assert [await may("GET", path) for path in ("a", "mine/a", "secret/a")] == [True, True, False]
    assert [await may("PUT", path) for path in ("a", "mine/a", "mine/not", "secret/a")] == [False, True, False, False]
    seen = await consul.ask("GET", "kv/~?keys", token=token)
    assert seen.json == [f"{here}a", f"{here}mine/a"]
    assert not await may("DELETE", "mine/?recurse")
    assert await may("DELETE", "mine/a")


async def test_who_may_not_is_told_who_and_what(consul: Server) -> None:
    token = await consul.allow(key_prefix={consul.prefix: {"policy": "read"}})
    accessor = (await consul.ask("GET", "acl/token/self", token=token)).json["AccessorID"]
    key, nobody = f"{consul.prefix}a", "Permission denied: anonymous token lacks permission"
    hint = "The anonymous token is used implicitly when a request does not specify a token."
    lacks = f"Permission denied: token with AccessorID '{accessor}' lacks permission"

    async def told(method: str, path: str, who: str) -> tuple[int, str]:
        said = await consul.ask(method, path, token=who)
        return said.status, said.text.strip()

    assert await told("PUT", "kv/~a", token) == (403, f"{lacks} 'key:write' on \"{key}\"")
    assert await told("GET", "kv/~a", "") == (403, f"{nobody} 'key:read' on \"{key}\". {hint}")
    assert await told("GET", "acl/tokens", token) == (403, f"{lacks} 'acl:read'")
    assert await told("GET", "operator/raft/configuration", "") == (403, f"{nobody} 'operator:read'. {hint}")
    assert await told("GET", "kv/~a", str(uuid.uuid4())) == (403, "ACL not found")
    refused = await consul.txn({"Verb": "set", "Key": key, "Value": ""}, token=token)
    assert errors(refused) == [(0, f"{lacks} 'key:write' on \"{key}\"")]
    assert (await consul.ask("PUT", "session/create", token=token)).status == 403


@pytest.mark.parametrize("form", ['key_prefix "" { policy = "read" }\nsession_prefix "" { policy = "write" }'])
async def test_rules_may_be_written_as_hcl(consul: Server, form: str) -> None:
    name = f"hcl-{uuid.uuid4()}"
    await consul.ask("PUT", "acl/policy", {"Name": name, "Rules": form})
    token = (await consul.ask("PUT", "acl/token", {"Policies": [{"Name": name}]})).json["SecretID"]

    assert (await consul.ask("PUT", "session/create", token=token)).status == 200
    assert (await consul.ask("GET", "kv/~a", token=token)).status == 404
    assert (await consul.ask("PUT", "kv/~a", token=token)).status == 403


async def test_policies_and_tokens_are_changed_and_go(consul: Server) -> None:
    secret, name = str(uuid.uuid4()), f"p-{uuid.uuid4()}"
    policy = (await consul.ask("PUT", "acl/policy", {"Name": name})).json
    token = (await consul.ask("PUT", "acl/token", {"SecretID": secret, "Policies": [{"ID": policy["ID"]}]})).json
    assert (token["SecretID"], token["Policies"]) == (secret, [{"ID": policy["ID"], "Name": name}])
    assert (await consul.ask("GET", "kv/~a", token=secret)).status == 403

    rules = f'key_prefix "{consul.prefix}" {{ policy = "read" }}'
    await consul.ask("PUT", f"acl/policy/{policy['ID']}", {"Name": name, "Rules": rules})
    assert (await consul.ask("GET", f"acl/policy/{policy['ID']}")).json["Rules"] == rules
    assert (await consul.ask("PUT", "acl/policy", {"Name": name})).status == 500
    assert (await consul.ask("PUT", "acl/token", {"SecretID": secret})).status == 500

    assert (await consul.ask("DELETE", f"acl/token/{token['AccessorID']}")).text == "true"
    assert secret not in (await consul.ask("GET", "acl/tokens")).text
    assert (await consul.ask("DELETE", f"acl/policy/{policy['ID']}")).text == "true"
    assert name not in (await consul.ask("GET", "acl/policies")).text


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"SecretID": "not a uuid"}, "SecretID - not a valid UUID"),
        ({"SecretID": "0" * 36}, "SecretID - not a valid UUID"),
        ({"SecretID": "anonymous", "Policies": [{"Name": "none"}]}, "SecretID - not a valid UUID"),
        ({"SecretID": "a", "AccessorID": "b"}, "AccessorID - not a valid UUID"),
        ({"SecretID": MANAGEMENT}, "SecretID is already in use"),
        (
            {"SecretID": "00000000-0000-0000-0000-0000000000ff"},
            'SecretID - UUIDs with the prefix "00000000-0000-0000-0000-0000000000" are reserved',
        ),
    ],
)
async def test_a_token_that_cannot_be_is_refused(consul: Server, given: dict[str, Any], said: str) -> None:
    answer = await consul.ask("PUT", "acl/token", given)

    assert (answer.status, answer.text.strip()) == (500, f"Invalid Token: {said}")


@asynccontextmanager
async def begun(kind: str, folder: Path, clusters: Clusters, management: str) -> AsyncIterator[Server]:
    """A server that is started with this management token on the data of the one before."""
    if kind == "real":
        with real_consul(folder, management, keeps=True) as address:
            async with asking(address) as server:
                yield server
    else:
        async with lab_consul(clusters.of("consul", "volume", str, {"acl": access(management)})) as server:
            yield server


@pytest.mark.parametrize("kind", ["lab", REAL])
async def test_a_server_makes_the_management_token_that_it_does_not_know(kind: str, tmp_path: Path) -> None:
    """Also on data of another: whoever has the old token keeps it."""
    clusters, another = Clusters(), str(uuid.uuid4())
    for management, known in ((MANAGEMENT, {MANAGEMENT}), *[(another, {MANAGEMENT, another})] * 2):
        async with begun(kind, tmp_path, clusters, management) as consul:
            found = (await consul.ask("GET", "acl/tokens", token=management)).json

        made = [one for one in found if one["Description"] == "Initial Management Token"]
        assert {one["SecretID"] for one in made} == known
        assert [one["Policies"][0]["Name"] for one in made] == ["global-management"] * len(known)


# Servers


async def test_the_servers_and_their_leader_are_told(consul: Server) -> None:
    leader = (await consul.ask("GET", "status/leader", token="")).json
    (voter,) = (await consul.ask("GET", "operator/raft/configuration")).json["Servers"]
    (member,) = (await consul.ask("GET", "agent/members")).json
    this = (await consul.ask("GET", "agent/self")).json
    health = (await consul.ask("GET", "operator/autopilot/health")).json

    assert (await consul.ask("GET", "status/peers", token="")).json == [leader]
    assert (voter["Address"], voter["Leader"], voter["Voter"]) == (leader, True, True)
    assert this["Config"]["NodeName"] == voter["Node"] == member["Name"]
    assert this["Config"]["NodeID"] == voter["ID"] == member["Tags"]["id"]
    assert this["Stats"]["raft"].items() >= {"state": "Leader", "num_peers": "0"}.items()
    assert (health["FailureTolerance"], [one["Name"] for one in health["Servers"]]) == (0, [member["Name"]])
    assert (await consul.ask("GET", "agent/members", token="")).json == []
