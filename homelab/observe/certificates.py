"""The truth of every certificate: what the issuer's state in the store says, and what each replica really serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from homelab.observe.fate import Case, CertificateState, Origin, Served, origin, verdict
from homelab.observe.hosts import hosts
from homelab.observe.issuer import Issuer
from homelab.observe.raw import number, strings, text
from homelab.ports import Raw, Value

STATE_KEY = re.compile(r"homelab/acme/([0-9a-f]{12})/([^/]+)/state")
CERTIFICATES = "/api/certificates?per_page=10000"


@dataclass(frozen=True, slots=True)
class Shown:
    """One certificate in a replica's list."""

    names: tuple[str, ...]
    fingerprint: str
    issuer: str | None
    not_before: str | None
    not_after: str | None

    def fits(self, host: str) -> bool:
        """Whether it is for this host."""
        return host in self.names or f"*.{host.partition('.')[2]}" in self.names


@dataclass(frozen=True, slots=True)
class Listed:
    """What one replica of the external Traefik serves."""

    pod: str
    """`namespace/name`."""
    certificates: tuple[Shown, ...] | None
    """None: no answer; `error` says why."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """One host and its certificate."""

    host: str
    """Of an Ingress; `namespace/name` of an Ingress that names no host."""
    state: CertificateState
    error: str | None
    """What is wrong, why, and what comes next or how to mend it."""
    ingresses: tuple[str, ...] = ()
    origin: Origin = Origin.NONE
    issuer: str | None = None
    """Common name of who signed it."""
    not_before: str | None = None
    not_after: str | None = None
    next_renewal: str | None = None
    """Start of the CA's window, else by the lifetime."""
    last_attempt: str | None = None
    error_class: str | None = None
    """Kind of the last try's failure: `challenge`, `rate-limited`, ...; None when it did not fail."""
    failures: int = 0
    """In a row."""
    next_try: str | None = None
    fingerprint: str | None = None
    """SHA-256 of what the store has."""
    served: tuple[Served, ...] = ()

    @property
    def served_by(self) -> int:
        """Replicas that serve what the store has."""
        return sum(one.same for one in self.served)


@dataclass(frozen=True, slots=True)
class Known:
    """What every certificate is judged by."""

    issuer: Issuer
    states: Mapping[str, Mapping[str, Raw]]
    """By host and CA."""
    replicas: tuple[Listed, ...]
    now: datetime
    is_unread: bool
    """Whether the store, which has the states, cannot be read."""


def ca_name(server: str) -> str:
    """What the issuer keeps a CA's things under."""
    return sha256(server.encode()).hexdigest()[:12]


def listed(pod: str, answer: Any) -> Listed:
    """A replica's answer to `/api/certificates`."""
    if not isinstance(answer, list):
        return Listed(pod, None, "it did not answer with a list of certificates")
    return Listed(pod, tuple(sorted(map(shown, answer), key=lambda one: (one.names, one.fingerprint))))


def shown(raw: Raw) -> Shown:
    """One certificate of such an answer."""
    names = dict.fromkeys(one.lower() for one in (*strings(raw, "sans"), text(raw, "commonName")) if one)
    times = (text(raw, "notBefore"), text(raw, "notAfter"))
    return Shown(tuple(names), text(raw, "certFingerprint") or "", text(raw, "issuerCN"), *times)


def states(values: Mapping[str, Value]) -> Mapping[str, Mapping[str, Raw]]:
    """The issuer's states, by host and CA; what is no state is left out."""
    found: dict[str, dict[str, Raw]] = {}
    for key, value in values.items():
        if place := STATE_KEY.fullmatch(key):
            try:
                state = json.loads(value.data)
            except ValueError:
                continue
            if isinstance(state, dict):
                found.setdefault(place[2], {})[place[1]] = state
    return found


def certificates(
    ingresses: Iterable[Raw],
    issuer: Issuer | None,
    values: Mapping[str, Value] | None,
    replicas: Iterable[Listed],
    now: datetime,
) -> tuple[Certificate, ...]:
    """Every host that Ingresses publish, by name; none while there is no issuer, or nothing was ever asked. Pure."""
    told = tuple(replicas)
    if issuer is None or (values is None and not told):
        return ()
    known = Known(issuer, states(values or {}), told, now, is_unread=values is None)
    wanted = hosts(ingresses, issuer.domain)
    found = [certificate(host, sources, known) for host, sources in wanted.chosen.items()]
    found += [Certificate(host, CertificateState.PASSED, why) for host, why in wanted.passed.items()]
    return tuple(sorted(found, key=lambda one: one.host))


def certificate(host: str, ingresses: tuple[str, ...], known: Known) -> Certificate:
    """One host: the state with today's CA says what is tried, that of what is served says what there is."""
    by_ca = known.states.get(host, {})
    tried = by_ca.get(ca_name(known.issuer.server or ""), {})
    fitting = {one.pod: [c for c in one.certificates or () if c.fits(host)] for one in known.replicas}
    met = {one.fingerprint: one for certificates in fitting.values() for one in certificates}
    held = next((one for one in (tried, *by_ca.values()) if text(one, "fingerprint") in met), tried)
    mark = text(held, "fingerprint")
    other = next(iter(met.values()), None) if mark is None else None
    served = tuple(served_of(one, fitting[one.pod], mark) for one in known.replicas)
    case = Case(
        host,
        tried,
        held,
        served,
        text(held, "not_after") or (other.not_after if other else None),
        known.issuer.server,
        known.now,
        known.is_unread,
    )
    state, error = verdict(case)
    return Certificate(
        host=host,
        state=state,
        error=error,
        ingresses=ingresses,
        origin=origin(case),
        issuer=text(held, "issuer") or (other.issuer if other else None),
        not_before=text(held, "not_before") or (other.not_before if other else None),
        not_after=case.not_after,
        next_renewal=text(held, "next_renewal"),
        last_attempt=text(tried, "last_attempt"),
        error_class=text(tried, "error_class"),
        failures=number(tried, "failures") or 0,
        next_try=text(tried, "next_try"),
        fingerprint=mark,
        served=served,
    )


def served_of(replica: Listed, fitting: Sequence[Shown], mark: str | None) -> Served:
    """What one replica has for a host, best what the store has."""
    found = [one.fingerprint for one in fitting]
    same = mark is not None and mark in found
    return Served(replica.pod, mark if same else next(iter(found), None), same, replica.error)
