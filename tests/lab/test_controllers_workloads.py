"""Deployments, StatefulSets, DaemonSets, Jobs and claims become ready by the product's own rules."""

from __future__ import annotations

import pytest
from world import World, deployment, obj, template, world

from homelab.lab.controllers.kinds import (
    CLAIM,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    NODE,
    POD,
    REPLICA_SET,
    SERVICE,
    SLICE,
    STATEFUL_SET,
)
from homelab.lab.controllers.pods import set_ready
from homelab.observe.raw import dig, items, text
from homelab.ports import Raw, Ref
from homelab.stack.readiness import status

ECHO = Ref(DEPLOYMENT, "default", "echo")


def ready(pod: Raw) -> bool:
    """Whether a pod's Ready condition holds."""
    return any(one["type"] == "Ready" and one["status"] == "True" for one in items(pod, "status", "conditions"))


def stateful(name: str, replicas: int, **spec: object) -> Raw:
    claims = [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}]
    chosen = {"matchLabels": {"app": name}}
    whole = {"replicas": replicas, "serviceName": name, "selector": chosen, "template": template(name), **spec}
    return obj(STATEFUL_SET, name, {**whole, "volumeClaimTemplates": claims})


def daemon(name: str) -> Raw:
    chosen = {"matchLabels": {"app": name}}
    return obj(DAEMON_SET, name, {"selector": chosen, "template": template(name)})


def job(name: str, **spec: object) -> Raw:
    return obj(JOB, name, {"template": template(name, restartPolicy="Never"), **spec})


@pytest.mark.parametrize(
    "made", [deployment("echo", 2), stateful("db", 3), daemon("agent"), job("task", completions=3, parallelism=2)]
)
async def test_a_workload_becomes_ready_by_the_products_rule(made: Raw) -> None:
    async with world() as lab:
        await lab.make(made)

        assert status(lab.get(Ref.of(made))).ready, lab.get(Ref.of(made))["status"]


async def test_replicas_are_spread_over_the_nodes_with_an_address_of_each() -> None:
    async with world() as lab:
        await lab.make(deployment("echo", 3))

        pods = lab.pods()
        assert {pod["spec"]["nodeName"] for pod in pods} == {"master1", "node1", "node2"}
        for pod in pods:
            node = lab.get(Ref(NODE, None, pod["spec"]["nodeName"]))
            assert pod["status"]["podIP"].rpartition(".")[0] == node["spec"]["podCIDR"].rpartition(".")[0]


async def test_a_deployment_is_scaled_and_changed_and_keeps_its_number_of_pods() -> None:
    async with world() as lab:
        await lab.make(deployment("echo", 3))
        await lab.change(ECHO, lambda old: {**old, "spec": {**old["spec"], "replicas": 1}})
        assert len(lab.pods()) == 1
        assert status(lab.get(ECHO)).ready

        await lab.change(ECHO, lambda old: {**old, "spec": deployment("echo", 2, "example/app:2")["spec"]})

        assert [items(pod, "spec", "containers")[0]["image"] for pod in lab.pods()] == ["example/app:2"] * 2
        assert status(lab.get(ECHO)).ready
        assert len(lab.store.all(REPLICA_SET)) == 2


async def test_the_old_revision_stays_until_the_new_one_is_ready() -> None:
    async with world(frozenset({"real/app"})) as lab:
        await lab.make(deployment("echo", 1, "example/app:1"))
        (old,) = lab.pods()
        await lab.change(ECHO, lambda obj: {**obj, "spec": deployment("echo", 1, "real/app:1")["spec"]})
        assert len(lab.pods()) == 2
        assert not status(lab.get(ECHO)).ready

        (new,) = (pod for pod in lab.pods() if pod != old)
        set_ready(lab.store, Ref.of(new), True, "")
        await lab.calm()

        assert [pod["metadata"]["name"] for pod in lab.pods()] == [new["metadata"]["name"]]
        assert status(lab.get(ECHO)).ready


async def test_a_deleted_pod_comes_back_and_a_deleted_deployment_takes_all_with_it() -> None:
    async with world() as lab:
        await lab.make(deployment("echo", 1))
        (before,) = lab.pods()
        await lab.delete(Ref.of(before))
        (after,) = lab.pods()
        assert after["metadata"]["uid"] != before["metadata"]["uid"]
        assert status(lab.get(ECHO)).ready

        await lab.delete(ECHO)

        assert not lab.store.all(POD)
        assert not lab.store.all(REPLICA_SET)


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
async def test_a_stateful_set_has_numbered_pods_with_claims_that_outlive_it(policy: str) -> None:
    async with world() as lab:
        made = stateful("db", 2, podManagementPolicy=policy)
        await lab.make(made)
        assert [pod["metadata"]["name"] for pod in lab.pods()] == ["db-0", "db-1"]

        await lab.change(Ref.of(made), lambda old: {**old, "spec": {**old["spec"], "template": template("db", "b:2")}})
        assert {items(pod, "spec", "containers")[0]["image"] for pod in lab.pods()} == {"b:2"}
        assert status(lab.get(Ref.of(made))).ready, lab.get(Ref.of(made))["status"]

        await lab.delete(Ref.of(made))

        assert not lab.pods()
        claims = lab.store.all(CLAIM)
        assert [claim["metadata"]["name"] for claim in claims] == ["data-db-0", "data-db-1"]
        assert all(status(claim).ready for claim in claims)


async def test_an_ordered_stateful_set_waits_for_each_pod() -> None:
    async with world(frozenset({"real/db"})) as lab:
        made = stateful("db", 2)
        made["spec"]["template"] = template("db", "real/db:1")
        await lab.make(made)
        assert [pod["metadata"]["name"] for pod in lab.pods()] == ["db-0"]

        set_ready(lab.store, Ref(POD, "default", "db-0"), True, "")
        await lab.calm()

        assert [pod["metadata"]["name"] for pod in lab.pods()] == ["db-0", "db-1"]


async def test_a_daemon_set_follows_labels_affinity_and_new_nodes() -> None:
    async with world() as lab:
        made = daemon("agent")
        await lab.make(made)
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["node1"]}]}]
        affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
        changed = template("agent", affinity=affinity)
        await lab.change(Ref.of(made), lambda old: {**old, "spec": {**old["spec"], "template": changed}})
        assert sorted(pod["spec"]["nodeName"] for pod in lab.pods()) == ["master1", "node2"]
        assert status(lab.get(Ref.of(made))).ready

        node = lab.get(Ref(NODE, None, "node2"))
        more = {**node, "metadata": {"name": "node3"}, "spec": {"podCIDR": "127.1.9.0/24"}}
        await lab.make(more)

        assert sorted(pod["spec"]["nodeName"] for pod in lab.pods()) == ["master1", "node2", "node3"]


async def test_a_lost_node_makes_its_pods_unready_until_it_is_back() -> None:
    async with world() as lab:
        await lab.make(deployment("echo", 3))
        await lab.node_ready("node1", False)
        assert [pod["spec"]["nodeName"] for pod in lab.pods() if not ready(pod)] == ["node1"]
        assert "2 of 3 replicas ready" in status(lab.get(ECHO)).why

        await lab.node_ready("node1", True)

        assert all(map(ready, lab.pods()))
        assert status(lab.get(ECHO)).ready


async def test_pods_of_a_removed_node_start_elsewhere() -> None:
    async with world() as lab:
        await lab.make(deployment("echo", 3))
        await lab.delete(Ref(NODE, None, "node1"))

        assert {pod["spec"]["nodeName"] for pod in lab.pods()} == {"master1", "node2"}
        assert status(lab.get(ECHO)).ready


async def test_a_pod_that_fits_nowhere_waits_and_says_so_until_a_node_fits() -> None:
    async with world() as lab:
        lonely = obj(POD, "lonely", template("x", nodeSelector={"disk": "fast"})["spec"])
        await lab.make(lonely)
        assert text(lab.get(Ref.of(lonely)), "status", "phase") == "Pending"
        assert len(lab.said("lonely", "FailedScheduling")) == 1

        labelled = {"disk": "fast"}
        await lab.change(
            Ref(NODE, None, "node2"),
            lambda node: {**node, "metadata": {**node["metadata"], "labels": labelled}},
        )

        assert lab.get(Ref.of(lonely))["spec"]["nodeName"] == "node2"


async def test_a_program_says_when_its_pod_is_ready_and_why_it_is_not() -> None:
    async with world(frozenset({"traefik"})) as lab:
        await lab.make(deployment("echo", 1, "docker.io/library/traefik:v3"))
        (pod,) = lab.pods()
        assert not ready(pod)

        set_ready(lab.store, Ref.of(pod), True, "")
        await lab.calm()
        assert status(lab.get(ECHO)).ready

        set_ready(lab.store, Ref.of(pod), False, "it ended with 1")
        await lab.calm()

        assert not status(lab.get(ECHO)).ready
        (pod,) = lab.pods()
        assert "it ended with 1" in [one.get("message") for one in items(pod, "status", "conditions")]


async def test_a_job_says_what_it_did_and_its_pod_is_done() -> None:
    async with world() as lab:
        made = job("task")
        await lab.make(made)

        (pod,) = lab.pods()
        assert pod["status"]["phase"] == "Succeeded"
        assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "task"
        assert dig(lab.get(Ref.of(made)), "status", "succeeded") == 1
        assert lab.get(Ref.of(made))["status"]["completionTime"]


async def test_a_job_whose_pods_fail_too_often_has_failed() -> None:
    async with world(frozenset({"example/app"})) as lab:
        made = job("task", backoffLimit=1)
        await lab.make(made)
        for _ in range(2):
            (pod,) = (pod for pod in lab.pods() if pod["status"]["phase"] == "Running")
            await lab.change(Ref.of(pod), lambda old: {**old, "status": {**old["status"], "phase": "Failed"}})

        assert "backoff limit" in status(lab.get(Ref.of(made))).why
        assert len(lab.pods()) == 2


async def test_endpoints_follow_ready_pods_and_named_ports() -> None:
    async with world() as lab:
        service = obj(
            SERVICE, "web", {"selector": {"app": "echo"}, "ports": [{"name": "x", "port": 80, "targetPort": "web"}]}
        )
        await lab.make(service)
        assert endpoints(lab) == {}

        await lab.make(deployment("echo", 2))
        assert sorted(endpoints(lab).values()) == [True, True]
        (found,) = lab.store.all(SLICE)
        assert found["ports"] == [{"name": "x", "protocol": "TCP", "port": 8080}]

        (first, _) = lab.pods()
        await lab.node_ready(first["spec"]["nodeName"], False)
        assert endpoints(lab)[first["status"]["podIP"]] is False

        await lab.delete(Ref.of(found))
        assert len(endpoints(lab)) == 2

        await lab.delete(Ref.of(service))
        assert not lab.store.all(SLICE)


def endpoints(lab: World) -> dict[str, bool]:
    """Address -> ready, of the only slice."""
    (found,) = lab.store.all(SLICE)
    return {one["addresses"][0]: one["conditions"]["ready"] for one in found["endpoints"]}


async def test_a_service_that_is_no_longer_open_to_the_outside_closes_its_ports() -> None:
    async with world() as lab:
        made = obj(SERVICE, "web", {"type": "LoadBalancer", "ports": [{"port": 80}]})
        await lab.make(made)
        await lab.change(Ref.of(made), lambda old: {**old, "spec": {**old["spec"], "type": "ClusterIP"}})

        spec = lab.get(Ref.of(made))["spec"]
        assert "nodePort" not in spec["ports"][0]
        assert not {"externalTrafficPolicy", "allocateLoadBalancerNodePorts"} & spec.keys()


async def test_services_get_addresses_and_node_ports_of_their_own_and_give_them_back() -> None:
    async with world() as lab:
        balanced = {"type": "LoadBalancer", "ports": [{"port": 80}, {"port": 81}]}
        one, two = obj(SERVICE, "one", balanced), obj(SERVICE, "two", {"ports": [{"port": 80}]})
        await lab.make(one, two)
        first, second = lab.get(Ref.of(one))["spec"], lab.get(Ref.of(two))["spec"]
        assert first["clusterIP"] != second["clusterIP"]
        opened = [port["nodePort"] for port in first["ports"]]
        assert len(set(opened)) == 2
        assert "nodePort" not in second["ports"][0]
        assert second["ports"][0]["targetPort"] == 80

        await lab.delete(Ref.of(one))
        again = obj(SERVICE, "again", {"type": "NodePort", "ports": [{"port": 80, "nodePort": opened[0]}]})
        again["spec"]["clusterIP"] = first["clusterIP"]
        await lab.make(again)

        assert lab.get(Ref.of(again))["spec"]["ports"][0]["nodePort"] == opened[0]
        assert not lab.said("again", "PortNotAllocated")
