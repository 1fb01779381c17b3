"""What a pod template says of a container, read for running it for real. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homelab.lab.controllers.podstatus import repository
from homelab.observe.raw import dig, items, number, strings, text
from homelab.ports import Raw

PERIOD_SECONDS = 10
FAILURES = 3
"""What a probe has where nothing is written. Source: Kubernetes API reference, Probe."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How readiness is asked for."""

    path: str
    port: int
    period: int
    """Seconds between two questions."""
    failures: int
    """So many in a row make a ready pod unready."""


@dataclass(frozen=True, slots=True)
class Container:
    """One container that is to run; two equal ones need no restart."""

    name: str
    repository: str
    arguments: tuple[str, ...]
    probe: Probe | None
    environment: tuple[tuple[str, str], ...] = ()
    """What is written in the manifest; values that come from elsewhere are left out."""


def container(pod_spec: Raw | None, programs: Iterable[str]) -> Container | None:
    """The first container whose image is one of these programs."""
    known = frozenset(programs)
    for found in items(pod_spec, "containers"):
        if (name := repository(text(found, "image") or "")) in known:
            given = strings(found, "args")
            return Container(text(found, "name") or "", name, given, _probe(found), environment(found))
    return None


def environment(found: Raw) -> tuple[tuple[str, str], ...]:
    """The variables of a container whose values are written beside their names."""
    return tuple((entry["name"], entry["value"]) for entry in items(found, "env") if text(entry, "value") is not None)


def port_number(pod_spec: Raw | None, port: object) -> int | None:
    """The number of a port that is given by number or by one of the containers' names for it."""
    if isinstance(port, int):
        return port
    ports = (entry for found in items(pod_spec, "containers") for entry in items(found, "ports"))
    return next((number(entry, "containerPort") for entry in ports if text(entry, "name") == port), None)


def _probe(found: Raw) -> Probe | None:
    asked = dig(found, "readinessProbe", "httpGet")
    port = port_number({"containers": [found]}, dig(asked, "port"))
    if port is None:
        return None
    return Probe(
        path=text(asked, "path") or "/",
        port=port,
        period=number(found, "readinessProbe", "periodSeconds") or PERIOD_SECONDS,
        failures=number(found, "readinessProbe", "failureThreshold") or FAILURES,
    )
