"""What Ingresses ask for: one wish for each host and path, before any Traefik was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homelab.observe.raw import annotation, dig, full_name, items, label, name, namespace, number, strings, text
from homelab.observe.traefik import DEFAULT_ROUTER, DEFAULT_RULES, router_key, rules
from homelab.ports import Raw

ROUTER = "traefik.ingress.kubernetes.io/router."
EVERY_NAME = "*"
TRAFFIC_TYPE = "traffic-type"
"""Label by which the external Traefik chooses what it serves: where it is `external`."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The Service and port that a path leads to."""

    service: str
    """`namespace/name`; an Ingress can only name Services of its own namespace."""
    port: int | str
    """Number or name."""

    def __str__(self) -> str:
        return f"{self.service}:{self.port}"


@dataclass(frozen=True, slots=True)
class Wish:
    """One host and path that an Ingress asks for."""

    ingress: str
    """`namespace/name`."""
    host: str
    """`*` when the Ingress names none: it then takes every name."""
    path: str
    path_type: str | None
    zone: str
    """Source: label traffic-type=external, else internal."""
    tls: bool
    """Whether the Ingress asks for TLS; Traefik itself goes by the annotation and the entry point."""
    middlewares: tuple[str, ...]
    """Source: annotation router.middlewares, `namespace-name@kubernetescrd`."""
    backend: Backend | None
    key: str
    """Name that Traefik gives the router, before any hash."""
    rules: frozenset[str]
    """Rules that Traefik may have made of it; one of them identifies the router."""
    ingress_class: str | None
    traffic_type: str | None
    """Value of the label, whatever it is."""
    wrong: str | None = None
    """Why no Traefik ever serves this path."""

    @property
    def source(self) -> str:
        """The object to look at."""
        return f"Ingress {self.ingress}"

    @property
    def place(self) -> tuple[str, str, bool, bool]:
        """What two Ingresses must not share. An exact path beside a prefix is no conflict, nor a default backend."""
        return (self.host.lower(), self.path, self.path_type == "Exact", self.key == DEFAULT_ROUTER)


def wishes(ingresses: Iterable[Raw]) -> tuple[Wish, ...]:
    """Every path of every Ingress, in no order."""
    return tuple(wish for ingress in ingresses for wish in wishes_of(ingress))


def wishes_of(ingress: Raw) -> Iterator[Wish]:
    """The paths of the rules, then the default backend."""
    for rule in items(ingress, "spec", "rules"):
        found = items(rule, "http", "paths")
        yield from (path_wish(ingress, text(rule, "host") or "", path) for path in found)
        if not found:
            yield wish(ingress, text(rule, "host") or "", "", None, wrong="the rule names no path; add http.paths")
    if isinstance(dig(ingress, "spec", "defaultBackend"), dict):
        yield default_wish(ingress)


def path_wish(ingress: Raw, host: str, path: Raw) -> Wish:
    """One path of a rule."""
    found = backend(ingress, path.get("backend"))
    return wish(
        ingress, host, text(path, "path") or "", text(path, "pathType"), found=found, wrong=not_a_service(found)
    )


def default_wish(ingress: Raw) -> Wish:
    """Where everything goes that nothing else takes: to Traefik one router of a fixed name, for one Ingress alone."""
    found = backend(ingress, dig(ingress, "spec", "defaultBackend"))
    ignored = "Traefik ignores defaultBackend beside rules; give it an Ingress of its own"
    wrong = ignored if items(ingress, "spec", "rules") else not_a_service(found)
    return wish(ingress, "", "", None, found=found, wrong=wrong, key=DEFAULT_ROUTER, made=DEFAULT_RULES)


def not_a_service(found: Backend | None) -> str | None:
    """Traefik leads to Services only."""
    return None if found else "the backend is no Service, the only kind that Traefik serves; name a Service and a port"


def wish(
    ingress: Raw,
    host: str,
    path: str,
    path_type: str | None,
    *,
    found: Backend | None = None,
    wrong: str | None = None,
    key: str | None = None,
    made: frozenset[str] | None = None,
) -> Wish:
    """A wish with what the whole Ingress says."""
    return Wish(
        ingress=full_name(ingress),
        host=host or EVERY_NAME,
        path=path or "/",
        path_type=path_type,
        zone="external" if label(ingress, TRAFFIC_TYPE) == "external" else "internal",
        tls=asks_for_tls(ingress, host),
        middlewares=middlewares(ingress),
        backend=found,
        key=key or router_key(namespace(ingress), name(ingress), host, path),
        rules=made or rules(host, path, path_type, annotation(ingress, ROUTER + "pathmatcher")),
        ingress_class=text(ingress, "spec", "ingressClassName") or annotation(ingress, "kubernetes.io/ingress.class"),
        traffic_type=label(ingress, TRAFFIC_TYPE),
        wrong=wrong,
    )


def backend(ingress: Raw, raw: object) -> Backend | None:
    """The Service that a path or default backend leads to; None for resource backends and those without a port."""
    service = text(raw, "service", "name")
    port = number(raw, "service", "port", "number") or text(raw, "service", "port", "name")
    return Backend(f"{namespace(ingress)}/{service}", port) if service and port is not None else None


def middlewares(ingress: Raw) -> tuple[str, ...]:
    """Middlewares in the order in which they act."""
    return tuple(filter(None, map(str.strip, (annotation(ingress, ROUTER + "middlewares") or "").split(","))))


def asks_for_tls(ingress: Raw, host: str) -> bool:
    """By annotation, or by an entry of `tls` that lists the host, its wildcard, or no host at all."""
    listed = (strings(entry, "hosts") for entry in items(ingress, "spec", "tls"))
    names = {host, "*." + host.partition(".")[2]}
    return annotation(ingress, ROUTER + "tls") == "true" or any(not hosts or names & {*hosts} for hosts in listed)
