"""The real kubectl on the lab: what people do by hand."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from apiserver import PATIENCE, TOKEN, write_kubeconfig
from world import world

from homelab.lab.api import serving
from homelab.lab.certificate import identity

BUILT = Path.home() / ".cache/homelab-cluster/bin/kubectl"
"""Where ../shared/cluster builds it."""
KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl") or (str(BUILT) if BUILT.exists() else "")
pytestmark = pytest.mark.skipif(not KUBECTL, reason="needs kubectl: not in KUBECTL, not in PATH")

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: web, image: example.test/web, ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: a, port: 80}]}
"""
JOBS = """
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: run, image: example.test/run}]}
"""


@dataclass
class Kubectl:
    """Runs commands against the lab."""

    environment: dict[str, str]

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A command that goes on."""
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
        return await asyncio.create_subprocess_exec(KUBECTL, *arguments, env=self.environment, **pipes)  # type: ignore[arg-type]

    async def __call__(self, *arguments: str, given: str = "", fails: bool = False) -> str:
        """What a command says."""
        process = await self.start(*arguments)
        async with asyncio.timeout(PATIENCE):
            out, error = await process.communicate(given.encode())
        said = (out + error).decode()
        assert (process.returncode != 0) == fails, said
        return said


@pytest.fixture
async def kubectl(tmp_path: Path) -> AsyncIterator[Kubectl]:
    """kubectl on a lab with controllers."""
    who = identity("127.0.0.1")
    async with world() as found, serving(found.store, TOKEN, tls=who.context) as url:
        authority = base64.b64encode(who.certificate).decode()
        path = write_kubeconfig(tmp_path, url, **{"certificate-authority-data": authority})
        yield Kubectl({"KUBECONFIG": str(path), "HOME": str(tmp_path)})


async def test_apply_from_the_client_side(kubectl: Kubectl) -> None:
    assert "deployment.apps/web created" in await kubectl("apply", "-f", "-", given=WEB)
    again = await kubectl("apply", "-f", "-", given=WEB)
    changed = await kubectl("apply", "-f", "-", given=WEB.replace('value: "1"', 'value: "2"'))

    assert again.splitlines() == ["deployment.apps/web unchanged", "service/web unchanged"]
    assert changed.splitlines() == ["deployment.apps/web configured", "service/web unchanged"]
    (env,) = (await kubectl("get", "deploy", "web", "-o", "jsonpath={..env[*].value}")).splitlines()
    assert env == "2"


async def test_apply_from_the_server_side(kubectl: Kubectl) -> None:
    await kubectl("apply", "--server-side", "-f", "-", given=WEB)
    other = ("apply", "--server-side", "--field-manager=otto", "-f", "-")
    scaled = WEB.replace("replicas: 2", "replicas: 3")

    refused = await kubectl(*other, given=scaled, fails=True)
    forced = await kubectl(*other, "--force-conflicts", given=scaled)

    assert 'Apply failed with 1 conflict: conflict with "kubectl": .spec.replicas' in refused
    assert "deployment.apps/web serverside-applied" in forced
    assert await kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "3"


async def test_from_apply_to_delete(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=WEB)
    await kubectl("rollout", "status", "deploy/web", "--timeout=20s")
    await kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=20s")
    await kubectl("label", "deploy", "web", "tier=front")
    await kubectl("annotate", "svc", "web", "note=kept")
    await kubectl("patch", "svc", "web", "-p", '{"spec":{"ports":[{"port":81,"name":"b"}]}}')
    await kubectl("scale", "deploy", "web", "--replicas=1")
    await kubectl("rollout", "status", "deploy/web", "--timeout=20s")

    pods = await kubectl("get", "pods", "-l", "app=web")
    assert pods.splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert "1/1" in pods and "Running" in pods
    assert "80/TCP,81/TCP" in await kubectl("get", "svc", "web")
    assert "tier=front" in await kubectl("get", "deploy", "--show-labels")
    assert "note: kept" in await kubectl("get", "svc", "web", "-o", "yaml")
    assert "web" in await kubectl("get", "all", "-A")

    await kubectl("delete", "deploy", "web", "--cascade=foreground")
    await kubectl("wait", "--for=delete", "pod", "-l", "app=web", "--timeout=20s")
    assert "No resources found" in await kubectl("get", "pods", "-l", "app=web")


async def test_a_job_by_hand(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=JOBS)
    job = await kubectl("create", "job", "now", "--from=cronjob/nightly", "--dry-run=client", "-o", "yaml")
    await kubectl("create", "-f", "-", given=job)

    assert "condition met" in await kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=20s")
    assert "Complete" in await kubectl("get", "job", "now")


async def test_watching(kubectl: Kubectl) -> None:
    watch = await kubectl.start("get", "configmaps", "-w", "-n", "kube-public", "--no-headers")
    assert watch.stdout
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: kube-public}\n"
    try:
        await kubectl("apply", "-f", "-", given=config)
        async with asyncio.timeout(PATIENCE):
            lines = [await watch.stdout.readline()]
            while not lines[-1].startswith(b"web "):
                lines.append(await watch.stdout.readline())
    finally:
        watch.terminate()
        await watch.communicate()


async def test_what_it_says_of_what_is_not_there(kubectl: Kubectl) -> None:
    assert 'pods "web" not found' in await kubectl("get", "pod", "web", fails=True)
    assert "the server doesn't have a resource type" in await kubectl("get", "gadgets", fails=True)
    assert "kubectl create -f" in await kubectl("create", "configmap", "web", fails=True)


async def test_wide_columns_and_what_became_of_a_job(kubectl: Kubectl) -> None:
    await kubectl("apply", "-f", "-", given=WEB + "---" + JOBS)
    job = await kubectl("create", "job", "now", "--from=cronjob/nightly", "--dry-run=client", "-o", "yaml")
    await kubectl("create", "-f", "-", given=job)
    await kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=20s")

    head, *pods = (await kubectl("get", "pods", "-o", "wide")).splitlines()
    wide = "IP NODE NOMINATED NODE READINESS GATES"
    assert " ".join(head.split()) == f"NAME READY STATUS RESTARTS AGE {wide}"
    assert sum(" Completed " in pod for pod in pods) == 1 and all("127." in pod for pod in pods)
    for kind, columns in {
        "deploy": "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
        "svc": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR",
        "nodes": "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        "jobs": "NAME STATUS COMPLETIONS DURATION AGE CONTAINERS IMAGES SELECTOR",
        "cronjobs": "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE CONTAINERS IMAGES",
    }.items():
        assert (await kubectl("get", kind, "-o", "wide")).splitlines()[0].split() == columns.split()
