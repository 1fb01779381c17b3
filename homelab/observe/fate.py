"""How a certificate fares: one small rule for each thing that can be wrong, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from homelab.observe.raw import moment, text
from homelab.ports import Raw

LATE = 1 / 6
"""Part of the life that is left when a certificate should long be renewed: certbot does it at a third, of short lives
at a half."""
TAKING_IN = timedelta(seconds=15)
"""After an order, in which the replicas take the certificate in: they gather changes for two seconds, and are asked
every two for as long."""


class Origin(StrEnum):
    """Where a certificate comes from."""

    PRODUCTION = "production"
    STAGING = "staging"
    CUSTOM = "custom"
    """A CA of one's own, named by the plan."""
    OTHER = "other"
    """Not from our issuer, such as a Secret that the Ingress names."""
    DEFAULT = "Traefik default"
    """The replicas have none: clients are shown Traefik's self-signed one."""
    NONE = "none"
    """There is none, and no replica that would show its own."""
    UNKNOWN = "unknown"
    """The replicas serve one, and the store, which knows whose it is, cannot be read."""


class CertificateState(StrEnum):
    """How the certificate of a host fares."""

    VALID = "valid"
    AWAITED = "awaited"
    """The issuer's next run orders it, or the replicas are taking it in."""
    FAILING = "failing"
    """It is served; the last try to renew it failed."""
    PARTLY = "partly"
    """Not every replica serves what the store has."""
    UNKNOWN = "unknown"
    """No replica could be asked, or the store cannot be read."""
    LATE = "late"
    """Little of its life is left and it was not renewed."""
    EXPIRED = "expired"
    REFUSED = "refused"
    """There is none, since the last try failed."""
    PASSED = "passed over"
    """The issuer does not try: the host cannot have one."""


@dataclass(frozen=True, slots=True)
class Served:
    """What one replica serves for one host."""

    pod: str
    fingerprint: str | None
    """None when it has none for this host, or did not answer."""
    same: bool
    """Whether it is the one that the store has."""
    error: str | None
    """Why it did not answer."""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known about one host's certificate."""

    host: str
    tried: Raw
    """The issuer's state with today's CA; empty before its first try."""
    held: Raw
    """The state of the certificate that there is: of today's CA, or of one before."""
    served: tuple[Served, ...]
    not_after: str | None
    server: str | None
    """Directory of today's CA."""
    now: datetime
    is_unread: bool = False
    """Whether the store cannot be read, so that the states are empty."""

    @property
    def mark(self) -> str | None:
        """Fingerprint of what the store has."""
        return text(self.held, "fingerprint")

    @property
    def is_other(self) -> bool:
        """Whether replicas serve one that is not from our issuer."""
        return self.mark is None and any(one.fingerprint for one in self.served)

    def time(self, key: str) -> datetime | None:
        """A moment of the state with today's CA."""
        return moment(text(self.tried, key))

    @property
    def left(self) -> float | None:
        """Part of the life that is left; None where it is not known."""
        return left(text(self.held, "not_before"), self.not_after, self.now)


Rule = Callable[[Case], str | None]


def left(not_before: str | None, not_after: str | None, now: datetime) -> float | None:
    """Part of a life that is left, from 1 to 0."""
    begin, end = moment(not_before), moment(not_after)
    if begin is None or end is None or end <= begin:
        return None
    return min(max((end - now) / (end - begin), 0.0), 1.0)


def origin(case: Case) -> Origin:
    """Where the certificate comes from."""
    if case.mark:
        return ORIGINS.get(text(case.held, "server") or "", Origin.CUSTOM)
    if case.is_other:
        return Origin.UNKNOWN if case.is_unread else Origin.OTHER
    return Origin.DEFAULT if any(one.error is None for one in case.served) else Origin.NONE


def verdict(case: Case) -> tuple[CertificateState, str | None]:
    """The state, and for every state but `valid` a sentence: what, why, what comes next."""
    return next(((state, told) for state, rule in RULES if (told := rule(case))), (CertificateState.VALID, None))


def expired(case: Case) -> str | None:
    """Browsers refuse it."""
    end = moment(case.not_after)
    return None if end is None or case.now < end else f"it has expired; {failure(case) or unread(case) or NEXT_RUN}"


def unread(case: Case) -> str | None:
    """Only the replicas tell of it."""
    if not case.is_unread:
        return None
    having = sum(one.fingerprint is not None for one in case.served)
    return f"{having} of {len(case.served)} replicas serve one; no more is known until Consul can be read"


def refused(case: Case) -> str | None:
    """There is none, and the issuer could not get one."""
    return None if case.mark or case.is_other else failure(case)


def awaited(case: Case) -> str | None:
    """There is none yet."""
    return None if case.mark or case.is_other else f"there is none yet; {NEXT_RUN}"


def unknown(case: Case) -> str | None:
    """Nobody to ask, or nobody who answered."""
    if not case.served:
        return "there is no external Traefik to ask; deploy it with `homelab-tui apply`"
    if any(one.error is None for one in case.served):
        return None
    said = "; ".join(f"{one.pod}: {one.error}" for one in case.served)
    return f"no replica answered: {said}; see kubectl -n homelab describe pods -l homelab-tui/zone=external"


def taken_in(case: Case) -> str | None:
    """A moment after an order."""
    ordered = case.time("last_attempt")
    fresh = ordered is not None and case.now - ordered < TAKING_IN
    waits = case.mark and not all(one.same for one in case.served)
    return "ordered a moment ago; the replicas take it in within a few seconds" if fresh and waits else None


def partly(case: Case) -> str | None:
    """Some serve it and some do not."""
    return "; ".join(told for one in case.served if case.mark and (told := lack(one))) or None


def lack(one: Served) -> str | None:
    """What keeps one replica from serving what the store has."""
    if one.same:
        return None
    if one.error:
        return f"{one.pod} did not answer: {one.error}"
    serves = f"another one ({one.fingerprint[:12]}…)" if one.fingerprint else "Traefik's own default"
    space, _, pod = one.pod.rpartition("/")
    return f"{one.pod} serves {serves}; its log says why: kubectl -n {space} logs {pod}"


def late(case: Case) -> str | None:
    """Long due, and still not renewed."""
    if case.left is None or case.left >= LATE or not case.mark:
        return None
    return f"less than a sixth of its life is left and it is not renewed; {failure(case) or NEXT_RUN}"


def failing(case: Case) -> str | None:
    """The last try failed, which costs nothing yet."""
    return failure(case)


def other_ca(case: Case) -> str | None:
    """The CA was changed: what there is goes on being served until the new one has given its own."""
    now = text(case.held, "server")
    return None if case.mark is None or now == case.server else f"still from {now}; {NEXT_RUN} from {case.server}"


def failure(case: Case) -> str | None:
    """The last try's failure in the CA's words, the remedy, and when it is tried again."""
    kind = text(case.tried, "error_class")
    if kind is None:
        return None
    said = f"{kind}: {(text(case.tried, 'error') or 'no reason given').rstrip('.')}"
    remedy = REMEDIES.get(kind, REMEDIES["refused"]).format(server=case.server)
    again = case.time("next_try")
    when = f"; next try {again.astimezone():%Y-%m-%d %H:%M}" if again else ""
    at_once = "" if kind in BY_ITSELF else f", at once with homelab-tui renew {case.host}"
    return f"{said}; {remedy}{when}{at_once}"


ORIGINS = {
    "https://acme-v02.api.letsencrypt.org/directory": Origin.PRODUCTION,
    "https://acme-staging-v02.api.letsencrypt.org/directory": Origin.STAGING,
}
"""By the directory of the CA. Source: Let's Encrypt docs, staging environment."""
NEXT_RUN = "the issuer's next run orders one"
RUN_LOG = "kubectl -n homelab logs -l app.kubernetes.io/name=issuer"
REPLICA_LOG = "kubectl -n homelab logs -l homelab-tui/zone=external"
REMEDIES = {
    "internal": f"the issuer met what it was not made for, please report it; its log: {RUN_LOG}",
    "challenge": "port 80 of the router has to lead to the external address, and public DNS to the router",
    "challenge-route": f"a replica without its configuration says why in its log: {REPLICA_LOG}",
    "rate-limited": "nothing to mend but to wait",
    "caa": "the CAA record of the domain has to name this CA, or go",
    "profile": "name one of the CA's in the plan, certificates.profile, and apply it",
    "contact": "correct certificates.email in the plan, or leave it out, and apply it",
    "rejected": "the CA gives none for this name; use one below a public domain of yours",
    "account": "the next try makes a new account",
    "account-binding": "the issuer only has accounts of its own making; name another CA in the plan and apply it",
    "ca-unreachable": "pods have to reach {server}: look at DNS, router and firewall",
    "ca-untrusted": "certificates.ca in the plan has to name a PEM file with the root of that CA; apply it",
    "ca-failing": "the CA has trouble of its own; nothing to mend here",
    "ca-directory": "{server} is no ACME directory; correct certificates.server in the plan and apply it",
    "too-large": "a CA with a shorter chain is needed; name it in the plan and apply it",
    "store": "what was ordered is not served, and is ordered anew",
    "unusable": "the CA gave what no browser would take; it is ordered anew",
    "certbot": f"its own words are in the log: {RUN_LOG}",
    "refused": f"the words are the CA's; what else the issuer says: {RUN_LOG}",
}
"""By the issuer's kinds of failures."""
BY_ITSELF = frozenset(
    {"account", "challenge-route", "ca-unreachable", "ca-untrusted", "ca-failing", "ca-directory", "rate-limited"}
)
"""Those that are tried in every run, and the one that no hurry helps. Source: manifests/certificates/decisions.py."""
RULES: tuple[tuple[CertificateState, Rule], ...] = (
    (CertificateState.EXPIRED, expired),
    (CertificateState.UNKNOWN, unread),
    (CertificateState.REFUSED, refused),
    (CertificateState.AWAITED, awaited),
    (CertificateState.UNKNOWN, unknown),
    (CertificateState.AWAITED, taken_in),
    (CertificateState.PARTLY, partly),
    (CertificateState.LATE, late),
    (CertificateState.FAILING, failing),
    (CertificateState.AWAITED, other_ca),
)
