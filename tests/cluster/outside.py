"""What tests of the external ingress do at a home: publish hosts, run the issuer, look at it from beyond the WAN."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from household import Home, eventually

needs_authority = pytest.mark.skipif(
    not os.environ.get("HOMELAB_ACME_ROOT"), reason="needs HOMELAB_ACME_SERVER, HOMELAB_ACME_CA and HOMELAB_ACME_ROOT"
)
SPACE = ("-n", "homelab")
PUBLIC = {"traffic-type": "external"}
ROOT_FILE = "/tmp/homelab-acme-root.pem"


def public(home: Home, name: str = "whoami") -> str:
    """A host of the external domain."""
    return f"{name}.{home.plan.ingress.external.domain}"


def ingress(name: str, host: str, labels: dict[str, str]) -> dict[str, Any]:
    """An Ingress that leads to the sample app."""
    backend = {"service": {"name": "whoami", "port": {"name": "web"}}}
    rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    metadata = {"name": name, "namespace": "whoami", "labels": labels}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"rules": [rule]},
    }


def publish(home: Home, name: str = "whoami") -> None:
    """The sample app, for the world outside, under another name."""
    home.kubectl("apply", "-f", "-", stdin=json.dumps(ingress(f"public-{name}", public(home, name), PUBLIC)))


def issue(home: Home, name: str, **environment: str) -> list[dict[str, Any]]:
    """Run the issuer now; what it said."""
    start(home, name, **environment)
    return ended(home, name)


def start(home: Home, name: str, **environment: str) -> None:
    """Begin a run of the issuer."""
    text = home.kubectl(*SPACE, "create", "job", name, "--from=cronjob/issuer", "--dry-run=client", "-o", "json")
    job = json.loads(text)
    del job["metadata"]["ownerReferences"]  # else it is cleared away with its log as soon as another one ends
    job["spec"]["template"]["spec"]["containers"][0]["env"] += [
        {"name": key, "value": value} for key, value in environment.items()
    ]
    home.kubectl("apply", "-f", "-", stdin=json.dumps(job))


def ended(home: Home, name: str) -> list[dict[str, Any]]:
    """What a run said, once it has ended."""

    def over() -> bool:
        status = json.loads(home.kubectl(*SPACE, "get", "job", name, "-o", "json")).get("status", {})
        return bool(status.get("succeeded") or status.get("failed"))

    eventually(f"job {name} has ended", over, 180)
    return [json.loads(line) for line in home.kubectl(*SPACE, "logs", f"job/{name}").splitlines()]


def signed() -> int:
    """How many certificates the CA has signed, by its own log, which is beside the folder of the kubeconfig."""
    log = Path(os.environ["KUBECONFIG"]).parent.parent / "log" / "pebble.log"
    return log.read_text().count("Issued certificate serial")


def said(lines: list[dict[str, Any]], host: str) -> list[str]:
    """What was told of a host."""
    return [line["event"] for line in lines if line.get("host") == host]


def https(home: Home, host: str, *options: str) -> str:
    """The status that somebody beyond the WAN meets, who trusts the CA alone."""
    return home.code("wan", f"https://{host}/", "--cacert", ROOT_FILE, *options)


def ready(home: Home, workload: str) -> None:
    """Wait until all of a workload is."""
    home.kubectl(*SPACE, "rollout", "status", workload, "--timeout=300s")


def fingerprints(home: Home, host: str) -> list[str]:
    """Of the certificate that each external replica serves for a host."""
    found = []
    for pod in home.objects("pods", *SPACE, "-l", "homelab-tui/zone=external"):
        path = f"/api/v1/namespaces/homelab/pods/http:{pod['metadata']['name']}:8080/proxy/api/certificates"
        certificates = json.loads(home.kubectl("get", "--raw", path))
        found += [one["name"] for one in certificates if host in one.get("sans", ())]
    return found


def consul(home: Home, command: str, check: bool = True) -> str:
    """Run a command with a manager's token at a server of Consul; the token goes in by stdin."""
    secret = json.loads(home.kubectl(*SPACE, "get", "secret", "consul-management", "-o", "json"))
    token = b64decode(secret["data"]["token"]).decode()
    shell = f"read -r CONSUL_HTTP_TOKEN; export CONSUL_HTTP_TOKEN; {command}"
    return home.kubectl(*SPACE, "exec", "-i", "consul-0", "--", "sh", "-c", shell, stdin=f"{token}\n", check=check)


@contextmanager
def frozen(home: Home, command: str, count: int) -> Iterator[None]:
    """Some of the processes with this command line stand still for a while, as on nodes that hang."""
    pids = home.at("master1", "pgrep", "-f", command).split()[:count]  # all machines share their process ids
    assert len(pids) == count
    home.at("master1", "kill", "-STOP", *pids)
    try:
        yield
    finally:
        home.at("master1", "kill", "-CONT", *pids)


def opened(home: Home) -> Home:
    """The whole stack on a bare cluster, with the sample app published and its certificate there."""
    home.apply()
    trust(home)
    publish(home)
    lines = issue(home, "first")
    assert said(lines, public(home)) == ["issued"], lines
    eventually("https answers", lambda: https(home, public(home)) == "200")
    return home


def trust(home: Home, root: str | None = None) -> None:
    """Beyond the WAN they trust the CA that tells its root there."""
    url = root or os.environ["HOMELAB_ACME_ROOT"]
    eventually("the CA tells its root", lambda: home.at("wan", "curl", "-sfk", "-o", ROOT_FILE, url) == "")
