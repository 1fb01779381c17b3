"""Deployments and their like, Jobs and CronJobs."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from homelab.lab.controllers.matching import selected
from homelab.lab.controllers.schedule import NAMED, Schedule
from homelab.lab.refusal import not_implemented
from homelab.lab.validation.faults import (
    Fault,
    at_least,
    forbidden,
    invalid,
    labels,
    one_of,
    qualified,
    required,
    unsupported,
)
from homelab.lab.validation.pods import template
from homelab.observe.raw import dig, items, text
from homelab.ports import Raw

_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_FIELDS = 5
_LONGEST = 52
"""Of a CronJob's name; its Jobs add 11 to it. Source: Kubernetes docs, CronJob."""


def deployment(obj: Raw) -> Iterable[Fault]:
    """Numbers, how it is rolled out, pods."""
    spec = obj.get("spec") or {}
    numbers = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    yield from at_least(spec, "spec", *numbers)
    strategy = spec.get("strategy") or {}
    kind = strategy.get("type") or "RollingUpdate"
    if kind == "Recreate" and "rollingUpdate" in strategy:
        yield forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
    elif kind not in ("Recreate", "RollingUpdate"):
        yield unsupported("spec.strategy", _internal(strategy), "Recreate", "RollingUpdate")
    yield from _selecting(spec, "deployment")


def replica_set(obj: Raw) -> Iterable[Fault]:
    """Numbers and pods."""
    yield from at_least(obj.get("spec"), "spec", "replicas", "minReadySeconds")
    yield from _selecting(obj.get("spec") or {}, "deployment")


def stateful_set(obj: Raw) -> Iterable[Fault]:
    """Numbers, how it is rolled out, pods and their claims."""
    spec = obj.get("spec") or {}
    yield from at_least(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    policy, update = text(spec, "podManagementPolicy"), spec.get("updateStrategy") or {}
    if policy not in (None, "OrderedReady", "Parallel"):
        yield invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    if (update.get("type") or "OnDelete") not in ("RollingUpdate", "OnDelete"):
        yield invalid("spec.updateStrategy", _internal(update), "must be 'RollingUpdate' or 'OnDelete'")
    claims = [text(claim, "metadata", "name") or "" for claim in items(spec, "volumeClaimTemplates")]
    yield from _selecting(spec, "statefulset", claims)


def daemon_set(obj: Raw) -> Iterable[Fault]:
    """Numbers, how it is rolled out, pods."""
    spec = obj.get("spec") or {}
    yield from at_least(spec, "spec", "minReadySeconds", "revisionHistoryLimit")
    update = spec.get("updateStrategy") or {}
    if (update.get("type") or "OnDelete") not in ("RollingUpdate", "OnDelete"):
        yield unsupported("spec.updateStrategy", _internal(update), "RollingUpdate", "OnDelete")
    yield from _selecting(spec, "daemonset")


def job(obj: Raw) -> Iterable[Fault]:
    """Numbers and a pod that may end."""
    return _job("spec", obj.get("spec") or {})


def cron_job(obj: Raw) -> Iterable[Fault]:
    """When, and what. Raises Refusal 501 for a schedule that only real clusters know."""
    spec, name = obj.get("spec") or {}, obj["metadata"].get("name") or ""
    if len(name) > _LONGEST:
        yield invalid("metadata.name", name, f"must be no more than {_LONGEST} characters")
    yield from _schedule(text(spec, "schedule"))
    if zone := text(spec, "timeZone"):
        try:
            ZoneInfo(zone)
        except (ValueError, KeyError, OSError):
            yield invalid("spec.timeZone", zone, f"unknown time zone {zone}")
    numbers = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    yield from at_least(spec, "spec", *numbers)
    yield from one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), "Allow", "Forbid", "Replace")
    yield from _job("spec.jobTemplate.spec", dig(spec, "jobTemplate", "spec") or {})


def _schedule(found: str | None) -> Iterable[Fault]:
    if not found:
        yield required("spec.schedule")
    elif found.startswith("@every"):
        raise not_implemented("the lab starts Jobs at times of the day only, not @every so often")
    elif "TZ" in found:
        yield invalid("spec.schedule", found, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif found not in NAMED and len(parts := found.split()) != _FIELDS:
        why = f"expected exactly {_FIELDS} fields, found {len(parts)}: [{' '.join(parts)}]"
        yield invalid("spec.schedule", found, why)
    else:
        try:
            Schedule.parse(found)
        except ValueError as error:
            yield invalid("spec.schedule", found, str(error))


def _job(path: str, spec: Raw) -> Iterable[Fault]:
    yield from at_least(spec, path, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit")
    yield from at_least(spec, path, "ttlSecondsAfterFinished")
    yield from template(f"{path}.template", spec.get("template") or {})
    if dig(spec, "template", "spec", "restartPolicy") in (None, "", "Always"):
        yield required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')


def _selecting(spec: Raw, kind: str, volumes: Iterable[str] = ()) -> Iterable[Fault]:
    """A selector that fits the pods, and pods that never end."""
    found, wanted = spec.get("template") or {}, spec.get("selector")
    given = dig(found, "metadata", "labels")
    wrong = tuple(selector("spec.selector", wanted or {}))
    yield from wrong
    if wanted is None:
        yield required("spec.selector")
    elif wrong:
        yield invalid("spec.selector", wanted, "invalid label selector")
    elif not wanted.get("matchLabels") and not wanted.get("matchExpressions"):
        yield invalid("spec.selector", wanted, f"empty selector is invalid for {kind}")
    if not wrong and (wanted is None or not selected(wanted, given or {})):
        yield invalid("spec.template.metadata.labels", given, "`selector` does not match template `labels`")
    yield from template("spec.template", found, volumes=volumes)
    policy = dig(found, "spec", "restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield unsupported("spec.template.spec.restartPolicy", policy, "Always")


def selector(field: str, wanted: Raw) -> Iterable[Fault]:
    """Labels and expressions by which objects are chosen."""
    yield from labels(f"{field}.matchLabels", wanted.get("matchLabels"))
    for number, one in enumerate(items(wanted, "matchExpressions")):
        path, operator = f"{field}.matchExpressions[{number}]", one.get("operator") or ""
        if operator not in _OPERATORS:
            yield invalid(f"{path}.operator", operator, "not a valid selector operator")
        if operator in ("In", "NotIn") and not one.get("values"):
            yield required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'")
        if operator in ("Exists", "DoesNotExist") and one.get("values"):
            yield forbidden(f"{path}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        yield from qualified(f"{path}.key", one.get("key") or "")


def _internal(strategy: Raw) -> Raw:
    """As the server's own messages show it."""
    return {"Type": strategy.get("type"), "RollingUpdate": strategy.get("rollingUpdate")}
