"""Asking for certificates now: a run of the issuer outside its schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from homelab.observe.consul import SELECTOR
from homelab.observe.hosts import Hosts, hosts, unfit
from homelab.observe.issuer import condition, environment
from homelab.observe.snapshot import ISSUER_LABEL, KINDS
from homelab.observe.traefik import is_ready
from homelab.ports import Cluster, Kind, NotFound, Raw, Ref, Rejected
from homelab.stack.access import NAMESPACE
from homelab.stack.journal import Journal

KEPT_SECONDS = 86_400
"""After its end, so that its log can be read."""
ISSUER = Ref(Kind("batch/v1", "CronJob"), NAMESPACE, "issuer")
JOB, POD = Kind("batch/v1", "Job"), Kind("v1", "Pod")
NO_CONSUL = "nothing was ordered: no server of Consul is ready, and the issuer works with it; see homelab-tui status"
NO_INGRESS = "no Ingress with the label traffic-type=external names it; homelab-tui status lists those that are"


class Unfit(Exception):
    """Hosts that the issuer would pass over; the text says why, one a line."""


async def fit(cluster: Cluster, named: Iterable[str]) -> tuple[str, ...]:
    """The hosts as the issuer writes them, each once, judged by its rule. Raises Unfit, NotFound, ClusterError."""
    domain = environment(await issuer_of(cluster)).get("EXTERNAL_DOMAIN")
    published = hosts(await cluster.list(KINDS["ingresses"].kind), domain)
    wanted = tuple(dict.fromkeys(host.lower() for host in named))
    if wrong := [why for host in wanted if (why := passed_over(host, published, domain))]:
        raise Unfit("\n".join(wrong))
    return wanted


def passed_over(host: str, published: Hosts, domain: str | None) -> str | None:
    """Why the issuer would not order for a host. Pure."""
    if host in published.chosen:
        return None
    named = {name.lower(): why for name, why in published.passed.items()}
    if why := named.get(host) or unfit(host, domain.lower() if domain else None):
        return f"{host} can have no certificate: {why}"
    return f"{host} is not public: {NO_INGRESS}"


async def renew(cluster: Cluster, journal: Journal, hosts: Collection[str]) -> Ref:
    """Start a run that orders certificates for these hosts, due or not; the Job.

    None is started while another is at work: it would wait for the lock, and be told late what was ordered just now.
    Nor while Consul cannot keep what is ordered.
    Raises NotFound, Rejected, ClusterError, NotKept.
    """
    issuer = await issuer_of(cluster)
    if not any(map(is_ready, await cluster.list(POD, namespace=NAMESPACE, labels=SELECTOR))):
        raise Rejected(NO_CONSUL)
    if runs := [one for one in await cluster.list(JOB, namespace=NAMESPACE, labels=ISSUER_LABEL) if not has_ended(one)]:
        raise Rejected(at_work(runs[0]["metadata"]["name"]))
    await asyncio.to_thread(journal.write, "renewing", hosts=list(hosts))  # a disk that is slow must not hold up others
    run = Ref.of(await cluster.create(job(issuer, hosts)))
    await asyncio.to_thread(journal.write, "started", job=run.name)
    return run


async def issuer_of(cluster: Cluster) -> Raw:
    """The CronJob that runs it. Raises NotFound, ClusterError."""
    if found := await cluster.get(ISSUER):
        return found
    raise NotFound("there is no issuer on the cluster; it comes with the stack: homelab-tui apply")


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
