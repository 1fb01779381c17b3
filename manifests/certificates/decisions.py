"""What the issuer decides, apart from all it does: which hosts, when, and what a failure means. Pure functions."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

FIRST_PAUSE = timedelta(minutes=9)
"""A little less than the time between two runs."""
LONGEST_PAUSE = timedelta(days=1)
LONGEST_WAIT = timedelta(days=7)
"""However long a CA asks for. Source: Let's Encrypt docs, rate limits: the longest window of one."""
ASK_AGAIN = timedelta(hours=6)
"""Between two questions for the CA's renewal window, unless it names a time. Source: RFC 9773, 4.3.3."""
SHORT_LIVED = timedelta(days=10)
NAME_LIMIT = 253
"""Characters of a host, and of a Secret's name. Source: RFC 1035, 2.3.4; Kubernetes docs, names."""
VALID = "at most 253 characters, each part 1 to 63 letters, digits and inner hyphens"
FREE = ("account", "challenge-route", "ca-unreachable", "ca-untrusted", "ca-failing", "ca-directory")
"""Failures that the CA did not count, so trying often costs nothing."""
EVERYWHERE = ("ca-unreachable", "ca-untrusted", "ca-directory", "account-binding", "contact")
"""Failures that would meet every host: one try is enough, and a CA that is silent does not use up the run's time."""
KINDS = {
    "rateLimited": "rate-limited",
    "unauthorized": "challenge",
    "connection": "challenge",
    "dns": "challenge",
    "tls": "challenge",
    "incorrectResponse": "challenge",
    "caa": "caa",
    "accountDoesNotExist": "account",
    "externalAccountRequired": "account-binding",
    "invalidContact": "contact",
    "unsupportedContact": "contact",
    "rejectedIdentifier": "rejected",
    "unsupportedIdentifier": "rejected",
    "invalidProfile": "profile",
    "serverInternal": "ca-failing",
    "badNonce": "ca-failing",
}
"""Error types of ACME that have a cure of their own; all others are `refused`. Source: RFC 8555, 6.7."""
CLOSED = re.compile(r"Account\b.*\b(deactivated|revoked)\b", re.DOTALL)
"""How CAs begin to refuse an account that they have closed, with the error type of a failed challenge."""
LOCAL = (
    (
        "ca-untrusted",
        r"CERTIFICATE_VERIFY_FAILED|NO_CERTIFICATE_OR_CRL_FOUND|Could not find a suitable TLS CA certificate bundle",
    ),
    ("ca-unreachable", r"Max retries exceeded|NameResolutionError|timed out|Connection aborted"),
    ("rate-limited", r"<Response \[429\]>"),
    ("ca-failing", r"<Response \[5\d\d\]>|acme\.errors\.TimeoutError"),
    ("ca-directory", r"<Response \[4\d\d\]>|Unexpected response Content-Type|MissingSchema|InvalidSchema|InvalidURL"),
    ("account-binding", r"requires external account binding"),
)
"""What certbot prints when it gets no answer from the CA, or one that is not ACME. Source: certbot 5.8.0."""
NOISE = re.compile(r"letsencrypt\.log|^An unexpected error occurred:$|^Requesting a certificate|^Account registered")
PLACE = re.compile(r"host='([^']+)', port=(\d+)")
REASON = re.compile(
    r"\[(?:Errno|SSL|X509)[^\]]*\] ([^()'\"]+)|(Read timed out|Connection to \S+ timed out)|Error\(\d+, '([^'\[]+)'\)"
)
"""What a library of certbot's says of a connection, somewhere in a long line."""
TOKEN = re.compile(r"(/\.well-known/acme-challenge/)[\w-]+")
TEXT_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it is served."""

    chain: bytes
    key: bytes = field(repr=False)
    fingerprint: str
    """SHA-256 of the leaf's DER, in hex."""
    issuer: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one host with one CA."""

    host: str
    server: str
    fingerprint: str | None = None
    """None while there is no certificate."""
    issuer: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    next_renewal: datetime | None = None
    """Start of the CA's renewal window (ARI), else by the lifetime."""
    next_check: datetime | None = None
    """From when certbot is asked whether it is time: it asks the CA."""
    last_attempt: datetime | None = None
    error_class: str | None = None
    error: str | None = None
    failures: int = 0
    """In a row."""
    next_try: datetime | None = None
    """After a failure; not before."""
    unseen_since: datetime | None = None
    """Since when no Ingress has the host."""

    def dump(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self), default=datetime.isoformat).encode()

    @classmethod
    def parse(cls, text: bytes) -> State | None:
        """Of JSON; None when it is no state. A time without a zone is in UTC."""
        with suppress(ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            found: dict[str, Any] = json.loads(text)
            kinds = {f.name: str(f.type) for f in fields(cls)}
            times = {name: _time(found[name]) for name in kinds if "datetime" in kinds[name] and found.get(name)}
            state = cls(**found | times)
            types = {"str": str, "int": int, "datetime": datetime, "None": type(None)}
            if all(type(getattr(state, n)) in map(types.get, kind.split(" | ")) for n, kind in kinds.items()):
                return state if state.failures >= 0 else None
        return None


@dataclass
class Problem(Exception):
    """Why a host got no certificate."""

    kind: str
    text: str
    retry_after: timedelta = timedelta(0)

    def __str__(self) -> str:
        return self.text


def ca_name(server: str) -> str:
    """What a CA's things are kept under."""
    return hashlib.sha256(server.encode()).hexdigest()[:12]


def mirror_name(host: str, server: str) -> str:
    """The Secret that mirrors a host's certificates; a name of one may have 253 characters."""
    name = f"certificate-{host}-{ca_name(server)}"
    return name if len(name) <= NAME_LIMIT else f"certificate-{hashlib.sha256(name.encode()).hexdigest()}"


def chosen(ingresses: Iterable[Mapping[str, Any]], domain: str) -> tuple[list[str], dict[str, str]]:
    """The hosts that need a certificate, sorted, and those passed over with the reason."""
    hosts: set[str] = set()
    passed: dict[str, str] = {}
    for ingress in ingresses:
        spec, name = ingress.get("spec", {}), "{namespace}/{name}".format(**ingress["metadata"])
        named = [rule.get("host") for rule in spec.get("rules") or ()]
        named += [host for tls in spec.get("tls") or () for host in tls.get("hosts") or ()]
        if not any(named):
            passed[name] = "the Ingress names no host, so there is nothing to certify; give its rules a host"
        for host in filter(None, named):
            if reason := unfit(host.lower(), domain.lower()):
                passed[host] = f"{reason}; change the host in Ingress {name}"
            else:
                hosts.add(host.lower())
    return sorted(hosts), passed


def unfit(host: str, domain: str) -> str | None:
    """Why a host can have no certificate from here."""
    if host.startswith("*."):
        return "a wildcard needs a DNS challenge, which the issuer does not do: it takes each host by name"
    if len(host) > NAME_LIMIT or not all(
        re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(?<!-)", label) for label in host.split(".")
    ):
        return f"not a valid DNS name: {VALID}"
    return None if host == domain or host.endswith("." + domain) else f"outside the external domain {domain}"


def by_lifetime(not_before: datetime, not_after: datetime) -> datetime:
    """When to renew with no word from the CA: a third of the life left, half of it when short. As certbot does."""
    life = not_after - not_before
    return (not_after - (life / 2 if life <= SHORT_LIVED else life / 3)).replace(microsecond=0)


def due(state: State, now: datetime, forced: bool = False) -> bool:
    """Whether certbot is started for a host."""
    waits = state.next_try and now < state.next_try
    return forced or not (waits or (state.next_check and now < state.next_check))


def sighted(state: State, seen: bool, now: datetime) -> State:
    """The state after a look at the Ingresses."""
    return replace(state, unseen_since=None if seen else state.unseen_since or now)


def held(state: State, certificate: Certificate, now: datetime) -> State:
    """The state of a host that has this certificate."""
    lifetime = by_lifetime(certificate.not_before, certificate.not_after)
    return replace(
        state,
        fingerprint=certificate.fingerprint,
        issuer=certificate.issuer,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        next_renewal=lifetime,
        next_check=min(lifetime, now + ASK_AGAIN),
    )


def certified(state: State, certificate: Certificate, now: datetime, conf: str = "", log: str = "") -> State:
    """The state after certbot was content. Its renewal file `conf` and its log may tell what the CA says of times."""
    asked = _last_time(r"^ari_retry_after = (\S+)", conf)
    again = min(max(asked, now + FIRST_PAUSE), now + LONGEST_PAUSE) if asked else now + ASK_AGAIN
    lifetime = by_lifetime(certificate.not_before, certificate.not_after)
    known = state.next_renewal if state.fingerprint == certificate.fingerprint else None
    return replace(
        held(state, certificate, now),
        next_check=min(again, lifetime) if lifetime > now else again,
        next_renewal=_last_time(r'"suggestedWindow":\s*{\s*"start":\s*"([^"]+)"', log) or known or lifetime,
        last_attempt=now,
        failures=0,
        error_class=None,
        error=None,
        next_try=None,
    )


def _time(text: str) -> datetime:
    """In UTC to the second; certbot runs with that as its local time and names no zone.

    Raises ValueError, OverflowError or TypeError.
    """
    found = datetime.fromisoformat(text).replace(microsecond=0)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _last_time(pattern: str, text: str) -> datetime | None:
    """The last that is named; None when none is, or no time: the words are a CA's."""
    with suppress(ValueError, OverflowError, IndexError):
        return _time(re.findall(pattern, text, re.MULTILINE)[-1])
    return None


def failed(state: State, problem: Problem, now: datetime) -> State:
    """The state after a failure: a pause that doubles up to a day, or longer when the CA says so."""
    doublings = 0 if problem.kind in FREE else min(state.failures, 10)
    pause = min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    return replace(
        state,
        last_attempt=now,
        error_class=problem.kind,
        error=problem.text.encode(errors="replace").decode()[:TEXT_LIMIT],
        failures=state.failures + 1,
        next_try=now + max(pause, problem.retry_after),
    )


def problem(log: str, output: str, now: datetime) -> Problem:
    """What went wrong, out of certbot's log, which has every answer of the CA, and of what it printed."""
    refusals = re.findall(r'"type":\s*"urn:ietf:params:acme:error:(\w+)",\s*"detail":\s*("(?:[^"\\]|\\.)*")', log)
    if refusals:
        kind, detail = refusals[-1][0], _unquoted(refusals[-1][1])
        known = "account" if CLOSED.match(detail) else KINDS.get(kind, "refused")
        return Problem(known, TOKEN.sub(r"\1…", detail), retry_after(log, now))
    kinds = (kind for kind, words in LOCAL if re.search(words, output))
    return Problem(next(kinds, "certbot"), printed(output)[-TEXT_LIMIT:], retry_after(log, now))


def _unquoted(text: str) -> str:
    """A string of JSON; one that is not quite JSON as it stands."""
    with suppress(ValueError):
        return str(json.loads(text, strict=False))
    return text[1:-1]


def printed(output: str) -> str:
    """The gist of what certbot printed: of a connection where to and why not, else its last lines."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not NOISE.search(line.strip())]
    said = re.sub(r"^[\w.]+: ", "", " ".join(lines[-3:]))
    said = re.sub(r"^<Response \[(\d+)\]>$", r"it answers \1", said)
    place, reasons = PLACE.search(said), REASON.findall(said)
    where = f"{place[1]}:{place[2]}: " if place else ""
    return f"{where}{''.join(reasons[-1]).strip()}" if reasons else said


def retry_after(log: str, now: datetime) -> timedelta:
    """How long the last refusal of the CA asks to wait: seconds or a date, a week at most. Source: RFC 9110, 10.2.3."""
    refusals: list[str] = re.findall(r"^HTTP [45]\d\d\n((?:[^\n]+\n)*)", log, re.MULTILINE)
    asked = re.search(r"^Retry-After: *(.+)$", refusals[-1] if refusals else "", re.MULTILINE | re.IGNORECASE)
    if not asked:
        return timedelta(0)
    if re.fullmatch("[0-9]+", said := asked[1].strip()):
        return timedelta(seconds=min(float(said), LONGEST_WAIT.total_seconds()))
    with suppress(ValueError, TypeError, OverflowError):
        date = parsedate_to_datetime(said)
        wait = (date if date.tzinfo else date.replace(tzinfo=UTC)) - now
        return min(max(wait, timedelta(0)), LONGEST_WAIT)
    return timedelta(0)
