"""Asking for certificates now: a run of the issuer outside its schedule."""

from __future__ import annotations

from collections.abc import Iterable

from homelab.ports import Cluster, Kind, NotFound, Raw, Ref
from homelab.stack.access import NAMESPACE

KEPT_SECONDS = 86_400
"""After its end, so that its log can be read."""
ISSUER = Ref(Kind("batch/v1", "CronJob"), NAMESPACE, "issuer")


async def renew(cluster: Cluster, hosts: Iterable[str]) -> Ref:
    """Start a run that orders certificates for these hosts, due or not; the Job. Raises NotFound, ClusterError."""
    issuer = await cluster.get(ISSUER)
    if issuer is None:
        raise NotFound("there is no issuer on the cluster; it comes with the stack: homelab-tui apply")
    return Ref.of(await cluster.create(job(issuer, hosts)))


def job(issuer: Raw, hosts: Iterable[str]) -> Raw:
    """The Job of a run at once; not the CronJob's own, which clears away all but the last. Pure."""
    template = issuer["spec"]["jobTemplate"]
    pod = template["spec"]["template"]
    first, *others = pod["spec"]["containers"]
    told = {**first, "env": [*first["env"], {"name": "RENEW", "value": " ".join(hosts)}]}
    containers = {**pod, "spec": {**pod["spec"], "containers": [told, *others]}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": "issuer-now-",
            "namespace": issuer["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
        },
        "spec": {**template["spec"], "template": containers, "ttlSecondsAfterFinished": KEPT_SECONDS},
    }
