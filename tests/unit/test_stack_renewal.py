"""A run of the issuer outside its schedule: for whom, as what, and what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from objects import article_plan

from homelab.lab.upstream import StandIns
from homelab.observe.hosts import hosts
from homelab.ports import Raw
from homelab.stack.outcome import Outcome, Tries, outcome
from homelab.stack.render import Facts, render
from homelab.stack.renewal import ISSUER, job, passed_over

DOMAIN, HOST, SERVER = "Cloud.domain.com", "a.cloud.domain.com", "https://ca.test/directory"
THEN, NOW = "2026-11-23T10:00:00+00:00", "2026-11-23T10:00:30+00:00"


def test_a_run_at_once_is_the_scheduled_one_with_the_hosts_to_renew() -> None:
    (issuer,) = [
        item.obj for item in render(article_plan(), Facts(), StandIns(), ["certificates"]) if item.ref == ISSUER
    ]
    issuer["metadata"]["uid"] = "u-1"

    made = job(issuer, ["a.cloud.domain.com", "b.cloud.domain.com"])

    scheduled = issuer["spec"]["jobTemplate"]["spec"]
    (container,) = made["spec"]["template"]["spec"]["containers"]
    (usual,) = scheduled["template"]["spec"]["containers"]
    assert container["env"] == [*usual["env"], {"name": "RENEW", "value": "a.cloud.domain.com b.cloud.domain.com"}]
    assert {**container, "env": usual["env"]} == usual
    assert made["spec"]["activeDeadlineSeconds"] == scheduled["activeDeadlineSeconds"]
    assert "ownerReferences" not in made["metadata"]


# For whom


def ingress(host: str) -> Raw:
    metadata = {"namespace": "apps", "name": "web", "labels": {"traffic-type": "external"}}
    return {"metadata": metadata, "spec": {"rules": [{"host": host}]}}


@pytest.mark.parametrize(
    ("host", "published", "said"),
    [
        (HOST, HOST, None),
        (HOST, "A.Cloud.Domain.com", None),
        (HOST, "b.cloud.domain.com", f"{HOST} is not public: no Ingress with the label traffic-type=external"),
        ("*.cloud.domain.com", HOST, "*.cloud.domain.com can have no certificate: a wildcard needs a DNS challenge"),
        ("a b", HOST, "a b can have no certificate: not a valid DNS name"),
        ("a.test", HOST, "a.test can have no certificate: outside the external domain cloud.domain.com"),
        ("a.test", "A.test", "outside the external domain cloud.domain.com; change the host in Ingress apps/web"),
    ],
)
def test_a_host_is_judged_by_the_rule_of_the_issuer(host: str, published: str, said: str | None) -> None:
    found = passed_over(host, hosts([ingress(published)], DOMAIN), DOMAIN)

    assert found is None if said is None else found and said in found


# What became of it


def tries(**state: Any) -> Tries:
    """What the issuer wrote of the host."""
    return Tries(SERVER, {HOST: {"last_attempt": NOW, **state}})


BEFORE = tries(last_attempt=THEN, issuer="Old", not_after="2026-12-01T00:00:00+00:00")
UNREAD = Tries(SERVER, None, "no leader")


@pytest.mark.parametrize("before", [BEFORE, Tries(SERVER, {})])
def test_an_issued_certificate_is_told_with_its_end(before: Tries) -> None:
    after = tries(issuer="R11", not_after="2027-02-21T10:00:00+00:00")

    assert outcome(HOST, before, after, None) == Outcome(HOST, True, "issued by R11, valid until 2027-02-21")
    assert outcome(HOST, before, after, "configuration: too long").is_issued


def test_a_refusal_is_told_in_the_words_of_the_ca_with_the_cure_though_an_old_certificate_is_valid() -> None:
    refused = tries(error_class="caa", error="CAA record forbids it", issuer="Old", not_after="2027-02-21T10:00:00Z")

    found = outcome(HOST, BEFORE, refused, None)

    assert not found.is_issued
    assert found.said.startswith("caa: CAA record forbids it; the CAA record of the domain has to name this CA, or go")


@pytest.mark.parametrize(
    ("before", "after", "trouble", "said"),
    [
        (BEFORE, BEFORE, "no Consul", "it was not tried: no Consul"),
        (Tries(SERVER, {}), Tries(SERVER, {}), "no Consul", "it was not tried: no Consul"),
        (BEFORE, BEFORE, None, "it was not tried: no Ingress names it any more"),
        (BEFORE, UNREAD, None, "what the run brought is not known: no leader"),
        (UNREAD, tries(), None, "what the run brought is not known: no leader"),
    ],
)
def test_what_was_written_before_is_no_outcome(before: Tries, after: Tries, trouble: str | None, said: str) -> None:
    found = outcome(HOST, before, after, trouble)

    assert not found.is_issued
    assert found.said.startswith(said)
