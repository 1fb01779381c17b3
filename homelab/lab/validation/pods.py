"""Pods, and the templates of pods in workloads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from homelab.lab.validation.faults import (
    Fault,
    at_least,
    dns_label,
    duplicate,
    forbidden,
    invalid,
    labels,
    one_of,
    port,
    port_name,
    qualified,
    required,
    unsupported,
)
from homelab.observe.raw import dig, items, text
from homelab.ports import Raw

_POLICIES = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_STANDARD = re.compile("cpu|memory|ephemeral-storage|hugepages-.+")
_NEEDED = {"hostPath": "path", "secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName"}
"""Kind of volume -> the field that it cannot do without."""
_UNITS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def pod(obj: Raw) -> Iterable[Fault]:
    """A pod of its own."""
    return specification("spec", obj.get("spec") or {})


def template(path: str, found: Raw, *, volumes: Iterable[str] = ()) -> Iterable[Fault]:
    """The pods of a workload; `volumes` are there besides those it names."""
    yield from labels(f"{path}.labels", dig(found, "metadata", "labels"))
    for name in dig(found, "metadata", "annotations") or ():
        yield from qualified(f"{path}.annotations", name.lower())
    yield from specification(f"{path}.spec", found.get("spec") or {}, volumes=volumes)


def specification(path: str, spec: Raw, *, volumes: Iterable[str] = ()) -> Iterable[Fault]:
    """What is in a pod, and where it may run."""
    there: set[Any] = set()
    for number, volume in enumerate(items(spec, "volumes")):
        yield from _volume(f"{path}.volumes[{number}]", volume, there)
    there |= set(volumes)
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    names: set[Any] = set()
    for field in ("containers", "initContainers"):
        for number, container in enumerate(items(spec, field)):
            yield from _container(f"{path}.{field}[{number}]", container, names, there)
    yield from one_of(f"{path}.restartPolicy", spec.get("restartPolicy"), *_POLICIES)
    yield from one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), *_DNS)
    yield from labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    if hostname := text(spec, "hostname"):
        yield from dns_label(f"{path}.hostname", hostname)
    for number, toleration in enumerate(items(spec, "tolerations")):
        yield from one_of(f"{path}.tolerations[{number}].operator", toleration.get("operator"), "Equal", "Exists")
    yield from _affinity(path, spec)


def _name(path: str, named: Raw, taken: set[Any]) -> Iterable[Fault]:
    """A name that no other has; it is taken from now on."""
    name = text(named, "name")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from dns_label(f"{path}.name", name)
        if name in taken:
            yield duplicate(f"{path}.name", name)
    taken.add(name)


def _volume(path: str, volume: Raw, there: set[Any]) -> Iterable[Fault]:
    first, *more = [*(key for key in volume if key != "name"), None]
    yield from _name(path, volume, there)
    for kind in sorted(key for key in (first, *more) if key)[:-1] if more[:-1] else ():
        yield forbidden(f"{path}.{kind}", "may not specify more than 1 volume type")
    needed = _NEEDED.get(first or "")
    if first and needed and not dig(volume, first, needed):
        yield required(f"{path}.{first}.{needed}")


def _container(path: str, container: Raw, names: set[Any], volumes: set[Any]) -> Iterable[Fault]:
    yield from _name(path, container, names)
    image = text(container, "image")
    if not image:
        yield required(f"{path}.image")
    elif image != image.strip():
        yield invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from one_of(f"{path}.imagePullPolicy", container.get("imagePullPolicy"), "Always", "IfNotPresent", "Never")
    yield from _ports(path, items(container, "ports"))
    for number, variable in enumerate(items(container, "env")):
        yield from _variable(f"{path}.env[{number}]", variable)
    yield from _mounts(path, items(container, "volumeMounts"), volumes)
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if isinstance(container.get(field), dict):
            yield from _probe(f"{path}.{field}", container[field], once=field != "readinessProbe")
    yield from _amounts(f"{path}.resources", container.get("resources") or {})


def _ports(path: str, found: list[Raw]) -> Iterable[Fault]:
    names = set()
    for number, one in enumerate(found):
        here, name = f"{path}.ports[{number}]", text(one, "name")
        if name:
            yield from port_name(f"{here}.name", name)
            if name in names:
                yield duplicate(f"{here}.name", name)
            names.add(name)
        if not one.get("containerPort"):
            yield required(f"{here}.containerPort")
        else:
            yield from port(f"{here}.containerPort", one["containerPort"])
        if one.get("hostPort"):
            yield from port(f"{here}.hostPort", one["hostPort"])
        yield from one_of(f"{here}.protocol", one.get("protocol"), "SCTP", "TCP", "UDP")


def _variable(path: str, variable: Raw) -> Iterable[Fault]:
    name, source = text(variable, "name"), variable.get("valueFrom")
    if not name:
        yield required(f"{path}.name")
    elif not re.fullmatch("[ -<>-~]+", name):
        why = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        yield invalid(f"{path}.name", name, why)
    if not isinstance(source, dict):
        return
    if variable.get("value"):
        yield invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty")
    if not source:
        listed = ", ".join(f"`{one}`" for one in _SOURCES[:-1])
        yield invalid(f"{path}.valueFrom", "", f"must specify one of: {listed} or `{_SOURCES[-1]}`")


def _mounts(path: str, mounts: list[Raw], volumes: set[Any]) -> Iterable[Fault]:
    taken = set()
    for number, mount in enumerate(mounts):
        here, name, where = f"{path}.volumeMounts[{number}]", text(mount, "name"), text(mount, "mountPath")
        if not name:
            yield required(f"{here}.name")
        elif name not in volumes:
            yield Fault(f"{here}.name", "FieldValueNotFound", f'Not found: "{name}"')
        if not where:
            yield required(f"{here}.mountPath")
        elif where in taken:
            yield invalid(f"{here}.mountPath", where, "must be unique")
        taken.add(where)


def _probe(path: str, probe: Raw, *, once: bool) -> Iterable[Fault]:
    given = [handler for handler in _HANDLERS if probe.get(handler) is not None]
    if not given:
        yield required(path, "must specify a handler type")
    for handler in given[1:]:
        yield forbidden(f"{path}.{handler}", "may not specify more than 1 handler type")
    for handler in given[:1]:
        if handler in ("httpGet", "tcpSocket", "grpc"):
            yield from port(f"{path}.{handler}.port", dig(probe, handler, "port"))
    numbers = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
    yield from at_least(probe, path, *numbers)
    if once and probe.get("successThreshold") not in (None, 0, 1):
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _amounts(path: str, resources: Raw) -> Iterable[Fault]:
    limits = resources.get("limits") or {}
    for field in ("limits", "requests"):
        for name, value in (resources.get(field) or {}).items():
            if "/" not in name and not _STANDARD.fullmatch(name):
                here = f"{path}.{field}[{name}]"
                yield invalid(here, name, "must be a standard resource type or fully qualified")
                yield invalid(here, name, "must be a standard resource for containers")
            elif _amount(value) < 0:
                yield invalid(f"{path}.{field}[{name}]", value, "must be greater than or equal to 0")
            elif field == "requests" and name in limits and _amount(value) > _amount(limits[name]):
                why = f"must be less than or equal to {name} limit of {limits[name]}"
                yield invalid(f"{path}.requests", value, why)


def _amount(quantity: str) -> Decimal:
    """A quantity as a number; its syntax was looked at before."""
    if quantity.endswith("i"):
        return Decimal(quantity[:-2]) * Decimal(1024) ** ("KMGTPE".index(quantity[-2]) + 1)
    if quantity[-1] in _UNITS:
        return Decimal(quantity[:-1]).scaleb(_UNITS[quantity[-1]])
    return Decimal(quantity)


def _affinity(path: str, spec: Raw) -> Iterable[Fault]:
    way = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    for number, term in enumerate(items(spec, *way, "nodeSelectorTerms")):
        for field in ("matchExpressions", "matchFields"):
            for place, one in enumerate(items(term, field)):
                here = f"{path}.{'.'.join(way)}.nodeSelectorTerms[{number}].{field}[{place}]"
                if not one.get("key"):
                    yield required(f"{here}.key")
                if one.get("operator") not in _OPERATORS:
                    yield unsupported(f"{here}.operator", one.get("operator") or "", *sorted(_OPERATORS))
