"""Traefiks and sample apps that cannot run, or would listen where they must not: what the cluster says of them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from apiserver import MERGE, asking
from living import eventually, place, traefiks

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.ports import Kind, Raw, Ref
from homelab.stack.reasons import reasons

DEPLOYMENT = Kind("apps/v1", "Deployment")
EVENT = Kind("v1", "Event")
POD = Kind("v1", "Pod")


@dataclass(frozen=True)
class Home:
    """A bare lab of a test module."""

    path: Path
    kubeconfig: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    path = tmp_path_factory.mktemp("run")
    with place(path), attach(bare=True) as joined:
        yield Home(path, joined.kubeconfig)


@pytest.fixture
async def cluster(lab: Home) -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect(lab.kubeconfig)
    yield connected
    await connected.close()


def workload(name: str, image: str, *arguments: str) -> Raw:
    """A Deployment of one pod."""
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "app", "image": image, "args": list(arguments)}]},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": name, "namespace": "default"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


async def status(cluster: KubernetesCluster, name: str) -> tuple[Raw, Raw]:
    """A pod and the status of its container, as soon as there is one."""

    async def look() -> Raw | None:
        found = await cluster.list(POD, labels=f"app={name}")
        return next((pod for pod in found if pod.get("status", {}).get("containerStatuses")), None)

    pod = await eventually(look)
    return pod, pod["status"]["containerStatuses"][0]


async def waiting(cluster: KubernetesCluster, name: str, why: str = "", restarts: int = 0) -> Raw:
    """The status of a pod's container once it waits for its next start, for a reason, after so many at least."""

    async def look() -> Raw | None:
        _, seen = await status(cluster, name)
        state = seen["state"].get("waiting")
        return seen if state and why in state["message"] and seen["restartCount"] >= restarts else None

    return await eventually(look)


async def test_a_traefik_that_ends_at_once_is_a_crash_loop_and_apply_would_say_why(cluster: KubernetesCluster) -> None:
    await cluster.apply(workload("broken", "traefik:v3.7.15", "--nonsense=1"))

    seen = await waiting(cluster, "broken", restarts=2)

    pod, _ = await status(cluster, "broken")
    state = seen["state"]["waiting"]
    assert (seen["ready"], seen["started"], state["reason"]) == (False, False, "CrashLoopBackOff")
    assert "Traefik ended with exit code 1: command traefik error: " in state["message"]
    assert "field not found, node: nonsense; see /" in state["message"]
    ended = seen["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["message"]) == (1, "Error", state["message"])
    about = {event["reason"]: event for event in await cluster.list(EVENT) if event["involvedObject"].get("uid")}
    assert (about["BackOff"]["type"], about["BackOff"]["count"] >= 2) == ("Warning", True)
    assert about["BackOff"]["message"].startswith("Back-off restarting failed container app in pod broken-")
    ref = Ref(DEPLOYMENT, "default", "broken")
    name = pod["metadata"]["name"]
    told = (await reasons(cluster, [ref]))[ref]
    assert any(line.startswith(f"pod {name}: CrashLoopBackOff: Traefik ended with exit code 1: ") for line in told)


async def test_a_traefik_listens_on_the_loopback_whatever_its_arguments_name(
    cluster: KubernetesCluster, lab: Home
) -> None:
    named = ("--entrypoints.extra=true", "--entryPoints.Web.http.tls=true", "--entrypoints.udp.address=:5353/udp")
    await cluster.apply(workload("wide", "traefik:v3.7.15", *named, "--entrypoints.udp.http3=true"))

    async def sockets() -> set[str] | None:
        found = {address for pid in traefiks(lab.path) for address in listening(pid)}
        return found if len(found) == 4 else None

    assert all(address.partition(":")[0].endswith("7F") for address in await eventually(sockets))  # 127.x.x.x, reversed


def listening(pid: int) -> set[str]:
    """Local addresses of a process's sockets that anybody can send to, as the kernel writes them, and how."""
    inodes = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    found = set()
    for table, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == state and f"socket:[{fields[9]}]" in inodes:
                found.add(f"{fields[1]}/{table}")
    return found


async def test_a_traefik_that_reaches_beyond_the_cluster_is_told_off(cluster: KubernetesCluster) -> None:
    await cluster.apply(workload("curious", "traefik:v3.7.15", "--configfile=/etc/passwd"))

    seen = await waiting(cluster, "curious")

    why = "Traefik is not started with --configfile: in the lab it reads nothing but the cluster"
    assert seen["state"]["waiting"]["message"] == why
    assert seen["lastState"]["terminated"]["reason"] == "StartError"


async def test_a_sample_app_never_listens_outside_of_its_lab(cluster: KubernetesCluster, lab: Home) -> None:
    await cluster.apply(workload("everywhere", "traefik/whoami:v1.11", "--port=8099"))
    pod, _ = await status(cluster, "everywhere")

    for address in ("0.0.0.0", "127.0.0.1", "::", "nonsense"):
        path = f"/api/v1/namespaces/default/pods/{pod['metadata']['name']}/status"
        async with asking(lab.kubeconfig) as server:
            assert (await server.ask("PATCH", path, {"status": {"podIP": address}}, content=MERGE)).code == 200
        await waiting(cluster, "everywhere", f"{address} is no address of this lab's pods, ")
