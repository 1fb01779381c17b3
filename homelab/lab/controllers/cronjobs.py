"""CronJobs: a Job at each time that is due, and no more of the old ones than wanted."""

from __future__ import annotations

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

from homelab.lab.controllers.clock import Clock, stamp
from homelab.lab.controllers.conditions import holds
from homelab.lab.controllers.events import Recorder
from homelab.lab.controllers.jobs import is_over
from homelab.lab.controllers.kinds import CRON_JOB, JOB
from homelab.lab.controllers.owned import is_dying, made_by, managers, owned
from homelab.lab.controllers.schedule import Schedule
from homelab.lab.refusal import Refusal
from homelab.lab.store import Event, Store
from homelab.observe.raw import number, text
from homelab.ports import Raw, Ref

HISTORY = {"Complete": ("successfulJobsHistoryLimit", 3), "Failed": ("failedJobsHistoryLimit", 1)}
"""Condition of a finished Job -> the field that limits how many are kept, and its default. Source: Kubernetes."""


class CronJobs:
    """CronJob -> Jobs. Besides changes, the passing of time wakes it: see `keep_time`."""

    kinds = frozenset({CRON_JOB, JOB})

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._say = Recorder("cronjob-controller", now).say
        self._due: dict[Ref, datetime] = {}
        self._changed = asyncio.Event()

    def reconcile(self, store: Store, event: Event) -> None:
        """Find out when it is due next; drop old Jobs."""
        ours = Ref.of(event.object).kind == CRON_JOB
        found = store.get(Ref.of(event.object)) if ours else managers(store, event.object, CRON_JOB)
        if ours:
            self._plan(store, Ref.of(event.object), found)
        if found and not is_dying(found):
            _tidy(store, found)

    async def keep_time(self, store: Store) -> None:
        """Start what is due, until cancelled."""
        while True:
            self._changed.clear()
            first = min(self._due.values(), default=None)
            try:
                wait = max(0.0, (first - self._now()).total_seconds()) if first else None
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                self.start_due(store)

    def start_due(self, store: Store) -> None:
        """Start every Job whose time has come."""
        now = self._now()
        for ref, due in sorted(self._due.items(), key=lambda item: item[1]):
            found = store.get(ref)
            if due <= now and found:
                self._plan(store, ref, found)
                try:
                    self._start(store, found, due)
                except Refusal as refusal:
                    self._say(store, found, "Warning", "FailedCreate", f"Error creating job: {refusal}")

    def _plan(self, store: Store, ref: Ref, found: Raw | None) -> None:
        before = self._due.pop(ref, None)
        if found and not is_dying(found) and not found["spec"].get("suspend"):
            try:
                zone = ZoneInfo(text(found, "spec", "timeZone") or "UTC")
                due = Schedule.parse(found["spec"]["schedule"]).after(self._now().astimezone(zone))
            except (ValueError, KeyError) as error:
                self._say(store, found, "Warning", "UnparseableSchedule", f"unparseable schedule: {error}")
                due = None
            if due:
                self._due[ref] = due
        if self._due.get(ref) != before:
            self._changed.set()

    def _start(self, store: Store, found: Raw, due: datetime) -> None:
        running = [job for job in owned(store, found, JOB) if not is_over(job)]
        policy = text(found, "spec", "concurrencyPolicy") or "Allow"
        if running and policy == "Forbid":
            self._say(store, found, "Normal", "JobAlreadyActive", "Not starting job because prior execution is running")
            return
        for job in running if policy == "Replace" else ():
            store.delete(Ref.of(job))
        ref = Ref(JOB, found["metadata"]["namespace"], f"{found['metadata']['name']}-{int(due.timestamp()) // 60}")
        if not store.get(ref):
            store.create(_job(found, ref.name, due))
            self._say(store, found, "Normal", "SuccessfulCreate", f"Created job {ref.name}")
            store.set_status(Ref.of(found), {**(found.get("status") or {}), "lastScheduleTime": stamp(due)})


def _job(found: Raw, name: str, due: datetime) -> Raw:
    template = found["spec"]["jobTemplate"]
    meta = template.get("metadata") or {}
    notes = {**(meta.get("annotations") or {}), "batch.kubernetes.io/cronjob-scheduled-timestamp": stamp(due)}
    named = {"name": name, "namespace": found["metadata"]["namespace"], "labels": meta.get("labels") or {}}
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.name,
        "metadata": {**named, "annotations": notes, "ownerReferences": made_by(found)},
        "spec": template["spec"],
    }


def _tidy(store: Store, found: Raw) -> None:
    jobs = sorted(owned(store, found, JOB), key=lambda job: str(job["metadata"]["creationTimestamp"]))
    _tell(store, found, jobs)
    for ending, (field, default) in HISTORY.items():
        over = [job for job in jobs if holds(job, ending)]
        limit = number(found, "spec", field)
        for job in over[: max(0, len(over) - (default if limit is None else limit))]:
            store.delete(Ref.of(job))


def _tell(store: Store, found: Raw, jobs: list[Raw]) -> None:
    running = [_reference(job) for job in jobs if not is_over(job)]
    ended = [str(job["status"]["completionTime"]) for job in jobs if holds(job, "Complete")]
    before = {key: value for key, value in (found.get("status") or {}).items() if key != "active"}
    last = {"lastSuccessfulTime": max(ended)} if ended else {}
    store.set_status(Ref.of(found), {**before, **last, **({"active": running} if running else {})})


def _reference(job: Raw) -> Raw:
    meta = job["metadata"]
    named = {key: meta[key] for key in ("name", "namespace", "uid")}
    return {"apiVersion": job["apiVersion"], "kind": job["kind"], **named}
