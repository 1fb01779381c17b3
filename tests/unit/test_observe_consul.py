"""Consul's servers: what they say, why one is silent, and how the observer asks them through their pods."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from adapting import connected
from loopback import Answer, Loopback, forbidden, found, page, raw, refusal, resources
from loopback import silence as hangs
from objects import thing

from homelab.adapters import kubernetes
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.observe.consul import Consul, Server, consul, podless, said, silence, stepped
from homelab.observe.live import remembered
from homelab.observe.store import Asked, Store
from homelab.observe.text import consul_words, server_row
from homelab.ports import Raw
from tui.wiring import store

SECRET = "/api/v1/namespaces/homelab/secrets/consul-console"
TOKEN = "11111111-2222-4333-8444-555555555555"
LOCK = {"Key": "homelab/acme/lock", "Value": b64encode(b'{"holder": "issuer-1"}').decode(), "Session": "abc"}


def server_pod(at: int, *, phase: str = "Running", **status: Any) -> Raw:
    """The pod of one server."""
    disk = {"name": "data", "persistentVolumeClaim": {"claimName": f"data-consul-{at}"}}
    labels = {"app.kubernetes.io/name": "consul"}
    spec = {"nodeName": f"node{at}", "volumes": [disk]}
    return thing("v1", "Pod", f"consul-{at}", "homelab", labels=labels, spec=spec, status={"phase": phase, **status})


PODS = [server_pod(at) for at in range(3)]


def myself(*, leads: bool = False, leader: str = "10.42.0.1:8300", applied: int = 115, contact: str = "8.4ms") -> Raw:
    """What a server says of itself."""
    state = "Leader" if leads else "Follower"
    own = {"state": state, "applied_index": str(applied), "last_contact": "0" if leads else contact}
    return {"Config": {"Version": "1.22.3"}, "Stats": {"consul": {"leader_addr": leader}, "raft": own}}


PEERS = {
    "FailureTolerance": 1,
    "Servers": [{"Name": f"consul-{at}", "Leader": at == 0, "Voter": True, "Healthy": True} for at in range(3)],
}


def proxied(at: int, path: str) -> str:
    """A question to one server."""
    return f"GET /api/v1/namespaces/homelab/pods/http:consul-{at}:8500/proxy/v1/{path}"


def answering(server: Loopback) -> None:
    """Three servers that are well, and a token."""
    server.script("GET /api/v1", resources("v1", Secret="secrets", Event="events", PersistentVolumeClaim="claims"))
    secret = thing("v1", "Secret", "consul-console", "homelab") | {
        "data": {"token": b64encode(TOKEN.encode()).decode()}
    }
    server.script(f"GET {SECRET}", found(secret))
    for at in range(3):
        server.script(proxied(at, "agent/self"), found(myself(leads=at == 0)))
        server.script(proxied(at, "operator/autopilot/health"), found(PEERS))
        server.script(proxied(at, "kv/"), indexed(["homelab/"]))
        server.script(proxied(at, "kv/homelab/"), indexed([LOCK]))
        server.script(proxied(at, "kv/traefik-external/"), indexed([]))


def indexed(values: Any) -> Answer:
    """An answer of the KV store."""
    return raw(json.dumps(values), 200, **{"X-Consul-Index": "7"})


async def asked(cluster: KubernetesCluster, pods: list[Raw] | None = None) -> Asked:
    """One round."""
    done = await Store(cluster, store(cluster)).ask(PODS if pods is None else pods)
    assert done
    return done


async def test_every_server_is_asked_through_its_own_pod_with_the_console_s_token(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        done = await asked(cluster)

    assert done.consul.error is None
    assert [(one.name, one.node, one.role, one.error) for one in done.consul.servers] == [
        ("consul-0", "node0", "leader", None),
        ("consul-1", "node1", "follower", None),
        ("consul-2", "node2", "follower", None),
    ]
    words = ("leader consul-0", "3/3 servers", "1 may fail", "lock held by issuer-1")
    assert consul_words(done.consul) == words
    assert {one.headers["X-Consul-Token"] for one in server.of(proxied(1, "agent/self"))} == {TOKEN}
    assert server_row(done.consul.servers[1]).cells[3:] == ("within 0.2 s", "0", "✓ follower")


async def test_a_silent_server_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        server.script(proxied(2, "agent/self"), refusal(503, "ServiceUnavailable", "dial tcp: connection refused"))
        done = await asked(cluster)

    assert done.values is not None
    assert "connection refused" in str(done.consul.servers[2].error)
    assert done.consul.working == 2


async def test_a_token_that_is_refused_is_said_and_read_anew(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        for at in range(3):
            server.script(proxied(at, "agent/self"), raw("ACL not found", 403))
        consul_ = Store(cluster, store(cluster))
        refused = await consul_.ask(PODS)
        answering(server)
        mended = await consul_.ask(PODS)

    denied = "ACL not found; homelab-tui apply gives the token of Secret homelab/consul-console its rights again"
    assert refused and str(refused.consul.error).endswith(denied)
    assert consul_words(refused.consul) == ("leader not known", "0/3 servers")
    assert {one.error for one in refused.consul.servers} == {
        "it refuses the console's token, so no more is known of it"
    }
    assert mended and mended.consul.error is None
    assert len(server.of(f"GET {SECRET}")) == 2


async def test_without_a_leader_it_is_said_how_many_are_needed_and_the_keys_stay_known(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        before = await asked(cluster)
        for at in range(3):
            server.script(proxied(at, "agent/self"), found(myself(leader="")))
            server.script(proxied(at, "operator/autopilot/health"), raw("No cluster leader", 500))
        done = await asked(cluster)

    assert "no leader: 3 of 3 servers answer, 2 are needed" in str(done.consul.error)
    assert {server_row(one).cells[-1] for one in done.consul.servers} == {"✗ no leader"}
    known = remembered(before, done)
    assert known and known.values == before.values and known.consul == done.consul


async def test_a_pod_without_a_disk_is_told_in_the_cluster_s_words(tmp_path: Path) -> None:
    unbound = {"type": "PodScheduled", "status": "False", "message": "pod has unbound immediate PersistentVolumeClaims"}
    lost = server_pod(2, phase="Pending", conditions=[unbound])
    claim = thing("v1", "PersistentVolumeClaim", "data-consul-2", "homelab", status={"phase": "Pending"})
    claim["spec"] = {"storageClassName": "fast"}
    said_ = 'storageclass.storage.k8s.io "fast" not found'
    event = thing("v1", "Event", "e", "homelab") | {"message": said_, "involvedObject": {"uid": "uid-of-data-consul-2"}}
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        server.script("GET /api/v1/namespaces/homelab/claims", page(claim))
        server.script("GET /api/v1/namespaces/homelab/events", page(event))
        done = await asked(cluster, [*PODS[:2], lost])

    assert "its pod finds no node: pod has unbound" in str(done.consul.servers[2].error)
    assert f"data-consul-2 is not bound: {said_}; see kubectl get storageclass" in str(done.consul.servers[2].error)
    assert not server.of(proxied(2, "agent/self"))


def test_without_a_default_storage_class_the_cure_is_named() -> None:
    unbound = {"type": "PodScheduled", "status": "False", "message": "pod has unbound immediate claims"}
    claim = thing("v1", "PersistentVolumeClaim", "data-consul-0", "homelab", status={"phase": "Pending"})

    told = str(silence(server_pod(0, phase="Pending", conditions=[unbound]), [claim], []))

    assert "not bound: there is no default class; mark one: kubectl annotate storageclass NAME" in told


async def test_where_nothing_makes_pods_there_is_no_consul(tmp_path: Path) -> None:
    async with connected(tmp_path) as (_, cluster):
        assert await Store(cluster, store(cluster)).ask([]) is None


SETS = "/apis/apps/v1/namespaces/homelab/statefulsets/consul"
GONE = "its pod is gone: StatefulSet homelab/consul is scaled to {} of 3 servers; homelab-tui apply brings it back"
NEVER = "it has no pod; see kubectl -n homelab describe statefulset consul"


def maker(replicas: int, made_for: str = "3 servers") -> Raw:
    """What makes the pods."""
    notes = {"homelab-tui/made-for": made_for}
    return thing("apps/v1", "StatefulSet", "consul", "homelab", annotations=notes, spec={"replicas": replicas})


@pytest.mark.parametrize(
    ("made", "pods", "told"),
    [
        (maker(3), PODS, {}),
        (None, [], {}),
        (maker(0), [], {f"consul-{at}": GONE.format(0) for at in range(3)}),
        (maker(1), PODS[:1], {f"consul-{at}": GONE.format(1) for at in (1, 2)}),
        (maker(3), PODS[:2], {"consul-2": NEVER}),
        (maker(2), PODS[1:2], {"consul-0": NEVER, "consul-2": GONE.format(2)}),
        (maker(2, "many"), PODS[:1], {"consul-1": NEVER}),
        (maker(3, "1 servers"), PODS, {}),
        (maker(0, ""), [], {"consul-0": GONE.format(0).replace("3", "1")}),
    ],
)
def test_servers_that_have_no_pod_are_told(made: Raw | None, pods: list[Raw], told: dict[str, str]) -> None:
    assert {one.name: one.error for one in podless(made, pods)} == told


async def test_without_any_pod_all_servers_are_lost_and_the_reason_is_told(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        server.script("GET /apis/apps/v1", resources("apps/v1", StatefulSet="statefulsets"))
        server.script(f"GET {SETS}", found(maker(0)))
        done = await asked(cluster, [])

    assert (done.values, done.is_away) == (None, False)
    assert [server_row(one).cells[-1] for one in done.consul.servers] == ["✗ failed"] * 3
    assert done.consul.error == f"no leader: 0 of 3 servers answer, 2 are needed; consul-0: {GONE.format(0)}"


async def test_whoever_scales_it_down_is_told_what_is_missing_while_the_others_answer(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        server.script("GET /apis/apps/v1", resources("apps/v1", StatefulSet="statefulsets"))
        server.script(f"GET {SETS}", found(maker(1)))
        done = await asked(cluster, PODS[:1])

    assert done.consul.error is None
    assert consul_words(done.consul)[:2] == ("leader consul-0", "1/3 servers")


async def test_without_a_right_to_see_what_makes_them_nobody_says_that_there_is_no_consul(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        server.script("GET /apis/apps/v1", resources("apps/v1", StatefulSet="statefulsets"))
        server.script(f"GET {SETS}", forbidden("statefulsets"))
        nobody, three = await asked(cluster, []), await asked(cluster)

    assert nobody.is_away
    assert "statefulsets" in str(nobody.consul.error)
    assert consul_words(three.consul)[:2] == ("leader consul-0", "3/3 servers")


async def test_a_server_that_has_no_pod_to_ask_hides_not_that_all_others_are_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes, "POD_SECONDS", 0.05)
    async with connected(tmp_path) as (server, cluster):
        answering(server)
        for at in range(2):
            server.script(proxied(at, "agent/self"), hangs)
        done = await asked(cluster, [*PODS[:2], server_pod(2, phase="Failed")])

    assert done.is_away


async def test_where_nobody_can_be_asked_and_the_api_is_away_nothing_is_said_of_consul(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, cluster):
        await server.stop()
        ended = await asked(cluster, [server_pod(0, phase="Failed")])
        unread = await asked(cluster)

    assert ended.is_away
    assert unread.is_away


LOOK = "see kubectl -n homelab describe pod consul-0"
NO_ROOM = {
    "type": "PodScheduled",
    "status": "False",
    "message": "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No victims.",
}


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (server_pod(0), None),
        (server_pod(0, phase="Pending"), "its pod is starting"),
        (server_pod(0, phase="Failed", message="evicted"), f"its pod has ended: evicted; {LOOK}"),
        (server_pod(0, phase="Pending", containerStatuses=[{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]),
         f"its pod waits: ImagePullBackOff; {LOOK}"),
        (server_pod(0, phase="Pending", conditions=[NO_ROOM]),
         "its pod finds no node: 0/3 nodes are available: 3 Insufficient memory; make room on a node, or open a closed "
         "one (kubectl uncordon NODE)"),
    ],
)  # fmt: skip
def test_why_a_pod_cannot_be_asked(pod: Raw, why: str | None) -> None:
    assert silence(pod, (), ()) == why


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("0", 0),
        ("0s", 0),
        ("8.46ms", 200),
        ("200ms", 200),
        ("201ms", 400),
        ("1m2.5s", 62600),
        ("never", None),
        ("", None),
    ],
)
def test_contact_is_told_in_steps(written: str, shown: int | None) -> None:
    assert stepped(written) == shown


def test_a_peer_without_a_pod_and_one_that_lags_are_seen() -> None:
    answers = [said("consul-0", myself(leads=True, applied=120)), said("consul-1", myself(applied=100, contact="3s"))]

    done = consul(PODS[:2], answers, PEERS, {})

    assert [(one.name, one.behind, one.contact) for one in done.servers[:2]] == [
        ("consul-0", 0, 0),
        ("consul-1", 20, 3000),
    ]
    assert "no pod" in str(done.servers[2].error)


@pytest.mark.parametrize("odd", [{}, {"Stats": None}, {"Stats": {"raft": []}}, {"Config": 1}])
def test_odd_answers_break_nothing(odd: Raw) -> None:
    done = consul(PODS, [said("consul-0", odd)], odd, None)

    assert json.dumps([server_row(one).cells for one in done.servers])
    assert done.error


def test_what_may_fail_counts_servers_that_share_a_node() -> None:
    def words(*nodes: str) -> tuple[str, ...]:
        some = (Server(f"consul-{at}", node, "follower", True, 0, 0, "1.22.3", None) for at, node in enumerate(nodes))
        return consul_words(Consul("consul-0", tuple(some), len(nodes), 1, None, None, None))

    assert words("node1", "node2", "node3")[2:] == ("1 may fail",)
    assert words("node1", "node2", "node2")[2:] == ("1 may fail, but 2 are on node2",)
