"""The external ingress in a lab with the article's stack: Consul, the real loader and issuer, and the real Traefik."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from living import eventually, place

from homelab.adapters.consul import ProxiedConsul
from homelab.adapters.kubernetes import KubernetesCluster
from homelab.lab.process import attach
from homelab.ports import ClusterError, Granted, Kind, Raw, Ref, StoreError
from homelab.stack.access import MANAGEMENT, ensure, grants, token

T = TypeVar("T")
JOB = Kind("batch/v1", "Job")
POD = Kind("v1", "Pod")
SECRET = Kind("v1", "Secret")
SERVICE = Kind("v1", "Service")
HOST = "mine.cloud.domain.com"
MIRRORS = "homelab-certificates"


@dataclass(frozen=True)
class Lab:
    """A lab whose stack is deployed."""

    folder: Path
    kubeconfig: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with place(tmp_path_factory.mktemp("run")) as folder, attach() as joined:
        joined.deployed(lambda _: None)
        yield Lab(folder.path, joined.kubeconfig)


@pytest.fixture
async def cluster(lab: Lab) -> AsyncIterator[KubernetesCluster]:
    connected = await KubernetesCluster.connect(lab.kubeconfig)
    yield connected
    await connected.close()


async def consul(cluster: KubernetesCluster, path: str, pod: str = "consul-0", holder: str = MANAGEMENT) -> Any:
    """What a server says."""
    headers = {"X-Consul-Token": await token(cluster, holder)}
    return await cluster.ask_pod("homelab", pod, 8500, f"/v1/{path}", headers=headers)


async def https_port(cluster: KubernetesCluster) -> int:
    """Where this machine reaches the external ingress by HTTPS."""

    async def look() -> str | None:
        found = await cluster.get(Ref(SERVICE, "homelab", "traefik-external")) or {}
        told: str = (found["metadata"].get("annotations") or {}).get("homelab-tui/loopback", "")
        return told if told.count(",") == 1 else None

    return int((await eventually(look)).rpartition(":")[2])


def get(port: int, authority: Path) -> str:
    """The page of the host, by a client that trusts the lab's CA alone; empty while that is refused."""
    context = ssl.create_default_context(cafile=str(authority))
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as connection,
        ):
            connection.sendall(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            said = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return ""
    return said if said.startswith("HTTP/1.0 200") else ""


def ingress(host: str) -> Raw:
    """A way from outside to the sample app."""
    backend = {"service": {"name": "whoami", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    meta = {"name": "outside", "namespace": "whoami", "labels": {"traffic-type": "external"}}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": {"rules": [rule]}}


async def issue(cluster: KubernetesCluster, name: str) -> Raw:
    """Start the issuer as `kubectl create job --from=cronjob/issuer` does; its Job once that is over."""
    cron = await cluster.get(Ref(Kind("batch/v1", "CronJob"), "homelab", "issuer"))
    assert cron
    meta = {"name": name, "namespace": "homelab"}
    await cluster.apply(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": cron["spec"]["jobTemplate"]["spec"]}
    )
    return await over(cluster, name)


async def over(cluster: KubernetesCluster, name: str) -> Raw:
    """A Job once it has ended."""

    async def look() -> Raw | None:
        found = await cluster.get(Ref(JOB, "homelab", name)) or {}
        status: Raw = found.get("status") or {}
        return status if status.get("succeeded") or status.get("failed") else None

    return await eventually(look)


async def test_the_whole_stack_stands(lab: Lab, cluster: KubernetesCluster) -> None:
    pods = await cluster.list(POD, namespace="homelab")

    phases = {pod["metadata"]["name"].rpartition("-")[0]: pod["status"]["phase"] for pod in pods}
    assert set(phases.values()) == {"Running", "Succeeded"}
    assert {name for name, phase in phases.items() if phase == "Running"} >= {"consul", "traefik-external"}
    assert (lab.folder / "loader.log").read_text().count('"event": "loaded"') == 1


async def test_every_grant_is_there_and_counts_and_comes_back(cluster: KubernetesCluster) -> None:
    access = ProxiedConsul(cluster, "homelab", "consul-0", await token(cluster, MANAGEMENT))
    wanted = await grants(cluster)

    policies, tokens = await access.policies(), await access.tokens()

    assert {grant.policy: grant.rules for grant in wanted} == policies
    assert all(tokens[grant.token] == Granted((grant.policy,), grant.policy) for grant in wanted)
    assert (await consul(cluster, "kv/homelab/config/hash", holder="loader")).status == 200
    assert (await consul(cluster, "kv/homelab/acme/x", holder="traefik")).status == 403
    await access.write_policy(wanted[0].policy, {"operator": "write"})
    assert await ensure(access, wanted) == 1
    assert await access.policies() == policies


async def test_all_servers_share_one_store_and_know_one_leader(cluster: KubernetesCluster) -> None:
    servers = [f"consul-{number}" for number in range(3)]

    said = [json.loads((await consul(cluster, "status/leader", pod)).body) for pod in servers]
    peers = json.loads((await consul(cluster, "status/peers")).body)
    hashes = {(await consul(cluster, "kv/homelab/config/hash?raw=1", pod)).body for pod in servers}

    assert len(set(said)) == len(hashes) == 1
    assert said[0] in peers
    assert len(peers) == 3


async def test_what_the_store_has_by_now_is_not_filled_over(cluster: KubernetesCluster) -> None:
    store = ProxiedConsul(cluster, "homelab", "consul-0", await token(cluster, MANAGEMENT))
    before = await store.values("homelab/")

    with pytest.raises(StoreError):
        await store.fill({"homelab/config/other": b"1", "homelab/config/hash": b"another"})

    assert await store.values("homelab/") == before


async def test_every_replica_took_the_configuration(cluster: KubernetesCluster) -> None:
    name = (await consul(cluster, "kv/homelab/config/hash?raw=1")).body.decode()

    async def taken() -> bool:
        found = [
            await cluster.pod_json("homelab", f"traefik-external-{number}", 8080, "/api/http/middlewares")
            for number in range(2)
        ]
        return all(any(one["name"] == f"homelab-{name}@consul" for one in replica) for replica in found)

    await eventually(taken)


async def test_a_new_host_gets_a_certificate_and_is_served_with_it(lab: Lab, cluster: KubernetesCluster) -> None:
    await cluster.apply(ingress(HOST))

    assert (await issue(cluster, "first")).get("succeeded") == 1

    port = await https_port(cluster)
    page = await eventually(lambda: asyncio.to_thread(get, port, lab.folder / "account" / "authority.pem"))
    assert "Hostname: whoami-" in page
    kept = json.loads((await consul(cluster, "kv/homelab/acme/?keys=1")).body)
    (state,) = [key for key in kept if key.endswith(f"/{HOST}/state")]
    told = json.loads((await consul(cluster, f"kv/{state}?raw=1", holder="console")).body)
    assert (told["issuer"], told["failures"]) == ("homelab-tui lab CA", 0)
    assert await cluster.list(SECRET, namespace=MIRRORS)


async def test_a_lost_store_is_filled_again_without_another_certificate(lab: Lab, cluster: KubernetesCluster) -> None:
    await cluster.apply(ingress(HOST))
    await issue(cluster, "before")
    keys = "kv/traefik-external/tls/certificates/?recurse=1"
    before = json.loads((await consul(cluster, keys)).body)
    headers = {"X-Consul-Token": await token(cluster, MANAGEMENT)}
    for folder in ("traefik-external/tls/certificates/", "homelab/acme/"):
        await cluster.ask_pod(
            "homelab", "consul-1", 8500, f"/v1/kv/{folder}?recurse=1", method="DELETE", headers=headers
        )

    assert (await issue(cluster, "after")).get("succeeded") == 1

    after = json.loads((await consul(cluster, keys)).body)
    assert [(one["Key"], one["Value"]) for one in after] == [(one["Key"], one["Value"]) for one in before]
    assert '"event": "restored"' in (lab.folder / "issuer.log").read_text()


async def test_traefik_finds_another_server_when_its_own_goes(cluster: KubernetesCluster) -> None:
    for number in (0, 1, 2):
        ref = Ref(POD, "homelab", f"consul-{number}")
        pod = await cluster.get(ref)
        assert pod
        await cluster.delete(ref, uid=pod["metadata"]["uid"])

        async def back(ref: Ref = ref, old: str = pod["metadata"]["uid"]) -> bool:
            found = await cluster.get(ref) or {"metadata": {"uid": old}}
            conditions = found.get("status", {}).get("conditions", ())
            ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
            return found["metadata"]["uid"] != old and ready

        await eventually(back)
    name = (await consul(cluster, "kv/homelab/config/hash?raw=1")).body.decode()

    async def known() -> bool:
        """A replica that begins again has no API yet."""
        try:
            found = await cluster.pod_json("homelab", "traefik-external-0", 8080, "/api/http/middlewares")
        except ClusterError:
            return False
        return any(one["name"] == f"homelab-{name}@consul" for one in found)

    await eventually(known)


async def test_only_the_product_s_own_programs_are_run(cluster: KubernetesCluster, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    meta = {"name": "foreign", "namespace": "homelab"}
    await cluster.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
        | {"data": {"loader.py": f"open({str(mark)!r}, 'w')"}}
    )
    mounts = [{"name": "programs", "mountPath": "/programs"}]
    container = {"name": "x", "image": "certbot/certbot:v5.8.0", "command": ["python3", "/programs/loader.py"]}
    spec = {
        "restartPolicy": "Never",
        "containers": [container | {"volumeMounts": mounts}],
        "volumes": [{"name": "programs", "configMap": {"name": "foreign"}}],
    }
    await cluster.apply(
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta}
        | {"spec": {"backoffLimit": 0, "template": {"spec": spec}}}
    )

    assert (await over(cluster, "foreign")).get("failed") == 1

    (pod,) = [one for one in await cluster.list(POD, namespace="homelab", labels="job-name=foreign")]
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["message"].startswith("/programs/loader.py is not run: the lab runs the programs of homelab-tui only")
    assert not mark.exists()
