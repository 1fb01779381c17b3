"""The dynamic configuration on the cluster: what Consul has of it, the loader's runs, what each replica has taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from homelab.configuration import FOLDERS, HASH, ROOT, Change, Trouble, changes, marker, strange, whole
from homelab.observe.configuration import CONFIG_MAP as NAME
from homelab.observe.taking import Took, took
from homelab.observe.traefik import Replica, replicas
from homelab.ports import Cluster, Kind, Raw, Ref, StoreError, StoreReading, Unreachable
from homelab.stack.access import MANAGEMENT, NAMESPACE, token
from homelab.stack.apply import ready, stage_failed
from homelab.stack.order import CONFIG_MAP
from homelab.stack.readiness import gone
from homelab.stack.render import COMPONENT
from homelab.stack.settle import Judge, NotSettled, settle
from homelab.together import together

STAGE = "config"
CONFIG = Ref(CONFIG_MAP, NAMESPACE, NAME)
JOB, POD = Kind("batch/v1", "Job"), Kind("v1", "Pod")
REPLICAS = "homelab-tui/zone=external"
JOB_SECONDS = 330.0
"""A little more than the loader's Job gives itself."""
GENERATED = frozenset({"controller-uid", "job-name"})
"""Labels that a Job's pods get from their Job, whatever stands before the slash."""


def text_of(config: Raw) -> str:
    """The configuration in its ConfigMap."""
    text: str = (config.get("data") or {}).get("config", "")
    return text


async def management(cluster: Cluster) -> str:
    """The token that sees every key. Raises StoreError where there is none: without it, Consul would just show none."""
    if found := await token(cluster, MANAGEMENT):
        return found
    raise StoreError(
        f"there is no Secret {NAMESPACE}/consul-{MANAGEMENT}, so nobody can say which keys were written by hand; "
        "homelab-tui apply brings it"
    )


async def by_hand(store: StoreReading) -> tuple[str, ...]:
    """What somebody wrote below Traefik's root where the loader may not write. Raises StoreError."""
    return strange(await store.names(ROOT))


async def held(store: StoreReading) -> Mapping[str, bytes]:
    """What Consul has of the configuration, as far as the token may read it. Raises StoreError."""
    found = [await store.values(prefix) for prefix in (*FOLDERS, HASH)]
    return {key: value.data for values in found for key, value in values.items()}


def differing(keys: Mapping[str, bytes], text: str) -> tuple[Change, ...]:
    """Every key that Consul does not have as a configuration wishes. Raises StoreError for one that nobody loads."""
    try:
        return changes(keys, whole(text))
    except Trouble as error:
        raise StoreError(str(error)) from None


async def load_again(cluster: Cluster) -> None:
    """Have the loader run once more: its Job, which has ended, is deleted and made anew.

    Raises StageFailed, StoreError, ClusterError.
    """
    jobs = await cluster.list(JOB, namespace=NAMESPACE, labels=f"{COMPONENT}={STAGE}")
    if not jobs:
        raise StoreError("there is no Job of the loader; run the same command again")
    old = max(jobs, key=lambda job: str(job["metadata"]["creationTimestamp"]))
    uid: str = old["metadata"]["uid"]
    await cluster.delete(Ref.of(old), uid=uid)
    await _until(cluster, old, lambda ref, obj: gone(obj, uid))
    await _until(cluster, await cluster.apply(fresh(old)), ready)


def fresh(job: Raw) -> Raw:
    """A Job as it was asked for, without what the server added to the one that has run. Pure."""
    meta, spec = job["metadata"], job["spec"]
    asked = spec["template"]["metadata"]["labels"]
    labels = {key: value for key, value in asked.items() if key.rpartition("/")[2] not in GENERATED}
    kept = {key: value for key, value in spec.items() if key not in ("selector", "template")}
    named = {key: meta[key] for key in ("name", "namespace", "labels", "annotations") if key in meta}
    template = {"metadata": {"labels": labels}, "spec": spec["template"]["spec"]}
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "metadata": named,
        "spec": {**kept, "template": template},
    }


async def _until(cluster: Cluster, job: Raw, judge: Judge) -> None:
    try:
        await settle(cluster, {Ref.of(job): job}, judge, JOB_SECONDS)
    except NotSettled as stuck:
        raise await stage_failed(cluster, STAGE, JOB_SECONDS, stuck) from None


async def asked(cluster: Cluster, text: str) -> tuple[Took, ...]:
    """Every replica, by name, asked over its API whether it has taken this configuration. Raises ClusterError."""
    pods = await cluster.list(POD, namespace=NAMESPACE, labels=REPLICAS)
    return tuple(await together(partial(_asked, cluster, replica, marker(text)) for replica in replicas(pods)))


async def _asked(cluster: Cluster, replica: Replica, wanted: str) -> Took:
    try:
        return await took(cluster, replica, wanted)
    except Unreachable as error:
        return Took(replica.pod, wanted, str(error))


def late(found: Iterable[Took]) -> str | None:
    """The first replica that has not taken it, and why."""
    return next((f"{one.pod}: {one.error}" for one in found if one.error), None)
