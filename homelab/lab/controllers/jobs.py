"""Jobs: pods that run until enough of them have succeeded, or too many have failed."""

from __future__ import annotations

from datetime import datetime

from homelab.lab.controllers.clock import Clock, stamp
from homelab.lab.controllers.conditions import conditions, holds, wished
from homelab.lab.controllers.kinds import JOB, POD
from homelab.lab.controllers.owned import is_dying, managers, owned, pod_of
from homelab.lab.store import Event, Store
from homelab.observe.raw import number, text
from homelab.ports import Raw, Ref

BACKOFF_LIMIT = 6
"""Source: Kubernetes, Job spec.backoffLimit."""


class Jobs:
    """Job -> pods."""

    kinds = frozenset({JOB, POD})

    def __init__(self, now: Clock) -> None:
        self._now = now

    def reconcile(self, store: Store, event: Event) -> None:
        """Start what is still to run; say when it is over."""
        ours = Ref.of(event.object).kind == JOB
        found = store.get(Ref.of(event.object)) if ours else managers(store, event.object, JOB)
        if not found or is_dying(found) or is_over(found):
            return
        pods = owned(store, found, POD)
        done, failed = (sum(text(pod, "status", "phase") == phase for pod in pods) for phase in ("Succeeded", "Failed"))
        running = len(pods) - done - failed
        if not found["spec"].get("suspend") and failed <= _tries(found):
            wanted = min(_wished(found, "parallelism"), _wished(found, "completions") - done)
            for _ in range(wanted - running):
                store.create(pod_of(found, found["spec"]["template"], _labels(found)))
            running = max(running, wanted)
        store.set_status(Ref.of(found), _status(found, running, done, failed, self._now()))


def is_over(job: Raw) -> bool:
    """Whether nothing more will run."""
    return holds(job, "Complete") or holds(job, "Failed")


def _wished(job: Raw, name: str) -> int:
    found = number(job, "spec", name)
    return 1 if found is None else found


def _tries(job: Raw) -> int:
    found = number(job, "spec", "backoffLimit")
    return BACKOFF_LIMIT if found is None else found


def _labels(job: Raw) -> Raw:
    meta = job["metadata"]
    plain = {"controller-uid": meta["uid"], "job-name": meta["name"]}
    return plain | {f"batch.kubernetes.io/{key}": value for key, value in plain.items()}


def _status(job: Raw, running: int, done: int, failed: int, now: datetime) -> Raw:
    before = job.get("status") or {}
    counts = {"active": running, "ready": running, "succeeded": done, "failed": failed}
    status: Raw = {
        **{name: count for name, count in counts.items() if count},
        "startTime": before.get("startTime") or stamp(now),
        "uncountedTerminatedPods": {},
    }
    if done >= _wished(job, "completions"):
        reached = ("CompletionsReached", "Reached expected number of succeeded pods")
        ends = (wished("SuccessCriteriaMet", True, *reached), wished("Complete", True, *reached))
        return {**status, "completionTime": stamp(now), "conditions": conditions(before, now, *ends)}
    if failed > _tries(job):
        reached = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        ends = (wished("FailureTarget", True, *reached), wished("Failed", True, *reached))
        return {**status, "conditions": conditions(before, now, *ends)}
    return status
