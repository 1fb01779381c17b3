"""Asking for certificates now: a run of the issuer outside its schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from homelab.observe.issuer import condition
from homelab.observe.snapshot import ISSUER_LABEL
from homelab.ports import Cluster, Kind, NotFound, Raw, Ref, Rejected
from homelab.stack.access import NAMESPACE
from homelab.stack.journal import Journal

KEPT_SECONDS = 86_400
"""After its end, so that its log can be read."""
ISSUER = Ref(Kind("batch/v1", "CronJob"), NAMESPACE, "issuer")
JOB = Kind("batch/v1", "Job")


async def renew(cluster: Cluster, journal: Journal, hosts: Collection[str]) -> Ref:
    """Start a run that orders certificates for these hosts, due or not; the Job.

    A run that finds another one at work leaves, and what it was asked for is lost: so none is started then.
    Raises NotFound, Rejected, ClusterError, OSError.
    """
    issuer = await cluster.get(ISSUER)
    if issuer is None:
        raise NotFound("there is no issuer on the cluster; it comes with the stack: homelab-tui apply")
    if runs := [one for one in await cluster.list(JOB, namespace=NAMESPACE, labels=ISSUER_LABEL) if not has_ended(one)]:
        raise Rejected(at_work(runs[0]["metadata"]["name"]))
    await asyncio.to_thread(journal.write, "renewing", hosts=list(hosts))  # a disk that is slow must not hold up others
    run = Ref.of(await cluster.create(job(issuer, hosts)))
    await asyncio.to_thread(journal.write, "started", job=run.name)
    return run


def has_ended(run: Raw) -> bool:
    """Whether a Job is over, well or not."""
    return any(condition(run, kind) for kind in ("Complete", "Failed"))


def at_work(run: str) -> str:
    """Why nothing can be ordered now, by the name of the Job that runs."""
    return f"nothing was ordered: the issuer is at work, one run at a time; ask again when Job {run} has ended"


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
