"""Whether anybody is behind a Service: ready endpoints, and what is wrong where there are none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from homelab.observe.ingress import Backend
from homelab.observe.raw import dig, full_name, items, label, namespace, number, strings, text
from homelab.ports import Raw


@dataclass(frozen=True, slots=True)
class Backends:
    """Services and EndpointSlices by Service; None where they could not be read, which is no proof of absence."""

    services: dict[str, Raw] | None
    slices: dict[str, list[Raw]] | None

    def ready(self, backend: Backend | None) -> int | None:
        """Ready endpoints of the backend's port; None when nobody knows."""
        if backend is None or self.slices is None:
            return None
        port = service_port((self.services or {}).get(backend.service), backend.port)
        found = (s for s in self.slices.get(backend.service, []) if port is None or has_port(s, port))
        return len({identity(e) for s in found for e in items(s, "endpoints") if is_ready(e)})

    def trouble(self, backend: Backend | None) -> str | None:
        """A sentence when nobody can answer; None when somebody can or nobody knows."""
        if backend is None:
            return None
        service = (self.services or {}).get(backend.service)
        if self.services is not None and service is None:
            return f"Service {backend.service} does not exist; create it or correct the Ingress"
        if service is not None and service_port(service, backend.port) is None:
            return f"Service {backend.service} has no port {backend.port}; it has {port_list(service)}"
        if self.ready(backend) != 0 or text(service, "spec", "type") == "ExternalName":
            return None
        return f"Service {backend.service} has no ready endpoint; look at its selector and pods"


def backends(services: Iterable[Raw] | None, slices: Iterable[Raw] | None) -> Backends:
    """Both kinds, indexed once for all routes."""
    by_name = None if services is None else {full_name(service): service for service in services}
    return Backends(by_name, None if slices is None else by_service(slices))


def by_service(slices: Iterable[Raw]) -> dict[str, list[Raw]]:
    """EndpointSlices of each Service: large and dual-stack ones have several."""
    found: dict[str, list[Raw]] = {}
    for one in slices:
        found.setdefault(f"{namespace(one)}/{label(one, 'kubernetes.io/service-name')}", []).append(one)
    return found


def service_port(service: Raw | None, port: int | str) -> str | None:
    """Name of a Service's port (empty for an unnamed one), by number or name; None when there is no such port."""
    found = (p for p in items(service, "spec", "ports") if port in {named(p), number(p, "port")})
    return next(map(named, found), None)


def named(port: Raw) -> str:
    """A port's name; a Service with one port need not give it any."""
    return text(port, "name") or ""


def port_list(service: Raw) -> str:
    """Ports as a person would choose among them."""
    found = (f"{number(p, 'port')}" + (f" ({named(p)})" if named(p) else "") for p in items(service, "spec", "ports"))
    return ", ".join(found) or "none"


def has_port(endpoint_slice: Raw, name: str) -> bool:
    """Whether a slice serves the port: Traefik too goes by the name."""
    return any(named(port) == name for port in items(endpoint_slice, "ports"))


def is_ready(endpoint: Raw) -> bool:
    """Ready, or not told: the API says to read that as ready."""
    return dig(endpoint, "conditions", "ready") is not False


def identity(endpoint: Raw) -> str:
    """One pod is one endpoint, though it has an IPv4 and an IPv6 slice or moves between slices."""
    pod = text(endpoint, "targetRef", "uid") or text(endpoint, "targetRef", "name")
    return pod or next(iter(strings(endpoint, "addresses")), "?")
