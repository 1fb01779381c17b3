"""CronJobs start Jobs when they are due, and Jobs can be started from them by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from world import obj, template, world

from homelab.lab.controllers.cronjobs import CronJobs
from homelab.lab.controllers.events import LIFE, Recorder
from homelab.lab.controllers.kinds import CRON_JOB, EVENT, JOB
from homelab.lab.controllers.owned import made_by
from homelab.lab.controllers.schedule import Schedule
from homelab.lab.store import Event, Store
from homelab.ports import Raw, Ref

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
"""A Monday."""


@pytest.mark.parametrize(
    ("written", "due"),
    [
        ("*/10 * * * *", "2026-11-23T12:10"),
        ("0 * * * *", "2026-11-23T13:00"),
        ("@daily", "2026-11-24T00:00"),
        ("30 4 * * sun", "2026-11-29T04:30"),
        ("30 4 * * 7", "2026-11-29T04:30"),
        ("0 0 29 2 *", "2028-02-29T00:00"),
        ("0 0 1 jan-mar *", "2027-01-01T00:00"),
        ("5,35 9-17/4 * * *", "2026-11-23T13:05"),
        ("0 0 13 * fri", "2026-11-27T00:00"),
        ("1 12 23 11 *", "2026-11-23T12:01"),
    ],
)
def test_a_schedule_says_when_it_is_due_next(written: str, due: str) -> None:
    assert Schedule.parse(written).after(NOON) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_schedule_that_never_comes_has_no_next_time() -> None:
    assert Schedule.parse("0 0 31 2 *").after(NOON) is None


@pytest.mark.parametrize("written", ["", "* * * *", "60 * * * *", "x * * * *", "5-2 * * * *", "*/0 * * * *", "@reboot"])
def test_what_is_no_schedule_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        Schedule.parse(written)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def cron(**spec: object) -> Raw:
    work = {"spec": {"template": template("task", restartPolicy="Never")}}
    return obj(CRON_JOB, "issuer", {"schedule": "*/10 * * * *", "jobTemplate": work, **spec})


def at_work(made: Raw) -> tuple[Store, CronJobs, Time]:
    """A store with one CronJob, the controller that has seen it, and its clock."""
    store, time = Store(), Time()
    store.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    controller = CronJobs(time)
    controller.reconcile(store, Event("ADDED", store.create(made), store.version))
    return store, controller, time


def pass_minutes(store: Store, controller: CronJobs, time: Time, minutes: int) -> None:
    time.now += timedelta(minutes=minutes)
    controller.start_due(store)


def test_a_job_starts_when_it_is_due_and_not_before() -> None:
    store, controller, time = at_work(cron())
    pass_minutes(store, controller, time, 9)
    assert not store.all(JOB)

    pass_minutes(store, controller, time, 1)

    (job,) = store.all(JOB)
    assert job["metadata"]["ownerReferences"][0]["name"] == "issuer"
    (found,) = store.all(CRON_JOB)
    assert found["status"]["lastScheduleTime"] == "2026-11-23T12:10:00Z"


@pytest.mark.parametrize(("policy", "jobs"), [("Allow", 2), ("Forbid", 1), ("Replace", 1)])
def test_a_job_that_still_runs_is_treated_as_wished(policy: str, jobs: int) -> None:
    store, controller, time = at_work(cron(concurrencyPolicy=policy))
    pass_minutes(store, controller, time, 10)
    first = store.all(JOB)[0]["metadata"]["uid"]
    pass_minutes(store, controller, time, 10)

    assert len(store.all(JOB)) == jobs
    assert (first in {job["metadata"]["uid"] for job in store.all(JOB)}) is (policy != "Replace")


def test_a_suspended_one_starts_nothing_and_a_wrong_schedule_is_told() -> None:
    store, controller, time = at_work(cron(suspend=True))
    pass_minutes(store, controller, time, 60)
    assert not store.all(JOB)

    store, *_ = at_work(cron(schedule="nonsense"))
    (event,) = store.all(EVENT)
    assert (event["reason"], event["type"]) == ("UnparseableSchedule", "Warning")


def test_old_jobs_are_dropped() -> None:
    store, controller, time = at_work(cron(successfulJobsHistoryLimit=1))
    for _ in range(3):
        pass_minutes(store, controller, time, 10)
    done = {"type": "Complete", "status": "True"}
    for job in store.all(JOB):
        store.set_status(Ref.of(job), {"conditions": [done], "completionTime": "2026-11-23T12:30:00Z"})
        controller.reconcile(store, Event("MODIFIED", job, store.version))

    assert len(store.all(JOB)) == 1
    assert store.all(CRON_JOB)[0]["status"]["lastSuccessfulTime"] == "2026-11-23T12:30:00Z"


async def test_a_job_from_a_cron_job_runs_at_once() -> None:
    async with world() as lab:
        made = cron()
        await lab.make(made)
        owner = made_by(lab.get(Ref.of(made)))
        job = obj(JOB, "now", made["spec"]["jobTemplate"]["spec"], ownerReferences=owner)
        await lab.make(job)

        assert lab.get(Ref.of(job))["status"]["succeeded"] == 1


def test_events_are_counted_and_dropped_when_they_are_old() -> None:
    store, _, time = at_work(cron())
    (found,) = store.all(CRON_JOB)
    recorder = Recorder("test", time)
    for _ in range(3):
        recorder.say(store, found, "Warning", "Again", "the same")
    assert [(event["message"], event["count"]) for event in store.all(EVENT)] == [("the same", 3)]

    time.now += LIFE
    recorder.say(store, found, "Normal", "Other", "new")

    assert [event["message"] for event in store.all(EVENT)] == ["new"]
