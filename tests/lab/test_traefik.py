"""The real Traefik in a lab with the article's stack: what it serves, and what happens when its world changes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml
from living import eventually, internals, place

from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.ports import ClusterError, Kind, Raw, Ref

POD = Kind("v1", "Pod")
SERVICE = Kind("v1", "Service")
INTERNAL = Ref(SERVICE, "homelab", "traefik-internal")
WHOAMI = "whoami.internal.domain.com"
LOOPBACK = "homelab-tui/loopback"
LOGS = {"lab.log", "loader.log", "traefik-homelab-traefik-external.log", "traefik-homelab-traefik-internal.log"}


@dataclass(frozen=True)
class Lab:
    """A lab whose stack is deployed."""

    path: Path
    folder: Path
    kubeconfig: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    path = tmp_path_factory.mktemp("run")
    with place(path) as folder, attach() as joined:
        joined.deployed(lambda _: None)
        yield Lab(path, folder.path, joined.kubeconfig)


@pytest.fixture
async def cluster(lab: Lab) -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect(lab.kubeconfig)
    yield connected
    await connected.close()


async def reached(cluster: KubernetesCluster, ref: Ref = INTERNAL) -> int:
    """The port of this machine where a Service's Traefik listens."""

    async def look() -> str | None:
        found = await cluster.get(ref)
        address: str | None = ((found or {}).get("metadata", {}).get("annotations") or {}).get(LOOPBACK)
        return address

    host, _, port = (await eventually(look)).partition(":")
    assert host == "127.0.0.1"
    return int(port)


def get(port: int, host: str, path: str = "/") -> tuple[int, str]:
    """Status and text of a page, asked for as curl does with a Host header."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


async def serving(port: int, host: str, status: int = 200) -> str:
    """Wait until a host is answered so; the page."""

    async def look() -> tuple[str] | None:
        found, text = await asyncio.to_thread(get, port, host)
        return (text,) if found == status else None

    return (await eventually(look))[0]


def sample(name: str, port: int = 8080, host: str | None = None) -> list[Raw]:
    """A whoami of its own, and the way in to it, as a person would write them."""
    labels = {"app": name}
    probe = {"httpGet": {"path": "/health", "port": port}, "periodSeconds": 1}
    container = {"name": "whoami", "image": "traefik/whoami:v1.11", "args": [f"--port={port}"], "readinessProbe": probe}
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": name, "namespace": "default"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    found: list[Raw] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}
        | {"spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta}
        | {"spec": {"selector": labels, "ports": [{"port": 80, "targetPort": port}]}},
    ]
    if host:
        found.append(
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}
        )
    return found


async def removed(cluster: KubernetesCluster, *objects: Raw) -> None:
    """Delete objects by what they were applied from."""
    for ref in map(Ref.of, objects):
        if live := await cluster.get(ref):
            await cluster.delete(ref, uid=live["metadata"]["uid"])


async def pods(cluster: KubernetesCluster, labels: str) -> list[Raw]:
    found = await cluster.list(POD, labels=labels)
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def ready(pod: Raw) -> tuple[str, str]:
    """Status and message of the condition Ready."""
    (found,) = [entry for entry in pod["status"].get("conditions") or () if entry["type"] == "Ready"]
    return found["status"], found.get("message", "")


async def test_the_sample_app_answers_through_the_real_traefik(cluster: KubernetesCluster) -> None:
    page = await serving(await reached(cluster), WHOAMI)

    (pod,) = await pods(cluster, "app.kubernetes.io/name=whoami")
    assert page.startswith(f"Hostname: {pod['metadata']['name']}\nIP: {pod['status']['podIP']}\n")
    assert f"\nGET / HTTP/1.1\nHost: {WHOAMI}\n" in page
    assert "\nX-Forwarded-For: 127.0.0.1\n" in page


async def test_a_host_that_nobody_serves_is_not_found(cluster: KubernetesCluster) -> None:
    await serving(port := await reached(cluster), WHOAMI)

    assert get(port, "nobody.internal.domain.com") == (404, "404 page not found\n")


async def test_a_new_app_is_served_and_a_deleted_one_no_more(cluster: KubernetesCluster) -> None:
    port, host = await reached(cluster), "mine.internal.domain.com"
    made = sample("mine", host=host)
    for obj in made:
        await cluster.apply(obj)

    assert (await serving(port, host)).startswith("Hostname: mine-")

    await removed(cluster, *made)
    await serving(port, host, status=404)


async def test_every_replica_answers_through_the_one_process(cluster: KubernetesCluster, lab: Lab) -> None:
    await serving(await reached(cluster), WHOAMI)

    replicas = [pod["metadata"]["name"] for pod in await pods(cluster, "homelab-tui/zone=internal")]
    told = [await cluster.pod_json("homelab", name, 8080, "/api/version") for name in replicas]

    assert len(replicas) == 2
    assert [version["Version"] for version in told] == ["3.7.15", "3.7.15"]
    assert len(internals(lab.path)) == 1


async def test_the_token_is_in_no_argument_and_no_log(cluster: KubernetesCluster, lab: Lab) -> None:
    await serving(await reached(cluster), WHOAMI)
    token = yaml.safe_load(lab.kubeconfig.read_text())["users"][0]["user"]["token"].encode()

    (pid,) = internals(lab.path)
    assert token not in Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if entry}
    assert names - {b"LC_CTYPE"} == {b"KUBECONFIG", b"HOME"}  # KUBERNETES_SERVICE_HOST would lead it elsewhere
    logs = list(lab.folder.glob("*.log"))
    assert {path.name for path in logs} == LOGS
    for path in logs:
        assert token not in path.read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_traefik_listens_on_the_loopback_only(lab: Lab) -> None:
    (pid,) = internals(lab.path)
    inodes = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    listening = [line.split() for line in table.splitlines() if " 0A " in line]

    addresses = [fields[1] for fields in listening if f"socket:[{fields[9]}]" in inodes]

    assert len(addresses) == 2
    assert all(address.partition(":")[0].endswith("7F") for address in addresses)  # 127.x.x.x, least byte last


async def test_a_traefik_that_dies_makes_its_pods_unready_and_comes_back(cluster: KubernetesCluster, lab: Lab) -> None:
    await serving(port := await reached(cluster), WHOAMI)
    (pid,) = internals(lab.path)
    os.kill(pid, signal.SIGKILL)

    async def down() -> bool:
        return {ready(pod)[0] for pod in await pods(cluster, "homelab-tui/zone=internal")} == {"False"}

    await eventually(down)
    (message,) = {ready(pod)[1] for pod in await pods(cluster, "homelab-tui/zone=internal")}
    assert message.partition("; see /")[0] == "Traefik was ended by signal 9"
    await serving(port, WHOAMI)
    assert internals(lab.path) != [pid]


async def test_a_port_that_is_taken_makes_the_pod_unready_and_says_so(cluster: KubernetesCluster) -> None:
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        made = sample("late", port=holder.getsockname()[1])
        for obj in made:
            await cluster.apply(obj)

        async def refused() -> bool:
            return any("is taken by another program" in ready(pod)[1] for pod in await pods(cluster, "app=late"))

        await eventually(refused)

    async def up() -> bool:
        return [ready(pod)[0] for pod in await pods(cluster, "app=late")] == ["True"]

    await eventually(up)
    await removed(cluster, *made)


def other(**changes: Any) -> list[Raw]:
    """A second Traefik, with a Service of its own."""
    arguments = [
        "--entrypoints.web.address=:8000",
        "--ping=true",
        *(f"--{key}={value}" for key, value in changes.items()),
    ]
    labels, meta = {"app": "other"}, {"name": "other", "namespace": "default"}
    container = {"name": "traefik", "image": "traefik:v3.7.15", "args": arguments}
    probe = {"httpGet": {"path": "/ping", "port": 8080}, "periodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container | {"readinessProbe": probe}]}}
    ports = [{"port": 80, "targetPort": 8000}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta}
        | {"spec": {"selector": {"matchLabels": labels}, "template": template}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta}
        | {"spec": {"type": "LoadBalancer", "selector": labels, "ports": ports}},
    ]


async def test_another_traefik_has_a_port_of_its_own_restarts_when_changed_and_ends_when_deleted(
    cluster: KubernetesCluster, lab: Lab
) -> None:
    internal, service = await reached(cluster), Ref(SERVICE, "default", "other")
    (first,) = internals(lab.path)
    for obj in other():
        await cluster.apply(obj)
    port = await reached(cluster, service)
    await serving(port, WHOAMI, status=404)  # it reads no Ingresses
    assert port != internal

    await cluster.apply(other(**{"providers.kubernetesingress": "true"})[0])

    async def reading() -> bool:
        return (await asyncio.to_thread(get, await reached(cluster, service), WHOAMI))[0] == 200  # ports may change

    await eventually(reading)
    assert len(internals(lab.path)) == 2

    await removed(cluster, other()[0])

    async def ended() -> bool:
        found = await cluster.get(service) or {}
        return internals(lab.path) == [first] and LOOPBACK not in (found["metadata"].get("annotations") or {})

    await eventually(ended)
    await removed(cluster, other()[1])


async def test_who_has_no_token_is_refused(lab: Lab, tmp_path: Path) -> None:
    document = yaml.safe_load(lab.kubeconfig.read_text())
    document["users"][0]["user"]["token"] = "wrong"
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    stranger = await KubernetesCluster.connect(tmp_path / "kubeconfig")

    with pytest.raises(ClusterError, match="credentials"):
        await stranger.list(POD)

    await stranger.close()
