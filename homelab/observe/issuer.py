"""The issuer's runs: what it goes by, when it last succeeded, and whether it is overdue."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from homelab.observe.raw import dig, full_name, items, moment, name, text
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
    """Why the newest run failed; None when it did not."""
    since: str | None
    """When the CronJob was made."""
    suspended: bool

    def trouble(self, now: datetime) -> str | None:
        """That it does not run as it should, why, and what to do."""
        if self.suspended:
            return f"the issuer is suspended; resume it: kubectl -n homelab patch cronjob issuer -p {RESUME}"
        last = moment(self.succeeded) or moment(self.since)
        if last is None or now - last <= MISSED * self.period:
            return None
        minutes = round(MISSED * self.period / timedelta(minutes=1))
        why = self.failed or ("its run has not ended" if self.running else "no run was started")
        return f"no successful run of the issuer for {minutes} minutes ({MISSED} periods): {why}; {LOGS}"


RESUME = """'{"spec":{"suspend":false}}'"""
LOGS = "see kubectl -n homelab logs -l app.kubernetes.io/name=issuer"


def issuer(cronjobs: Iterable[Raw], jobs: Iterable[Raw]) -> Issuer | None:
    """The issuer; None where there is none."""
    found = next((one for one in cronjobs if full_name(one) == NAME), None)
    if found is None:
        return None
    runs = sorted(jobs, key=started)
    ended = [at for at in (text(found, "status", "lastSuccessfulTime"), *map(completed, runs)) if at]
    given = environment(found)
    schedule = EVERY.fullmatch(text(found, "spec", "schedule") or "")
    return Issuer(
        server=given.get("ACME_SERVER"),
        domain=given.get("EXTERNAL_DOMAIN"),
        period=timedelta(minutes=int(schedule[1])) if schedule else PERIOD,
        running=next((name(run) for run in runs if dig(run, "status", "active")), None),
        succeeded=max(ended, default=None),
        failed=failure(runs[-1]) if runs else None,
        since=text(found, "metadata", "creationTimestamp"),
        suspended=dig(found, "spec", "suspend") is True,
    )


def environment(cronjob: Raw) -> dict[str, str]:
    """What the program is given."""
    pod = dig(cronjob, "spec", "jobTemplate", "spec", "template", "spec")
    given = [one for container in items(pod, "containers") for one in items(container, "env")]
    return {name_: value for one in given if (name_ := text(one, "name")) and (value := text(one, "value"))}


def started(job: Raw) -> str:
    """When a run began."""
    return text(job, "status", "startTime") or text(job, "metadata", "creationTimestamp") or ""


def completed(job: Raw) -> str | None:
    """When a run ended well."""
    return text(job, "status", "completionTime") if condition(job, "Complete") else None


def failure(job: Raw) -> str | None:
    """Why a run failed."""
    if not (found := condition(job, "Failed")):
        return None
    said = ": ".join(filter(None, (text(found, "reason"), text(found, "message"))))
    return f"Job {name(job)} failed: {said or 'no reason given'}"


def condition(job: Raw, kind: str) -> Raw | None:
    """A condition that is true."""
    found = items(job, "status", "conditions")
    return next((one for one in found if one.get("type") == kind and one.get("status") == "True"), None)
