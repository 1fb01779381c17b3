"""What a household has when a host is public: an issuer, a certificate, a Consul of one server that keeps it."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from rooms import Household, ingress, thing, traefik

from homelab.ports import Kind, Raw

HOST, CA, MARK = "web.example.test", "https://ca.test/dir", "ab" * 32
STATE = f"homelab/acme/{sha256(CA.encode()).hexdigest()[:12]}/{HOST}/state"
MYSELF = {
    "Config": {"Version": "1.22.3"},
    "Stats": {"consul": {"leader_addr": "x"}, "raft": {"state": "Leader", "applied_index": "7", "last_contact": "0"}},
}
HEALTH = {"FailureTolerance": 0, "Servers": [{"Name": "consul-0", "Leader": True, "Voter": True, "Healthy": True}]}


def certified(home: Household) -> None:
    """One public host whose certificate is a third through its life, and served."""
    labels = {"app.kubernetes.io/name": "consul"}
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    home.put(
        thing(Kind("v1", "Pod"), "consul-0", "homelab", labels=labels, spec={"nodeName": "node1"}, status=running),
        thing(Kind("v1", "Secret"), "consul-console", "homelab") | {"data": {"token": b64encode(b"a-token").decode()}},
        traefik("traefik-external-1", "external"),
        ingress("public", HOST, labels={"traffic-type": "external"}),
        issuer(),
    )
    home.answers |= {
        "consul-0/v1/agent/self": MYSELF,
        "consul-0/v1/operator/autopilot/health": HEALTH,
        "consul-0/v1/kv/homelab": [{"Key": STATE, "Value": b64encode(json.dumps(state()).encode()).decode()}],
        "consul-0/v1/kv": ["homelab/"],
        "consul-0/v1/kv/traefik-external": [],
        "traefik-external-1/api/certificates": [{"sans": [HOST], "certFingerprint": MARK, "issuerCN": "Test CA"}],
    }


def issuer() -> Raw:
    """The CronJob, which ran well a moment ago."""
    given = [{"name": "ACME_SERVER", "value": CA}, {"name": "EXTERNAL_DOMAIN", "value": "example.test"}]
    pod = {"restartPolicy": "Never", "containers": [{"name": "issuer", "image": "certbot", "env": given}]}
    spec = {"schedule": "*/10 * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    labels = {"app.kubernetes.io/name": "issuer"}
    status = {"lastSuccessfulTime": datetime.now(UTC).isoformat(timespec="seconds")}
    return thing(Kind("batch/v1", "CronJob"), "issuer", "homelab", labels=labels, spec=spec, status=status)


def state() -> dict[str, str | None]:
    """What the issuer wrote of the host."""
    now = datetime.now(UTC)
    times = {"not_before": -30, "last_attempt": -30, "next_renewal": 30, "not_after": 60}
    said = {name: (now + timedelta(days=days)).isoformat() for name, days in times.items()}
    return {"host": HOST, "server": CA, "fingerprint": MARK, "issuer": "Test CA", "error_class": None, **said}
