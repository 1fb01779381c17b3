"""What the issuer decides: hosts, times, states, and what a failure means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from programs import decisions

Certificate, Problem, State = decisions.Certificate, decisions.Problem, decisions.State
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CA = "https://acme.example.test/dir"
NEW = State("a.example.test", CA)


def certificate(
    life: timedelta = 90 * DAY, age: timedelta = timedelta(0), fingerprint: str = "f1"
) -> decisions.Certificate:
    return Certificate(b"chain", b"key", fingerprint, "R11", NOW - age, NOW - age + life)


def ingress(*hosts: str | None, tls: tuple[str, ...] = (), name: str = "web") -> dict[str, Any]:
    rules = [{"host": host} if host else {} for host in hosts]
    return {"metadata": {"namespace": "apps", "name": name}, "spec": {"rules": rules, "tls": [{"hosts": list(tls)}]}}


def test_hosts_come_from_rules_and_from_tls_once_each() -> None:
    found = [ingress("b.example.test", "a.example.test"), ingress("A.example.test", tls=("c.example.test",))]

    assert decisions.chosen(found, "example.test") == (["a.example.test", "b.example.test", "c.example.test"], {})


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("*.example.test", "wildcard"),
        ("a_b.example.test", "not a valid DNS name"),
        ("-a.example.test", "not a valid DNS name"),
        ("a..example.test", "not a valid DNS name"),
        ("a" * 64 + ".example.test", "not a valid DNS name"),
        ("a." * 130 + "example.test", "not a valid DNS name"),
        ("a.elsewhere.test", "outside the external domain example.test"),
        ("notexample.test", "outside the external domain example.test"),
        ("../../etc.example.test", "not a valid DNS name"),
    ],
)
def test_a_host_without_a_chance_is_passed_over_with_the_reason(host: str, reason: str) -> None:
    hosts, passed = decisions.chosen([ingress(host, "a.example.test")], "example.test")

    assert hosts == ["a.example.test"]
    assert reason in passed[host]
    assert "Ingress apps/web" in passed[host]


def test_an_ingress_without_host_is_named() -> None:
    hosts, passed = decisions.chosen([ingress(None)], "example.test")

    assert hosts == []
    assert "names no host" in passed["apps/web"]


@pytest.mark.parametrize(("life", "left"), [(90 * DAY, 30 * DAY), (6 * DAY, 3 * DAY), (10 * DAY, 5 * DAY)])
def test_renewal_is_a_part_of_the_life(life: timedelta, left: timedelta) -> None:
    assert decisions.by_lifetime(NOW, NOW + life) == NOW + life - left


def test_a_new_host_is_due_and_a_certified_one_is_not() -> None:
    assert decisions.due(NEW, NOW)
    after = decisions.certified(NEW, certificate(), NOW, "", "")
    assert not decisions.due(after, NOW)
    assert not decisions.due(after, NOW + timedelta(hours=5))
    assert decisions.due(after, NOW + timedelta(hours=6))
    assert decisions.due(after, NOW, forced=True)


def test_the_ca_says_when_it_is_asked_again_and_when_its_window_begins() -> None:
    conf = "[acme_renewal_info]\nari_retry_after = 2026-11-23T21:00:00\n"
    log = '{\n  "suggestedWindow": {\n    "start": "2027-01-10T00:00:00.5Z",\n    "end": "2027-01-12T00:00:00Z"\n  }\n}'

    after = decisions.certified(NEW, certificate(), NOW, conf, log)

    assert after.next_check == datetime(2026, 11, 23, 21, tzinfo=UTC)
    assert after.next_renewal == datetime(2027, 1, 10, tzinfo=UTC)
    again = decisions.certified(after, certificate(), NOW + timedelta(hours=9), "", "")
    assert again.next_renewal == after.next_renewal


@pytest.mark.parametrize(
    "said", ["garbage", "2026-11-23T23:59:60Z", "2026-11-23T00:00:00+99:00", "0001-01-01T00:00:00+01:00"]
)
def test_a_window_that_is_no_time_is_none(said: str) -> None:
    log, conf = f'"suggestedWindow": {{"start": "{said}"', f"ari_retry_after = {said}\n"

    assert decisions.certified(NEW, certificate(), NOW, conf, log) == decisions.certified(NEW, certificate(), NOW)


def test_a_ca_that_wants_to_be_asked_in_a_century_is_asked_tomorrow() -> None:
    after = decisions.certified(NEW, certificate(age=61 * DAY), NOW, "ari_retry_after = 2126-11-23T00:00:00\n")
    assert after.next_check == NOW + DAY


def test_a_window_belongs_to_its_certificate() -> None:
    before = decisions.certified(NEW, certificate(), NOW, "", '"suggestedWindow": {"start": "2026-12-01T00:00:00Z"')

    after = decisions.certified(before, certificate(fingerprint="f2"), NOW, "", "")

    assert after.next_renewal == decisions.by_lifetime(NOW, NOW + 90 * DAY)


def test_a_short_life_is_asked_for_at_its_half() -> None:
    after = decisions.certified(NEW, certificate(timedelta(hours=8)), NOW, "", "")
    assert after.next_check == NOW + timedelta(hours=4)


def test_when_the_ca_wants_it_later_than_the_lifetime_says_it_is_not_asked_every_run() -> None:
    after = decisions.certified(NEW, certificate(age=61 * DAY), NOW, "ari_retry_after = 2026-11-23T11:00:00\n", "")
    assert after.next_check is not None
    assert after.next_check > NOW


def test_a_restored_certificate_that_is_old_is_due_at_once() -> None:
    assert decisions.due(decisions.held(NEW, certificate(age=80 * DAY), NOW), NOW)
    assert not decisions.due(decisions.held(NEW, certificate(), NOW), NOW)


def test_pauses_double_up_to_a_day() -> None:
    state, pauses = NEW, []
    for _ in range(12):
        state = decisions.failed(state, Problem("challenge", "no answer"), NOW)
        assert state.next_try
        pauses.append(state.next_try - NOW)

    assert [pause / timedelta(minutes=1) for pause in pauses[:4]] == [9, 18, 36, 72]
    assert pauses[-1] == DAY
    assert (state.failures, state.error_class, state.error) == (12, "challenge", "no answer")
    assert not decisions.due(state, NOW + 23 * timedelta(hours=1))
    assert decisions.due(state, NOW + DAY)


def test_the_cas_own_pause_counts_when_it_is_longer() -> None:
    state = decisions.failed(NEW, Problem("rate-limited", "too many", timedelta(days=3)), NOW)
    assert state.next_try == NOW + 3 * DAY


def test_what_costs_the_ca_nothing_is_tried_in_every_run() -> None:
    state = decisions.failed(NEW, Problem("challenge-route", "502"), NOW)
    assert decisions.failed(state, Problem("challenge-route", "502"), NOW).next_try == NOW + decisions.FIRST_PAUSE


def test_success_ends_a_series_of_failures() -> None:
    state = decisions.failed(NEW, Problem("challenge", "no"), NOW)
    after = decisions.certified(state, certificate(), NOW, "", "")
    assert (after.failures, after.error, after.error_class, after.next_try) == (0, None, None, None)


def answer(status: int, headers: str, body: object) -> str:
    """An answer of the CA as certbot's log has it."""
    text = json.dumps(body, indent=2)
    return f"2026-11-23 12:00:00,000:DEBUG:acme.client:Received response:\nHTTP {status}\n{headers}\n\n{text}\n"


def refusal(kind: str, detail: str) -> dict[str, object]:
    return {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail, "status": 403}


def test_a_rate_limit_is_told_with_its_pause() -> None:
    log = answer(200, "Retry-After: 3\nServer: nginx", {"status": "processing"})
    log += answer(429, "Server: nginx\nretry-after: 7200\nLink: <x>", refusal("rateLimited", 'too many "certificates"'))

    found = decisions.problem(log, "An unexpected error occurred:\n", NOW)

    assert found == Problem("rate-limited", 'too many "certificates"', timedelta(hours=2))


def test_a_pause_may_be_a_date() -> None:
    log = answer(503, "Retry-After: Mon, 23 Nov 2026 15:00:00 GMT", refusal("rateLimited", "later"))
    assert decisions.problem(log, "", NOW).retry_after == timedelta(hours=3)
    assert decisions.retry_after(log.replace("Mon, 23", "some day"), NOW) == timedelta(0)


@pytest.mark.parametrize(
    ("said", "pause"),
    [
        ("9999999999", 7 * DAY),
        ("9" * 5000, 7 * DAY),
        ("Mon, 01 Jan 2027 00:00:00 -0000", 7 * DAY),
        ("Mon, 23 Nov 2026 15:00:00 -0000", DAY / 8),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 0 * DAY),
        ("²", 0 * DAY),
        ("-5", 0 * DAY),
    ],
)
def test_a_pause_is_at_most_a_week_and_nonsense_is_none(said: str, pause: timedelta) -> None:
    assert decisions.retry_after(answer(429, f"Retry-After: {said}", refusal("rateLimited", "later")), NOW) == pause


@pytest.mark.parametrize(("raw", "told"), [(r"a\x", r"a\x"), ("a\x1b", "a\x1b"), (r"a\ud800", "a?")])
def test_a_refusal_that_is_not_quite_json_is_told_as_it_stands(raw: str, told: str) -> None:
    log = f'HTTP 400\n\n{{"type": "urn:ietf:params:acme:error:dns", "detail": "{raw}"}}'
    after = decisions.failed(NEW, decisions.problem(log, "", NOW), NOW)
    assert (after.error_class, after.error) == ("challenge", told)


def test_the_pause_of_a_poll_is_none_for_the_next_order() -> None:
    challenge = {"status": "invalid", "challenges": [{"type": "http-01", "error": refusal("connection", "refused")}]}
    log = answer(200, "Retry-After: 3", {"status": "pending"}) + answer(200, "Retry-After: 3", challenge)
    assert decisions.problem(log, "", NOW) == Problem("challenge", "refused")


@pytest.mark.parametrize(
    ("kind", "detail", "expected"),
    [
        ("caa", "no", "caa"),
        ("dns", "no", "challenge"),
        ("accountDoesNotExist", "no", "account"),
        ("unauthorized", 'Account is not valid, has status "deactivated"', "account"),
        ("unauthorized", 'Invalid response: "<h1>Account deactivated</h1>"', "challenge"),
        ("externalAccountRequired", "no", "account-binding"),
        ("invalidContact", "contact email has invalid domain", "contact"),
        ("rejectedIdentifier", "Domain name does not end with a valid public suffix", "rejected"),
        ("serverInternal", "Service is under maintenance", "ca-failing"),
        ("badNonce", "JWS has an invalid anti-replay nonce", "ca-failing"),
        ("userActionRequired", "agreement URL is stale", "refused"),
    ],
)
def test_errors_of_acme_have_a_class(kind: str, detail: str, expected: str) -> None:
    found = decisions.problem(answer(400, "", refusal(kind, detail)), "", NOW)
    assert (found.kind, found.text) == (expected, detail)


def test_the_token_of_a_challenge_is_not_told() -> None:
    said = "Fetching http://a.test/.well-known/acme-challenge/VM2iqH_B-4Nf: Connection refused"
    log = answer(200, "", {"challenges": [{"error": refusal("connection", said)}]})

    assert (
        decisions.problem(log, "", NOW).text
        == "Fetching http://a.test/.well-known/acme-challenge/…: Connection refused"
    )


POOL = "HTTPSConnectionPool(host='ca.test', port=443): "
RETRIES = POOL + "Max retries exceeded with url: /dir (Caused by "
VERIFY = "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
REFUSED = "NewConnectionError(\"HTTPSConnection(host='ca.test', port=443): Failed to establish a new connection: "
UNKNOWN = "NameResolutionError(\"HTTPSConnection(host='ca.test', port=443): Failed to resolve 'ca.test' "
NO_BUNDLE = "Could not find a suitable TLS CA certificate bundle, invalid path: /nope"
NO_SCHEME = "Invalid URL 'ca.test/dir': No scheme supplied. Perhaps you meant https://ca.test/dir?"
BINDING = "Server requires external account binding. Please use --eab-kid and --eab-hmac-key."


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            f"requests.exceptions.SSLError: {RETRIES}{VERIFY}unable to get local issuer certificate (_ssl.c:1006)')))",
            "ca-untrusted",
            "ca.test:443: certificate verify failed: unable to get local issuer certificate",
        ),
        (
            f"requests.exceptions.SSLError: {RETRIES}SSLError(SSLError(136, '[X509: NO_CERTIFICATE_OR_CRL_FOUND] "
            "no certificate or crl found (_ssl.c:4154)')))",
            "ca-untrusted",
            "ca.test:443: no certificate or crl found",
        ),
        (f"OSError: {NO_BUNDLE}", "ca-untrusted", NO_BUNDLE),
        (
            f'requests.exceptions.ConnectionError: {RETRIES}{REFUSED}[Errno 111] Connection refused"))',
            "ca-unreachable",
            "ca.test:443: Connection refused",
        ),
        (
            f'requests.exceptions.ConnectionError: {RETRIES}{UNKNOWN}([Errno -2] Name or service not known)"))',
            "ca-unreachable",
            "ca.test:443: Name or service not known",
        ),
        (
            f"requests.exceptions.ReadTimeout: {POOL}Read timed out. (read timeout=45)",
            "ca-unreachable",
            "ca.test:443: Read timed out",
        ),
        (
            "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset "
            "by peer'))",
            "ca-unreachable",
            "Connection reset by peer",
        ),
        ("acme.errors.ClientError: <Response [429]>", "rate-limited", "it answers 429"),
        ("acme.errors.ClientError: <Response [502]>", "ca-failing", "it answers 502"),
        ("acme.errors.ClientError: <Response [404]>", "ca-directory", "it answers 404"),
        (
            "acme.errors.ClientError: Unexpected response Content-Type: text/html",
            "ca-directory",
            "Unexpected response Content-Type: text/html",
        ),
        (f"requests.exceptions.MissingSchema: {NO_SCHEME}", "ca-directory", NO_SCHEME),
        (BINDING, "account-binding", BINDING),
        ("something else", "certbot", "something else"),
    ],
)
def test_without_an_answer_in_acme_the_words_of_certbot_5_8_tell_why(said: str, kind: str, told: str) -> None:
    log_file = "/state/logs/a/letsencrypt.log"
    output = (
        f"Saving debug log to {log_file}\nAn unexpected error occurred:\n{said}\nAsk for help at x. See {log_file}\n"
    )
    found = decisions.problem("", output, NOW)
    assert (found.kind, found.text) == (kind, told)


def test_a_state_survives_its_json() -> None:
    for state in (
        NEW,
        decisions.failed(decisions.certified(NEW, certificate(), NOW, "", ""), Problem("caa", "no"), NOW),
    ):
        assert State.parse(state.dump()) == state


KNOWN = b'{"host": "a", "server": "b", '


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b"[" * 100_000,
        KNOWN + b'"other": 1}',
        KNOWN + b'"failures": "many"}',
        KNOWN + b'"failures": -1}',
        KNOWN + b'"next_try": "soon"}',
        KNOWN + b'"next_try": 1}',
        KNOWN + b'"error": []}',
    ],
)
def test_what_is_no_state_is_none(text: bytes) -> None:
    assert State.parse(text) is None


def test_a_time_without_a_zone_is_in_utc() -> None:
    found = State.parse(KNOWN + b'"next_try": "2026-11-23T12:00:00"}')
    assert found
    assert found.next_try == NOW


def test_a_host_is_unseen_since_it_was_first_missed() -> None:
    missed = decisions.sighted(NEW, False, NOW)
    assert missed.unseen_since == NOW
    assert decisions.sighted(missed, False, NOW + DAY) == missed
    assert decisions.sighted(missed, True, NOW + DAY) == NEW


def test_a_mirror_has_a_name_of_its_own_for_every_host_and_ca() -> None:
    assert decisions.mirror_name("a.example.test", CA) == f"certificate-a.example.test-{decisions.ca_name(CA)}"
    long = "a." * 115 + "example.test"
    names = {decisions.mirror_name(host, server) for host in (long, "b" + long) for server in (CA, CA + "2")}
    assert len(names) == 4
    assert max(map(len, names)) <= 253
