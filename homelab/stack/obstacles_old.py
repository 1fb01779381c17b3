"""What earlier times have left on the cluster: programs that nobody mends any more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homelab.finding import Finding, Severity
from homelab.observe.raw import dig, items, name, namespace, text
from homelab.ports import Raw
from homelab.stack.ownership import owner

_TRAEFIK = re.compile(r"(?:.*/)?(?:mirrored-library-)?traefik:v?([12])\.[\w.-]*(?:@.*)?")


@dataclass(frozen=True, slots=True)
class Old:
    """One program of earlier times."""

    title: str
    names: re.Pattern[str]
    """Of its Deployments or DaemonSets."""
    why: str
    fix: str


OLD = (
    Old(
        "Tiller",
        re.compile("tiller-deploy"),
        "Helm 2 ended in 2020, and whoever reaches Tiller from a pod may do everything on the cluster",
        "remove it: `kubectl -n {namespace} delete deployment,service tiller-deploy`",
    ),
    Old(
        "Weave Net",
        re.compile("weave-net"),
        "it was given up in 2024, so no fault of it is mended",
        "plan to change to another network plug-in, such as flannel or Cilium",
    ),
    Old(
        "Weave Scope",
        re.compile("weave-scope.*"),
        "it was given up in 2024, and whoever reaches it is root on every node",
        "remove it: `kubectl delete namespace {namespace}`",
    ),
    Old(
        "Kubernetes Dashboard",
        re.compile("kubernetes-dashboard.*"),
        "it was given up in 2026, so no fault of it is mended",
        "remove it, and use Headlamp instead: `kubectl delete namespace {namespace}`",
    ),
)
"""Source: Helm 2's, Weaveworks' and kubernetes-retired/dashboard's own notices."""


def old_findings(workloads: Iterable[Raw]) -> Iterator[Finding]:
    """Warnings alone: none of them keeps the stack from working. Pure."""
    listed = [obj for obj in workloads if not owner(obj).ours]
    apart = [obj for obj in listed if not owner(obj).name.startswith("Helm")]  # of those the releases are found
    for old in OLD:
        if found := [obj for obj in listed if old.names.fullmatch(name(obj))]:
            yield Finding(
                Severity.WARNING,
                at=old.title,
                what=f"{old.title} is here: {_listed(found)}",
                why=old.why,
                fix=old.fix.format(namespace=namespace(found[0])),
            )
    for obj in apart:
        yield from _old_traefik(obj)


def _old_traefik(obj: Raw) -> Iterator[Finding]:
    containers = items(dig(obj, "spec", "template", "spec"), "containers")
    for image in (text(container, "image") or "" for container in containers):
        if version := _TRAEFIK.fullmatch(image):
            place = f"`kubectl -n {namespace(obj)} delete {obj['kind'].lower()} {name(obj)}`"
            yield Finding(
                Severity.WARNING,
                at=f"Traefik {version[1]}",
                what=f"{_listed([obj])} runs Traefik {version[1]} ({image})",
                why="it may serve the same Ingresses as ours, and no fault of it is mended"
                + ("; on Kubernetes 1.22 and newer it sees none" if version[1] == "1" else ""),
                fix=f"once ours serves what it serves, remove it: {place}",
            )


def _listed(found: Iterable[Raw]) -> str:
    return ", ".join(f"{obj['kind']} {namespace(obj)}/{name(obj)}" for obj in found)
