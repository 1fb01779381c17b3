"""The issuer's runs: what it goes by, when it last succeeded, and whether it is overdue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from homelab.observe.consul import silence
from homelab.observe.raw import dig, full_name, items, label, moment, name, text
from homelab.ports import Raw

PERIOD = timedelta(minutes=10)
"""Between two runs, where the schedule is written in a way that is not ours."""
MISSED = 3
"""Periods without a successful run from which on it is an error."""
EVERY = re.compile(r"\*/([1-9]\d?) \* \* \* \*")
NAME = "homelab/issuer"


@dataclass(frozen=True, slots=True)
class Issuer:
    """The CronJob and its runs."""

    server: str | None
    """Directory of the CA, a URL."""
    domain: str | None
    """Hosts outside of it get no certificate."""
    period: timedelta
    running: str | None
    """The Job that runs now."""
    succeeded: str | None
    """When the last successful run ended, RFC 3339."""
    failed: str | None
    """Why the newest run that is over failed, and what to do; None when it did not."""
    since: str | None
    """When the CronJob was made."""
    suspended: bool
    waits: str | None = None
    """Why the pod of the run of now does not begin."""

    def trouble(self, now: datetime) -> str | None:
        """That it does not run as it should, why, and what to do."""
        if self.suspended:
            return f"the issuer is suspended; resume it: kubectl -n homelab patch cronjob issuer -p {RESUME}"
        last = moment(self.succeeded) or moment(self.since)
        if last is None or now - last <= MISSED * self.period:
            return f"the issuer's last run failed: {self.failed}" if self.failed else None
        why = self.failed or self._unended() or f"no run was started; see {ABOUT} cronjob issuer"
        return f"no successful run of the issuer for {minutes(MISSED * self.period)} ({MISSED} periods): {why}"

    def _unended(self) -> str | None:
        """That a run goes on, and why."""
        if self.running is None:
            return None
        return f"{self.waits or 'its run has not ended'}; see {ABOUT} job {self.running}"


RESUME = """'{"spec":{"suspend":false}}'"""
ABOUT = "kubectl -n homelab describe"


def minutes(time: timedelta) -> str:
    """In words."""
    return f"{round(time / timedelta(minutes=1))} minutes"


def issuer(cronjobs: Iterable[Raw], jobs: Iterable[Raw], pods: Iterable[Raw] = ()) -> Issuer | None:
    """The issuer; None where there is none. Of the pods only those of its runs count: they say why one failed."""
    found = next((one for one in cronjobs if full_name(one) == NAME), None)
    if found is None:
        return None
    runs = sorted(jobs, key=started)
    ended = [at for at in (text(found, "status", "lastSuccessfulTime"), *map(completed, runs)) if at]
    given = environment(found)
    schedule = EVERY.fullmatch(text(found, "spec", "schedule") or "")
    of_runs = {label(pod, "job-name"): pod for pod in pods}
    over = [run for run in runs if condition(run, "Complete") or condition(run, "Failed")]
    running = next((run for run in runs if dig(run, "status", "active")), None)
    return Issuer(
        server=given.get("ACME_SERVER"),
        domain=given.get("EXTERNAL_DOMAIN"),
        period=timedelta(minutes=int(schedule[1])) if schedule else PERIOD,
        running=name(running) if running else None,
        succeeded=max(ended, default=None),
        failed=failure(over[-1], of_runs.get(name(over[-1]))) if over else None,
        since=text(found, "metadata", "creationTimestamp"),
        suspended=dig(found, "spec", "suspend") is True,
        waits=silence(begun, (), ()) if running and (begun := of_runs.get(name(running))) else None,
    )


def environment(cronjob: Raw) -> dict[str, str]:
    """What the program is given."""
    pod = dig(cronjob, "spec", "jobTemplate", "spec", "template", "spec")
    given = [one for container in items(pod, "containers") for one in items(container, "env")]
    return {name_: value for one in given if (name_ := text(one, "name")) and (value := text(one, "value"))}


def started(job: Raw) -> tuple[str, int]:
    """When a run began, to the second; of those that began in the same one the last written is the newest."""
    version = text(job, "metadata", "resourceVersion") or ""
    began = text(job, "status", "startTime") or text(job, "metadata", "creationTimestamp") or ""
    return began, int(version) if version.isdigit() else 0


def completed(job: Raw) -> str | None:
    """When a run ended well."""
    return text(job, "status", "completionTime") if condition(job, "Complete") else None


def failure(job: Raw, pod: Raw | None) -> str | None:
    """Why a run failed: best in the issuer's own words, which name what to do."""
    if not (found := condition(job, "Failed")):
        return None
    if pod and (words := last_words(pod)):
        return words
    said = ": ".join(filter(None, (text(found, "reason"), text(found, "message"))))
    return f"{said or 'no reason given'}; see {ABOUT} job {name(job)}"


def last_words(pod: Raw) -> str | None:
    """What a container that ended said at its end: the error in its last line, or that line."""
    ended = (text(one, "state", "terminated", "message") for one in items(pod, "status", "containerStatuses"))
    return last_word("\n".join(filter(None, ended)))


def last_word(said: str) -> str | None:
    """Of what one of our programs has said: the error in its last line, or that line."""
    lines = [line for line in said.splitlines() if line.strip()]
    if not lines:
        return None
    with suppress(ValueError):
        return text(json.loads(lines[-1]), "error")
    return lines[-1]


def condition(job: Raw, kind: str) -> Raw | None:
    """A condition that is true."""
    found = items(job, "status", "conditions")
    return next((one for one in found if one.get("type") == kind and one.get("status") == "True"), None)
