"""What is told of each public host's certificate: from the issuer's states, and from what every replica serves."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from objects import cronjob, ingress, job, thing
from programs import decisions

from homelab.observe.certificates import Certificate, Listed, ca_name, certificates, listed
from homelab.observe.fate import REMEDIES, CertificateState, Origin, Served
from homelab.observe.hosts import hosts
from homelab.observe.issuer import Issuer, issuer
from homelab.observe.text import certificate_row, certificate_word
from homelab.ports import Raw, Value

NOW = datetime.fromisoformat("2026-11-23T05:00:00+00:00")
DAY = timedelta(days=1)
CA, OLD_CA = "https://ca.test/dir", "https://acme-staging-v02.api.letsencrypt.org/directory"
HOST, MARK = "web.example.test", "ab" * 32
PUBLIC = {"traffic-type": "external"}
WEB = ingress("web", HOST, labels=PUBLIC)


def state(server: str = CA, begin: timedelta = -30 * DAY, **more: Any) -> dict[str, Value]:
    """What the issuer wrote of a host: a certificate of ninety days, 30 days old."""
    found = {
        "host": HOST,
        "server": server,
        "fingerprint": MARK,
        "issuer": "Test CA",
        "not_before": (NOW + begin).isoformat(),
        "not_after": (NOW + begin + 90 * DAY).isoformat(),
        "next_renewal": (NOW + begin + 60 * DAY).isoformat(),
        "last_attempt": (NOW + begin).isoformat(),
        "failures": 0,
        **more,
    }
    return {f"homelab/acme/{ca_name(server)}/{HOST}/state": Value(json.dumps(found).encode(), None)}


FAILED: dict[str, Any] = {
    "error_class": "challenge",
    "error": "timeout",
    "failures": 2,
    "next_try": "2026-11-23T05:09:00+00:00",
}
NOTHING: dict[str, Any] = {"fingerprint": None, "not_before": None, "not_after": None, "next_renewal": None}


def replica(number: int = 0, mark: str = MARK, *names: str) -> Listed:
    """A replica that serves one certificate."""
    raw = {"sans": list(names or (HOST,)), "certFingerprint": mark, "issuerCN": "Somebody"}
    return listed(f"homelab/traefik-external-{number}", [raw])


BOTH = (replica(0), replica(1))
NONE = tuple(Listed(f"homelab/traefik-external-{at}", ()) for at in range(2))


def only(values: dict[str, Value], *replicas: Listed, ingresses: tuple[Raw, ...] = (WEB,)) -> Certificate:
    """The one certificate that is told of."""
    (found,) = certificates(ingresses, issuer([cronjob()], []), values, replicas, NOW)
    return found


def test_a_certificate_that_every_replica_serves_is_valid() -> None:
    found = only(state(), *BOTH)

    assert (found.state, found.error, found.served_by, found.origin) == ("valid", None, 2, Origin.CUSTOM)
    row = certificate_row(found, NOW)
    assert row.cells == (HOST, "custom", "▰▰▰▰▰▰▱▱ 60 d", "2027-01-22", "in 30 d", "✓ served by 2 of 2")


@pytest.mark.parametrize(
    ("values", "replicas", "fate", "said"),
    [
        ({}, NONE, "awaited", "none yet"),
        (state(**NOTHING, **FAILED), NONE, "refused", "challenge: timeout; port 80 of the router has to lead"),
        (state(), (replica(0), NONE[1]), "partly", "traefik-external-1 serves Traefik's own default"),
        (state(), (replica(0), replica(1, "cd" * 32)), "partly", "serves another one (cdcdcdcdcdcd…)"),
        (state(), (replica(0), Listed("homelab/t", None, "it is not ready")), "partly", "did not answer: it is not"),
        (state(last_attempt=NOW.isoformat()), NONE, "awaited", "the replicas take it in"),
        (state(), (Listed("homelab/t", None, "i/o timeout"),), "unknown", "homelab/t: i/o timeout"),
        (state(), (), "unknown", "homelab-tui apply"),
        (state(**FAILED), BOTH, "failing", "challenge: timeout"),
        (state(begin=-80 * DAY, **FAILED), BOTH, "late", "less than a sixth"),
        (state(begin=-91 * DAY, **FAILED), BOTH, "expired", "challenge: timeout"),
        (state(OLD_CA), BOTH, "awaited", f"still from {OLD_CA}; the issuer's next run orders one from {CA}"),
        (state(OLD_CA) | state(**NOTHING, **FAILED), BOTH, "failing", "challenge: timeout"),
    ],
)
def test_what_is_wrong_is_said_with_its_reason(
    values: dict[str, Value], replicas: tuple[Listed, ...], fate: str, said: str
) -> None:
    found = only(values, *replicas)

    assert found.state == fate
    assert said in str(found.error)


@pytest.mark.parametrize(
    ("values", "replicas", "origin"),
    [
        (state(OLD_CA), BOTH, Origin.STAGING),
        (state("https://acme-v02.api.letsencrypt.org/directory"), BOTH, Origin.PRODUCTION),
        ({}, NONE, Origin.DEFAULT),
        ({}, (), Origin.NONE),
        ({}, (replica(0, "cd" * 32, "*.example.test"),), Origin.OTHER),
    ],
)
def test_where_it_comes_from(values: dict[str, Value], replicas: tuple[Listed, ...], origin: Origin) -> None:
    assert only(values, *replicas).origin == origin


def test_lateness_is_a_part_of_the_life_and_no_number_of_days() -> None:
    short: dict[str, Any] = {"not_before": (NOW - 2 * DAY).isoformat(), "not_after": (NOW + 4 * DAY).isoformat()}

    assert only(state(**short), *BOTH).state == CertificateState.VALID


def test_hosts_that_can_have_none_are_told_beside_the_others() -> None:
    public = (WEB, ingress("other", "a.elsewhere.test", labels=PUBLIC), ingress("inside", "b.home.test"))

    found = certificates(public, issuer([cronjob()], []), state(), BOTH, NOW)

    assert [(one.host, one.state.value) for one in found] == [("a.elsewhere.test", "passed over"), (HOST, "valid")]
    assert found[0].error == "outside the external domain example.test; change the host in Ingress apps/other"


def test_without_an_issuer_or_any_answer_nothing_is_told() -> None:
    assert certificates([WEB], None, {}, BOTH, NOW) == ()
    assert certificates([WEB], issuer([cronjob()], []), None, (), NOW) == ()


@pytest.mark.parametrize(
    ("replicas", "origin", "said"),
    [
        (BOTH, Origin.UNKNOWN, "2 of 2 replicas serve one"),
        ((replica(0), NONE[1]), Origin.UNKNOWN, "1 of 2 replicas serve one"),
        (NONE, Origin.DEFAULT, "0 of 2 replicas serve one"),
    ],
)
def test_while_the_store_cannot_be_read_what_is_served_is_told(
    replicas: tuple[Listed, ...], origin: Origin, said: str
) -> None:
    (found,) = certificates([WEB], issuer([cronjob()], []), None, replicas, NOW)

    assert (found.state, found.origin) == (CertificateState.UNKNOWN, origin)
    assert found.error == f"{said}; no more is known until Consul can be read"


def test_what_has_expired_is_told_though_the_store_cannot_be_read() -> None:
    old = {"sans": [HOST], "certFingerprint": MARK, "notAfter": (NOW - DAY).isoformat()}

    (found,) = certificates([WEB], issuer([cronjob()], []), None, (listed("homelab/t", [old]),), NOW)

    assert (found.state, found.error) == (
        CertificateState.EXPIRED,
        "it has expired; 1 of 1 replicas serve one; no more is known until Consul can be read",
    )


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b'{"fingerprint": 1, "not_after": "soon", "error_class": []}'])
def test_a_state_that_is_none_reads_as_nothing(data: bytes) -> None:
    key = f"homelab/acme/{ca_name(CA)}/{HOST}/state"

    assert only({key: Value(data, None), "homelab/acme/lock": Value(b"", None)}, *NONE).state == "awaited"


@pytest.mark.parametrize("answer", [None, {}, "x", [1, None, {"sans": "a"}]])
def test_an_odd_answer_of_a_replica_breaks_nothing(answer: Any) -> None:
    assert only(state(), listed("homelab/t", answer)).served_by == 0


NAMES = ("example.test", "A.Example.TEST", "*.example.test", "a_b.example.test", "-a.example.test", "a..example.test")
STRANGE = ("a" * 64 + ".example.test", "a.elsewhere.test", "notexample.test", "../../etc.example.test", None)


@pytest.mark.parametrize("named", [*NAMES, *STRANGE])
def test_the_rule_of_hosts_is_the_issuer_s(named: str | None) -> None:
    public = [WEB, ingress("one", named, labels=PUBLIC)]
    public[1]["spec"]["tls"] = [{"hosts": ["b.example.test", "x.elsewhere.test"]}] if named else []

    found = hosts(public, "example.test")

    assert (sorted(found.chosen), dict(found.passed)) == decisions.chosen(public, "example.test")
    assert ca_name(CA) == decisions.ca_name(CA)


KNOWN = [*decisions.KINDS.values(), *(kind for kind, _ in decisions.LOCAL), *decisions.FREE]


@pytest.mark.parametrize("kind", sorted({*KNOWN, "challenge-route", "too-large", "store", "unusable", "certbot"}))
def test_every_failure_of_the_issuer_has_its_remedy_and_its_next_try(kind: str) -> None:
    told = str(only(state(**NOTHING, **FAILED | {"error_class": kind}), *NONE).error)

    assert told.startswith(f"{kind}: timeout; {REMEDIES[kind].format(server=CA)}; next try ")
    assert told.endswith(f", at once with homelab-tui renew {HOST}") == (kind not in {*decisions.FREE, "rate-limited"})


# The issuer itself


def runs(**status: str) -> Issuer:
    """The issuer with these runs; made at five."""
    found = issuer([cronjob(**status)], [])
    assert found
    return found


def test_three_periods_without_a_success_are_an_error() -> None:
    half = timedelta(minutes=30)

    assert runs().trouble(NOW + half) is None
    assert "for 30 minutes (3 periods): no run was started" in str(runs().trouble(NOW + half + timedelta(seconds=1)))
    assert runs(lastSuccessfulTime="2026-11-23T05:20:00Z").trouble(NOW + half + timedelta(minutes=19)) is None


def test_a_run_started_by_hand_counts_and_a_failed_one_says_why() -> None:
    late = NOW + timedelta(hours=2)
    by_hand = issuer([cronjob()], [job("issuer-now", "2026-11-23T06:50:00Z")])
    failed = issuer([cronjob()], [job("issuer-1", "2026-11-23T06:50:00Z", "Failed", reason="DeadlineExceeded")])

    assert by_hand and by_hand.trouble(late) is None
    assert failed and "DeadlineExceeded; see kubectl -n homelab describe job issuer-1" in str(failed.trouble(late))


def pod_of(run: str, **state: Raw) -> Raw:
    """The pod of a run."""
    labels = {"app.kubernetes.io/name": "issuer", "job-name": run}
    status = {"phase": "Running", "containerStatuses": [{"state": state}]}
    return thing("v1", "Pod", f"{run}-x", "homelab", labels=labels, status=status)


LOG = """{"event": "not due", "host": "web.example.test"}
{"event": "failed", "error": "Consul refuses the token; `homelab-tui apply` creates missing tokens"}
"""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (LOG, "Consul refuses the token; `homelab-tui apply` creates missing tokens"),
        ("Traceback\nImportError: x\n", "ImportError: x"),
        ("", "BackoffLimitExceeded; see kubectl -n homelab describe job issuer-1"),
    ],
)
def test_a_run_that_failed_is_told_at_once_in_its_own_last_words(message: str, said: str) -> None:
    ended = pod_of("issuer-1", terminated={"message": message})
    run = job("issuer-1", "2026-11-23T06:50:00Z", "Failed", reason="BackoffLimitExceeded")

    told = issuer([cronjob(lastSuccessfulTime="2026-11-23T06:40:00Z")], [run], [ended])

    assert told and told.trouble(NOW + timedelta(hours=1, minutes=55)) == f"the issuer's last run failed: {said}"


def test_a_run_that_does_not_begin_says_why() -> None:
    held = pod_of("issuer-1", waiting={"reason": "ErrImagePull", "message": "no such host"})
    run = job("issuer-1", "2026-11-23T06:50:00Z") | {"status": {"active": 1, "startTime": "2026-11-23T06:50:00Z"}}

    told = issuer([cronjob()], [run], [held])

    assert told and "its pod waits: ErrImagePull: no such host" in str(told.trouble(NOW + timedelta(hours=2)))


def test_a_suspended_issuer_is_named_at_once() -> None:
    found = cronjob()
    found["spec"]["suspend"] = True

    told = issuer([found], [])

    assert told and "suspended" in str(told.trouble(NOW))


def test_a_certificate_for_trials_says_so_where_its_issuer_has_no_room() -> None:
    served = (Served("p", MARK, True, None),)
    one = Certificate(HOST, CertificateState.VALID, None, origin=Origin.STAGING, served=served)

    assert certificate_word(one) == "✓ served by 1 of 1, staging"
    assert certificate_word(replace(one, origin=Origin.PRODUCTION)) == "✓ served by 1 of 1"
